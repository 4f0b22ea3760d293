/** `list`, `df`, `runtime`: constant numbers of child processes, whatever the number of jails. */
import { join } from 'node:path';
import * as z from 'zod';
import { defineRead, type Context } from '../operation.ts';
import { failure } from '../../domain/errors.ts';
import { configOf } from '../../domain/config.ts';
import { compareNatural } from '../../domain/order.ts';
import { label, type Jail } from '../../domain/jail.ts';
import { userlandOf } from '../../domain/userland.ts';
import type { ForeignJail, RunningJail } from '../../driver/host.ts';
import { releaseList } from '../release/list.ts';
import { pluginList } from '../plugin/list.ts';
import { releaseRemote } from '../release/remote.ts';
import { inFull } from '../sources.ts';
import { readWithRunning, readWorld, toSpec, type World } from '../world.ts';
import { noPositionals, noProperties, oneJail, jailInput, readJail } from './select.ts';

export interface ListedJail {
  /** Where there are several sources; it stands before the name then. */
  readonly source?: string;
  readonly jid: number | null;
  readonly uuid: string;
  readonly tag: string;
  readonly name: string;
  readonly boot: boolean;
  readonly state: 'up' | 'down' | 'corrupt';
  readonly type: string;
  readonly release: string | null;
  /** Of a FreeBSD jail, with the patch level: `14.2-RELEASE-p1`. */
  readonly userland?: string;
  readonly ip4: string | null;
  readonly ip6: string | null;
  readonly template: string | null;
  readonly basejail: boolean;
  readonly vnet: boolean;
  /** Why the state is `corrupt`. */
  readonly problem?: string;
  /** What another process is doing to it just now; it is down for that. */
  readonly busy?: string;
  /** The tool in whose file its configuration is; absent where it is in properties of the dataset. */
  readonly configuredBy?: string;
}

const sorts = ['name', 'jid', 'state', 'release', 'ip4', 'boot', 'type', 'tag', 'uuid'] as const;

const listInput = z.object({
  /** Templates instead of jails. */
  templates: z.boolean().default(false),
  /** Only basejails. */
  basejails: z.boolean().default(false),
  /** Only jails that hold a plugin. */
  plugins: z.boolean().default(false),
  sort: z.enum(sorts).default('name'),
});

export const jailList = defineRead<
  typeof listInput,
  { jails: readonly ListedJail[]; foreign: readonly ForeignJail[] }
>({
  id: 'jail.list',
  title: 'List jails, templates or releases',
  input: listInput,
  everySource: {
    applies: () => true,
    merge: (answers, { sort }) => ({
      jails: sorted(
        inFull(answers, ({ jails }) => jails),
        sort,
      ),
      // They are the host's, whatever the source.
      foreign: answers[0]!.result.foreign,
    }),
  },
  async read(context, { templates, basejails, plugins, sort }) {
    const { world, running } = await readWithRunning(context);
    const jails = listedJails(world, running, templates).filter(
      (jail) => (!basejails || jail.basejail) && (!plugins || holdsPlugin(world, jail)),
    );
    const listed = await withUserlands(context, world, sorted(jails, sort));
    return { jails: listed, foreign: await context.host.foreign(world.realm) };
  },
  command: {
    names: ['list'],
    group: 'jails',
    usage: '',
    flags: [
      { key: 'templates', flags: '-t, --template', doc: 'templates instead of jails' },
      { key: 'releases', flags: '-r, --release', doc: 'the fetched releases' },
      { key: 'releases', flags: '-b, --base', doc: 'same as --release' },
      {
        key: 'remote',
        flags: '-R, --remote',
        doc: 'the releases of FreeBSD that can be fetched, and their support',
      },
      { key: 'basejails', flags: '-B, --basejails', doc: 'only basejails' },
      {
        key: 'plugins',
        flags: '-P, --plugins',
        doc: 'only jails with a plugin; with -R, the plugins that can be had',
      },
      { key: 'names', flags: '-q, --quick', doc: 'names and addresses only' },
      {
        key: 'warden',
        flags: '--warden',
        doc: 'a block of lines for each jail, as the develop lines print it',
      },
      { key: 'long', flags: '-l, --long', doc: 'more columns' },
      { key: 'sort', flags: '-s, --sort <column>', doc: `by ${sorts.join(', ')}` },
      { key: 'asEver', flags: '--http', doc: 'accepted and without effect' },
    ],
    examples: [
      { line: 'iocage list', says: 'all jails' },
      { line: 'iocage list -H', says: 'tab separated, without a header; for scripts' },
      { line: 'iocage list --json', says: 'for programs' },
      { line: 'iocage list -r', says: 'the releases that jails can be made from' },
      { line: 'iocage list -R', says: 'the releases of FreeBSD that can be fetched' },
    ],
    instead: ({ flags }) =>
      flags['remote'] === true
        ? flags['plugins'] === true
          ? pluginList
          : releaseRemote
        : flags['releases'] === true
          ? releaseList
          : undefined,
    toInputs(words) {
      noPositionals('list', words);
      noProperties('list', words);
      const sort = words.flags['sort'];
      return [
        {
          templates: words.flags['templates'] === true,
          basejails: words.flags['basejails'] === true,
          plugins: words.flags['plugins'] === true,
          ...(sort === undefined ? {} : { sort: String(sort).toLowerCase() }),
        },
      ];
    },
  },
});

