/** `doctor`: says what is wrong, and completes or undoes what an interrupted operation left. */
import { dirname, join } from 'node:path';
import * as z from 'zod';
import type { Journal, JournalEntry, JournalHead } from '../../driver/system.ts';
import { defineRepair } from '../operation.ts';
import type { Context } from '../context.ts';
import { asIocageError } from '../../domain/errors.ts';
import { configFiles } from '../../domain/format/config-file.ts';
import { label, type Jail } from '../../domain/jail.ts';
import { recover } from '../run/recover.ts';
import { stillUnfinished } from '../run/unfinished.ts';
import { runOperation } from '../run/run.ts';
import { inSource } from '../source/sources.ts';
import { readWorld } from '../world/read.ts';
import { toSpec } from '../world/spec.ts';
import type { World } from '../world/world.ts';
import { jailStart } from '../jail/start.ts';
import { jailStop } from '../jail/stop.ts';
import { noPositionals, readJail } from '../jail/select.ts';
import { sweepReceiving } from '../transfer/sweep.ts';

/** Something that was wrong, and what became of it. */
export interface Finding {
  /** An operation's id, a jail, a path. */
  readonly id: string;
  readonly what: string;
  /** `mended`, `failed` (the trouble is still there), `report` (a person must decide), `pending` (a dry run). */
  readonly state: 'mended' | 'failed' | 'report' | 'pending';
  readonly action: string;
}

type Findings = { readonly findings: readonly Finding[] };
const doctorInput = z.object({});

export const hostDoctor = defineRepair<typeof doctorInput, Findings>({
  id: 'host.doctor',
  title: 'Find and mend what interrupted operations left',
  input: doctorInput,
  everySource: {
    applies: () => true,
    merge: (answers) => ({ findings: answers.flatMap(({ result }) => result.findings) }),
  },
  async repair(context): Promise<Findings> {
    const findings: Finding[] = [];
    const unfinished = await context.journal.unfinished();
    for (const entry of unfinished.filter(({ head }) => againOf(head) === undefined)) {
      const { id, operation, subject, startedAt } = entry.head;
      const what = `${operation} of ${subject}, interrupted at ${startedAt}`;
      try {
        const { outcome, problems } = await recover(context, entry);
        if (outcome === 'gone') continue;
        const action = problems.length > 0 ? problems.map((problem) => problem.message).join('; ') : outcome;
        const state = outcome === 'failed' ? 'failed' : outcome === 'pending' ? 'pending' : 'mended';
        findings.push({
          id,
          what,
          state,
          action: state === 'pending' ? `would be ${pastTense(entry.head.recover)}` : action,
        });
      } catch (thrown) {
        findings.push({ id, what, state: 'failed', action: asIocageError(thrown).message });
      }
    }
    for (const { head } of unfinished) {
      const again = againOf(head);
      if (again !== undefined) findings.push(...(await bringBack(context, head, again)));
    }
    const world = await readWorld(context).catch((thrown: unknown) => {
      // What was mended is told all the same: undoing an `activate` leaves no pool to look at.
      if (findings.length === 0) throw thrown;
      const { message, hint } = asIocageError(thrown);
      findings.push({
        id: 'pool',
        what: `jails were not looked at: ${message}`,
        state: 'report',
        action: hint ?? '',
      });
      return undefined;
    });
    if (world === undefined) return { findings };
    // Half of it is gone or not made yet: mounting it by hand is no help.
    const unsettled = new Set(findings.filter(({ state }) => state === 'failed').map(({ id }) => id));
    const halves = unfinished.filter(({ head }) => unsettled.has(head.id)).map(({ head }) => head.subject);
    for (const jail of world.jails) {
      if (jail.problem === undefined || jail.busy !== undefined || halves.includes(label(jail))) continue;
      findings.push({
        id: jail.uuid,
        what: `jail ${label(jail)}: ${jail.problem}`,
        state: 'report',
        action: hintFor(jail.problem, jail),
      });
    }
    findings.push(...(await unmountedRoots(context, world)));
    findings.push(...(await sweepKilled(context, world)));
    findings.push(...(await sweepReceiving(context, world)));
    // Also those of jails that cannot be used just now.
    const targets = new Set(
      world.jails.map((jail) => join(world.mountpoint, jail.dataset.slice(world.root.length))),
    );
    for (const tag of await context.files.list(join(world.mountpoint, 'tags'))) {
      const path = join(world.mountpoint, 'tags', tag);
      const target = await context.files.readlink(path);
      if (target === undefined || targets.has(target)) continue;
      await context.files.remove(path);
      findings.push({
        id: path,
        what: `link ${path} leads to no jail`,
        state: context.dry ? 'pending' : 'mended',
        action: 'removed',
      });
    }
    return { findings };
  },
  command: {
    names: ['doctor'],
    group: 'host',
    usage: '',
    about:
      'A create, clone or start that was killed is undone; a stop or destroy is completed, a restart starts the jail again, and one that was started for a single program is stopped. Safe at any time.',
    examples: [
      { line: 'iocage doctor', says: 'look and mend' },
      { line: 'iocage doctor --dry-run', says: 'only look' },
    ],
    toInputs(words) {
      noPositionals('doctor', words);
      return [{}];
    },
  },
});

