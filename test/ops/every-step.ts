/**
 * The house's signature test: makes every step of every changing operation fail once, before and
 * after its effect, and asserts that the state returns to the start; operations that can only be
 * finished may leave the rest to `doctor`, after which the state is that of a success.
 *
 * A function, so that it runs against the fakes (test/ops) and on a real pool (test/host).
 */
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from 'vitest';
import { failure } from '../../src/domain/errors.ts';
import type { Journal, JournalMark } from '../../src/driver/system.ts';
import type { Context } from '../../src/ops/context.ts';
import { getOperation } from '../../src/ops/index.ts';
import { runOperation } from '../../src/ops/run/run.ts';
import { diskCases } from './every-step-disk.ts';
import { typeCases } from './every-step-types.ts';
import { upgradeCases } from './every-step-upgrade.ts';

export interface StepWorld {
  context(): Context;
  /** Everything that a jail or an operation could leave, as text to compare. */
  state(): string | Promise<string>;
}

export interface StepCase {
  readonly operation: string;
  /** Tells two cases of one operation apart. */
  readonly variant?: string;
  readonly input: () => unknown;
  /** Puts the world into the operation's starting state; called before each try, and harmless when it is there already. */
  readonly prepare?: () => Promise<unknown>;
  /** Takes a success back. */
  readonly reset: () => Promise<unknown>;
  /** After the last try, what the other cases need. */
  readonly cleanUp?: () => Promise<unknown>;
}

/** A journal that throws at one mark: `intent` fails a step before its effect, `done` after it. */
function failingJournal(real: Journal, at: { mark: 'intent' | 'done'; step: number }): Journal {
  const matches = (mark: JournalMark): boolean =>
    mark.mark === at.mark && 'step' in mark && mark.step === at.step;
  return {
    unfinished: () => real.unfinished(),
    working: () => real.working(),
    reopen: (id) => real.reopen(id),
    history: (limit) => real.history(limit),
    async begin(head) {
      const open = await real.begin(head);
      return {
        async mark(mark) {
          await open.mark(mark);
          if (matches(mark))
            throw failure('INTERNAL', { why: `made to fail at ${at.mark} of step ${at.step}` });
        },
      };
    },
  };
}

/** How many steps the operation has in the present state. */
async function countSteps(world: StepWorld, { operation, input }: StepCase): Promise<number> {
  const row = getOperation(operation);
  if (row.effect !== 'change' && row.effect !== 'destroy') throw new Error(`${operation} plans no steps`);
  const context = world.context();
  const checked = row.input.parse(input());
  const plan = await row.plan(context, row.prepare?.(context, checked) ?? checked);
  return plan.steps.length;
}

/** Line by line, so that a failure shows what is left and not two pages of text. */
function same(actual: string, expected: string, where: string): void {
  // What is named or marked by the time.
  const lines = (text: string): readonly string[] =>
    text
      .replaceAll(/(ioc-(?:upgrade|rebase)_|Added by iocage on |fetched_at=)[-\d]+[_ T][:.\dZ]+/g, '$1')
      .split('\n');
  expect(lines(actual), where).toEqual(lines(expected));
}

export async function failEveryStep(world: StepWorld, scenario: StepCase): Promise<number> {
  const { operation, input, prepare, reset } = scenario;
  const row = getOperation(operation);
  const recover = 'recover' in row ? row.recover : undefined;
  const run = (context: Context) => runOperation(context, getOperation(operation), input());

  await prepare?.();
  const count = await countSteps(world, scenario);
  const before = await world.state();
  await run(world.context());
  const after = await world.state();
  await reset();

  // Where nothing is prepared, a try begins with the state that the one before it was seen to leave.
  let seen = false;
  for (let step = 0; step < count; step += 1) {
    for (const mark of ['intent', 'done'] as const) {
      const where = `${operation}: step ${step} of ${count}, ${mark}`;
      await prepare?.();
      if (!seen) same(await world.state(), before, `${where}: start`);
      const context = world.context();
      const journal = failingJournal(context.journal, { mark, step });
      const error = await run({ ...context, journal }).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      expect(error, where).toMatchObject({ message: expect.stringContaining('made to fail') });
      if (recover === 'undo') expect(error, where).toMatchObject({ undoFailures: [] });
      const left = await context.journal.unfinished();
      if (left.length === 0) {
        same(await world.state(), before, where);
        seen = prepare === undefined;
        continue;
      }
      seen = false;
      await runOperation(world.context(), getOperation('host.doctor'), {});
      same(await world.state(), after, `${where}, then doctor`);
      await reset();
    }
  }
  await scenario.cleanUp?.();
  return count;
}

