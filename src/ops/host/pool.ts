/**
 * `activate`, `deactivate`: which pool iocage works on. Nothing is ever marked that nobody named, and no other pool's
 * mark is changed. Where the caller or rc.conf names sources, `activate` makes the root dataset of one ready instead.
 */
import { join } from 'node:path';
import * as z from 'zod';
import { defineChange, defineRead, type Words } from '../operation.ts';
import type { Context } from '../context.ts';
import { failure } from '../../domain/errors.ts';
import { quote } from '../../domain/error-row.ts';
import { assertPoolName, nameProblem } from '../../domain/name.ts';
import { poolRoot, type Source } from '../../domain/source.ts';
import { createDataset, setProperties } from '../steps/dataset.ts';
import { closeDirectory, makeDirectory } from '../steps/file.ts';
import { assertApartOnPool } from '../source/apart.ts';
import { sourcesOf } from '../source/find.ts';
import { namedSources } from '../source/sources.ts';
import { layout } from '../world/world.ts';

const activeProperty = 'org.freebsd.ioc:active';

export const poolShow = defineRead({
  id: 'pool.show',
  title: 'Show the pool in use',
  input: z.object({}),
  async read(context): Promise<{ pool: string; sources?: readonly Source[] }> {
    const { from, list } = await sourcesOf(context);
    const pool = list[0].root.split('/')[0]!;
    return from === 'pool' ? { pool } : { pool, sources: list };
  },
  command: {
    names: ['activate'],
    group: 'host',
    usage: '',
    examples: [],
    toInputs: () => [{}],
  },
});

const activateInput = z.object({
  /** A pool, or where there are sources by name, one of those. */
  pool: z.string().min(1),
  /** Where `POOL/iocage` is mounted; without it, below the pool's own mount point. */
  mountpoint: z.string().startsWith('/', 'an absolute path, please').optional(),
});

export const poolActivate = defineChange<
  typeof activateInput,
  { pool: string; root: string; mountpoint: string; source?: string }
>({
  id: 'pool.activate',
  title: 'Use a pool for jails',
  effect: 'change',
  recover: 'undo',
  input: activateInput,
  async locks(context, input) {
    return [`pool:${(await meant(context, input.pool)).name}`];
  },
  async plan(context, input) {
    const { name, root, isSource } = await meant(context, input.pool);
    const pools = await context.storage.pools();
    const pool = pools.find((candidate) => candidate.name === root.split('/')[0]);
    if (pool === undefined && isSource)
      throw failure('SOURCE_MISSING', { source: name, root, imported: false });
    if (pool === undefined) throw failure('POOL_NOT_FOUND', { pool: input.pool });
    const health = await context.storage.poolHealth(pool.name);
    if (health !== 'ONLINE' && health !== 'DEGRADED') {
      throw failure('POOL_UNHEALTHY', { pool: pool.name, health: health ?? 'UNKNOWN' });
    }
    if (isSource) await assertApartOnPool(context, { name, root });
    const marked = (await context.storage.local(pool.name))?.get(activeProperty) ?? null;
    const rows = await context.storage.filesystems(root, 1, ['mounted', 'mountpoint']);
    const present = new Set(rows?.map((row) => row.name));
    const { missing: above, mountpoint: place } = await leadingTo(context, root);
    const mountpoint =
      rows?.find((row) => row.name === root)?.values.get('mountpoint') ?? input.mountpoint ?? place;
    if (mountpoint === undefined || !mountpoint.startsWith('/')) {
      throw failure('USAGE', {
        problem: `pool ${pool.name} has no mount point: give one with -m`,
        command: 'activate',
      });
    }
    if (rows !== undefined && input.mountpoint !== undefined && input.mountpoint !== mountpoint) {
      throw failure('DATASET_EXISTS', { dataset: root });
    }
    // Only what is missing is made, so that an undo takes away nothing that was there before.
    const folders = [
      { path: join(mountpoint, 'log'), mode: 0o700 },
      { path: join(mountpoint, 'tags'), mode: 0o755 },
    ];
    const missing = [];
    for (const folder of folders)
      if ((await context.files.stat(folder.path)) === undefined) missing.push(folder);
    const below = layout.map((name) => `${root}/${name}`).filter((dataset) => !present.has(dataset));
    return {
      subject: name,
      title: isSource ? `Making source ${name} ready` : `Activating pool ${name}`,
      steps: [
        ...above.map((dataset) => createDataset({ dataset, properties: {} })),
        ...(present.has(root)
          ? []
          : [
              createDataset({
                dataset: root,
                properties: input.mountpoint === undefined ? {} : { mountpoint },
              }),
            ]),
        ...below.flatMap((dataset) => [
          createDataset({ dataset, properties: {} }),
          closeDirectory({ path: join(mountpoint, dataset.slice(root.length)) }),
        ]),
        ...missing.map((folder) => makeDirectory(folder)),
        ...(isSource
          ? []
          : [
              setProperties({
                dataset: pool.name,
                properties: { [activeProperty]: 'yes' },
                previous: { [activeProperty]: marked },
              }),
            ]),
      ],
      result: () => ({ pool: pool.name, root, mountpoint, ...(isSource ? { source: name } : {}) }),
    };
  },
  command: {
    names: ['activate'],
    group: 'host',
    usage: '[POOL|SOURCE]',
    instead: (words) => (words.positionals.length === 0 ? poolShow : undefined),
    flags: [
      { key: 'mountpoint', flags: '-m, --mountpoint <path>', doc: 'where a new POOL/iocage is mounted' },
    ],
    about:
      'Makes POOL/iocage and the datasets below it when they are missing, and marks the pool. Other pools keep their mark; with several, --pool chooses. ' +
      'Where rc.conf or --source names sources, it makes the root dataset of one of those, with what leads to it, and marks nothing.',
    examples: [
      { line: 'iocage activate', says: 'tells which pool is in use' },
      { line: 'iocage activate tank', says: 'jails live in tank/iocage from now on' },
      { line: 'iocage activate tank -m /iocage', says: 'mounted where the original had it' },
    ],
    toInputs(words) {
      const { mountpoint } = words.flags;
      return [{ pool: onePool('activate', words), ...(mountpoint === undefined ? {} : { mountpoint }) }];
    },
  },
});

