/**
 * `apply`: makes the jails what a description says, by the operations that a person would use, each with
 * its own locks and journal. One jail that fails does not stop the others. What a file does not name is
 * left alone; a jail goes only where the file says `absent: true` and somebody has agreed.
 */
import * as z from 'zod';
import { defineFleet, type Ask, type RunOther } from '../operation.ts';
import type { Context } from '../context.ts';
import type { Change } from '../../domain/description/change.ts';
import type { DescribedJail } from '../../domain/description/description.ts';
import { asIocageError, failure, type IocageError } from '../../domain/errors.ts';
import { startsFor } from '../jail/depends.ts';
import { jailDestroy } from '../jail/destroy.ts';
import { jailRestart } from '../jail/restart.ts';
import { jailStart } from '../jail/start.ts';
import { forgetWorld } from '../world/seen.ts';
import { readWorld } from '../world/read.ts';
import { carryOut } from './carry-out.ts';
import type { PlannedJail } from './compare.ts';
import { loadDescription } from './load.ts';
import { oneFile, planDescription } from './plan.ts';

export interface Applied {
  readonly hash: string;
  readonly jails: readonly {
    readonly name: string;
    readonly state: 'created' | 'changed' | 'destroyed' | 'unchanged' | 'failed';
    /** What was done, in order; with `failed`, what was done before. */
    readonly changes: readonly Change[];
    readonly error?: IocageError;
  }[];
}

const applyInput = z.object({
  file: z.string().min(1),
  /** Hash of a plan: that one or nothing. */
  expect: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'the hash of a plan is 64 hexadecimal digits')
    .optional(),
});

const lockWaitMs = 10_000;

export const hostApply = defineFleet<typeof applyInput, Applied>({
  id: 'host.apply',
  title: 'Make jails what a description says',
  input: applyInput,
  async fleet(context, { file, expect }, run, ask) {
    const description = await loadDescription(context, file);
    const { realm } = await readWorld(context);
    // Two at once would find each other's half of the work.
    const held = context.dry ? undefined : await context.locks.take([`apply:${realm}`], 'apply', lockWaitMs);
    try {
      forgetWorld(context);
      const planned = await planDescription(context, description);
      const expected = expect ?? description.expect;
      if (expected !== undefined && expected !== planned.hash)
        throw failure('PLAN_CHANGED', { file, expected, actual: planned.hash });
      const going = planned.jails.filter(({ action }) => action === 'destroy');
      if (going.length > 0 && !context.dry) await askFor(context, going, ask);
      const jails = await applyAll(context, planned.jails, description.jails, run);
      return { hash: planned.hash, jails };
    } finally {
      await held?.release();
    }
  },
  command: {
    names: ['apply'],
    group: 'configuration',
    usage: 'FILE',
    flags: [
      { key: 'expect', flags: '--expect <hash>', doc: 'only if the plan still has this hash' },
      { key: 'yes', flags: '-y, --yes', doc: 'do not ask before jails are destroyed' },
      { key: 'force', flags: '-f, --force', doc: 'same as --yes' },
    ],
    about:
      'Asks before it destroys, which it does only for jails with absent: true. A FILE that plan --out wrote is ' +
      'refused when the machine has changed since. One jail failing does not stop the rest; the exit status is 1 then.',
    examples: [
      { line: 'iocage apply jails.yaml', says: 'what plan shows, now; a second time nothing' },
      { line: 'iocage apply today.plan', says: 'exactly what was planned, or nothing' },
      { line: 'iocage apply --dry-run jails.yaml', says: 'the commands that it would run' },
    ],
    toInputs(words) {
      const expect = words.flags['expect'];
      return [{ file: oneFile('apply', words), ...(expect === undefined ? {} : { expect }) }];
    },
  },
});

/** One question for all that goes, before anything is done. */
async function askFor(context: Context, going: readonly PlannedJail[], ask: Ask): Promise<void> {
  const loses: string[] = [];
  for (const { name, uuid } of going) {
    const input = { jail: uuid!, force: true };
    // What cannot go (others are cloned from it) is told when its turn comes.
    const plan = await jailDestroy.plan(context, input).catch(() => undefined);
    loses.push(...(plan?.loses ?? [`jail ${name}`]));
  }
  const subject = going.map(({ name }) => name).join(', ');
  await ask({ subject, title: `this destroys ${subject}`, loses });
}

type Told = Applied['jails'][number];

async function applyAll(
  context: Context,
  planned: readonly PlannedJail[],
  described: readonly DescribedJail[],
  run: RunOther,
): Promise<readonly Told[]> {
  const told = new Map<string, Told>();
  // First what goes: its addresses and names are free then. Templates last, after what was cloned from them.
  const { jails } = await readWorld(context);
  const last = ({ uuid }: PlannedJail): number =>
    Number(jails.some((jail) => jail.uuid === uuid && jail.template));
  const order = [
    ...planned.filter(({ action }) => action === 'destroy').toSorted((a, b) => last(a) - last(b)),
    ...planned.filter(({ action }) => action !== 'destroy'),
  ];
  for (const jail of order) {
    const { name, action } = jail;
    const done: Change[] = [];
    const wanted = described.find((each) => each.name === name)!;
    const error = jail.error ?? (await tried(context, () => carryOut(context, run, jail, wanted, done)));
    told.set(name, {
      name,
      state: error === undefined ? stateAfter[action] : 'failed',
      changes: done,
      ...(error === undefined ? {} : { error }),
    });
  }
  if (!context.dry) await startAll(context, run, planned, told);
  return planned.map(({ name }) => told.get(name)!);
}

const stateAfter = {
  create: 'created',
  change: 'changed',
  destroy: 'destroyed',
  none: 'unchanged',
  blocked: 'failed',
} as const;

/** Those that are to be up, each after what it depends on; one that does not start stays as it is, and is told. */
async function startAll(
  context: Context,
  run: RunOther,
  planned: readonly PlannedJail[],
  told: Map<string, Told>,
): Promise<void> {
  const asked = planned.flatMap(({ name, changes }) => {
    const change = changes.find(({ what }) => what === 'start' || what === 'restart');
    return change === undefined || told.get(name)!.state === 'failed' ? [] : [{ name, change }];
  });
  if (asked.length === 0) return;
  forgetWorld(context);
  const world = await readWorld(context);
  const running = await context.host.running(world.realm);
  const byUuid = new Map(
    world.jails.flatMap((jail) => {
      const found = asked.find(({ name }) => name === jail.tag || name === jail.uuid);
      return found === undefined ? [] : [[jail.uuid, found] as const];
    }),
  );
  const jails = world.jails.filter(({ uuid }) => byUuid.has(uuid));
  for (const uuid of startsFor(world, jails, running)) {
    const found = byUuid.get(uuid);
    const how = found?.change.what === 'restart' ? jailRestart : jailStart;
    const error = await tried(context, () => run(how, { jail: uuid }));
    // What a jail of the file depends on and is not in it: the jail's own start says that it is not up.
    if (found === undefined) continue;
    const before = told.get(found.name)!;
    told.set(
      found.name,
      error === undefined
        ? { ...before, changes: [...before.changes, found.change] }
        : { ...before, state: 'failed', error },
    );
  }
}

/** What it throws is the answer; undefined when all went well. */
async function tried(context: Context, work: () => Promise<unknown>): Promise<IocageError | undefined> {
  try {
    if (context.signal.aborted) throw failure('CANCELLED', { operation: 'apply' });
    await work();
    return undefined;
  } catch (thrown) {
    return asIocageError(thrown);
  }
}