/**
 * Every changing operation, on a pool with a release `busybox`, a jail `source` and its snapshot `kept`.
 */
export function stepCases(
  run: (operation: string, input: unknown) => Promise<unknown>,
  pool: () => string,
): readonly StepCase[] {
  const nothing = () => Promise.resolve();
  const tolerant = (promise: Promise<unknown>) => promise.catch(() => undefined);
  const victim = { kind: 'clone', release: 'busybox', name: 'victim', properties: [] };

  const calm = {
    jails: ['source'],
    properties: [
      ['notes', 'old'],
      ['tag', 'source'],
      ['quota', 'none'],
    ],
  };
  const capped = (...words: readonly string[]) => ({
    jails: ['source'],
    properties: (words[0]!.startsWith('rlimits') ? words : ['rlimits=on', ...words]).map((word) =>
      word.split('='),
    ),
  });
  const destroy = (jail: string) => run('jail.destroy', { jail });

  return [
    { operation: 'jail.create', input: () => victim, reset: () => destroy('victim') },
    {
      operation: 'jail.create',
      variant: 'thick',
      input: () => ({ ...victim, kind: 'thick' }),
      reset: () => destroy('victim'),
    },
    {
      operation: 'jail.create',
      variant: 'empty, two',
      input: () => ({ kind: 'empty', name: 'victim', count: 2 }),
      reset: async () => {
        await destroy('victim_1');
        await destroy('victim_2');
      },
    },
    {
      operation: 'jail.clone',
      input: () => ({ jail: 'source', name: 'victim' }),
      reset: () => destroy('victim'),
    },
    {
      operation: 'jail.clone',
      variant: 'of a snapshot',
      input: () => ({ jail: 'source', snapshot: 'kept', name: 'victim' }),
      reset: () => destroy('victim'),
    },
    ...typeCases(run),
    ...upgradeCases(run),
    {
      operation: 'jail.start',
      input: () => ({ jail: 'source' }),
      reset: () => run('jail.stop', { jail: 'source' }),
    },
    {
      operation: 'jail.stop',
      input: () => ({ jail: 'source' }),
      prepare: () => tolerant(run('jail.start', { jail: 'source' })),
      reset: nothing,
    },
    {
      operation: 'jail.stop',
      variant: 'forced',
      input: () => ({ jail: 'source', force: true }),
      prepare: () => tolerant(run('jail.start', { jail: 'source' })),
      reset: nothing,
    },
    {
      operation: 'jail.soft-restart',
      input: () => ({ jail: 'source' }),
      prepare: () => tolerant(run('jail.start', { jail: 'source' })),
      reset: nothing,
      cleanUp: () => run('jail.stop', { jail: 'source' }),
    },
    {
      operation: 'jail.start',
      variant: 'with limits',
      input: () => ({ jail: 'source' }),
      prepare: () => run('property.set', capped('maxproc=50:deny')),
      reset: () => run('jail.stop', { jail: 'source' }),
    },
    {
      operation: 'jail.uncap',
      input: () => ({ jail: 'source' }),
      prepare: async () => {
        await tolerant(run('jail.start', { jail: 'source' }));
        await run('jail.cap', { jail: 'source' });
      },
      reset: nothing,
    },
    {
      operation: 'jail.cap',
      input: () => ({ jail: 'source' }),
      prepare: () => run('jail.uncap', { jail: 'source' }),
      reset: nothing,
    },
    {
      operation: 'property.set',
      variant: 'limits of a running jail',
      input: () => capped('memoryuse=64M:deny', 'maxproc=40:deny'),
      prepare: () => run('property.set', capped('memoryuse=off', 'maxproc=50:deny')),
      reset: nothing,
      cleanUp: async () => {
        await run('jail.stop', { jail: 'source' });
        await run('property.set', capped('rlimits=off', 'memoryuse=off', 'maxproc=off'));
      },
    },
    {
      operation: 'jail.destroy',
      input: () => ({ jail: 'victim' }),
      prepare: () => tolerant(run('jail.clone', { jail: 'source', name: 'victim' })),
      reset: nothing,
    },
    {
      operation: 'snapshot.take',
      input: () => ({ jail: 'source', snapshot: 'more' }),
      reset: () => run('snapshot.remove', { jail: 'source', snapshot: 'more' }),
    },
    {
      operation: 'snapshot.remove',
      input: () => ({ jail: 'source', snapshot: 'more' }),
      prepare: () => tolerant(run('snapshot.take', { jail: 'source', snapshot: 'more' })),
      reset: nothing,
    },
    { operation: 'snapshot.rollback', input: () => ({ jail: 'source', snapshot: 'kept' }), reset: nothing },
    {
      operation: 'property.set',
      input: () => ({
        jails: ['source'],
        properties: [
          ['notes', 'new'],
          ['tag', 'renamed'],
          ['quota', '512M'],
        ],
      }),
      prepare: () => run('property.set', calm),
      reset: () => run('property.set', calm),
    },
    {
      operation: 'property.set',
      variant: 'host name',
      input: () => ({ jails: ['source'], properties: [['host_hostname', 'other']] }),
      prepare: () => run('property.set', { jails: ['source'], properties: [['host_hostname', 'source']] }),
      reset: nothing,
      cleanUp: () => run('property.set', { jails: ['source'], properties: [['host_hostname', 'source']] }),
    },
    {
      operation: 'property.set',
      variant: 'default',
      input: () => ({ jails: ['default'], properties: [['boot', 'on']] }),
      prepare: () => run('property.set', { jails: ['default'], properties: [['boot', 'off']] }),
      reset: nothing,
    },
    ...diskCases(run),
    ...imageCases(run),
    {
      operation: 'fstab.change',
      input: () => ({ jail: 'source', add: ['/var/empty', '/mnt', 'tmpfs', 'rw', '0', '0'] }),
      reset: () => run('fstab.change', { jail: 'source', remove: ['0'] }),
    },
    {
      operation: 'jail.files',
      input: () => ({
        jail: 'source',
        files: [
          { path: '/etc/motd', text: 'new\n', mode: 0o600 },
          { path: '/srv/a/b/index', text: 'index\n' },
        ],
      }),
      prepare: async () => {
        await run('snapshot.rollback', { jail: 'source', snapshot: 'kept' });
        await run('jail.files', { jail: 'source', files: [{ path: '/etc/motd', text: 'old\n' }] });
      },
      reset: nothing,
      cleanUp: () => run('snapshot.rollback', { jail: 'source', snapshot: 'kept' }),
    },
    {
      operation: 'property.reset',
      variant: 'of one property',
      input: () => ({ jails: ['source'], keys: ['notes'] }),
      prepare: () => run('property.set', { jails: ['source'], properties: [['notes', 'old']] }),
      reset: nothing,
    },
    {
      operation: 'host.clean-debug',
      input: () => ({}),
      prepare: () => run('host.debug', {}),
      reset: nothing,
    },
    {
      operation: 'pool.deactivate',
      input: () => ({ pool: pool() }),
      reset: () => run('pool.activate', { pool: pool() }),
    },
    {
      operation: 'pool.activate',
      input: () => ({ pool: pool() }),
      prepare: () => tolerant(run('pool.deactivate', { pool: pool() })),
      reset: nothing,
      cleanUp: () => tolerant(run('pool.activate', { pool: pool() })),
    },
  ];
}