interface Again {
  readonly uuid: string;
  readonly up: boolean;
}

/** The jail that is to be as it was before: of a restart up, of a program that a jail was started for down. */
function againOf({ startAgain, stopAgain }: JournalHead): Again | undefined {
  const uuid = startAgain ?? stopAgain;
  return uuid === undefined ? undefined : { uuid, up: startAgain !== undefined };
}

/**
 * What was killed between two operations on a jail. Whatever comes of the start, the record ends: a jail that does
 * not start must be open to the `set` that mends it. Nothing is told when another doctor did it meanwhile.
 */
async function bringBack(
  context: Context,
  { id, operation, subject, startedAt, roots, locks }: JournalHead,
  { uuid, up }: Again,
): Promise<readonly Finding[]> {
  const told = { id, what: `${operation} of ${subject}, interrupted at ${startedAt}` };
  if (context.dry)
    return [{ ...told, state: 'pending', action: `would be ${up ? 'started again' : 'stopped'}` }];
  const [word, done] = up ? ['down', 'started again'] : ['up', 'stopped'];
  try {
    // The start and the stop take those of the jail themselves.
    const own = locks.map((lock) => `doctor:${lock}`);
    const held = await context.locks.take(own, 'doctor', 10_000);
    try {
      if ((await stillUnfinished(context, id)) === undefined) return [];
      const isThere = await asItWas(context, { id, root: roots?.[0] }, { uuid, up });
      return [{ ...told, state: 'mended', action: isThere ? `the jail is ${up ? 'up' : 'down'}` : done }];
    } finally {
      await held.release();
    }
  } catch (thrown) {
    return [{ ...told, state: 'failed', action: `it stays ${word}: ${asIocageError(thrown).message}` }];
  }
}

/** True when nothing had to be done. */
async function asItWas(
  context: Context,
  { id, root }: { readonly id: string; readonly root: string | undefined },
  { uuid, up }: Again,
): Promise<boolean> {
  const record = await context.journal.reopen(id);
  try {
    const where = root === undefined ? context : inSource(context, { name: root, root });
    const { jail } = await readJail(where, uuid);
    // Its own record would keep the operation from beginning.
    const { journal } = context;
    const others = async (): Promise<readonly JournalEntry[]> =>
      (await journal.unfinished()).filter((entry) => entry.head.id !== id);
    const own: Journal = {
      begin: (other) => journal.begin(other),
      reopen: (other) => journal.reopen(other),
      history: (limit) => journal.history(limit),
      unfinished: others,
      working: () => journal.working(),
    };
    const isThere = (await context.host.running(jail.realm)).has(jail.uuid) === up;
    const input = { jail: jail.uuid, ...(up ? {} : { force: true }) };
    if (!isThere) await runOperation({ ...where, journal: own }, up ? jailStart : jailStop, input);
    await record.mark({ mark: 'end', outcome: 'finished' });
    return isThere;
  } catch (thrown) {
    const { message: error } = asIocageError(thrown);
    // A jail that does not stop is no reason to forget that it should.
    await record.mark(up ? { mark: 'end', outcome: 'failed', error } : { mark: 'left', error });
    throw thrown;
  }
}

