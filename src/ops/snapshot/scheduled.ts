/**
 * `snapshot --scheduled`: what `snapshot_schedule` asks for at this moment, called by a timer of the host. For
 * each jail one operation, which takes what is due and then destroys what has had its time, and nothing but
 * what an earlier call took. See decision 9.
 */
import * as z from 'zod';
import { defineChange, defineFleet, type RunOther } from '../operation.ts';
import type { Context } from '../context.ts';
import type { SnapshotRow } from '../../driver/storage.ts';
import { configOf, valueOf } from '../../domain/config.ts';
import { asIocageError, failure, type IocageError } from '../../domain/errors.ts';
import { findJail, label, type Jail } from '../../domain/jail.ts';
import {
  rotation,
  scheduledName,
  scheduledPeriod,
  snapshotSchedule,
  type Rotation,
  type Rule,
  type Taken,
} from '../../domain/schedule.ts';
import { jailInput, lockJail, noProperties, readJail } from '../jail/select.ts';
import { destroySnapshot, takeSnapshot } from '../steps/dataset.ts';
import { isStandby } from '../transfer/standby.ts';
import { namespace } from '../../domain/property.ts';
import { readWorld } from '../world/read.ts';
import type { World } from '../world/world.ts';
import { namesInUse, note, snapshotsOf } from './rows.ts';

/** On the snapshot, from the call that takes it: the period that it was taken for. */
const mark = `${namespace}scheduled`;

export interface Rotated {
  readonly taken: readonly string[];
  readonly expired: readonly string[];
}

export interface RotationReport {
  readonly jails: readonly {
    readonly uuid: string;
    readonly tag: string;
    readonly state: 'done' | 'unchanged' | 'failed';
    readonly taken: readonly string[];
    readonly expired: readonly string[];
    readonly why: string;
    readonly error?: IocageError;
  }[];
}

function rulesOf(world: World, jail: Jail): readonly Rule[] {
  // It has the snapshots of the jail that it stands by for; with one of its own that could send no more.
  if (isStandby(jail)) return [];
  const config = configOf(jail, world.defaults);
  return valueOf(config, 'snapshot_schedule', snapshotSchedule) ?? [];
}

const toTaken = (row: SnapshotRow): Taken => ({
  name: row.snapshot,
  period: row.values.get(mark),
  at: new Date(row.createdAt * 1000),
});

/** The jail's own row of each snapshot counts; its other datasets have the same names. */
function rotationOf(jail: Jail, rules: readonly Rule[], rows: readonly SnapshotRow[], now: Date): Rotation {
  return rotation(rules, rows.filter(({ dataset }) => dataset === jail.dataset).map(toTaken), now);
}

export const snapshotRotate = defineChange<typeof jailInput, Rotated>({
  id: 'snapshot.rotate',
  title: 'Take and expire the scheduled snapshots of a jail',
  effect: 'change',
  recover: 'finish',
  anyFormat: true,
  input: jailInput,
  locks: lockJail,
  async plan(context, input) {
    const { world, jail } = await readJail(context, input.jail);
    if (jail.problem !== undefined) throw failure('JAIL_CORRUPT', { name: jail.tag, why: jail.problem });
    const rows = await snapshotsOf(context, jail, [mark]);
    const now = context.clock.now();
    const { take, expire } = rotationOf(jail, rulesOf(world, jail), rows, now);
    const going = rows.filter(
      (row) => expire.includes(row.snapshot) && scheduledPeriod(toTaken(row)) !== undefined,
    );
    const used = await namesInUse(context, jail.pool, going);
    if (used.size > 0)
      note(context, `${label(jail)}: still used, so not given up yet: ${[...used].join(', ')}`);
    const taken = take.map((period) => ({ period, name: scheduledName(period, now) }));
    const gone = going.filter(({ snapshot }) => !used.has(snapshot));
    return {
      subject: label(jail),
      title: `Scheduled snapshots of ${label(jail)}`,
      steps: [
        ...taken.map(({ period, name }) =>
          takeSnapshot({ name: `${jail.dataset}@${name}`, recursive: true, properties: { [mark]: period } }),
        ),
        ...gone.map(({ name }) => destroySnapshot({ name, recursive: false })),
      ],
      result: () => ({
        taken: taken.map(({ name }) => name),
        expired: [...new Set(gone.map(({ snapshot }) => snapshot))],
      }),
    };
  },
  command: {
    names: ['snapshot --scheduled'],
    group: 'data',
    usage: 'JAIL',
    examples: [],
    toInputs: (words) => words.positionals.map((jail) => ({ jail })),
  },
});

