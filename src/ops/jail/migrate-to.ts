/**
 * `migrate --to`: a jail of ours as Python iocage or libiocage keeps one. What holds for it goes into a `config.json` in that
 * tool's words and from the dataset; before, the text is read back as that tool's, and when anything would hold then that
 * does not hold now, or could not be said, nothing is done. `migrate` without `--to` is the way back.
 */
import { join } from 'node:path';
import * as z from 'zod';
import { defineChange } from '../operation.ts';
import type { Context } from '../context.ts';
import { canonical, configOf, effective } from '../../domain/config.ts';
import { failure, type Issue } from '../../domain/errors.ts';
import { change, readConfig } from '../../domain/format/config-file.ts';
import { printEntry, withBaseLines } from '../../domain/format/fstab.ts';
import type { Dialect } from '../../domain/format/dialect.ts';
import { libiocageJson } from '../../domain/format/libiocage.ts';
import { python } from '../../domain/format/python.ts';
import { limitResources } from '../../domain/codec/limit.ts';
import { parseSwitch } from '../../domain/codec/choice.ts';
import { label, type Jail } from '../../domain/jail.ts';
import { namespace, ValueProblem } from '../../domain/property.ts';
import { properties } from '../../domain/properties/index.ts';
import type { JailSpec } from '../../driver/host.ts';
import type { Step } from '../../driver/system.ts';
import { rewriteConfig } from '../steps/config-file.ts';
import { inheritProperties } from '../steps/dataset.ts';
import { removeLink } from '../steps/file.ts';
import { readAllDefaults } from '../world/config-files.ts';
import { toSpec } from '../world/spec.ts';
import type { World } from '../world/world.ts';
import { sharedFolders } from './files.ts';
import { marker } from './migrate-kept.ts';
import { assertDown, assertOurs, jailInput, lockJail, noProperties, readJail } from './select.ts';

const tools = { python, libiocage: libiocageJson } as const;
type Tool = keyof typeof tools;
const names = Object.keys(tools) as [Tool, ...Tool[]];

const toInput = jailInput.extend({ to: z.enum(names) });

/** Who it is and how it was made: said in other words there, or by the dataset. */
const other: ReadonlySet<string> = new Set([
  'host_hostuuid',
  'tag',
  'type',
  'basejail',
  'template',
  'istemplate',
  'rlimits',
  'last_started',
  'source_template',
]);

/** As the tool begins a file, and how it ends it. */
const beginnings: Readonly<Record<Tool, (name: string) => string>> = {
  python: (name) => `{\n    "host_hostuuid": ${JSON.stringify(name)}\n}`,
  libiocage: (name) => `{\n    "id": ${JSON.stringify(name)}\n}\n`,
};

/** What holds for the jail where the tool reads the text. */
function thereOf(
  dialect: Dialect,
  text: string,
  defaults: ReadonlyMap<string, string>,
  uuid: string,
): ReadonlyMap<string, string> {
  const read = readConfig({ name: 'config.json', text }, uuid);
  if (read.dialect !== dialect)
    throw failure('INTERNAL', { why: `${dialect.title} would not know its own file` });
  return effective(read.values, defaults, { uuid });
}

/** @throws INVALID_INPUT with everything that the tool has no word for, or would take for something else */
function textFor(
  tool: Tool,
  jail: Jail,
  now: ReadonlyMap<string, string>,
  defaults: ReadonlyMap<string, string>,
): string {
  const dialect = tools[tool];
  const limited = parseSwitch(now.get('rlimits') ?? '') === true;
  const issues: Issue[] = [];
  let text = beginnings[tool](jail.uuid);
  const set = (key: string, value: string) => {
    text = change({ name: 'config.json', text }, dialect, [[key, value]]);
  };
  if (now.get('type') === 'basejail') set('basejail', '1');
  if (jail.template) {
    set('template', 'yes');
    set('type', 'template');
  }
  // Limits that are switched off here would hold there; what concerns the host is in no jail's file.
  const rows = properties.filter(
    ({ key, store, defaultsOnly }) =>
      store === 'user' &&
      !defaultsOnly &&
      !other.has(key) &&
      (limited || !Object.hasOwn(limitResources, key)),
  );
  for (const row of rows) {
    const { key } = row;
    const value = now.get(key);
    if (value === undefined || value === thereOf(dialect, text, defaults, jail.uuid).get(key)) continue;
    if (!dialect.keeps(key)) {
      if (jail.local.has(key)) issues.push({ path: key, problem: `${dialect.title} has no word for it` });
      continue;
    }
    try {
      text = change({ name: 'config.json', text }, dialect, [[key, canonical(row, value)]]);
    } catch (error) {
      if (!(error instanceof ValueProblem)) throw error;
      issues.push({ path: key, problem: error.message });
    }
  }
  const there = thereOf(dialect, text, defaults, jail.uuid);
  for (const { key } of rows)
    if (dialect.keeps(key) && now.get(key) !== there.get(key) && !issues.some(({ path }) => path === key))
      issues.push({
        path: key,
        problem: `${dialect.title} would take it for ${there.get(key) ?? 'nothing'}`,
      });
  if (issues.length > 0) throw failure('INVALID_INPUT', { issues });
  return text;
}

