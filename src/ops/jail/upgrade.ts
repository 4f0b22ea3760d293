/**
 * `upgrade` and `rebase`: a jail comes to a newer release, or to what its release is by now. Snapshot first; a
 * health check and the way back by `guarded-change.ts`; which files change and how by `rebase.ts`.
 */
import { join } from 'node:path';
import * as z from 'zod';
import { defineChange, type Flag, type Words } from '../operation.ts';
import type { Context } from '../context.ts';
import { failure } from '../../domain/errors.ts';
import { findJail, label } from '../../domain/jail.ts';
import { readWorld } from '../world/read.ts';
import type { MergeReport } from '../steps/merge.ts';
import { releaseLock } from '../release/destroy.ts';
import { guardedChange, guardName } from './guarded-change.ts';
import { planRebase, type Verb } from './rebase.ts';
import { jailLock, manyJails, readJail } from './select.ts';
import { assertNoWayBack, upgradeBack, upgradeDone } from './way-back.ts';

const upgradeInput = z.object({
  jail: z.string().min(1, 'a jail is named by its UUID or its tag'),
  release: z.string().min(1).optional(),
  /** A line for the jail's shell. */
  health: z.string().min(1).optional(),
});
type Input = z.output<typeof upgradeInput>;

interface Upgraded extends MergeReport {
  readonly uuid: string;
  readonly tag: string;
  readonly from: string;
  readonly to: string;
  /** Undefined when it was only looked. */
  readonly snapshot?: string;
  /** A clone has a fresh root, and its former one beside it. */
  readonly fresh: boolean;
}

/** The jail, and the releases that it comes from and goes to: none may go or change meanwhile. */
async function locks(context: Context, { jail: name, release }: Input): Promise<readonly string[]> {
  const world = await readWorld(context);
  const jail = findJail(world.jails, name);
  const releases = [jail.local.get('release'), release].filter((each) => each !== undefined);
  return [jailLock(jail), ...new Set(releases.map((each) => releaseLock(jail.realm, each)))];
}

async function readReport(context: Context, path: string): Promise<MergeReport> {
  return JSON.parse((await context.files.read(path)) ?? '{"changes":[],"conflicts":[]}') as MergeReport;
}

function change(verb: Verb, title: string, title_: string) {
  return {
    id: `jail.${verb}`,
    title,
    effect: 'change' as const,
    recover: 'undo' as const,
    input: upgradeInput,
    locks,
    async plan(context: Context, input: Input) {
      const { world, jail } = await readJail(context, input.jail);
      const { health } = input;
      const rebase = await planRebase(context, world, jail, verb, input.release);
      await assertNoWayBack(context, jail);
      const { spec, changed, from, to, fresh } = rebase;
      const snapshot = guardName(context, verb);
      const running = (await context.host.running(jail.realm)).has(jail.uuid);
      return {
        subject: label(jail),
        title: `${title_} ${label(jail)} to ${to}`,
        steps: await guardedChange(context, {
          dataset: jail.dataset,
          spec,
          changed,
          running,
          snapshot,
          down: rebase.apply(snapshot),
          health,
        }),
        result: async (): Promise<Upgraded> => ({
          ...{ uuid: jail.uuid, tag: jail.tag, from, to, snapshot, fresh },
          ...(await readReport(context, rebase.report)),
        }),
      };
    },
  };
}

function look(verb: Verb) {
  return {
    id: `jail.${verb}-look`,
    title: `Tell what ${verb} would change in a jail`,
    effect: 'change' as const,
    recover: 'undo' as const,
    input: upgradeInput,
    locks,
    async plan(context: Context, input: Input) {
      const { world, jail } = await readJail(context, input.jail);
      const rebase = await planRebase(context, world, jail, verb, input.release);
      const { from, to, fresh } = rebase;
      const path = join(context.paths.run, `upgrade-${jail.realm}-${jail.uuid}.json`);
      return {
        subject: label(jail),
        title: `Comparing ${label(jail)} with ${to}`,
        steps: rebase.look(path),
        result: async (): Promise<Upgraded> => {
          const report = await readReport(context, path);
          await context.files.remove(path);
          return { uuid: jail.uuid, tag: jail.tag, from, to, fresh, ...report };
        },
      };
    },
    command: {
      names: [`${verb} -n`] as const,
      group: 'jails' as const,
      usage: 'JAIL ... [release=RELEASE]',
      examples: [],
      toInputs: (words: Words, context: Context) => toInputs(verb, words, context),
    },
  };
}

