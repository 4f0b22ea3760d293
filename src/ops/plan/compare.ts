/**
 * How a described jail differs from the one that is there. Reads only; what an operation would refuse is
 * found here where it can be, so that a plan that is shown can be carried out.
 */
import type { Context } from '../context.ts';
import type { JailSpec } from '../../driver/host.ts';
import type { DescribedJail } from '../../domain/description/description.ts';
import { actionOf, type Action, type Change } from '../../domain/description/change.ts';
import { isSettled } from '../../domain/description/settled.ts';
import { canonical, configOf } from '../../domain/config.ts';
import { parseSwitch } from '../../domain/codec/choice.ts';
import { asIocageError, failure, type IocageError } from '../../domain/errors.ts';
import { label, type Jail } from '../../domain/jail.ts';
import { getProperty } from '../../domain/properties/index.ts';
import { ValueProblem } from '../../domain/property.ts';
import { toSpec } from '../world/spec.ts';
import type { World } from '../world/world.ts';
import { converts } from '../jail/convert.ts';
import { jailCreate } from '../jail/create.ts';
import { types } from '../jail/create-steps.ts';
import { fileBefore, refuseShared, sharedFolders } from '../jail/files.ts';
import { missingPackages } from '../jail/install.ts';
import { compareFstab } from './compare-fstab.ts';
import { sha256 } from './hash.ts';

export interface PlannedJail {
  readonly name: string;
  /** Null: it is not there yet. */
  readonly uuid: string | null;
  readonly action: Action;
  readonly changes: readonly Change[];
  /** Why nothing can be done, with the action `blocked`. */
  readonly error?: IocageError;
}

export async function compareJail(
  context: Context,
  world: World,
  running: ReadonlyMap<string, unknown>,
  wanted: DescribedJail,
): Promise<PlannedJail> {
  const { name } = wanted;
  let jail: Jail | undefined;
  try {
    jail = findExact(world, name);
    const changes = await changesOf(context, world, running, wanted, jail);
    return { name, uuid: jail?.uuid ?? null, action: actionOf(changes), changes };
  } catch (thrown) {
    return { name, uuid: jail?.uuid ?? null, action: 'blocked', changes: [], error: asIocageError(thrown) };
  }
}

/** A name in a file is never a prefix: what it means must not depend on what else is there. */
function findExact(world: World, name: string): Jail | undefined {
  const found = world.jails.filter((jail) => jail.tag === name || jail.uuid === name);
  if (found.length > 1) throw failure('JAIL_AMBIGUOUS', { name, matches: found.map(label) });
  return found[0];
}

async function changesOf(
  context: Context,
  world: World,
  running: ReadonlyMap<string, unknown>,
  wanted: DescribedJail,
  jail: Jail | undefined,
): Promise<readonly Change[]> {
  if (wanted.absent) return jail === undefined ? [] : [{ what: 'destroy' }];
  if (jail === undefined) return newJail(context, wanted);
  const spec = toSpec(world, jail); // what is corrupt is refused here
  const changes: Change[] = [
    ...compareOrigin(wanted, jail),
    ...(await compareProperties(context, world, wanted, jail)),
    ...(await compareFstab(context, world, wanted, spec)),
    ...(await comparePackages(context, wanted, spec, jail)),
    ...(await compareFiles(context, wanted, spec.root, spec.base?.root)),
  ];
  const up = running.has(jail.uuid);
  if (wanted.state === 'down' && up) return [...changes, { what: 'stop' }];
  if (wanted.state !== 'up') return changes;
  if (!up) return [...changes, { what: 'start' }];
  const waits = changes.some(({ what, ...change }) => what === 'fstab' || ('live' in change && !change.live));
  return waits ? [...changes, { what: 'restart' }] : changes;
}

/** What `create` takes of it. */
export function createInput(wanted: DescribedJail) {
  const { name, release, template, type, properties, packages } = wanted;
  return {
    name,
    ...(release === undefined ? {} : { release }),
    ...(template === undefined ? {} : { template }),
    ...(type === undefined ? {} : { kind: type }),
    ...(packages === undefined ? {} : { packages }),
    properties: properties.filter(
      (pair): pair is readonly [string, string] => pair[1] !== null && !converts.has(pair[0]),
    ),
  };
}