const reportInput = z.object({
  /** Without it every jail that has a schedule. */
  jails: z.array(z.string().min(1)).default([]),
});

export const snapshotScheduled = defineFleet<typeof reportInput, RotationReport>({
  id: 'snapshot.scheduled',
  title: 'Take and expire the scheduled snapshots',
  input: reportInput,
  everySource: {
    applies: ({ jails }) => jails.length === 0,
    merge: (answers) => ({
      jails: answers.flatMap(({ source, result }) =>
        result.jails.map((jail) => ({ ...jail, tag: `${source}/${jail.tag}` })),
      ),
    }),
  },
  fleet: (context, { jails }, run) => rotateAll(context, jails, run),
  command: {
    names: ['snapshot --scheduled'],
    group: 'data',
    usage: '[JAIL ...]',
    examples: [],
    toInputs(words) {
      noProperties('snapshot', words);
      return [{ jails: words.positionals.includes('ALL') ? [] : words.positionals }];
    },
  },
});

/** A timer on a host without a pool for jails has nothing to do, and nothing to complain of. */
async function activeWorld(context: Context): Promise<World | undefined> {
  try {
    return await readWorld(context);
  } catch (thrown) {
    if (asIocageError(thrown).code === 'NO_ACTIVE_POOL') return undefined;
    throw thrown;
  }
}

async function rotateAll(context: Context, names: readonly string[], run: RunOther): Promise<RotationReport> {
  const world = await activeWorld(context);
  if (world === undefined) return { jails: [] };
  const chosen =
    names.length > 0
      ? [...new Set(names.map((name) => findJail(world.jails, name)))]
      : world.jails.filter((jail) => !jail.template && jail.problem === undefined);
  // One look for all: most calls of the timer find nothing to do.
  const rows = await context.storage.snapshots(`${world.root}/jails`, undefined, [mark]);
  const jails: RotationReport['jails'][number][] = [];
  for (const jail of chosen) {
    if (context.signal.aborted) break;
    const told = await rotateOne(context, world, jail, rows, run);
    if (told !== undefined) jails.push({ uuid: jail.uuid, tag: jail.tag, ...told });
  }
  return { jails };
}

/** Undefined for a jail without a schedule. What goes wrong with one jail keeps no other from its snapshots. */
async function rotateOne(
  context: Context,
  world: World,
  jail: Jail,
  rows: readonly SnapshotRow[],
  run: RunOther,
): Promise<Omit<RotationReport['jails'][number], 'uuid' | 'tag'> | undefined> {
  const nothing = { taken: [], expired: [], why: '' };
  try {
    const rules = rulesOf(world, jail);
    if (rules.length === 0) return undefined;
    const { take, expire } = rotationOf(jail, rules, rows, context.clock.now());
    if (take.length + expire.length === 0) return { state: 'unchanged', ...nothing };
    const { result } = await run(snapshotRotate, { jail: jail.uuid });
    return { state: 'done', ...nothing, ...(context.dry ? {} : (result as Rotated)) };
  } catch (thrown) {
    const error = asIocageError(thrown);
    return { state: 'failed', ...nothing, why: error.message, error };
  }
}
