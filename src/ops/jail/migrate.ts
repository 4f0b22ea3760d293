/**
 * `migrate`: a jail that another tool configures in a file becomes one of ours. What holds for it now is stored
 * as properties of its dataset, the tool's own defaults among them where ours are other ones; the file is kept
 * beside until somebody says that all is well, and `--back` makes the jail the tool's again. Nothing else of the
 * jail is touched: datasets, snapshots, clones of it and its fstab stay as they are.
 */
import { join } from 'node:path';
import * as z from 'zod';
import { defineChange, type Words } from '../operation.ts';
import type { Context } from '../context.ts';
import type { Step } from '../../driver/system.ts';
import { configOf, effective } from '../../domain/config.ts';
import { failure, type Issue } from '../../domain/errors.ts';
import { holderOf, label, type Jail } from '../../domain/jail.ts';
import { nameProblem } from '../../domain/name.ts';
import { properties } from '../../domain/properties/index.ts';
import { valueProblem } from '../../domain/codec/text.ts';
import { keepFile } from '../steps/config-file.ts';
import { inheritProperties, setProperties } from '../steps/dataset.ts';
import { makeLink, removeFile, removeLink } from '../steps/file.ts';
import { findSource } from '../source/find.ts';
import { migratedStamp } from '../world/jail.ts';
import { namespace } from '../../domain/property.ts';
import { readWorld } from '../world/read.ts';
import { releaseOf, toSpec } from '../world/spec.ts';
import type { World } from '../world/world.ts';
import { assertDown, jailInput, lockJail, manyJails, readJail } from './select.ts';
import { writable } from './store.ts';
import { marker, migrateTo } from './migrate-to.ts';
import { assertTrusted } from './trusted-config.ts';
import { jailAdopt } from '../adopt/adopt.ts';

const kept = (file: string): string => `${file}.migrated`;
const stamp = `${namespace}op`;
/** Beside ours, so that nothing reads it: what a property was before, until all is well or the jail goes back. */
const earlier = 'org.freebsd.iocage.before:';

interface Migrated {
  readonly uuid: string;
  readonly tag: string;
  /** The tool. */
  readonly from: string;
  /** Where its file is now. */
  readonly kept: string;
  readonly properties: readonly { readonly key: string; readonly value: string }[];
}

/** What holds now and would not hold by itself, in canonical spelling where the value can be read. */
function toStore(world: World, jail: Jail): Map<string, string> {
  const now = configOf(jail, world.defaults);
  const base = effective(new Map(), world.defaults, { uuid: jail.uuid });
  const release = releaseOf(world, jail, now.get('release'))?.name;
  const values = new Map(
    properties.flatMap(({ key, store }): (readonly [string, string])[] => {
      const value = key === 'release' ? (release ?? now.get(key)) : now.get(key);
      return store !== 'user' || value === undefined || value === base.get(key) ? [] : [[key, value]];
    }),
  );
  return values.set('host_hostuuid', jail.uuid).set('tag', jail.tag);
}

function assertStorable(values: ReadonlyMap<string, string>): void {
  const issues: Issue[] = [...values].flatMap(([path, value]) => {
    const problem = valueProblem(value);
    return problem === undefined ? [] : [{ path, problem }];
  });
  if (issues.length > 0) throw failure('INVALID_INPUT', { issues });
}

function assertTagFree(world: World, jail: Jail): void {
  const problem = nameProblem('tag', jail.tag);
  if (problem !== undefined) throw failure('INVALID_INPUT', { issues: [{ path: 'tag', problem }] });
  const holder = holderOf(
    world.jails.filter(({ uuid }) => uuid !== jail.uuid),
    jail.tag,
  );
  if (holder !== undefined) throw failure('NAME_TAKEN', { what: 'tag', name: jail.tag, by: holder.uuid });
}

/** Properties that another tool, or an older iocage, left on the dataset would count from now on. */
async function storedBefore(
  { storage }: Context,
  { dataset }: Jail,
  prefix = namespace,
): Promise<ReadonlyMap<string, string>> {
  const local = (await storage.local(dataset)) ?? new Map<string, string>();
  return new Map([...local].filter(([key]) => key.startsWith(prefix)));
}

async function linkSteps({ files }: Context, world: World, jail: Jail): Promise<readonly Step[]> {
  const path = join(world.mountpoint, 'tags', jail.tag);
  const there = (await files.readlink(path)) ?? (await files.stat(path));
  return there === undefined ? [makeLink({ target: jail.mountpoint!, path })] : [];
}