async function newJail(context: Context, wanted: DescribedJail): Promise<readonly Change[]> {
  const input = jailCreate.input.parse(createInput(wanted));
  await jailCreate.plan(context, jailCreate.prepare?.(context, input) ?? input);
  const files: Change[] = [];
  for (const { path, text = '', mode = 0o644 } of wanted.files)
    files.push(await fileChange(path, undefined, text, mode));
  return [
    {
      what: 'create',
      type: wanted.type ?? null,
      release: wanted.release ?? null,
      template: wanted.template ?? null,
    },
    ...wanted.properties.flatMap(([key, value]): Change[] =>
      value === null ? [] : [{ what: 'property', key, old: null, new: value, live: true }],
    ),
    ...(wanted.fstab === undefined || wanted.fstab.length === 0
      ? []
      : [{ what: 'fstab', kept: 0, remove: [], add: wanted.fstab } as const]),
    ...(wanted.packages === undefined ? [] : [{ what: 'packages', add: wanted.packages } as const]),
    ...files,
    ...(wanted.state === 'up' ? [{ what: 'start' } as const] : []),
  ];
}

/** Where a jail's files came from cannot be changed afterwards; only a basejail shows another release. */
function compareOrigin(wanted: DescribedJail, jail: Jail): readonly Change[] {
  const { release, template, type } = wanted;
  const is = (key: string): string | undefined => jail.local.get(key);
  const refuse = (key: string, old: string | undefined, value: string): never => {
    const why = `${label(jail)} has ${old ?? 'none'} and not ${value}; what a jail was made of stays`;
    throw failure('READ_ONLY_PROPERTY', { key, why });
  };
  if (type !== undefined && is('type') !== types[type]) {
    const kind = Object.entries(types).find(([, stored]) => stored === is('type'))?.[0];
    refuse('type', kind ?? is('type'), type);
  }
  if (template !== undefined && is('source_template') !== template)
    refuse('source_template', is('source_template'), template);
  if (release === undefined || is('release') === release) return [];
  if (is('type') !== 'basejail') refuse('release', is('release'), release);
  return [{ what: 'property', key: 'release', old: is('release') ?? null, new: release, live: false }];
}

async function compareProperties(
  context: Context,
  world: World,
  { properties }: DescribedJail,
  jail: Jail,
): Promise<readonly Change[]> {
  const values = configOf(jail, world.defaults);
  const rows = properties.map(([key, value]) => ({ key, value, row: getProperty(key) }));
  // What `list` prints of a size is rounded.
  const exact = rows.some(({ row }) => row.store === 'native')
    ? await context.storage.local(jail.dataset)
    : undefined;
  const now = (key: string): string | null => {
    if (converts.has(key)) return jail.template ? 'yes' : 'no';
    if (getProperty(key).store === 'native') return nativeValue(key, exact?.get(key), jail.native.get(key));
    return values.get(key) ?? null;
  };
  return rows.flatMap(({ key, value, row }): Change[] => {
    if (value === null) {
      const old = jail.local.get(key);
      return old === undefined ? [] : [{ what: 'property', key, old, new: null, live: row.live }];
    }
    const old = now(key);
    const same = converts.has(key)
      ? parseSwitch(value) === jail.template
      : old === value || (old !== null && isSettled(key, value, old));
    return same ? [] : [{ what: 'property', key, old, new: value, live: row.live }];
  });
}

/** ZFS counts in bytes and says 0 for none; a value that the table cannot read is shown as it is. */
function nativeValue(key: string, exact: string | undefined, shown: string | undefined): string | null {
  const row = getProperty(key);
  const text = exact ?? (row.codec.kind === 'size' ? 'none' : shown);
  if (text === undefined) return null;
  try {
    return canonical(row, text);
  } catch (error) {
    if (error instanceof ValueProblem) return text;
    throw error;
  }
}

async function comparePackages(
  context: Context,
  { packages }: DescribedJail,
  spec: JailSpec,
  jail: Jail,
): Promise<readonly Change[]> {
  if (packages === undefined) return [];
  const add = await missingPackages(context, spec, label(jail), packages);
  return add.length === 0 ? [] : [{ what: 'packages', add }];
}

async function compareFiles(
  context: Context,
  { files }: DescribedJail,
  root: string,
  release: string | undefined,
): Promise<readonly Change[]> {
  const shared = files.length === 0 ? [] : await sharedFolders(context, release);
  const changes: Change[] = [];
  for (const { path, text = '', mode } of files) {
    refuseShared(path, shared);
    const before = await fileBefore(context, root, path);
    const wanted = mode ?? before?.mode ?? 0o644;
    if (before?.text === text && before.mode === wanted) continue;
    changes.push(await fileChange(path, before, text, wanted));
  }
  return changes;
}

const octal = (mode: number): string => mode.toString(8).padStart(4, '0');

async function fileChange(
  path: string,
  before: { readonly text: string; readonly mode: number } | undefined,
  text: string,
  mode: number,
): Promise<Change> {
  return {
    what: 'file',
    path,
    old: before === undefined ? null : await sha256(before.text),
    new: await sha256(text),
    sizeBytes: new TextEncoder().encode(text).length,
    oldMode: before === undefined ? null : octal(before.mode),
    newMode: octal(mode),
  };
}
