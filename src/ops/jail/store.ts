/**
 * Storing properties of a jail where its configuration is kept: on its dataset, or in the file of the tool that
 * made it, in that tool's own spelling. ZFS's own properties, and what that tool has no word for, go to the
 * dataset in either case.
 */
import { join } from 'node:path';
import type { Properties } from '../../driver/storage.ts';
import type { Step } from '../../driver/system.ts';
import { identityKeys } from '../../domain/config.ts';
import { failure } from '../../domain/errors.ts';
import {
  change,
  changeConfig,
  defaultsDialect,
  noDefaults,
  readConfig,
} from '../../domain/format/config-file.ts';
import { FormatProblem } from '../../domain/format/members.ts';
import { label, type Jail } from '../../domain/jail.ts';
import { namespace, ValueProblem } from '../../domain/property.ts';
import { getProperty } from '../../domain/properties/index.ts';
import type { Context } from '../context.ts';
import { rewriteConfig } from '../steps/config-file.ts';
import { setProperties } from '../steps/dataset.ts';
import type { World } from '../world/world.ts';
import { valuesNow, withNamespace } from './values.ts';

/**
 * @param properties names as ZFS has them, with canonical values
 * @param previous of each what was set on the dataset itself; of those in a file it is not used
 * @throws INVALID_INPUT for what the tool cannot express, UNSUPPORTED when nothing may be written
 */
export async function storeSteps(
  context: Pick<Context, 'files' | 'storage'>,
  jail: Jail,
  properties: Properties,
  previous: Readonly<Record<string, string | null>>,
): Promise<readonly Step[]> {
  const { dataset, file } = jail;
  const names = Object.keys(properties);
  const keeps = file && readConfig(file, jail.uuid).dialect.keeps;
  const inFile = names.filter((name) => name.startsWith(namespace) && keeps?.(name.slice(namespace.length)));
  const others = names.filter((name) => !inFile.includes(name));
  const only = <T>(from: Readonly<Record<string, T>>) =>
    Object.fromEntries(others.flatMap((name) => (name in from ? [[name, from[name]!] as const] : [])));
  return [
    ...(inFile.length === 0 ? [] : await fileSteps(context, jail, inFile, properties)),
    ...(others.length === 0
      ? []
      : [setProperties({ dataset, properties: only(properties), previous: only(previous) })]),
  ];
}

/** Values of our own properties; an undo puts back what the jail has of each. */
export async function storeValues(
  context: Pick<Context, 'files' | 'storage'>,
  jail: Jail,
  values: Readonly<Record<string, string>>,
): Promise<readonly Step[]> {
  return storeSteps(context, jail, withNamespace(values), valuesNow(jail, Object.keys(values)));
}

async function fileSteps(
  context: Pick<Context, 'files' | 'storage'>,
  jail: Jail,
  names: readonly string[],
  properties: Properties,
): Promise<readonly Step[]> {
  const [file, root] = [jail.file!, jail.mountpoint!];
  const after = newText(jail, names, properties);
  const facts = await context.files.statBelow(root, file.name);
  if (after === file.text || facts === undefined) return [];
  const { mode, uid, gid } = facts;
  const rewrite = rewriteConfig({
    root,
    path: file.name,
    before: file.text,
    after,
    mode,
    owner: { uid, gid },
  });
  return writable(context, jail, rewrite);
}

/**
 * What a default is for jails that another tool configures: they take theirs from its own file, which gets the
 * same value. Only libiocage begins with a file that holds what was changed; the others write all of it first.
 */
export async function storeDefaults(
  context: Pick<Context, 'files'>,
  world: World,
  pairs: readonly (readonly [key: string, value: string])[],
): Promise<readonly Step[]> {
  const root = world.mountpoint;
  const found: { name: string; text: string | undefined }[] = [];
  for (const name of ['defaults.json', 'defaults'])
    found.push({ name, text: await context.files.readBelow(root, name) });
  const present = found.find(({ text }) => text !== undefined);
  const begins = world.jails.some(({ file }) => file?.title === noDefaults.dialect.title);
  if (present === undefined && !begins) return [];
  const { name, text } = { ...noDefaults, ...(present as { name: string; text: string } | undefined) };
  const path = join(root, name);
  const after = inWords(`changing ${path}`, name, () => {
    const dialect = defaultsDialect(name, text);
    const kept = pairs.filter(
      ([key]) => getProperty(key).store === 'user' && dialect.keeps(key) && !identityKeys.has(key),
    );
    return kept.reduce(
      (now, [key, value]) => inWordsOf(key, () => change({ name, text: now }, dialect, [[key, value]])),
      text,
    );
  });
  if (after === text) return [];
  const facts = await context.files.statBelow(root, name);
  const { mode, uid, gid } = facts ?? { mode: 0o644, uid: 0, gid: 0 };
  const before = present === undefined ? null : text;
  return [rewriteConfig({ root, path: name, before, after, mode, owner: { uid, gid } })];
}

/** A step that writes beside the root. Python iocage makes its templates read-only, and opens them in this way. */
export async function writable(
  { storage }: Pick<Context, 'storage'>,
  { template, dataset }: Jail,
  step: Step,
): Promise<readonly Step[]> {
  const closed = template && (await storage.local(dataset))?.get('readonly') === 'on';
  if (!closed) return [step];
  const turn = (to: string, from: string): Step =>
    setProperties({ dataset, properties: { readonly: to }, previous: { readonly: from } });
  return [turn('off', 'on'), step, turn('on', 'off')];
}

function newText(jail: Jail, names: readonly string[], properties: Properties): string {
  const file = jail.file!;
  return names.reduce((text, name) => {
    const key = name.slice(namespace.length);
    const change = () => changeConfig({ ...file, text }, jail.uuid, [[key, properties[name]!]]);
    return inWords(`changing jail ${label(jail)}`, file.name, () => inWordsOf(key, change));
  }, file.text);
}

/** @throws INVALID_INPUT for what the tool cannot express */
function inWordsOf(key: string, work: () => string): string {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof ValueProblem)) throw error;
    throw failure('INVALID_INPUT', { issues: [{ path: key, problem: error.message }] });
  }
}

/** @throws UNSUPPORTED when nothing may be written */
function inWords(what: string, name: string, work: () => string): string {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof FormatProblem)) throw error;
    throw failure('UNSUPPORTED', { what, why: `${name}: ${error.message}` });
  }
}