export const jailMigrate = defineChange<typeof jailInput, Migrated>({
  id: 'jail.migrate',
  title: 'Make jails of other tools our own',
  effect: 'change',
  recover: 'undo',
  anyFormat: true,
  input: jailInput,
  locks: lockJail,
  async plan(context, input) {
    const { world, jail } = await readJail(context, input.jail);
    toSpec(world, jail); // what is corrupt is refused here
    const { file, dataset, uuid, tag } = jail;
    if (file === undefined)
      throw failure('UNSUPPORTED', {
        what: `migrating jail ${label(jail)}`,
        why: 'its configuration is in properties of its dataset already',
      });
    await assertDown(context, jail, 'migrate');
    // As a property of the dataset nobody would ask any more who wrote it.
    await assertTrusted(context, world, jail);
    assertTagFree(world, jail);
    const values = toStore(world, jail);
    assertStorable(values);
    const root = jail.mountpoint!;
    if ((await context.files.statBelow(root, kept(file.name))) !== undefined)
      throw failure('FILE_FAILED', { path: join(root, kept(file.name)), why: 'already exists' });
    const before = await storedBefore(context, jail);
    const stored = new Map([...values].map(([key, value]) => [namespace + key, value]));
    stored.set(marker, file.name).set(stamp, migratedStamp);
    for (const [key, value] of before) stored.set(earlier + key.slice(namespace.length), value);
    const stale = [...before.keys()].filter((key) => !stored.has(key));
    const previous = (keys: Iterable<string>) =>
      Object.fromEntries([...keys].map((key) => [key, before.get(key) ?? null]));
    return {
      subject: label(jail),
      title: `Migrating ${label(jail)} from ${file.title}`,
      steps: [
        setProperties({ dataset, properties: Object.fromEntries(stored), previous: previous(stored.keys()) }),
        ...(stale.length === 0
          ? []
          : [inheritProperties({ dataset, keys: stale, previous: previous(stale) })]),
        ...(await writable(context, jail, keepFile({ root, from: file.name, to: kept(file.name) }))),
        ...(await linkSteps(context, world, jail)),
      ],
      result: () => ({
        uuid,
        tag,
        from: file.title,
        kept: join(root, kept(file.name)),
        properties: [...values].map(([key, value]) => ({ key, value })),
      }),
    };
  },
  command: {
    names: ['migrate'],
    group: 'jails',
    usage: 'JAIL ... | ALL',
    flags: [
      { key: 'confirm', flags: '--confirm', doc: "all is well: remove the other tool's file that was kept" },
      { key: 'back', flags: '--back', doc: "make the jail the other tool's again, as it was" },
      { key: 'force', flags: '-f, --force', doc: 'with --confirm and --back: do not ask' },
      {
        key: 'from',
        flags: '--from <tool>',
        doc: 'copy jails of bastille, ezjail, pot or jail.conf, which stay as they are',
      },
      { key: 'to', flags: '--to <tool>', doc: 'a jail of ours as python or libiocage keeps it' },
      {
        key: 'path',
        flags: '--path <path>',
        doc: 'with --from: the directory with its jails, or the jail.conf; default where the tool keeps it',
      },
      { key: 'name', flags: '-n, --name <name>', doc: 'with --from: another name for the new jail' },
    ],
    about:
      'For jails whose configuration is in config.json (Python iocage, libiocage) or config (UCL). What holds for the ' +
      'jail is stored as properties of its dataset; the file is kept until --confirm. The jail must be down.',
    examples: [
      { line: 'iocage migrate --dry-run web', says: 'each property that would be stored' },
      { line: 'iocage migrate ALL', says: 'every jail that another tool configures' },
      { line: 'iocage migrate --back web', says: 'as it was before; asks first' },
      { line: 'iocage migrate --from bastille ALL', says: 'a copy of each jail of Bastille' },
      { line: 'iocage migrate --to python web', says: 'into a config.json of Python iocage' },
      { line: 'iocage migrate --confirm web', says: 'it is well: remove the kept file; asks first' },
    ],
    instead: ({ flags }) => {
      if (flags['from'] !== undefined) return jailAdopt;
      if (flags['to'] !== undefined) return migrateTo;
      return flags['confirm'] === true ? migrateConfirm : flags['back'] === true ? migrateBack : undefined;
    },
    toInputs: migrateWords,
  },
});

/** Those of ours are told and left alone, one that is named as those of ALL. */
async function migrateWords(words: Words, context: Context): Promise<readonly { jail: string }[]> {
  const inputs = await manyJails('migrate', words, context, (jail) => jail.file !== undefined);
  if (inputs.length === 0)
    context.emit({ type: 'note', id: '', level: 'info', text: 'no jail here is configured by another tool' });
  const wanted: { jail: string }[] = [];
  for (const input of inputs) {
    const { context: own, name } = await findSource(context, input.jail);
    const { jails } = await readWorld(own);
    const jail = holderOf(jails, name);
    if (jail === undefined || jail.file !== undefined || jail.problem !== undefined) wanted.push(input);
    else noteNoMigration(context, jail);
  }
  return wanted;
}

