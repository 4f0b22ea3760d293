/**
 * The configuration of a jail that another tool keeps in a file: `config.json` (Python iocage, libiocage) or
 * `config` (UCL: libiocage, the original's develop line). Which tool it was is found out from the file
 * itself. Reading never changes a byte; writing changes the bytes of the values that change. Pure.
 */
import { canonical } from '../config.ts';
import { ValueProblem } from '../property.ts';
import { getProperty } from '../properties/index.ts';
import { inStyleOf, readMembers, type Dialect } from './dialect.ts';
import { addToJson, parseJson, replaceInJson } from './json-text.ts';
import { legacyUcl } from './legacy.ts';
import { libiocageJson, libiocageWords } from './libiocage.ts';
import { FormatProblem, type Member, type Scalar } from './members.ts';
import { python } from './python.ts';
import { addToUcl, parseUcl, replaceInUcl } from './ucl-text.ts';

/** In the order in which the tools look for them. */
export const configFiles = ['config.json', 'config'] as const;
export type ConfigFileName = (typeof configFiles)[number];

export interface ConfigText {
  readonly name: ConfigFileName;
  readonly text: string;
}

interface Syntax {
  parse(text: string): readonly Member[];
  replace(text: string, member: Member, value: Scalar): string;
  add(text: string, members: readonly Member[], key: string, value: Scalar): string;
}

const syntaxes: Readonly<Record<'json' | 'ucl', Syntax>> = {
  json: { parse: parseJson, replace: replaceInJson, add: addToJson },
  ucl: { parse: parseUcl, replace: replaceInUcl, add: addToUcl },
};

const syntaxOf = (name: string): Syntax => syntaxes[name.endsWith('.json') ? 'json' : 'ucl'];

/**
 * Who wrote it. Python iocage keeps the jail's own name as `host_hostuuid` and switches as numbers; libiocage
 * writes texts only and gives the jail's kernel another `host_hostuuid`, or none.
 */
function dialectOf(name: string, members: readonly Member[], jail: string): Dialect {
  const byKey = new Map(members.map((member) => [member.key, member]));
  const has = (...keys: readonly string[]): boolean => keys.some((key) => byKey.has(key));
  const marked =
    has('id', 'basejail_type', 'user', 'provision') || members.some(({ key }) => key.startsWith('user.'));
  if (!name.endsWith('.json')) return marked || !has('host_hostuuid', 'tag') ? libiocageWords : legacyUcl;
  if (has('CONFIG_VERSION', 'CONFIG_TYPE')) return python;
  if (marked) return libiocageJson;
  const numbers = members.some(({ kind }) => kind === 'number' || kind === 'boolean');
  return numbers || byKey.get('host_hostuuid')?.text === jail ? python : libiocageJson;
}

export interface ReadConfig {
  readonly dialect: Dialect;
  /** Our properties in spellings that our codecs take. */
  readonly values: ReadonlyMap<string, string>;
}

/** Whether the file names the jail itself, and then another one than its dataset. */
function identityProblem(
  dialect: Dialect,
  values: ReadonlyMap<string, string>,
  jail: string,
): string | undefined {
  if (dialect === libiocageJson || dialect === libiocageWords) return undefined;
  const stored = values.get('host_hostuuid');
  if (stored === undefined) return 'it has no host_hostuuid';
  return stored === jail ? undefined : 'its host_hostuuid and the dataset do not agree';
}

/**
 * @param jail last part of the dataset's name
 * @throws FormatProblem with the one reason, in words that follow the file's name
 */
export function readConfig({ name, text }: ConfigText, jail: string): ReadConfig {
  const members = syntaxOf(name).parse(text);
  const dialect = dialectOf(name, members, jail);
  const values = readMembers(dialect, members);
  const problem = identityProblem(dialect, values, jail);
  if (problem !== undefined) throw new FormatProblem(problem);
  values.set('host_hostuuid', jail);
  return { dialect, values };
}

/** The defaults of a pool (`defaults.json`, `defaults`), for jails of this dialect. @throws FormatProblem */
export function readDefaults(name: string, text: string, dialect: Dialect): ReadonlyMap<string, string> {
  return readMembers(dialect, syntaxOf(name).parse(text));
}

/** Where the tool that wrote this file keeps its defaults; the first that is there counts. */
export function defaultFilesOf({ name, text }: ConfigText, jail: string): readonly string[] {
  return dialectOf(name, syntaxOf(name).parse(text), jail).defaultFiles;
}

/** Who keeps defaults in this file. Python iocage stores all of them, with the version of its format. */
export function defaultsDialect(name: string, text: string): Dialect {
  if (!name.endsWith('.json')) return libiocageWords;
  const members = parseJson(text);
  const typed = members.some(({ kind }) => kind === 'number' || kind === 'boolean');
  return typed || members.some(({ key }) => key.startsWith('CONFIG_')) ? python : libiocageJson;
}

/** An empty file of defaults: only libiocage begins with one. */
export const noDefaults = { name: 'defaults.json', text: '{}\n', dialect: libiocageJson } as const;

/** The same value in any spelling. */
function sameValue(key: string, one: string | undefined, other: string): boolean {
  if (one === undefined) return false;
  const row = getProperty(key);
  try {
    return canonical(row, one) === canonical(row, other);
  } catch (error) {
    if (error instanceof ValueProblem) return one === other;
    throw error;
  }
}

/**
 * The file's text with other values, each in the tool's own spelling; every other byte is as it was.
 *
 * @param changes our keys with canonical values, all of which the dialect keeps
 * @throws FormatProblem when nothing may be written, ValueProblem for what the tool cannot express
 */
export function changeConfig(
  { name, text }: ConfigText,
  jail: string,
  changes: readonly (readonly [key: string, value: string])[],
): string {
  const { dialect } = readConfig({ name, text }, jail);
  return change({ name, text }, dialect, changes);
}

export function change(
  { name, text }: { readonly name: string; readonly text: string },
  dialect: Dialect,
  changes: readonly (readonly [key: string, value: string])[],
): string {
  const syntax = syntaxOf(name);
  let now = text;
  for (const [key, value] of changes) {
    const members = syntax.parse(now);
    const byKey = new Map(members.map((member) => [member.key, member]));
    const problem = dialect.writeProblem?.(byKey);
    if (problem !== undefined) throw new FormatProblem(problem);
    if (sameValue(key, readMembers(dialect, members).get(key), value)) continue;
    const row = getProperty(key);
    const older = Object.entries(dialect.keys ?? {}).find(([, ours]) => ours === key)?.[0];
    const member = members.find((one) => one.key === key) ?? members.find((one) => one.key === older);
    const theirs = dialect.write(row, value, byKey);
    now =
      member === undefined
        ? syntax.add(now, members, key, theirs)
        : syntax.replace(now, member, inStyleOf(member, row, theirs));
  }
  return now;
}
