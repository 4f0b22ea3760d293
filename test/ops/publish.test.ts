/**
 * Finished files at a path where others put theirs too: what an operation that was killed right after its publishing
 * leaves to `doctor`, which takes away only what that operation made.
 */
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { link as realLink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Step } from '../../src/driver/system.ts';
import { NodeFiles } from '../../src/driver/node/files.ts';
import { renameNew } from '../../src/driver/node/rename-new.ts';
import { stepRuns } from '../../src/ops/run/steps.ts';
import { kindOf } from '../../src/ops/steps/kinds.ts';
import { publishBackup } from '../../src/ops/steps/backup.ts';
import { publishImage } from '../../src/ops/steps/image.ts';
import { carryFile } from '../../src/ops/steps/move.ts';
import { openFakeWorld, type FakeWorld } from '../support/fake-world.ts';

let world: FakeWorld;
let place: string;
beforeEach(async () => {
  world = await openFakeWorld();
  place = join(world.directory, 'place');
  mkdirSync(place);
});
afterEach(() => world.close());

const id = '20260101T000000000-0badcafe';
const staging = (): string => join(place, `.${id}`);

/** Does one step, and is gone before its `done` is written; or, `early`, before its first effect. */
async function killedAfter(step: Step, how: { early?: boolean } = {}): Promise<void> {
  const context = world.context();
  const journal = await context.journal.begin({
    id,
    operation: 'image.export',
    title: 'Exporting jail web',
    subject: 'web',
    recover: 'undo',
    steps: [step],
    locks: [],
    pid: 2 ** 22 + 1,
    processStart: '1',
    startedAt: new Date().toISOString(),
  });
  await journal.mark({ mark: 'intent', step: 0 });
  if (!how.early) await kindOf(context, step).do(step.args as never, stepRuns(context, id, journal)(0));
}

const doctor = (): Promise<unknown> => world.run('host.doctor', {});
const mended = { findings: [expect.objectContaining({ state: 'mended' })] };

function write(path: string, text: string): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
}
const text = (path: string): string => readFileSync(path, 'utf8');

/** Somebody saves another file under the name, as most programs do: it may even get the number of ours. */
const replace = (path: string): void => {
  rmSync(path, { recursive: true });
  write(path, 'theirs');
};

describe('a backup', () => {
  const bundled = (): Step => {
    write(join(staging(), 'archive'), 'ours');
    write(join(staging(), 'backup/config.json'), '{}');
    return publishBackup({ path: join(place, 'web.tar.gz'), bundled: true });
  };
  const directory = (): Step => {
    write(join(staging(), 'backup/config.json'), '{}');
    write(join(staging(), 'backup/root/etc/motd'), 'hello');
    return publishBackup({ path: join(place, 'web'), bundled: false });
  };

  it('is taken back when it is still what was published', async () => {
    await killedAfter(bundled());
    expect(text(join(place, 'web.tar.gz'))).toBe('ours');
    expect(await doctor()).toMatchObject(mended);
    expect(readdirSync(place)).toEqual([]);
  });

  it('as a directory goes back to where it grew', async () => {
    await killedAfter(directory());
    expect(text(join(place, 'web/root/etc/motd'))).toBe('hello');
    expect(await doctor()).toMatchObject(mended);
    // From there the step before this one takes it away.
    expect(readdirSync(place)).toEqual([`.${id}`]);
  });

  it.each([
    ['an archive', bundled, 'web.tar.gz'],
    ['a directory', directory, 'web'],
  ] as const)('%s that somebody exchanged since stays', async (_what, step, name) => {
    await killedAfter(step());
    replace(join(place, name));
    expect(await doctor()).toMatchObject(mended);
    expect(readdirSync(place)).toEqual([name]);
    expect(text(join(place, name))).toBe('theirs');
  });

  it('a directory into which somebody put something stays', async () => {
    await killedAfter(directory());
    write(join(place, 'web/mine'), 'theirs');
    expect(await doctor()).toMatchObject(mended);
    expect(readdirSync(join(place, 'web'))).toEqual(['config.json', 'mine', 'root']);
  });

  it('that was never published takes nothing of others with it', async () => {
    const step = bundled();
    rmSync(staging(), { recursive: true });
    await killedAfter(step, { early: true });
    write(join(place, 'web.tar.gz'), 'theirs');
    expect(await doctor()).toMatchObject(mended);
    expect(text(join(place, 'web.tar.gz'))).toBe('theirs');
  });
});

