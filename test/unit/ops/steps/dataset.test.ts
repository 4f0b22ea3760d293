/** Each dataset step: done, undone, undone without having been done, failed before and after its effect, repeated. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { StepKind, StepRun } from '../../../../src/driver/step.ts';
import type { Step } from '../../../../src/driver/system.ts';
import * as steps from '../../../../src/ops/steps/dataset.ts';
import { FakeStorage, makeLayout } from '../../../support/fake-storage.ts';

const jails = 'tank/iocage/jails';
const base = 'tank/iocage/releases/r/root@base';

let fake: FakeStorage;

function runOf(operationId: string): StepRun {
  return {
    operationId,
    storage: fake,
    host: undefined as never,
    exec: undefined as never,
    files: undefined as never,
    downloads: undefined as never,
    clock: { now: () => new Date(0), sleep: () => Promise.resolve() },
    signal: new AbortController().signal,
    dry: false,
    progress: () => undefined,
    note: () => undefined,
    remember: () => Promise.resolve(),
    remembered: undefined,
  };
}

const kinds = new Map((steps.datasetKinds as readonly StepKind[]).map((kind) => [kind.kind, kind]));
const kindOf = (step: Step): StepKind => kinds.get(step.kind)!;
const doIt = (step: Step, op = 'op-1'): Promise<void> => kindOf(step).do(step.args as never, runOf(op));
const undoIt = async (step: Step, op = 'op-1'): Promise<void> =>
  kindOf(step).undo?.(step.args as never, runOf(op));

beforeEach(async () => {
  fake = new FakeStorage({ pools: [{ name: 'tank', active: true }] });
  await makeLayout(fake, 'tank');
  await fake.create('tank/iocage/releases/r', {});
  await fake.create('tank/iocage/releases/r/root', {});
  fake.write('tank/iocage/releases/r/root', 'etc/os-release', 'x');
  await fake.snapshot(base, { recursive: false, properties: {} });
  await fake.create(`${jails}/old`, { 'org.freebsd.iocage:tag': 'old', quota: '1G' });
  await fake.clone(base, `${jails}/old/root`, {});
  await fake.create(`${jails}/ours`, { 'org.freebsd.iocage:op': 'op-1' });
});

/** [step, method of the storage that makes its effect] */
const reversible: readonly (readonly [string, Step, keyof FakeStorage & string])[] = [
  [
    'create',
    steps.createDataset({ dataset: `${jails}/new`, properties: { 'org.freebsd.iocage:tag': 'new' } }),
    'create',
  ],
  [
    'clone',
    steps.cloneDataset({ snapshot: base, dataset: `${jails}/new`, properties: { quota: '2G' } }),
    'clone',
  ],
  ['copy', steps.copyDataset({ snapshot: base, dataset: `${jails}/ours/root` }), 'copy'],
  ['snapshot', steps.takeSnapshot({ name: `${jails}/old@s`, recursive: true, properties: {} }), 'snapshot'],
  [
    'set',
    steps.setProperties({
      dataset: `${jails}/old`,
      properties: {
        'org.freebsd.iocage:tag': 'new',
        'org.freebsd.iocage:notes': 'n',
        quota: '2G',
        reservation: '1M',
      },
      previous: {
        'org.freebsd.iocage:tag': 'old',
        'org.freebsd.iocage:notes': null,
        quota: String(1024 ** 3),
        reservation: null,
      },
    }),
    'set',
  ],
  [
    'inherit',
    steps.inheritProperties({
      dataset: `${jails}/old`,
      keys: ['org.freebsd.iocage:tag', 'quota'],
      previous: { 'org.freebsd.iocage:tag': 'old', quota: String(1024 ** 3) },
    }),
    'inherit',
  ],
  ['unmount', steps.unmountDataset({ dataset: `${jails}/old/root` }), 'unmount'],
  ['promote', steps.promoteDataset({ dataset: `${jails}/old/root`, origin: base }), 'promote'],
  [
    'rename',
    steps.renameDataset({ from: `${jails}/old`, to: 'tank/iocage/templates/old', mounted: [] }),
    'rename',
  ],
  ['drop', steps.dropSnapshot({ name: `${jails}/old@nosuch` }), 'destroySnapshot'],
];

describe.each(reversible)('%s', (_name, step, method) => {
  it('changes something and says what', async () => {
    const before = fake.snapshotState();
    await doIt(step);
    if (step.kind !== 'snapshot.drop') expect(fake.snapshotState()).not.toBe(before);
    expect(kindOf(step).title(step.args as never)).toContain('tank/iocage/');
  });

  it('is undone to the last byte, and undoing twice is harmless', async () => {
    const before = fake.snapshotState();
    await doIt(step);
    await undoIt(step);
    expect(fake.snapshotState()).toBe(before);
    await undoIt(step);
    expect(fake.snapshotState()).toBe(before);
  });

  it('can be undone when it never ran', async () => {
    const before = fake.snapshotState();
    await undoIt(step);
    expect(fake.snapshotState()).toBe(before);
  });

  it.each([false, true])('can be undone when it failed (after its effect: %s)', async (after) => {
    const before = fake.snapshotState();
    fake.failNext(method as never, { after });
    await expect(doIt(step)).rejects.toMatchObject({ code: 'COMMAND_FAILED' });
    await undoIt(step);
    expect(fake.snapshotState()).toBe(before);
  });

  it('done again by the same operation is as good as done once', async () => {
    await doIt(step);
    const once = fake.snapshotState();
    await doIt(step);
    expect(fake.snapshotState()).toBe(once);
  });
});

