/**
 * Argument arrays for zfs(8) and zpool(8); pure. Only spellings that zfs-fuse 0.7 (pool version 23)
 * and OpenZFS 2.x read the same way, so that there is one dialect to test: no `list -p`, no `get -t`,
 * no `rename -u`, never `-R` or `-f` with destroy, never `recv -F`, never `mount -O` (it aborts zfs-fuse).
 *
 * `name` stands first and last in what is listed: that frames a record, so that a value holding tabs
 * and newlines cannot pass for another dataset's row (see parse.ts).
 */
import { failure, type Issue } from '../../domain/errors.ts';
import type { Properties, StreamPart } from '../storage.ts';
import { assertDataset, assertName, splitSnapshot } from './name.ts';

type Argv = readonly string[];

const key = /^[a-z0-9][a-z0-9:._-]*$/;

function assertColumns(columns: readonly string[]): void {
  const issues = columns
    .filter((column) => !key.test(column))
    .map((path) => ({ path, problem: 'is no property name' }));
  if (issues.length > 0) throw failure('INVALID_INPUT', { issues });
}

/**
 * Refuses what cannot be stored on every ZFS or cannot be read back from its output: upper case in
 * names, empty values, control characters.
 */
function assertProperties(properties: Properties): void {
  const issues: Issue[] = [];
  for (const [path, value] of Object.entries(properties)) {
    if (!key.test(path)) issues.push({ path, problem: 'is no property name that ZFS can store' });
    if (value === '') issues.push({ path, problem: 'an empty value cannot be stored' });
    // eslint-disable-next-line no-control-regex -- control characters are what is looked for.
    else if (/[\u0000-\u001f\u007f]/.test(value))
      issues.push({ path, problem: 'control characters are not allowed' });
  }
  if (issues.length > 0) throw failure('INVALID_INPUT', { issues });
}

function options(properties: Properties): string[] {
  assertProperties(properties);
  return Object.entries(properties).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
}

// ---- reading

export const poolColumns = ['mountpoint', 'org.freebsd.ioc:active', 'org.freebsd.iocage:disposable'] as const;

export const listPools = (): Argv => [
  'zfs',
  'list',
  '-H',
  '-d',
  '0',
  '-o',
  ['name', ...poolColumns, 'name'].join(','),
];

export const listPoolComments = (): Argv => ['zpool', 'list', '-H', '-o', 'name,comment'];

export function poolHealth(pool: string): Argv {
  assertDataset(pool);
  return ['zpool', 'list', '-H', '-o', 'health', pool];
}

/** `depth` undefined: everything below. */
export function list(
  root: string | readonly string[],
  depth: number | undefined,
  types: string,
  columns: readonly string[],
): Argv {
  const roots = [root].flat();
  for (const each of roots) assertDataset(each);
  assertColumns(columns);
  const reach = depth === undefined ? ['-r'] : ['-d', String(depth)];
  return ['zfs', 'list', '-H', ...reach, '-t', types, '-o', ['name', ...columns, 'name'].join(','), ...roots];
}

/** Exact numbers; answers filesystems, volumes and snapshots alike, since zfs-fuse has no `get -t`. */
export function get(root: string, depth: number | undefined, properties: readonly string[]): Argv {
  assertDataset(root);
  assertColumns(properties);
  const reach = depth === undefined ? ['-r'] : depth === 0 ? [] : ['-r', '-d', String(depth)];
  return [
    'zfs',
    'get',
    '-H',
    '-p',
    ...reach,
    '-o',
    'name,property,value,property,name',
    properties.join(','),
    root,
  ];
}

export function getLocal(name: string): Argv {
  assertName(name);
  return ['zfs', 'get', '-H', '-p', '-s', 'local,received', '-o', 'property,value,property', 'all', name];
}

// ---- changing

export function create(dataset: string, properties: Properties): Argv {
  assertDataset(dataset);
  return ['zfs', 'create', ...options(properties), dataset];
}

export function snapshot(name: string, recursive: boolean, properties: Properties): Argv {
  splitSnapshot(name);
  return ['zfs', 'snapshot', ...(recursive ? ['-r'] : []), ...options(properties), name];
}