function assertExpressible(tool: Tool, jail: Jail): void {
  const what = `migrating jail ${label(jail)} to ${tools[tool].title}`;
  if (jail.template && tool === 'libiocage') throw failure('UNSUPPORTED', { what, why: 'it is a template' });
  if (jail.tag !== jail.uuid)
    throw failure('UNSUPPORTED', {
      what,
      why: `it has one name there: 'iocage rename' it first, so that UUID and tag are the same`,
    });
}

/** Python iocage shows a basejail its base by lines of its fstab, which this iocage leaves to it from then on. */
async function baseSteps(
  context: Context,
  world: World,
  jail: Jail,
  { base }: JailSpec,
): Promise<readonly Step[]> {
  if (base === undefined) return [];
  const [root, release] = [jail.mountpoint!, base.root];
  if (release === undefined)
    throw failure('UNSUPPORTED', {
      what: `migrating jail ${label(jail)}`,
      why: `its base is release ${base.release}, which is not here`,
    });
  const before = await context.files.readBelow(root, 'fstab');
  const facts = await context.files.statBelow(root, 'fstab');
  const { mode, uid, gid } = facts ?? { mode: 0o644, uid: 0, gid: 0 };
  const lines = (await sharedFolders(context, release)).map((path) =>
    printEntry({
      source: join(release, path),
      target: join(root, 'root', path),
      type: 'nullfs',
      options: ['ro'],
      dump: '0',
      pass: '0',
    }),
  );
  const places = { iocage: world.mountpoint, root: join(root, 'root') };
  const after = withBaseLines(before ?? '', lines, places);
  return [rewriteConfig({ root, path: 'fstab', before: before ?? null, after, mode, owner: { uid, gid } })];
}

export const migrateTo = defineChange<typeof toInput, unknown>({
  id: 'jail.migrate-to',
  title: 'Give a jail to Python iocage or libiocage',
  effect: 'change',
  recover: 'undo',
  input: toInput,
  locks: lockJail,
  async plan(context, input) {
    const { world, jail } = await readJail(context, input.jail);
    assertOurs(jail);
    const spec = toSpec(world, jail);
    assertExpressible(input.to, jail);
    await assertDown(context, jail, 'migrate');
    const root = jail.mountpoint!;
    if ((await context.files.statBelow(root, 'config.json')) !== undefined)
      throw failure('FILE_FAILED', { path: join(root, 'config.json'), why: 'already exists' });
    const local = [...((await context.storage.local(jail.dataset)) ?? [])];
    // The way back from here would find that file in its place.
    if (local.some(([key]) => key === marker))
      throw failure('UNSUPPORTED', {
        what: `migrating jail ${label(jail)} to ${tools[input.to].title}`,
        why: `the file that it came with is still kept: 'iocage migrate --back ${jail.uuid}' gives the jail back with it, 'iocage migrate --confirm ${jail.uuid}' removes it`,
      });
    const after = await configTextFor(context, world, jail, input.to);
    const previous = Object.fromEntries(local.filter(([key]) => key.startsWith(namespace)));
    return {
      subject: label(jail),
      title: `Giving ${label(jail)} to ${tools[input.to].title}`,
      steps: [
        ...(input.to === 'python' ? await baseSteps(context, world, jail, spec) : []),
        rewriteConfig({
          root,
          path: 'config.json',
          before: null,
          after,
          mode: 0o644,
          owner: { uid: 0, gid: 0 },
        }),
        // With the stamp of the operation that made it, no file would be looked for.
        inheritProperties({ dataset: jail.dataset, keys: Object.keys(previous), previous }),
        removeLink({ target: root, path: join(world.mountpoint, 'tags', jail.tag) }),
      ],
      result: () => ({ uuid: jail.uuid, tag: jail.tag, file: join(root, 'config.json') }),
    };
  },
  command: {
    names: ['migrate --to'],
    group: 'jails',
    usage: 'python|libiocage JAIL ...',
    examples: [],
    toInputs({ positionals, flags, ...words }) {
      noProperties('migrate', { positionals, flags, ...words });
      const to = names.find((name) => name === flags['to']);
      const usage = (problem: string) => failure('USAGE', { problem, command: 'migrate' });
      if (to === undefined) throw usage(`--to takes one of ${names.join(', ')}`);
      if (positionals.length === 0) throw usage('missing UUID');
      return positionals.map((jail) => ({ jail, to }));
    },
  },
});

/** The jail's configuration in the words of another tool. @throws INVALID_INPUT with everything that it has none for */
export async function configTextFor(context: Context, world: World, jail: Jail, tool: Tool): Promise<string> {
  const defaults = await readAllDefaults(context, tools[tool], world.mountpoint);
  return textFor(tool, jail, configOf(jail, world.defaults), defaults);
}
