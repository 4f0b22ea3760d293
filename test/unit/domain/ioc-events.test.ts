/** Events in libiocage's words: states, nesting, numbers; every step and operation of ours has a name there. */
import { describe, expect, it } from 'vitest';
import { failure } from '../../../src/domain/errors.ts';
import type { IocageEvent, StepFacts } from '../../../src/domain/events.ts';
import { typeOfOperation, typesOfStep } from '../../../src/domain/ioc-event-types.ts';
import { iocEvents, type IocEvent } from '../../../src/domain/ioc-events.ts';
import { furtherOperations, operations } from '../../../src/ops/index.ts';

const id = '20260101T000000000-0badcafe';
const subject = '7e3a1b2c-0d4f-4a5b-8c6d-9e0f1a2b3c4d (web)';

const step = (index: number, kind: string, more: Partial<StepFacts> = {}): StepFacts => ({
  index,
  count: 9,
  kind,
  title: `step ${index}`,
  ...more,
});

function told(events: readonly IocageEvent[]): IocEvent[] {
  const translate = iocEvents();
  return events.flatMap((event, index) => translate(event, new Date(1_000 * index)));
}

const begin = (operation: string, of = subject, steps = 9): IocageEvent => ({
  type: 'operation.begin',
  id,
  operation,
  title: operation,
  subject: of,
  steps,
});
const short = ({ type, state, depth }: IocEvent): string => `${' '.repeat(depth)}${type} ${state}`;

describe('a start', () => {
  const hook = step(0, 'linux.hook', { which: ['prestart'], idle: true });
  const events = told([
    begin('jail.start'),
    { type: 'step.begin', id, step: hook },
    { type: 'step.done', id, step: hook, durationMs: 1 },
    { type: 'step.begin', id, step: step(1, 'freebsd.mount', { which: ['fstab', 'devfs'] }) },
    { type: 'step.done', id, step: step(1, 'freebsd.mount', { which: ['fstab', 'devfs'] }), durationMs: 5 },
    { type: 'step.begin', id, step: step(2, 'linux.run') },
    { type: 'progress', id, text: 'half', done: 1, total: 2 },
    { type: 'step.done', id, step: step(2, 'linux.run'), durationMs: 7 },
    { type: 'note', id, level: 'warning', text: 'slow' },
    { type: 'operation.done', id, durationMs: 9, result: { jid: 4 } },
  ]);

  it('is what a consumer of libiocage expects', () => {
    expect(events.map(short)).toEqual([
      'JailStart pending',
      ' JailHookPrestart skipped',
      ' MountFstab pending',
      ' MountDevFS pending',
      ' MountFstab done',
      ' MountDevFS done',
      ' MountFstab pending',
      ' JailAttach pending',
      ' MountFstab progress',
      ' MountFstab done',
      ' JailAttach done',
      'JailStart progress',
      'JailStart done',
    ]);
  });

  it('with a number, an identifier and a time for each', () => {
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
    expect(new Set(events.map(({ identifier }) => identifier))).toEqual(new Set(['web']));
    expect(events[1]).toMatchObject({ message: 'step 0', parent: id, startedAt: '1970-01-01T00:00:01.000Z' });
    expect(events[8]).toMatchObject({ message: 'half', progress: { done: 1, total: 2 } });
    expect(events.at(-2)).toMatchObject({ id, message: 'slow' });
    expect(events.at(-1)).toMatchObject({ id, durationMs: 9, data: { jid: 4 } });
    expect(events[0]).not.toHaveProperty('parent');
    // One id for each event, the same in all its records.
    const attach = events.filter(({ type }) => type === 'JailAttach');
    expect(new Set(attach.map((event) => event.id))).toEqual(new Set([`${id}/2/1`]));
  });
});

describe('a failure', () => {
  const error = failure('INTERNAL', { why: 'no' });

  it('comes first, then what is rolled back, then the operation', () => {
    const one = step(0, 'dataset.create');
    const two = step(1, 'freebsd.create');
    const events = told([
      begin('jail.create', 'web'),
      { type: 'step.begin', id, step: one },
      { type: 'step.done', id, step: one, durationMs: 1 },
      { type: 'step.begin', id, step: two },
      { type: 'step.failed', id, step: two, error, tolerated: false },
      { type: 'step.undo-failed', id, step: two, error },
      { type: 'step.undone', id, step: one },
      { type: 'operation.failed', id, durationMs: 4, error },
    ]);
    expect(events.map(short).slice(3)).toEqual([
      ' JailAttach pending',
      ' JailAttach failed',
      ' JailAttach failed',
      ' ZFSDatasetCreate rolled-back',
      'JailCreate failed',
    ]);
    expect(JSON.parse(JSON.stringify(events.at(-1)))).toMatchObject({ error: { code: 'INTERNAL' } });
  });

  it('that is tolerated counts as skipped', () => {
    const stop = step(0, 'linux.service', { which: ['exec_stop'] });
    const events = told([
      begin('jail.stop'),
      { type: 'step.begin', id, step: stop },
      { type: 'step.failed', id, step: stop, error, tolerated: true },
    ]);
    expect(events.at(-1)).toMatchObject({ type: 'JailHookStop', state: 'skipped', error });
  });
});

