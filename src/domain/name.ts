/**
 * Which names iocage accepts: tags, jail datasets, releases, snapshots, pools, users, hosts. Names are
 * data, never patterns; each check throws INVALID_NAME with the reason in words. A name that begins
 * with `-` is always refused, since a program that gets it as an argument would read it as a flag.
 *
 * The characters of dataset and snapshot names are those of zfs(8), of host names those of RFC 1123
 * plus `_`, which older iocage lines let through.
 */
import { failure, quote } from './errors.ts';
import { localTime } from './local-time.ts';

interface Rule {
  /** What the name names, for the message. */
  readonly what: string;
  readonly maxLength: number;
  /** First character. */
  readonly first: RegExp;
  /** Every character, checked one by one so that the message can show the bad one. */
  readonly each: RegExp;
  /** Both sets in words. */
  readonly words: string;
  readonly reserved?: readonly string[];
}

/** Words that commands take in the place of a jail; a jail of this name could not be reached. */
const reservedJailWords = ['default', 'ALL', 'help'] as const;

const rules = {
  tag: {
    what: 'tag',
    maxLength: 128,
    first: /[A-Za-z0-9]/,
    each: /[A-Za-z0-9._@:+-]/,
    words: 'letters, digits and . _ @ : + - are allowed, a letter or digit first',
    reserved: reservedJailWords,
  },
  jail: {
    what: 'jail name',
    maxLength: 128,
    first: /[A-Za-z0-9]/,
    each: /[A-Za-z0-9._-]/,
    words: 'letters, digits and . _ - are allowed, a letter or digit first',
    reserved: reservedJailWords,
  },
  release: {
    what: 'release',
    maxLength: 128,
    first: /[A-Za-z0-9_]/,
    each: /[A-Za-z0-9._-]/,
    words: 'letters, digits and . _ - are allowed, not . or - first',
  },
  snapshot: {
    what: 'snapshot name',
    maxLength: 128,
    first: /[A-Za-z0-9_.:]/,
    each: /[A-Za-z0-9_.:-]/,
    words: 'letters, digits and _ . : - are allowed, not - first',
    reserved: ['ALL'],
  },
  pool: {
    what: 'pool',
    maxLength: 128,
    first: /[A-Za-z]/,
    each: /[A-Za-z0-9_.:-]/,
    words: 'letters, digits and _ . : - are allowed, a letter first',
  },
  user: {
    what: 'user',
    maxLength: 32,
    first: /[A-Za-z0-9_]/,
    each: /[A-Za-z0-9_.$-]/,
    words: 'letters, digits and _ . - $ are allowed, a letter, digit or _ first',
  },
} as const satisfies Record<string, Rule>;

function findProblem(name: string, rule: Rule): string | undefined {
  if (name === '') return 'it is empty';
  if (name.startsWith('-')) return `it begins with '-', which would be taken for a flag`;
  if (name.length > rule.maxLength) return `it is longer than ${rule.maxLength} characters`;
  if (name.includes('..')) return `it contains '..'`;
  for (const character of name) {
    if (!rule.each.test(character)) return `it contains ${quote(character)}; ${rule.words}`;
  }
  if (!rule.first.test(name[0]!)) return `it begins with ${quote(name[0]!)}; ${rule.words}`;
  if (rule.reserved?.includes(name)) return `the word is reserved`;
  return undefined;
}

/** What is wrong with a name, in words; undefined when nothing is. */
export function nameProblem(kind: keyof typeof rules, name: string): string | undefined {
  return findProblem(name, rules[kind]);
}

function assertName(kind: keyof typeof rules, name: string): void {
  const problem = nameProblem(kind, name);
  if (problem !== undefined) throw failure('INVALID_NAME', { what: rules[kind].what, name, problem });
}

/** A jail's tag, e.g. `web`, `2016-02-10@20:14:05`. */
export function assertTag(name: string): void {
  assertName('tag', name);
  // Elsewhere `JAIL@SNAPSHOT` would mean two things.
  if (name.includes('@') && !/^\d{4}-\d\d-\d\d@\d\d:\d\d:\d\d/.test(name)) {
    const problem = `it contains '@', which stands between a jail and its snapshot; only a time such as 2016-02-10@20:14:05 may hold one`;
    throw failure('INVALID_NAME', { what: 'tag', name, problem });
  }
}

/** A jail's name as `create -n` takes it, which is also its dataset: a tag without `@`, `:`, `+`. */
export function assertJailName(name: string): void {
  assertName('jail', name);
}

/** A release as a dataset below `releases/`, e.g. `bookworm`, `13.2-RELEASE`. */
export function assertReleaseName(name: string): void {
  assertName('release', name);
}

/** The part after `@` of a snapshot. */
export function assertSnapshotName(name: string): void {
  assertName('snapshot', name);
}

export function assertPoolName(name: string): void {
  assertName('pool', name);
}

/** A user of the host or of a jail: a name or a number. */
export function assertUserName(name: string): void {
  assertName('user', name);
}

/** What is wrong with a dataset name (`pool/a/b` or `a/b`), in words; undefined when nothing is. */
export function datasetProblem(name: string): string | undefined {
  if (name.length > 255) return 'it is longer than 255 characters';
  for (const part of name.split('/')) {
    if (part === '') return 'it has an empty part';
    if (part === '.' || part === '..') return `it contains the part '${part}'`;
    if (part.startsWith('-')) return `a part begins with '-'`;
    if (!/^[A-Za-z0-9_.:-]+$/.test(part))
      return 'letters, digits and _ . : - are allowed between the slashes';
  }
  return undefined;
}

/** What is wrong with a host name, in words; undefined when nothing is. */
export function hostNameProblem(name: string): string | undefined {
  if (name === '') return 'it is empty';
  if (name.startsWith('-')) return `it begins with '-', which would be taken for a flag`;
  if (name.length > 253) return 'it is longer than 253 characters';
  for (const label of name.split('.')) {
    if (label === '') return 'it has an empty label';
    if (label.length > 63) return 'a label is longer than 63 characters';
    if (!/^[A-Za-z0-9_-]+$/.test(label)) return 'letters, digits, - and _ are allowed between the dots';
    if (label.startsWith('-') || label.endsWith('-')) return `a label begins or ends with '-'`;
  }
  return undefined;
}

/** True for 8-4-4-4-12 hexadecimal digits of any version, upper or lower case. */
export function isUuid(text: string): boolean {
  return /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);
}

/** True for the last part of a dataset that may be a jail's: a UUID or a name as `create -n` takes it. */
export function isJailDatasetName(text: string): boolean {
  return isUuid(text) || nameProblem('jail', text) === undefined;
}

/**
 * The tag of a jail that was given none: its local creation time.
 *
 * @example timeTag(new Date(2016, 1, 10, 20, 14, 5)) === '2016-02-10@20:14:05'
 */
export const timeTag = (date: Date): string => localTime(date, '@');
