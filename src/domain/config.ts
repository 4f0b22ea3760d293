/**
 * Configuration of a jail: checks what someone wants to set, and merges the layers that are stored.
 * Precedence: the jail's own value > stored default > built-in value. Pure: where the layers come from
 * is the affair of `src/config/`. Values are texts in the documented spelling of each property.
 */
import { failure, mostIssues } from './errors.ts';
import type { Issue } from './errors.ts';
import type { Codec, Property } from './property.ts';
import { ValueProblem } from './property.ts';
import { parseSwitch } from './codec/choice.ts';
import { valueProblem } from './codec/text.ts';
import { Overlay } from './overlay.ts';
import { findProperty, nearestProperty, properties } from './properties/index.ts';

/** Who is given the values: a jail being made, a jail that exists, or the stored defaults. */
export type Scope = 'jail-create' | 'jail-set' | 'default';

/**
 * Canonical text of a value; throws ValueProblem.
 *
 * @example canonical(getProperty('boot'), 'YES') === 'on'
 */
export function canonical(row: Property, text: string): string {
  const problem = valueProblem(text);
  if (problem !== undefined) throw new ValueProblem(problem);
  const value = row.codec.print(row.codec.parse(text));
  // Spelling a value out can make it longer than what was typed.
  const printed = valueProblem(value);
  if (printed !== undefined) throw new ValueProblem(printed);
  return value;
}

function refusal(row: Property, scope: Scope): string | undefined {
  if (row.store === 'none') return row.why ?? 'it is not stored';
  // A few that no jail may be given have a default all the same, such as the kind that create makes.
  if (scope === 'default' && row.defaultable) return undefined;
  if (row.access === 'tool') return row.why ?? 'iocage keeps it itself';
  if (scope === 'default')
    return row.store === 'native'
      ? `it is a property of each jail's dataset; 'iocage set ${row.key}=VALUE JAIL' sets it`
      : 'every jail has its own, so there is no default for it';
  if (row.defaultsOnly) return `it concerns the host; 'iocage set ${row.key}=VALUE default' sets it`;
  if (row.access === 'create' && scope !== 'jail-create') return row.why ?? 'it is chosen at create';
  return undefined;
}

/**
 * Checks `property=value` words before anything is touched and answers them in canonical spelling, in
 * the order given. Problems are collected and thrown once, as INVALID_INPUT; a lone unknown or
 * read-only property as UNKNOWN_PROPERTY or READ_ONLY_PROPERTY.
 *
 * @example checkAssignments([['boot', 'yes']], 'jail-set') // [['boot', 'on']]
 */
export function checkAssignments(
  pairs: readonly (readonly [key: string, value: string])[],
  scope: Scope,
): (readonly [key: string, value: string])[] {
  const result = new Map<string, string>();
  const issues: Issue[] = [];
  const lone: ReturnType<typeof failure>[] = [];
  for (const [index, [key, text]] of pairs.entries()) {
    if (issues.length >= mostIssues) {
      issues.push({ path: `${pairs.length - index} more`, problem: 'not looked at' });
      break;
    }
    const row = findProperty(key);
    if (!row) {
      const near = nearestProperty(key);
      issues.push({ path: key, problem: `unsupported property${near ? `; did you mean ${near}?` : ''}` });
      lone.push(failure('UNKNOWN_PROPERTY', near === undefined ? { key } : { key, near }));
      continue;
    }
    const why = refusal(row, scope);
    if (why !== undefined) {
      issues.push({ path: key, problem: `cannot be set: ${why}` });
      lone.push(failure('READ_ONLY_PROPERTY', { key, why }));
      continue;
    }
    try {
      const value = canonical(row, text);
      const before = result.get(key);
      if (before !== undefined && before !== value)
        throw new ValueProblem(`it is given twice, as ${before} and as ${value}`);
      result.set(key, value);
    } catch (error) {
      if (!(error instanceof ValueProblem)) throw error;
      issues.push({ path: key, problem: error.message });
    }
  }
  if (issues.length === 1 && lone.length === 1) throw lone[0]!;
  if (issues.length > 0) throw failure('INVALID_INPUT', { issues });
  return [...result];
}

/** Who a jail is, and where its files come from: no default could take the place of these. */
export const identityKeys: ReadonlySet<string> = new Set([
  'tag',
  'host_hostuuid',
  'host_hostname',
  'hostname',
  'type',
  'basejail',
  'release',
  'cloned_release',
  'template',
  'istemplate',
  'source_template',
]);

/** What the built-in values of a jail depend on. */
export interface JailFacts {
  /** Last part of the jail's dataset: a UUID, or a name in the Python line. */
  readonly uuid: string;
  readonly release?: string;
  readonly hostid?: string;
}

const constants: ReadonlyMap<string, string> = new Map(
  properties.flatMap((row) => (row.default === null ? [] : [[row.key, row.default] as const])),
);

/**
 * Values in force as records keep them: those that are not the built-in ones, null for one that is unset.
 *
 * @example fromBuiltIn(new Map(Object.entries(builtInBut(values)))) // the values again
 */
export function builtInBut(values: ReadonlyMap<string, string>): Readonly<Record<string, string | null>> {
  const other = [...values].filter(([key, text]) => constants.get(key) !== text);
  const unset = [...constants.keys()].filter((key) => !values.has(key)).map((key) => [key, null] as const);
  return Object.fromEntries([...other, ...unset]);
}

/** The reverse of {@link builtInBut}. */
export function fromBuiltIn(kept: Readonly<Record<string, string | null>>): ReadonlyMap<string, string> {
  const values = new Map<string, string | null>([...constants, ...Object.entries(kept)]);
  return new Map([...values].flatMap(([key, text]) => (text === null ? [] : [[key, text] as const])));
}