export function noteNoMigration(context: Context, jail: Jail): void {
  context.emit({ type: 'note', id: '', level: 'info', text: `${jail.tag} needs no migration` });
}

const settleInput = jailInput.extend({ force: z.boolean().default(false) });

interface Settled {
  readonly uuid: string;
  readonly tag: string;
  readonly file: string;
}

/** @throws UNSUPPORTED when the jail was not migrated, or its file is gone */
async function readKept(context: Context, jail: Jail, verb: string) {
  const name = jail.local.get('migrated_from');
  const root = jail.mountpoint;
  // After a rollback to a snapshot from before the migration it has its old name again.
  for (const at of name === undefined || root === undefined ? [] : [kept(name), name])
    if ((await context.files.statBelow(root!, at))?.type === 'file') return { name: name!, root: root!, at };
  throw failure('UNSUPPORTED', {
    what: `migrate ${verb} of jail ${label(jail)}`,
    why: `no configuration file of another tool is kept`,
  });
}

export const migrateConfirm = defineChange<typeof settleInput, Settled>({
  id: 'jail.migrate-confirm',
  title: 'Remove the configuration that a migrated jail had',
  effect: 'destroy',
  recover: 'finish',
  input: settleInput,
  locks: lockJail,
  async plan(context, input) {
    const { jail } = await readJail(context, input.jail);
    const { name, root, at } = await readKept(context, jail, '--confirm');
    const path = join(root, at);
    const previous = { ...Object.fromEntries(await storedBefore(context, jail, earlier)), [marker]: name };
    return {
      subject: label(jail),
      title: `Removing what ${label(jail)} was configured by`,
      loses: [path],
      steps: [
        ...(await writable(context, jail, removeFile({ path }))),
        inheritProperties({ dataset: jail.dataset, keys: Object.keys(previous), previous }),
      ],
      result: () => ({ uuid: jail.uuid, tag: jail.tag, file: path }),
    };
  },
  command: {
    names: ['migrate --confirm'],
    group: 'jails',
    usage: '[-f] JAIL ... | ALL',
    examples: [],
    toInputs: migrated,
  },
});

export const migrateBack = defineChange<typeof settleInput, Settled>({
  id: 'jail.migrate-back',
  title: 'Give a migrated jail back to the tool that it came from',
  effect: 'destroy',
  recover: 'undo',
  input: settleInput,
  locks: lockJail,
  async plan(context, input) {
    const { world, jail } = await readJail(context, input.jail);
    const { name, root, at } = await readKept(context, jail, '--back');
    await assertDown(context, jail, 'migrate --back');
    if (at !== name && (await context.files.statBelow(root, name)) !== undefined)
      throw failure('FILE_FAILED', { path: join(root, name), why: 'already exists' });
    const { dataset } = jail;
    const [now, aside] = [await storedBefore(context, jail), await storedBefore(context, jail, earlier)];
    const before = Object.fromEntries(
      [...aside].map(([key, value]) => [namespace + key.slice(earlier.length), value]),
    );
    const gone = [...now.keys(), ...aside.keys()].filter((key) => !(key in before));
    const previous = (keys: readonly string[]) =>
      Object.fromEntries(keys.map((key) => [key, now.get(key) ?? aside.get(key) ?? null]));
    const link = { target: root, path: join(world.mountpoint, 'tags', jail.tag) };
    return {
      subject: label(jail),
      title: `Giving ${label(jail)} back`,
      loses: [`what was set of ${label(jail)} since it was migrated`],
      steps: [
        ...(await writable(context, jail, keepFile({ root, from: kept(name), to: name }))),
        ...(aside.size === 0
          ? []
          : [setProperties({ dataset, properties: before, previous: previous(Object.keys(before)) })]),
        inheritProperties({ dataset, keys: gone, previous: previous(gone) }),
        // Those of UCL had their link from the original.
        ...(name === 'config' ? [] : [removeLink(link)]),
      ],
      result: () => ({ uuid: jail.uuid, tag: jail.tag, file: join(root, name) }),
    };
  },
  command: {
    names: ['migrate --back'],
    group: 'jails',
    usage: '[-f] JAIL ... | ALL',
    examples: [],
    toInputs: migrated,
  },
});

/** `ALL`: every jail whose earlier file is still kept. */
async function migrated(words: Words, context: Context): Promise<readonly z.infer<typeof settleInput>[]> {
  const inputs = await manyJails('migrate', words, context, (jail) => jail.local.has('migrated_from'));
  return inputs.map((input) => ({ ...input, force: words.flags['force'] === true }));
}