export function clone(origin: string, dataset: string, properties: Properties): Argv {
  splitSnapshot(origin);
  assertDataset(dataset);
  return ['zfs', 'clone', ...options(properties), origin, dataset];
}

/** The two ends of a full copy. `-u`: not mounted until it is complete; no `-F`: nothing is overwritten. */
export function copy(origin: string, dataset: string): readonly [Argv, Argv] {
  splitSnapshot(origin);
  assertDataset(dataset);
  return [
    ['zfs', 'send', origin],
    ['zfs', 'recv', '-u', dataset],
  ];
}

function assertToken(token: string): void {
  if (!/^\d+-[0-9a-f]+-[0-9a-f]+-[0-9a-f]+$/.test(token)) {
    throw failure('INVALID_INPUT', { issues: [{ path: 'token', problem: 'is no token of zfs receive -s' }] });
  }
}

export function send({ snapshot: name, from, token }: StreamPart): Argv {
  splitSnapshot(name);
  if (token !== undefined) {
    assertToken(token);
    return ['zfs', 'send', '-t', token];
  }
  if (from === undefined) return ['zfs', 'send', name];
  splitSnapshot(from);
  return ['zfs', 'send', '-i', from, name];
}

/** `-u`: not mounted. No `-F`: what diverged is not overwritten. */
export function receive(dataset: string, resumable: boolean): Argv {
  assertDataset(dataset);
  return ['zfs', 'recv', ...(resumable ? ['-s'] : []), '-u', dataset];
}

export function abortReceive(dataset: string): Argv {
  assertDataset(dataset);
  return ['zfs', 'recv', '-A', dataset];
}

/** Tells what a token stands for and sends nothing. */
export function readToken(token: string): Argv {
  assertToken(token);
  return ['zfs', 'send', '-n', '-v', '-t', token];
}

/** One call for all where zfs can, otherwise one call for each. */
export function set(name: string, properties: Properties, setMany: boolean): readonly Argv[] {
  assertName(name);
  assertProperties(properties);
  const pairs = Object.entries(properties).map(([property, value]) => `${property}=${value}`);
  if (pairs.length === 0) return [];
  return setMany ? [['zfs', 'set', ...pairs, name]] : pairs.map((pair) => ['zfs', 'set', pair, name]);
}

/** These cannot be inherited; setting them back to what they are without anyone's doing is the same. */
const uninheritable: Readonly<Record<string, string>> = {
  quota: 'none',
  refquota: 'none',
  reservation: 'none',
  refreservation: 'none',
  canmount: 'on',
};

export function inherit(name: string, property: string): Argv {
  assertName(name);
  assertColumns([property]);
  const plain = Object.hasOwn(uninheritable, property) ? uninheritable[property] : undefined;
  return plain === undefined
    ? ['zfs', 'inherit', property, name]
    : ['zfs', 'set', `${property}=${plain}`, name];
}

export function rollback(name: string, destroyNewer: boolean): Argv {
  splitSnapshot(name);
  return ['zfs', 'rollback', ...(destroyNewer ? ['-r'] : []), name];
}

export function promote(dataset: string): Argv {
  assertDataset(dataset);
  return ['zfs', 'promote', dataset];
}

export function rename(from: string, to: string): Argv {
  assertDataset(from);
  assertDataset(to);
  return ['zfs', 'rename', from, to];
}

export function mount(dataset: string): Argv {
  assertDataset(dataset);
  return ['zfs', 'mount', dataset];
}

export function unmount(dataset: string): Argv {
  assertDataset(dataset);
  return ['zfs', 'unmount', dataset];
}

export function destroy(name: string, recursive: boolean): Argv {
  assertName(name);
  return ['zfs', 'destroy', ...(recursive ? ['-r'] : []), name];
}

export function setPoolComment(pool: string, comment: string): Argv {
  assertDataset(pool);
  assertProperties({ comment });
  return ['zpool', 'set', `comment=${comment}`, pool];
}