const holdsPlugin = ({ jails }: Pick<World, 'jails'>, { uuid }: ListedJail): boolean =>
  (jails.find((jail) => jail.uuid === uuid)?.local.get('plugin_name') ?? 'none') !== 'none';

/** On FreeBSD each jail has its own patch level; a basejail that of its release. */
async function withUserlands(
  { host, files }: Context,
  world: World,
  jails: readonly ListedJail[],
): Promise<readonly ListedJail[]> {
  if (host.kernel !== 'freebsd') return jails;
  const released = new Map(world.releases.map(({ name, mountpoint }) => [name, mountpoint]));
  return Promise.all(
    jails.map(async (jail) => {
      const own = world.jails.find(({ uuid }) => uuid === jail.uuid)?.mountpoint;
      const place = jail.basejail ? released.get(jail.release ?? '') : own;
      const userland = place === undefined ? undefined : await userlandOf(files, join(place, 'root'));
      return userland === undefined ? jail : { ...jail, userland };
    }),
  );
}

/** The jails, or the templates, in the order of their datasets. */
function listedJails(
  world: World,
  running: ReadonlyMap<string, RunningJail>,
  templates: boolean,
): readonly ListedJail[] {
  return world.jails
    .filter((jail) => jail.template === templates)
    .map((jail) => listedJail(world, jail, running.get(jail.uuid)));
}

/** Null for what stands for nothing. */
function valueIn(values: ReadonlyMap<string, string>, key: string): string | null {
  const text = values.get(key);
  return text === undefined || text === 'none' || text === '-' ? null : text;
}

/** As configured, whether it runs or not; what only a running jail has (from DHCP) where nothing is. */
export function listedAddresses(
  values: ReadonlyMap<string, string>,
  family: 4 | 6,
  live: readonly string[] | undefined,
): string | null {
  if (values.get('ip4') === 'inherit' || values.get(`ip${family}`) === 'disable') return null;
  const configured = valueIn(values, `ip${family}_addr`);
  if (configured !== null && !/\bDHCP\b/i.test(configured)) return configured;
  return live && live.length > 0 ? live.join(',') : configured;
}

export function isBasejail(values: ReadonlyMap<string, string>): boolean {
  return values.get('type') === 'basejail' || values.get('basejail') === '1';
}

export function stateOf({ problem, busy }: Jail, running: RunningJail | undefined): ListedJail['state'] {
  if (problem !== undefined && busy === undefined) return 'corrupt';
  return running ? 'up' : 'down';
}

export function listedJail(world: World, jail: Jail, running: RunningJail | undefined): ListedJail {
  const values = configOf(jail, world.defaults);
  return {
    jid: running?.jid ?? null,
    uuid: jail.uuid,
    tag: jail.tag,
    name: jail.tag,
    boot: values.get('boot') === 'on',
    state: stateOf(jail, running),
    type: valueIn(values, 'type') ?? 'jail',
    release: valueIn(values, 'release'),
    ip4: listedAddresses(values, 4, running?.ip4),
    ip6: listedAddresses(values, 6, running?.ip6),
    template: valueIn(values, 'source_template'),
    basejail: isBasejail(values),
    vnet: values.get('vnet') === 'on',
    ...(jail.busy !== undefined
      ? { busy: jail.busy }
      : jail.problem === undefined
        ? {}
        : { problem: jail.problem }),
    ...(jail.file === undefined ? {} : { configuredBy: jail.file.title }),
  };
}

