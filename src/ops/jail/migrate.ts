/**
 * `migrate`: a jail that another tool configures in a file becomes one of ours. What holds for it now is stored
 * as properties of its dataset, the tool's own defaults among them where ours are other ones; the file is kept
 * beside until somebody says that all is well, and `--back` makes the jail the tool's again. Nothing else of the
 * jail is touched: datasets, snapshots, clones of it and its fstab stay as they are.
 */
import { join } from 'node:path';
import { defineChange, type Words } from '../operation.ts';
import { type Context } from '../context.ts';
import type { Step } from '../../driver/system.ts';
import { configOf, effective } from '../../domain/config.ts';
import { failure, type Issue } from '../../domain/errors.ts';
import { holderOf, label, type Jail } from '../../domain/jail.ts';
import { nameProblem } from '../../domain/name.ts';
import { properties } from '../../domain/properties/index.ts';
import { valueProblem } from '../../domain/codec/text.ts';
import { keepFile } from '../steps/config-file.ts';
import { inheritProperties, setProperties } from '../steps/dataset.ts';
import { makeLink } from '../steps/file.ts';
import { findSource } from '../source/find.ts';
import { fullName } from '../source/sources.ts';
import { namespace } from '../../domain/property.ts';
import { migratedStamp } from '../world/jail.ts';
import { readWorld } from '../world/read.ts';
import { releaseOf, toSpec } from '../world/spec.ts';
import type { World } from '../world/world.ts';
import { assertDown, jailInput, lockJail, manyJails, readJail } from './select.ts';
import { writable } from './store.ts';
import { earlier, kept, marker, storedBefore } from './migrate-kept.ts';
import { migrateTo } from './migrate-to.ts';
import { migrateBack, migrateConfirm } from './migrated.ts';
import { assertTrusted } from './trusted-config.ts';
import { jailAdopt } from '../adopt/adopt.ts';

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
    stored.set(marker, file.name).set(`${namespace}op`, migratedStamp);
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
    else noteNoMigration(context, await fullName(own, jail.tag));
  }
  return wanted;
}

export function noteNoMigration(context: Context, name: string): void {
  context.emit({ type: 'note', id: '', level: 'info', text: `${name} needs no migration` });
}
