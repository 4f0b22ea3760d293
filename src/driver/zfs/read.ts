/**
 * The reading half of the storage: one child process for each question, whatever the number of
 * datasets, and in the same dialect on every ZFS, so that no probe has to come first.
 */
import type { Capabilities, Pool, SnapshotRow, Storage } from '../storage.ts';
import type { RunResult } from '../system.ts';
import * as argv from './argv.ts';
import { besidesAbsent, isAbsent, isUnknownProperty, isUnknownVerb } from './failure.ts';
import { toCapabilities } from './flavour.ts';
import { isAtOrBelow } from './name.ts';
import {
  parseGet,
  parseList,
  parseLocal,
  parsePoolComments,
  parsePools,
  snapshotNumbers,
  toSnapshots,
} from './parse.ts';
import { refused, type Runner } from './run.ts';

type Reading = Pick<
  Storage,
  | 'capabilities'
  | 'pools'
  | 'poolHealth'
  | 'filesystems'
  | 'filesystemsOf'
  | 'measure'
  | 'snapshots'
  | 'clones'
  | 'local'
>;

export function zfsReading(run: Runner, platform: NodeJS.Platform): Reading {
  let known: Promise<Capabilities> | undefined;
  /** Native properties that this ZFS does not have; learnt from its refusal, asked for only once. */
  const foreign = new Set<string>();

  /** The answer's text; undefined when what was asked for does not exist. */
  async function answer(result: RunResult, subject: string): Promise<string | undefined> {
    if (result.status === 0) return result.stdout;
    if (isAbsent(result.stderr)) return undefined;
    throw refused(result, subject);
  }

  /** Asks again without a column that this ZFS does not know; such a column is then unset everywhere. */
  async function askColumns(
    columns: readonly string[],
    toArgv: (columns: readonly string[]) => readonly string[],
  ): Promise<{ readonly result: RunResult; readonly columns: readonly string[] }> {
    for (;;) {
      const usable = columns.filter((column) => !foreign.has(column));
      const result = await run.ask(toArgv(usable));
      const unknown = result.status === 0 ? undefined : isUnknownProperty(result.stderr);
      if (unknown === undefined || !usable.includes(unknown)) return { result, columns: usable };
      foreign.add(unknown);
    }
  }

  async function probe(): Promise<Capabilities> {
    const result = await run.ask(['zfs', 'version']);
    const found = toCapabilities(result, platform);
    if (found === undefined) throw refused(result, 'zfs');
    return found;
  }

  async function commentedPools(): Promise<ReadonlySet<string>> {
    if (known !== undefined && !(await known).poolComment) return new Set();
    const result = await run.ask(argv.listPoolComments());
    if (result.status === 0) return parsePoolComments(result.stdout);
    if (isUnknownProperty(result.stderr) === 'comment' || isUnknownVerb(result.stderr)) return new Set();
    throw refused(result, 'zpool');
  }

  async function got(root: string, depth: number | undefined, properties: readonly string[]) {
    const { result } = await askColumns(properties, (usable) => argv.get(root, depth, usable));
    return parseGet((await answer(result, root)) ?? '');
  }

  return {
    capabilities() {
      known ??= probe();
      // A machine whose ZFS comes up later must not keep the first answer.
      known.catch(() => (known = undefined));
      return known;
    },

    async pools() {
      const result = await run.ask(argv.listPools());
      if (result.status !== 0) throw refused(result, 'zfs');
      const pools = parsePools(result.stdout);
      if (pools.length === 0 || pools.some(({ active }) => active)) return pools;
      const commented = await commentedPools();
      return pools.map((pool): Pool =>
        commented.has(pool.name) ? { ...pool, active: true, activeBy: 'comment' } : pool,
      );
    },

    async poolHealth(pool) {
      const text = await answer(await run.ask(argv.poolHealth(pool)), pool);
      return text?.trim() || undefined;
    },

    async filesystems(root, depth, columns) {
      const asked = await askColumns(columns, (usable) => argv.list(root, depth, 'filesystem', usable));
      const text = await answer(asked.result, root);
      if (text === undefined) return undefined;
      return parseList(text, asked.columns).filter(({ name }) => isAtOrBelow(name, root));
    },

    async filesystemsOf(roots, depth, columns) {
      const asked = await askColumns(columns, (usable) => argv.list(roots, depth, 'filesystem', usable));
      const { status, stdout, stderr } = asked.result;
      const wrong = besidesAbsent(stderr);
      // One that was killed says nothing.
      if (status !== 0 && (wrong !== '' || stderr === ''))
        throw refused({ ...asked.result, stderr: wrong }, roots.join(', '));
      const all = parseList(stdout, asked.columns);
      const below = roots.map((root) => [root, all.filter(({ name }) => isAtOrBelow(name, root))] as const);
      return new Map(below.filter(([root, rows]) => rows.some(({ name }) => name === root)));
    },

    async measure(root, depth, properties) {
      const { values } = await got(root, depth, properties);
      return new Map([...values].filter(([name]) => !name.includes('@')));
    },

    async snapshots(root, depth, columns): Promise<readonly SnapshotRow[]> {
      // A snapshot hangs one level below its dataset.
      const reach = depth === undefined ? undefined : depth + 1;
      const all = await got(root, reach, [...snapshotNumbers, ...columns]);
      if (!all.doubtful) return toSnapshots(all, columns);
      // Some value passes for rows: then only the numbers, which nobody can forge.
      return toSnapshots(await got(root, reach, snapshotNumbers), []);
    },

    async clones(pool) {
      const text = await answer(
        await run.ask(argv.list(pool, undefined, 'filesystem,volume', ['origin'])),
        pool,
      );
      return parseList(text ?? '', ['origin']).flatMap(({ name, values }) => {
        const origin = values.get('origin');
        return origin === undefined || origin === '' ? [] : [{ dataset: name, origin }];
      });
    },

    async local(name) {
      const text = await answer(await run.ask(argv.getLocal(name)), name);
      return text === undefined ? undefined : parseLocal(text);
    },
  };
}
