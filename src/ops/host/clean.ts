/**
 * `clean`: destroys all jails, templates, releases, or all of these. Everything that will go is computed
 * first and shown, filesystem by filesystem; nothing else goes, and what anything outside depends on is
 * refused. One `zfs destroy` for each filesystem, through the guard, clones before what they are clones
 * of; never `-R`. The layout itself, the stored defaults and what iocage did not make stay.
 */
import { join } from 'node:path';
import * as z from 'zod';
import { defineChange } from '../operation.ts';
import type { Step } from '../../driver/system.ts';
import type { DatasetRow } from '../../driver/storage.ts';
import { failure } from '../../domain/errors.ts';
import { label, type Jail } from '../../domain/jail.ts';
import { readWorld, type World } from '../world.ts';
import { destroyDataset, destroySnapshot, unmountDataset } from '../steps/dataset.ts';
import { removeFile, removeLink } from '../steps/file.ts';
import { debugClean } from './clean-debug.ts';
import { stopFirst } from '../jail/destroy.ts';
import { datasetOf, dependentsOf, isInside, originsMadeFor, type Clone } from '../jail/loss.ts';
import { jailLock, noPositionals, noProperties } from '../jail/select.ts';
import { releaseLock } from '../release/destroy.ts';

const groups = ['jails', 'templates', 'releases'] as const;
type Group = (typeof groups)[number];

const cleanInput = z.object({
  what: z.array(z.enum(groups)).min(1, 'say what: -j jails, -t templates, -r releases, -a all of them'),
  /** Stop running jails first. */
  force: z.boolean().default(false),
});

interface Cleaned {
  /** Datasets and snapshots that are gone. */
  readonly destroyed: readonly string[];
  /** Datasets of these groups that iocage did not make, and that stay. */
  readonly left: readonly string[];
}

export const poolClean = defineChange<typeof cleanInput, Cleaned>({
  id: 'pool.clean',
  title: 'Destroy all jails, templates or releases',
  effect: 'destroy',
  recover: 'finish',
  input: cleanInput,
  async locks(context, { what }) {
    const world = await readWorld(context);
    return [
      ...jailsOf(world, what).map(jailLock),
      ...(what.includes('releases')
        ? world.releases.map(({ name }) => releaseLock(world.pool.name, name))
        : []),
    ];
  },
  async plan(context, { what, force }) {
    const world = await readWorld(context);
    const jails = jailsOf(world, what);
    const rows = (await context.storage.filesystems(world.root, 32, ['mounted'])) ?? [];
    const roots = [...jails.map(({ dataset }) => dataset), ...releaseRoots(world, rows, what)];
    const clones = await context.storage.clones(world.pool.name);
    const dependents = dependentsOf(clones, roots);
    if (dependents.length > 0) {
      const named = dependents.map((dataset) => nameOf(world, dataset));
      throw failure('HAS_DEPENDENTS', { what: words(what), dependents: [...new Set(named)] });
    }
    if (what.includes('releases')) refuseSharedBase(world, jails);
    const inside = rows.filter(({ name }) => isInside(name, roots));
    const order = destroyOrder(
      inside.map(({ name }) => name),
      clones,
    );
    const origins = await originsMadeFor(context, clones, roots);
    const snapshots = (await context.storage.snapshots(world.root, undefined, []))
      .filter(({ dataset }) => isInside(dataset, roots))
      .map(({ name }) => name);
    const destroyed = [...order.toReversed(), ...snapshots, ...origins];
    const stops = [];
    for (const jail of jails) stops.push(...(await stopFirst(context, world, jail, force)));
    return {
      subject: `${words(what)} of ${world.pool.name}`,
      title: `this destroys ${words(what)} of pool ${world.pool.name}`,
      loses: destroyed,
      typed: world.pool.name,
      steps:
        roots.length === 0
          ? []
          : [...stops, ...destroySteps(world, jails, roots, inside, order, origins, clones)],
      result: () => ({ destroyed, left: strangers(world, what) }),
    };
  },
  command: {
    names: ['clean'],
    group: 'host',
    usage: '-j | -t | -r | -a | -d [-f]',
    flags: [
      { key: 'jails', flags: '-j, --jails', doc: 'all jails' },
      { key: 'templates', flags: '-t, --template', doc: 'all templates' },
      { key: 'releases', flags: '-r, --release', doc: 'all releases, with what was downloaded for them' },
      { key: 'all', flags: '-a, --all', doc: 'jails, templates and releases' },
      { key: 'debug', flags: '-d, --debug', doc: 'the reports that debug wrote, and nothing else' },
      { key: 'force', flags: '-f, --force', doc: 'do not ask, and stop running jails first' },
    ],
    about:
      "Shows every dataset and snapshot that will be lost, and wants the pool's name typed. Refused while jails " +
      'run, unless -f stops them, and while anything that stays was cloned from what would go. ' +
      'The pool stays activated, with its stored defaults.',
    examples: [
      { line: 'iocage clean -j', says: 'shows what goes with all jails, and asks' },
      { line: 'iocage clean -a -f', says: 'everything, without the question; for scripts' },
    ],
    instead: (given) => (given.flags['debug'] === true ? debugClean : undefined),
    toInputs(given) {
      noPositionals('clean', given);
      noProperties('clean', given);
      const { flags } = given;
      const what = groups.filter((group) => flags['all'] === true || flags[group] === true);
      return [{ what, force: flags['force'] === true }];
    },
  },
});