function imageCases(run: (operation: string, input: unknown) => Promise<unknown>): readonly StepCase[] {
  let images: string | undefined;
  const nothing = () => Promise.resolve();
  const exported = async (): Promise<void> => {
    images = dirname(((await run('image.export', { jail: 'source' })) as { file: string }).file);
  };
  const removed = async (): Promise<void> => {
    // The operation's own run made it; a second one tells where.
    if (images === undefined) await exported();
    rmSync(images!, { recursive: true, force: true });
  };
  let packages: string | undefined;
  const packaged = async (): Promise<void> => {
    packages = dirname(((await run('image.package', { jail: 'source' })) as { file: string }).file);
  };
  const removedPackages = async (): Promise<void> => {
    if (packages === undefined) await packaged();
    rmSync(packages!, { recursive: true, force: true });
  };
  /** Something changes between the two marks, so that there is something to package. */
  const recorded = async (): Promise<void> => {
    const jail = 'source';
    const begun = await run('image.record', { jail, action: 'start' }).then(
      () => true,
      () => false,
    );
    if (!begun) return;
    if (images === undefined) await exported();
    writeFileSync(join(dirname(images!), 'jails/source/root/etc/recorded'), 'new\n');
    await removed();
    await run('image.record', { jail, action: 'stop' });
  };
  return [
    { operation: 'image.export', input: () => ({ jail: 'source' }), reset: removed },
    {
      operation: 'image.export',
      variant: 'in place of an earlier one',
      input: () => ({ jail: 'source', packing: 'gz' }),
      prepare: exported,
      reset: nothing,
      cleanUp: removed,
    },
    {
      operation: 'image.import',
      input: () => ({ image: 'source', name: 'victim' }),
      prepare: exported,
      reset: () => run('jail.destroy', { jail: 'victim' }),
      cleanUp: removed,
    },
    {
      operation: 'image.record',
      input: () => ({ jail: 'source', action: 'start' }),
      reset: () => run('snapshot.remove', { jail: 'source', snapshot: 'ioc-record' }),
    },
    {
      operation: 'image.package',
      input: () => ({ jail: 'source' }),
      reset: removedPackages,
    },
    {
      operation: 'image.package',
      variant: 'of a recording',
      input: () => ({ jail: 'source' }),
      prepare: () => recorded(),
      reset: removedPackages,
      cleanUp: async () => {
        for (const snapshot of ['ioc-record', 'ioc-recorded'])
          await run('snapshot.remove', { jail: 'source', snapshot });
      },
    },
    {
      operation: 'image.import',
      variant: 'of a package',
      input: () => ({ image: 'source', name: 'victim' }),
      prepare: packaged,
      reset: () => run('jail.destroy', { jail: 'victim' }),
      cleanUp: removedPackages,
    },
    ...backupCases(run, async () => {
      if (images === undefined) await exported();
      return images!;
    }),
  ];
}

/** Backups of libiocage, in the directory of the images, where nothing is left behind unseen. */
function backupCases(
  run: (operation: string, input: unknown) => Promise<unknown>,
  imagesDirectory: () => Promise<string>,
): readonly StepCase[] {
  let images = '';
  const emptied = async (): Promise<void> => {
    images = await imagesDirectory();
    rmSync(images, { recursive: true, force: true });
  };
  const place = async (): Promise<void> => {
    await emptied();
    mkdirSync(images, { mode: 0o700 });
  };
  const backup = () => ({ jail: 'source', format: 'tar', to: join(images, 'source.txz') });
  return [
    { operation: 'image.backup', input: backup, prepare: place, reset: place, cleanUp: emptied },
    {
      operation: 'image.import',
      variant: 'of a backup of libiocage',
      input: () => ({ image: backup().to, name: 'victim' }),
      prepare: async () => {
        if (existsSync(backup().to)) return;
        await place();
        await run('image.backup', backup());
      },
      reset: () => run('jail.destroy', { jail: 'victim' }),
      cleanUp: emptied,
    },
  ];
}