/**
 * What is to be made ready: a pool, or one of the sources where these are given by name.
 *
 * @throws SOURCES_RULE for a pool then
 */
async function meant(
  context: Context,
  name: string,
): Promise<{ readonly name: string; readonly root: string; readonly isSource: boolean }> {
  const named = await namedSources(context);
  if (named === undefined) {
    assertPoolName(name);
    return { name, root: poolRoot(name), isSource: false };
  }
  const source = named.list.find((each) => each.name === name);
  if (source !== undefined) return { ...source, isSource: true };
  const from = named.from === 'rc.conf' ? context.paths.rcConf! : 'the words of the call';
  const sources = named.list.map((each) => each.name);
  // Sources that were given on the command line are not given together with a pool.
  const isPool = nameProblem('pool', name) === undefined;
  const pool = named.from === 'rc.conf' && isPool ? { pool: name } : {};
  const action = `activating pool ${isPool ? name : quote(name)}`;
  throw failure('SOURCES_RULE', { from, sources, action, ...pool });
}

/** The datasets above a root that are not there yet, and where the root would be mounted below the lowest that is. */
async function leadingTo(
  { storage }: Context,
  root: string,
): Promise<{ readonly missing: readonly string[]; readonly mountpoint: string | undefined }> {
  const parts = root.split('/');
  const missing: string[] = [];
  for (let depth = parts.length - 1; depth > 0; depth -= 1) {
    const dataset = parts.slice(0, depth).join('/');
    const row = (await storage.filesystems(dataset, 0, ['mountpoint']))?.[0];
    const above = row?.values.get('mountpoint');
    if (row !== undefined)
      return { missing, mountpoint: above?.startsWith('/') ? join(above, ...parts.slice(depth)) : undefined };
    missing.unshift(dataset);
  }
  return { missing, mountpoint: undefined };
}

const deactivateInput = z.object({ pool: z.string().min(1) });

export const poolDeactivate = defineChange<typeof deactivateInput, { pool: string }>({
  id: 'pool.deactivate',
  title: 'Stop using a pool for jails',
  effect: 'change',
  recover: 'undo',
  input: deactivateInput,
  locks(_, input) {
    assertPoolName(input.pool);
    return [`pool:${input.pool}`];
  },
  async plan(context, input) {
    const pool = (await context.storage.pools()).find((candidate) => candidate.name === input.pool);
    if (pool === undefined) throw failure('POOL_NOT_FOUND', { pool: input.pool });
    if (!pool.active) throw failure('POOL_NOT_ACTIVE', { pool: pool.name });
    const running = await context.host.running(pool.name);
    const marked = (await context.storage.local(pool.name))?.get(activeProperty) ?? null;
    if (running.size > 0) throw failure('POOL_IN_USE', { pool: pool.name, jails: [...running.keys()] });
    return {
      subject: pool.name,
      title: `Deactivating pool ${pool.name}`,
      steps: [
        setProperties({
          dataset: pool.name,
          properties: { [activeProperty]: 'no' },
          previous: { [activeProperty]: marked },
        }),
      ],
      result: () => ({ pool: pool.name }),
    };
  },
  command: {
    names: ['deactivate'],
    group: 'host',
    usage: 'POOL',
    about: 'Only takes the mark away: nothing is destroyed, and activate brings everything back.',
    examples: [{ line: 'iocage deactivate tank', says: 'its jails must be down' }],
    toInputs: (words) => [{ pool: onePool('deactivate', words) }],
  },
});

function onePool(command: string, words: Words): string {
  const [pool, ...more] = words.positionals;
  if (pool === undefined || more.length > 0) throw failure('USAGE', { problem: 'one pool, please', command });
  return pool;
}