/** By the column, equal ones by name; numbers as numbers, jails that run before the others. */
function sorted(jails: readonly ListedJail[], by: (typeof sorts)[number]): readonly ListedJail[] {
  const key = (jail: ListedJail): string => {
    if (by === 'state') return { up: '0', down: '1', corrupt: '2' }[jail.state];
    if (by === 'boot') return jail.boot ? '0' : '1';
    const value = jail[by];
    return value === null ? '\uffff' : String(value);
  };
  return [...jails].sort(
    (a, b) =>
      compareNatural(key(a), key(b)) || compareNatural(a.name, b.name) || compareNatural(a.uuid, b.uuid),
  );
}

export interface Space {
  readonly uuid: string;
  readonly tag: string;
  readonly name: string;
  /** Such as `1.53x`. */
  readonly compressratio: string;
  readonly reservationBytes: number | null;
  readonly quotaBytes: number | null;
  readonly usedBytes: number;
  readonly availableBytes: number;
}

const dfSorts = ['name', 'crt', 'res', 'qta', 'use', 'ava'] as const;
const dfInput = z.object({ sort: z.enum(dfSorts).default('name') });

const spaceOrder: Record<(typeof dfSorts)[number], (space: Space) => number | string> = {
  name: (space) => space.name,
  crt: (space) => Number.parseFloat(space.compressratio),
  res: (space) => space.reservationBytes ?? 0,
  qta: (space) => space.quotaBytes ?? 0,
  use: (space) => space.usedBytes,
  ava: (space) => space.availableBytes,
};

function inOrder(spaces: readonly Space[], by: (typeof dfSorts)[number]): readonly Space[] {
  const key = spaceOrder[by];
  return spaces.toSorted((a, b) => compareNatural(String(key(a)), String(key(b))));
}

export const jailDf = defineRead<typeof dfInput, { jails: readonly Space[] }>({
  id: 'jail.df',
  title: 'Show the disk space of jails',
  input: dfInput,
  everySource: {
    applies: () => true,
    merge: (answers, { sort }) => ({
      jails: inOrder(
        inFull(answers, ({ jails }) => jails),
        sort,
      ),
    }),
  },
  async read(context, { sort }) {
    const world = await readWorld(context);
    const measured = await context.storage.measure(world.root, 2, [
      'compressratio',
      'reservation',
      'quota',
      'used',
      'available',
    ]);
    const jails = world.jails.map((jail): Space => {
      const values = measured.get(jail.dataset);
      const bytes = (key: string): number => Number(values?.get(key) ?? 0);
      return {
        uuid: jail.uuid,
        tag: jail.tag,
        name: jail.tag,
        compressratio: values?.get('compressratio') ?? '1.00x',
        reservationBytes: bytes('reservation') || null,
        quotaBytes: bytes('quota') || null,
        usedBytes: bytes('used'),
        availableBytes: bytes('available'),
      };
    });
    return { jails: inOrder(jails, sort) };
  },
  command: {
    names: ['df'],
    group: 'data',
    usage: '',
    flags: [
      { key: 'sort', flags: '-s, --sort <column>', doc: `by ${dfSorts.join(', ')}` },
      { key: 'asEver', flags: '-l, --long', doc: 'accepted: names are never cut' },
    ],
    examples: [{ line: 'iocage df', says: 'compression, reservation, quota, used and available space' }],
    toInputs(words) {
      noPositionals('df', words);
      const sort = words.flags['sort'];
      return [sort === undefined ? {} : { sort: String(sort).toLowerCase() }];
    },
  },
});

export const jailRuntime = defineRead<typeof jailInput, { uuid: string; words: readonly string[] }>({
  id: 'jail.runtime',
  title: 'Show the parameters that a running jail has',
  input: jailInput,
  async read(context, input) {
    const { world, jail } = await readJail(context, input.jail);
    if (!(await context.host.running(jail.realm)).has(jail.uuid))
      throw failure('NOT_RUNNING', { name: label(jail) });
    return { uuid: jail.uuid, words: await context.host.runtime(toSpec(world, jail)) };
  },
  command: {
    names: ['runtime'],
    group: 'jails',
    usage: 'JAIL',
    examples: [{ line: 'iocage runtime web', says: 'as the kernel sees it now, not as it is configured' }],
    toInputs: (words) => [oneJail('runtime', words)],
  },
});
