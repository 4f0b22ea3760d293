/** `list`: jails or templates; a constant number of child processes, whatever the number of jails. */
import { join } from 'node:path';
import * as z from 'zod';
import { defineRead } from '../operation.ts';
import { type Context } from '../context.ts';
import { compareNatural } from '../../domain/order.ts';
import { userlandOf } from '../../domain/userland.ts';
import type { ForeignJail } from '../../driver/host.ts';
import { releaseList } from '../release/list.ts';
import { pluginList } from '../plugin/list.ts';
import { releaseRemote } from '../release/remote.ts';
import { inFull } from '../source/each.ts';
import { readWithRunning } from '../world/read.ts';
import type { World } from '../world/world.ts';
import { listedJail, type ListedJail } from './listed.ts';
import { noPositionals, noProperties } from './select.ts';

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
    const jails = world.jails
      .filter((jail) => jail.template === templates)
      .map((jail) => listedJail(world, jail, running.get(jail.uuid)))
      .filter((jail) => (!basejails || jail.basejail) && (!plugins || holdsPlugin(world, jail)));
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