export const upgradeLook = defineChange<typeof upgradeInput, Upgraded>(look('upgrade'));
export const rebaseLook = defineChange<typeof upgradeInput, Upgraded>(look('rebase'));

const flags: readonly Flag[] = [
  { key: 'release', flags: '-r, --release <release>', doc: 'same as release=RELEASE' },
  { key: 'look', flags: '-n, --look', doc: 'change nothing; list what would change, and the conflicts' },
  {
    key: 'health',
    flags: '--health <command>',
    doc: "run this by the jail's shell afterwards; when it fails, the jail is put back",
  },
];

export const jailUpgrade = defineChange<typeof upgradeInput, Upgraded>({
  ...change('upgrade', 'Bring jails to another release', 'Upgrading'),
  command: {
    names: ['upgrade'],
    group: 'jails',
    usage: 'JAIL ... | ALL release=RELEASE',
    flags: [
      ...flags,
      {
        key: 'back',
        flags: '--back',
        doc: 'put the jail back to what it was before its last upgrade or rebase',
      },
      { key: 'done', flags: '--done', doc: 'drop what --back needs' },
      { key: 'force', flags: '-f, --force', doc: 'with --back and --done: do not ask' },
    ],
    about:
      'A snapshot is taken first; a running jail is stopped for it and started again, and goes back by itself when ' +
      'something fails. What the jail has changed stays. Files in /etc that both sides changed are merged; where ' +
      'they cannot be, and elsewhere, those of the jail stay and the new ones lie beside them as ' +
      'FILE.new-RELEASE; each is listed. A clone gets a fresh root, cloned from the release.',
    examples: [
      { line: 'iocage upgrade -n web release=trixie', says: 'what would change, and the conflicts' },
      { line: 'iocage upgrade web release=trixie --health "nc -z 127.0.0.1 80"', says: 'or it goes back' },
      { line: 'iocage upgrade --back web', says: 'as it was before; asks first' },
      { line: 'iocage upgrade --done web', says: 'it is well: drop the snapshot and the former root' },
    ],
    instead({ flags: given }) {
      if (given['back'] === true) return upgradeBack;
      if (given['done'] === true) return upgradeDone;
      return given['look'] === true ? upgradeLook : undefined;
    },
    toInputs: (words, context) => toInputs('upgrade', words, context),
  },
});

export const jailRebase = defineChange<typeof upgradeInput, Upgraded>({
  ...change('rebase', 'Bring clones to their release as it is now, or to another', 'Rebasing'),
  command: {
    names: ['rebase'],
    group: 'jails',
    usage: 'JAIL ... | ALL [release=RELEASE]',
    flags,
    about:
      'For clones, whose release was patched since, and for clones and basejails that are to come to another release. ' +
      'As upgrade does it: see there for what stays and for the way back.',
    examples: [
      { line: 'iocage rebase web', says: 'web is a clone of its release as it is now' },
      { line: 'iocage rebase -n ALL', says: 'what would change in every clone' },
    ],
    instead: ({ flags: given }) => (given['look'] === true ? rebaseLook : undefined),
    toInputs: (words, context) => toInputs('rebase', words, context),
  },
});

async function toInputs(verb: Verb, words: Words, context: Context): Promise<readonly Input[]> {
  const { properties, flags: given } = words;
  const other = properties.find(([key]) => key !== 'release');
  if (other !== undefined)
    throw failure('USAGE', {
      problem: `${verb} takes no properties but release: ${other.join('=')}`,
      command: verb,
    });
  const named = [...properties.map(([, value]) => value), given['release']].filter(
    (value): value is string => typeof value === 'string',
  );
  if (new Set(named).size > 1)
    throw failure('USAGE', { problem: `two releases: ${named.join(', ')}`, command: verb });
  const [release] = named;
  const health = given['health'] as string | undefined;
  // A release that every jail has is no reason to fail for those.
  const jails = await manyJails(
    verb,
    { ...words, properties: [] },
    context,
    (jail) => !jail.template && jail.local.has('release') && canCome(verb, jail.local, release),
  );
  return jails.map(({ jail }) => ({
    jail,
    ...(release === undefined ? {} : { release }),
    ...(health === undefined ? {} : { health }),
  }));
}

/** Of ALL, those that it means. */
function canCome(verb: Verb, local: ReadonlyMap<string, string>, release: string | undefined): boolean {
  const type = local.get('type');
  const other = release !== undefined && local.get('release') !== release;
  if (verb === 'upgrade') return release === undefined || other;
  return type === 'clonejail' || (type === 'basejail' && other);
}