describe('an image', () => {
  const names = ['web.tar.gz', 'web.sha256', 'web.json'];
  const step = (...replaces: string[]): Step => {
    for (const name of names) write(join(staging(), name), `our ${name}`);
    for (const name of replaces) write(join(place, name), `old ${name}`);
    return publishImage({ directory: place, names, replaces });
  };

  it('is taken back, and the one before it is there again', async () => {
    await killedAfter(step('web.tar.gz', 'web.json'));
    expect(names.map((name) => text(join(place, name)))).toEqual(names.map((name) => `our ${name}`));
    expect(await doctor()).toMatchObject(mended);
    expect(readdirSync(place)).toEqual(['web.json', 'web.tar.gz']);
    expect(text(join(place, 'web.json'))).toBe('old web.json');
  });

  it('keeps what somebody put at one of its names', async () => {
    await killedAfter(step());
    replace(join(place, 'web.json'));
    expect(await doctor()).toMatchObject(mended);
    expect(readdirSync(place)).toEqual(['web.json']);
    expect(text(join(place, 'web.json'))).toBe('theirs');
  });

  it('is no reason to lose either, when the one before it cannot come back: doctor says so until there is room', async () => {
    await killedAfter(step('web.json'));
    replace(join(place, 'web.json'));
    expect(JSON.stringify(await doctor())).toContain(`${join(place, 'web.json')}: already exists`);
    expect(text(join(place, 'web.json'))).toBe('theirs');
    expect(text(join(staging(), 'old/web.json'))).toBe('old web.json');
    renameSync(join(place, 'web.json'), join(place, 'mine'));
    expect(await doctor()).toMatchObject(mended);
    expect(readdirSync(place)).toEqual(['mine', 'web.json']);
    expect(text(join(place, 'web.json'))).toBe('old web.json');
  });

  it('replaces nothing that was not there when it was planned', async () => {
    const late = step();
    write(join(place, 'web.sha256'), 'theirs');
    await expect(killedAfter(late)).rejects.toMatchObject({ code: 'FILE_FAILED' });
    expect(await doctor()).toMatchObject(mended);
    expect(text(join(place, 'web.sha256'))).toBe('theirs');
    expect(existsSync(join(place, 'web.tar.gz'))).toBe(false);
  });
});

it('a log that was at the other place already is not taken for the copy', async () => {
  const [from, to] = [write(join(place, 'from.log'), 'one'), write(join(place, 'to.log'), 'one')];
  await killedAfter(carryFile({ from, to, mode: 0o600 }));
  expect(await doctor()).toMatchObject(mended);
  expect(text(to)).toBe('one');
});

describe('a rename that replaces nothing', () => {
  const none = (): Promise<never> => Promise.reject(Object.assign(new Error('no links'), { code: 'EPERM' }));

  it.each([
    ['with links', realLink],
    ['on a file system without them', none],
  ] as const)('%s', async (_what, link) => {
    const [from, to] = [write(join(place, 'from'), 'ours'), join(place, 'to')];
    await renameNew(from, to, link);
    expect([existsSync(from), text(to)]).toEqual([false, 'ours']);
    write(from, 'other');
    await expect(renameNew(from, to, link)).rejects.toMatchObject({ code: 'EEXIST' });
    expect([text(from), text(to)]).toEqual(['other', 'ours']);
    await expect(renameNew(join(place, 'none'), join(place, 'new'), link)).rejects.toThrow();
    expect(existsSync(join(place, 'new'))).toBe(false);
  });

  it('that was killed between its two names goes on', async () => {
    const [from, to] = [write(join(place, 'from'), 'ours'), join(place, 'to')];
    await realLink(from, to);
    await renameNew(from, to);
    expect([existsSync(from), text(to)]).toEqual([false, 'ours']);
  });

  it('of a directory', async () => {
    write(join(place, 'from/file'), 'ours');
    mkdirSync(join(place, 'to'));
    const files = new NodeFiles();
    await expect(files.renameNew(join(place, 'from'), join(place, 'to'))).rejects.toMatchObject({
      code: 'FILE_FAILED',
      message: expect.stringContaining('already exists'),
    });
    await files.renameNew(join(place, 'from'), join(place, 'new'));
    expect(text(join(place, 'new/file'))).toBe('ours');
  });
});