function words(what: readonly Group[]): string {
  return what.length === groups.length ? 'all jails, templates and releases' : `all ${what.join(' and ')}`;
}

/** A damaged jail of ours goes too; what only lies there stays. */
function jailsOf(world: World, what: readonly Group[]): readonly Jail[] {
  return world.jails.filter((jail) => jail.ours && what.includes(groupOf(world, jail)));
}

function groupOf(world: World, jail: Jail): 'jails' | 'templates' {
  return jail.template || jail.dataset.startsWith(`${world.root}/templates/`) ? 'templates' : 'jails';
}

/** The releases that fetch made, their downloads, and the base datasets of the original. */
function releaseRoots(world: World, rows: readonly DatasetRow[], what: readonly Group[]): readonly string[] {
  if (!what.includes('releases')) return [];
  const releases = world.releases.filter((release) => release.local.has('release_kind'));
  return releases.flatMap(({ dataset, name }) => {
    const download = `${world.root}/download/${name}`;
    return rows.some((row) => row.name === download) ? [dataset, download] : [dataset];
  });
}

function strangers(world: World, what: readonly Group[]): readonly string[] {
  const jails = world.jails.filter((jail) => !jail.ours && what.includes(groupOf(world, jail)));
  const releases = what.includes('releases')
    ? world.releases.filter((release) => !release.local.has('release_kind'))
    : [];
  return [...jails, ...releases].map(({ dataset }) => dataset);
}

function nameOf(world: World, dataset: string): string {
  const jail = world.jails.find((each) => isInside(dataset, [each.dataset]));
  return jail === undefined ? dataset : label(jail);
}

/** A basejail is no clone, and without its release it is no jail. */
function refuseSharedBase(world: World, going: readonly Jail[]): void {
  const gone = new Set(going.map(({ dataset }) => dataset));
  const by = world.jails
    .filter(({ local, dataset }) => local.get('type') === 'basejail' && !gone.has(dataset))
    .map(label);
  if (by.length > 0) throw failure('HAS_DEPENDENTS', { what: 'all releases', dependents: by });
}

/**
 * Filesystems in an order in which each can be destroyed alone: what is below before what it is below,
 * a clone before what it is a clone of.
 *
 * @throws GUARDED when they hang on each other in a circle, which only a promotion by hand can make
 */
export function destroyOrder(filesystems: readonly string[], clones: readonly Clone[]): readonly string[] {
  const own = new Set(filesystems);
  const before = new Map<string, string[]>(filesystems.map((name) => [name, []]));
  const goesFirst = (first: string, then: string): void => {
    if (first !== then && own.has(first) && own.has(then)) before.get(then)!.push(first);
  };
  for (const name of filesystems) goesFirst(name, name.slice(0, name.lastIndexOf('/')));
  for (const { dataset, origin } of clones) goesFirst(dataset, datasetOf(origin));
  const order: string[] = [];
  const state = new Map<string, 'open' | 'done'>();
  const visit = (name: string): void => {
    if (state.get(name) === 'done') return;
    if (state.get(name) === 'open')
      throw failure('GUARDED', { dataset: name, why: 'it and what is below it are clones of each other' });
    state.set(name, 'open');
    for (const first of before.get(name)!) visit(first);
    state.set(name, 'done');
    order.push(name);
  };
  for (const name of filesystems) visit(name);
  return order;
}

/** Below it, or a clone of it or of what is below it. */
function hangsOn(name: string, dataset: string, clones: readonly Clone[]): boolean {
  if (isInside(name, [dataset])) return true;
  return clones.some((clone) => clone.dataset === name && isInside(datasetOf(clone.origin), [dataset]));
}

function destroySteps(
  world: World,
  jails: readonly Jail[],
  roots: readonly string[],
  inside: readonly DatasetRow[],
  order: readonly string[],
  origins: readonly string[],
  clones: readonly Clone[],
): readonly Step[] {
  const mounted = (root: string): readonly string[] =>
    inside
      .filter(({ name, values }) => isInside(name, [root]) && values.get('mounted') === 'yes')
      .map(({ name }) => name);
  return [
    ...jails.flatMap((jail) =>
      jail.mountpoint === undefined
        ? []
        : [removeLink({ target: jail.mountpoint, path: join(world.mountpoint, 'tags', jail.tag) })],
    ),
    // All of this can be taken back: while a single file is in use nothing goes.
    ...roots.map((dataset) => unmountDataset({ dataset, mounted: mounted(dataset) })),
    ...order.map((dataset, index) => {
      const gone = order.slice(0, index).filter((name) => hangsOn(name, dataset, clones));
      return destroyDataset({ dataset, recursive: false, ...(gone.length === 0 ? {} : { gone }) });
    }),
    ...origins.map((name) => destroySnapshot({ name, recursive: false }, { onError: 'warn' })),
    ...jails.map(({ uuid }) => removeFile({ path: join(world.mountpoint, 'log', `${uuid}-console.log`) })),
  ];
}