/** Jails whose first process was killed from outside: their networks and records go, as a stop would do it. */
async function sweepKilled(context: Context, world: World): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  const running = await context.host.running(world.realm);
  for (const jail of world.jails) {
    if (jail.problem !== undefined || running.has(jail.uuid)) continue;
    const left = (await context.host.leftoverSteps?.(toSpec(world, jail))) ?? [];
    if (left.length === 0) continue;
    const what = `jail ${label(jail)} ended without a stop`;
    if (context.dry) {
      findings.push({ id: jail.uuid, what, state: 'pending', action: 'would be swept' });
      continue;
    }
    try {
      await runOperation(context, jailStop, { jail: jail.uuid });
      findings.push({ id: jail.uuid, what, state: 'mended', action: 'what it left is removed' });
    } catch (thrown) {
      findings.push({ id: jail.uuid, what, state: 'failed', action: asIocageError(thrown).message });
    }
  }
  return findings;
}

/** Files of jails and releases that are not where they should be; of a jail that is not mounted itself, it is told already. */
async function unmountedRoots({ storage }: Context, world: World): Promise<readonly Finding[]> {
  const rows = (await storage.filesystems(world.root, 3, ['mounted', 'canmount', 'mountpoint'])) ?? [];
  const gone = new Set(
    world.jails.filter(({ problem }) => problem !== undefined).map((jail) => jail.dataset),
  );
  return rows.flatMap(({ name, values }) => {
    const [group = '', owner, part] = name.slice(world.root.length + 1).split('/');
    const isRoot = ['jails', 'templates', 'releases'].includes(group) && part === 'root';
    const isRelease = group === 'releases' && owner !== undefined && part === undefined;
    const wanted = values.get('canmount') === 'on' && values.get('mountpoint')?.startsWith('/');
    if (!(isRoot || isRelease) || !wanted || values.get('mounted') !== 'no') return [];
    if (gone.has(`${world.root}/${group}/${owner}`)) return [];
    const what = `files of ${group === 'releases' ? 'release' : 'jail'} ${owner}: dataset ${name} is not mounted`;
    return [{ id: name, what, state: 'report' as const, action: `zfs mount ${name}` }];
  });
}

function pastTense(recovery: 'undo' | 'finish'): string {
  return recovery === 'undo' ? 'undone' : 'finished';
}

function hintFor(problem: string, { dataset, mountpoint }: Jail): string {
  if (problem.includes('key is not loaded')) return `zfs load-key ${dataset}, then zfs mount ${dataset}`;
  // Nothing of ours changes what another tool wrote, and destroys what it cannot read.
  const file = configFiles.find((name) => problem.startsWith(`${name}: `));
  if (file !== undefined && problem.endsWith('do not agree'))
    return `where the file is right, give the dataset its name: zfs rename ${dataset} ${dirname(dataset)}/HOST_HOSTUUID`;
  if (file !== undefined && mountpoint !== undefined)
    return (
      `put a good ${join(mountpoint, file)} in its place, from a backup or from ${join(mountpoint, '.zfs/snapshot')}; ` +
      `or give the jail up: zfs destroy -r ${dataset}`
    );
  return problem.includes('not mounted')
    ? `zfs mount ${dataset}`
    : `look at it with 'zfs get all ${dataset}'`;
}