describe('what somebody else made', () => {
  it.each([
    ['create', steps.createDataset({ dataset: `${jails}/new`, properties: {} })],
    ['clone', steps.cloneDataset({ snapshot: base, dataset: `${jails}/new`, properties: {} })],
    ['snapshot', steps.takeSnapshot({ name: `${jails}/old@s`, recursive: true, properties: {} })],
  ] as const)('is neither adopted nor undone by %s', async (_name, step) => {
    await doIt(step, 'op-other');
    const theirs = fake.snapshotState();
    await expect(doIt(step)).rejects.toMatchObject({ code: 'DATASET_EXISTS' });
    await undoIt(step);
    expect(fake.snapshotState()).toBe(theirs);
  });

  it('is not undone by copy unless it lies in what this operation made', async () => {
    await fake.create(`${jails}/theirs`, { 'org.freebsd.iocage:op': 'op-other' });
    await fake.copy(base, `${jails}/theirs/root`);
    const theirs = fake.snapshotState();
    const step = steps.copyDataset({ snapshot: base, dataset: `${jails}/theirs/root` });
    await expect(doIt(step)).rejects.toMatchObject({ code: 'DATASET_EXISTS' });
    await undoIt(step);
    expect(fake.snapshotState()).toBe(theirs);
  });

  it('keeps what others put into a dataset of ours', async () => {
    const step = steps.createDataset({ dataset: `${jails}/new`, properties: {} });
    await doIt(step);
    await fake.create(`${jails}/new/root`, {});
    await expect(undoIt(step)).rejects.toMatchObject({ code: 'GUARDED' });
    expect(await fake.filesystems(`${jails}/new/root`, 0, [])).toBeDefined();
  });
});

describe('stamps', () => {
  it('are written in the call that makes the thing', async () => {
    await doIt(steps.createDataset({ dataset: `${jails}/new`, properties: { 'a:b': 'c' } }));
    await doIt(steps.takeSnapshot({ name: `${jails}/new@s`, recursive: false, properties: { 'a:b': 'd' } }));
    expect(Object.fromEntries((await fake.local(`${jails}/new`))!)).toEqual({
      'a:b': 'c',
      'org.freebsd.iocage:op': 'op-1',
    });
    expect(Object.fromEntries((await fake.local(`${jails}/new@s`))!)).toEqual({
      'a:b': 'd',
      'org.freebsd.iocage:op': 'op-1',
    });
    const changing = fake.calls.filter(({ method }) => ['set', 'inherit'].includes(method));
    expect(changing).toEqual([]);
  });

  it('let the layout be unmade by who made it', async () => {
    fake = new FakeStorage({ pools: [{ name: 'tank' }] });
    const before = fake.snapshotState();
    const plan = ['tank/iocage', jails].map((dataset) => steps.createDataset({ dataset, properties: {} }));
    for (const step of plan) await doIt(step);
    for (const step of plan.toReversed()) await undoIt(step, 'op-2');
    expect(await fake.filesystems(jails, 0, [])).toBeDefined();
    for (const step of plan.toReversed()) await undoIt(step);
    expect(fake.snapshotState()).toBe(before);
  });
});

describe('steps that cannot be undone', () => {
  it('destroy can be repeated', async () => {
    const step = steps.destroyDataset({ dataset: `${jails}/old`, recursive: true });
    await doIt(step);
    await doIt(step);
    expect(await fake.filesystems(`${jails}/old`, 0, [])).toBeUndefined();
    const snapshot = steps.destroySnapshot({ name: base, recursive: false });
    await doIt(snapshot);
    await doIt(snapshot);
    expect(await fake.snapshots('tank', undefined, [])).toEqual([]);
    for (const each of [step, snapshot]) expect(kindOf(each).undo).toBeUndefined();
  });

  it('rollback brings the files back', async () => {
    fake.write('tank/iocage/releases/r/root', 'etc/os-release', 'broken');
    await doIt(steps.rollbackSnapshot({ snapshot: base, destroyNewer: false }));
    expect(fake.read('tank/iocage/releases/r/root', 'etc/os-release')).toBe('x');
  });

  it('mount is undone only when it was not mounted before', async () => {
    await fake.unmount(`${jails}/old/root`);
    const before = fake.snapshotState();
    const step = steps.mountDataset({ dataset: `${jails}/old/root`, wasMounted: false });
    await doIt(step);
    const mounted = fake.snapshotState();
    await undoIt(steps.mountDataset({ dataset: `${jails}/old/root` }));
    expect(fake.snapshotState()).toBe(mounted);
    await undoIt(step);
    expect(fake.snapshotState()).toBe(before);
  });
});

it('all kinds have a name of their own', () => {
  expect(kinds.size).toBe(steps.datasetKinds.length);
});
