/**
 * `clean`: destroys all jails, templates, releases, or all of these. Everything that will go is computed
 * first and shown, filesystem by filesystem; nothing else goes, and what anything outside depends on is
 * refused. One `zfs destroy` for each filesystem, through the guard, clones before what they are clones
 * of (`losses.ts`). The layout itself, the stored defaults and what iocage did not make stay.
 */
import * as z from 'zod';
import { defineChange } from '../operation.ts';
import type { DatasetRow } from '../../driver/storage.ts';
import { failure } from '../../domain/errors.ts';
import { label, type Jail } from '../../domain/jail.ts';
import { readWorld } from '../world/read.ts';
import type { World } from '../world/world.ts';
import { debugClean } from './clean-debug.ts';
import { assertNoOthers, planLosses } from '../jail/losses.ts';
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
      ...(what.includes('releases') ? world.releases.map(({ name }) => releaseLock(world.realm, name)) : []),
    ];
  },
  async plan(context, { what, force }) {
    const world = await readWorld(context);
    const jails = jailsOf(world, what);
    const rows = (await context.storage.filesystems(world.root, 32, ['mounted'])) ?? [];
    const roots = [...jails.map(({ dataset }) => dataset), ...releaseRoots(world, rows, what)];
    const clones = await context.storage.clones(world.pool.name);
    assertNoOthers(world, clones, roots, words(what));
    if (what.includes('releases')) refuseSharedBase(world, jails);
    const { destroyed, steps } = await planLosses(context, world, { jails, roots, rows, clones, force });
    return {
      subject: `${words(what)} of ${world.pool.name}`,
      title: `this destroys ${words(what)} of pool ${world.pool.name}`,
      loses: destroyed,
      typed: world.pool.name,
      steps: roots.length === 0 ? [] : steps,
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
      { key: 'releases', flags: '-b, --base', doc: 'same as --release' },
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

/** A basejail is no clone, and without its release it is no jail. */
function refuseSharedBase(world: World, going: readonly Jail[]): void {
  const gone = new Set(going.map(({ dataset }) => dataset));
  const by = world.jails
    .filter(({ local, dataset }) => local.get('type') === 'basejail' && !gone.has(dataset))
    .map(label);
  if (by.length > 0) throw failure('HAS_DEPENDENTS', { what: 'all releases', dependents: by });
}