it('operations that another one runs are inside of it', () => {
  const inner = { ...begin('jail.start'), id: 'inner' };
  const events = told([
    begin('host.boot', '', 0),
    inner,
    { type: 'step.begin', id: 'inner', step: step(0, 'linux.limits') },
    { type: 'operation.done', id, durationMs: 1, result: [] },
  ]);
  expect(events.map(short)).toEqual([
    'HostBoot pending',
    ' JailStart pending',
    '  JailResourceLimitAction pending',
    'HostBoot done',
  ]);
  expect(events[1]?.parent).toBe(id);
  expect(events[2]?.parent).toBe('inner');
});

it('the start of a jail that another one needs is inside of what libiocage calls so', () => {
  const events = told([
    { ...begin('jail.start', '5751a379 (db)'), neededBy: 'web' } as IocageEvent,
    { type: 'step.begin', id, step: step(0, 'linux.run', { which: ['base'] }) },
    { type: 'operation.done', id, durationMs: 3, result: {} },
    begin('jail.start'),
  ]);
  expect(events.map(short)).toEqual([
    'JailDependantsStart pending',
    ' JailDependantStart pending',
    '  JailStart pending',
    '   BasejailStorageConfig pending',
    '   MountFstab pending',
    '   JailAttach pending',
    '  JailStart done',
    ' JailDependantStart done',
    'JailDependantsStart done',
    'JailStart pending',
  ]);
  expect(events.slice(0, 3).map(({ identifier }) => identifier)).toEqual(['web', 'db', 'db']);
  expect(events[1]?.parent).toBe(events[0]?.id);
  expect(events[2]).toMatchObject({ id, parent: events[1]?.id });
  expect(events[3]?.parent).toBe(id);
  expect(events[0]).not.toHaveProperty('parent');
  expect(new Set(events.slice(0, 9).map((event) => event.id)).size).toBe(6);
});

it('the start of a needed jail that fails has failed in all of them', () => {
  const error = failure('INTERNAL', { why: 'no' });
  const events = told([
    begin('host.boot', '', 0),
    { ...begin('jail.start'), id: 'inner', neededBy: 'web' } as IocageEvent,
    { type: 'operation.failed', id: 'inner', durationMs: 3, error },
  ]);
  expect(events.map(short).slice(1)).toEqual([
    ' JailDependantsStart pending',
    '  JailDependantStart pending',
    '   JailStart pending',
    '   JailStart failed',
    '  JailDependantStart failed',
    ' JailDependantsStart failed',
  ]);
  expect(events[1]?.parent).toBe(id);
});

it('what a step does of several things has a name of its own', () => {
  const names = (operation: string, kind: string, ...which: string[]) =>
    typesOfStep(operation, { kind, which }).join(' ');
  expect(names('image.import', 'archive.unpack', 'tree')).toBe('ImportRootDataset');
  expect(names('image.import', 'transfer.receive', 'root')).toBe('ImportRootDataset');
  expect(names('image.import', 'file.write', 'config')).toBe('ImportConfig');
  expect(names('image.import', 'file.write', 'fstab')).toBe('ImportFstab');
  expect(names('jail.set', 'file.rewrite', 'fstab')).toBe('JailFstabUpdate');
  expect(names('jail.create', 'linux.command', 'install')).toBe('PackageInstall');
  expect(names('jail.install', 'linux.command', 'install')).toBe('JailCommand');
  expect(names('jail.pkg', 'jail.pkg', 'remove')).toBe('PackageRemove');
  expect(names('jail.start', 'freebsd.mount', 'base', 'fstab')).toBe('BasejailStorageConfig MountFstab');
  expect(names('jail.start', 'freebsd.vnet', 'interfaces', 'localhost', 'routes')).toBe(
    'VnetInterfaceConfig VnetSetupLocalhost VnetSetRoutes',
  );
});

it('a remark of no operation is a message, anything else of one is left out', () => {
  const events = told([
    { type: 'note', id: '', level: 'warning', text: 'interrupted earlier' },
    { type: 'progress', id: 'gone', text: 'x' },
  ]);
  expect(events).toMatchObject([{ type: 'Message', state: 'done', message: 'interrupted earlier' }]);
});

it('every operation has a name that begins with a capital and holds letters only', () => {
  const types = [...operations, ...furtherOperations].map((row) => typeOfOperation(row.id));
  expect(types.filter((type) => !/^[A-Z][A-Za-z]+$/.test(type))).toEqual([]);
  expect(types).toContain('FetchRelease');
  expect(typesOfStep('image.import', { kind: 'archive.unpack' })).toEqual(['ExtractBundle']);
  expect(typesOfStep('release.fetch', { kind: 'archive.unpack' })).toEqual(['ReleaseExtraction']);
  expect(typesOfStep('jail.stop', { kind: 'linux.dhcp-end' })).toEqual(['JailDhcpEnd']);
  expect(typesOfStep('jail.create', { kind: 'snapshot.take' })).toEqual(['ZFSSnapshotTake']);
});