/** Built-in values, without those that are unset. */
function builtIn(facts: JailFacts): Overlay {
  const values = new Overlay(constants, readable);
  values.set('host_hostuuid', facts.uuid);
  // `_` may stand in a dataset's name but not in a host name that resolves.
  values.set('host_hostname', facts.uuid.replaceAll('_', '-'));
  values.set('jail_zfs_dataset', `iocage/jails/${facts.uuid}/data`);
  if (facts.release !== undefined) values.set('release', facts.release);
  if (facts.hostid !== undefined) values.set('hostid', facts.hostid);
  return values;
}

/** How the last text of each key is read: the jails of a host mostly say the same. */
const lastRead = new Map<string, { readonly text: string; readonly value: string }>();

/** Canonical where the value can be read, the stored text otherwise. */
function readable(key: string, text: string): string {
  const row = findProperty(key);
  // A built-in value is canonical already, and older lines stored every one of them on every jail.
  if (!row || text === row.default) return text;
  const last = lastRead.get(key);
  if (last?.text === text) return last.value;
  const value = canonicalOr(row, text);
  lastRead.set(key, { text, value });
  return value;
}

function canonicalOr(row: Property, text: string): string {
  try {
    return canonical(row, text);
  } catch (error) {
    if (error instanceof ValueProblem) return text;
    throw error;
  }
}

/**
 * COMPAT: the early lines gave `hostname` to the kernel and kept the UUID in `host_hostname`, the
 * later ones the reverse; `domainname` and `host_domainname` likewise. The older key counts where the
 * newer one is unset or still has its built-in value.
 */
function applyOlderKeys(values: Overlay, local: ReadonlyMap<string, string>, uuid: string): void {
  for (const [newer, older, builtInValue] of [
    ['host_hostname', 'hostname', uuid],
    ['host_domainname', 'domainname', 'none'],
  ] as const) {
    const old = local.get(older);
    const now = local.get(newer);
    if (old !== undefined && old !== '-' && (now === undefined || now === '-' || now === builtInValue))
      values.set(newer, old);
  }
  if (!values.has('hostname')) values.set('hostname', values.get('host_hostname')!);
}

/**
 * The values in force. `local` and `defaults` hold what is stored on the jail and on the dataset of
 * defaults, keys without their name space; native properties may be among them. A value that cannot be
 * read any more is kept as it is ({@link problems} names it); a key that is unknown too. Keys that are
 * unset are absent.
 */
export function effective(
  local: ReadonlyMap<string, string>,
  defaults: ReadonlyMap<string, string>,
  facts: JailFacts,
): ReadonlyMap<string, string> {
  const values = builtIn(facts);
  for (const [key, text] of defaults) {
    // COMPAT: iocage 1.7 filled its defaults with every property, a tag and a UUID among them.
    if (text !== '-' && findProperty(key)?.defaultable) values.set(key, text);
  }
  for (const [key, text] of local) {
    const row = findProperty(key);
    if (row?.defaultsOnly) continue;
    // `-` is how ZFS shows a user property that is unset; for a native one it is a value.
    if (text !== '-' || row?.store === 'native') values.set(key, text);
  }
  applyOlderKeys(values, local, facts.uuid);
  return values;
}

/** What a jail's values came out as, for as long as the jail as it was read is kept; a listing asks many times. */
const known = new WeakMap<object, { stored: object; values: ReadonlyMap<string, string> }>();

/**
 * The values in force of a jail.
 *
 * @param stored what `set … default` stored; a jail that another tool configures has other defaults
 * @param changes values that are about to be stored
 */
export function configOf(
  jail: {
    readonly uuid: string;
    readonly local?: ReadonlyMap<string, string>;
    readonly defaults?: ReadonlyMap<string, string>;
  },
  stored: ReadonlyMap<string, string>,
  changes: readonly (readonly [string, string])[] = [],
): ReadonlyMap<string, string> {
  const local = jail.local ?? new Map<string, string>();
  const defaults = jail.defaults ?? stored;
  if (changes.length > 0) return effective(new Map([...local, ...changes]), defaults, { uuid: jail.uuid });
  const before = known.get(jail);
  if (before?.stored === defaults) return before.values;
  const values = effective(local, defaults, { uuid: jail.uuid });
  known.set(jail, { stored: defaults, values });
  return values;
}

/** The stored values that cannot be read, each with the reason. */
export function problems(stored: ReadonlyMap<string, string>): readonly Issue[] {
  const issues: Issue[] = [];
  for (const [key, text] of stored) {
    const row = findProperty(key);
    if (!row || row.access === 'tool' || text === '-' || text === row.default) continue;
    try {
      canonical(row, text);
    } catch (error) {
      if (!(error instanceof ValueProblem)) throw error;
      issues.push({ path: key, problem: error.message });
    }
  }
  return issues;
}

/**
 * A value of a configuration, parsed; undefined when it is unset. Throws INVALID_INPUT when the text
 * cannot be read.
 *
 * @example valueOf(config, 'ip4_addr', ip4AddressList)
 */
export function valueOf<T>(config: ReadonlyMap<string, string>, key: string, codec: Codec<T>): T | undefined {
  const text = config.get(key);
  if (text === undefined) return undefined;
  try {
    return codec.parse(text);
  } catch (error) {
    if (!(error instanceof ValueProblem)) throw error;
    throw failure('INVALID_INPUT', { issues: [{ path: key, problem: error.message }] });
  }
}

/** True when a switch is on, in any spelling; anything else, unset included, is off. */
export function isOn(config: ReadonlyMap<string, string>, key: string): boolean {
  return parseSwitch(config.get(key) ?? '') === true;
}
