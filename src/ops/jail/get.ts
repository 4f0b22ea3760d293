/** `get`, `get -r`, `defaults`: what is configured, and where each value comes from. */
import * as z from 'zod';
import { defineRead, type Words } from '../operation.ts';
import type { Host, RunningJail } from '../../driver/host.ts';
import { failure } from '../../domain/errors.ts';
import { canonical, configOf } from '../../domain/config.ts';
import { findJail, type Jail } from '../../domain/jail.ts';
import { getProperty, properties } from '../../domain/properties/index.ts';
import { ValueProblem, type Property } from '../../domain/property.ts';
import { inFull } from '../source/each.ts';
import { readWithRunning, readWorld } from '../world/read.ts';
import { toSpec } from '../world/spec.ts';
import type { World } from '../world/world.ts';
import { noPositionals, noProperties } from './select.ts';

export type Source = 'local' | 'default' | 'builtin' | 'zfs' | 'computed';

export interface Value {
  readonly key: string;
  /** Null: unset. */
  readonly value: string | null;
  readonly source: Source;
  /** Why this kernel does not apply it, when it does not and the value is not the built-in one. */
  readonly notApplied?: string;
}

const getInput = z.object({
  key: z.string().min(1),
  jail: z.string().optional(),
  recursive: z.boolean().default(false),
});

export type GetOutput =
  | { readonly jail: string; readonly key: string; readonly value: string | null; readonly source: Source }
  | { readonly jail: string; readonly properties: readonly Value[] }
  | {
      readonly key: string;
      readonly rows: readonly { uuid: string; tag: string; name: string; value: string | null }[];
    };

export const propertyGet = defineRead<typeof getInput, GetOutput>({
  id: 'property.get',
  title: 'Show properties of a jail, or one property of all jails',
  input: getInput,
  everySource: {
    applies: ({ jail, recursive }) => recursive && jail === undefined,
    merge: (answers, { key }) => ({
      key,
      rows: inFull(answers, (result) => ('rows' in result ? result.rows : [])),
    }),
  },
  async read(context, input) {
    assertKnown(input.key);
    const { world, running } = await readWithRunning(context);
    return answerGet(context.host, world, running, input);
  },
  command: {
    names: ['get', 'show'],
    group: 'configuration',
    usage: 'PROPERTY|all JAIL|default | -r PROPERTY | -p',
    flags: [
      { key: 'recursive', flags: '-r, --recursive', doc: 'the property of every jail' },
      {
        key: 'long',
        flags: '-l, --long',
        doc: "with 'all': the source of each value, and why it is not applied",
      },
      // COMPAT: the Python line has a flag for each of these; `-f` of its plugins is not taken.
      { key: 'all', flags: '-a, --all', doc: 'same as: get all JAIL' },
      { key: 'state', flags: '-s, --state', doc: 'same as: get state JAIL' },
      { key: 'jid', flags: '-j, --jid', doc: 'same as: get jid JAIL' },
      { key: 'pool', flags: '-p, --pool', doc: 'same as: get pool default' },
    ],
    about: `PROPERTY may also be state (up or down), jid, pool or iocroot.`,
    examples: [
      { line: 'iocage get all web', says: 'every property, one key:value a line' },
      { line: 'iocage get host_hostname web', says: 'one value' },
      { line: 'iocage get -r boot', says: 'one property of all jails' },
      {
        line: 'iocage get -l all web',
        says: 'with the source of each value, and what this kernel does not apply',
      },
    ],
    toInputs(words) {
      noProperties('get', words);
      const [key, jail, ...more] = [...keysOfFlags(words), ...words.positionals];
      // COMPAT: the original's `show PROPERTY` became `get -r PROPERTY` in its later lines.
      const recursive = words.flags['recursive'] === true || words.called === 'show';
      const usage = (problem: string) => failure('USAGE', { problem, command: 'get' });
      if (key === undefined) throw usage('missing property');
      if (more.length > 0) throw usage(`${JSON.stringify(more[0])} is too much`);
      if (recursive && jail !== undefined) throw usage('-r shows all jails: name none');
      if (recursive && key === 'all') throw usage('-r takes one property');
      if (!recursive && jail === undefined) throw usage('missing UUID or property!');
      return [{ key, ...(jail === undefined ? {} : { jail }), recursive }];
    },
  },
});

/** @throws UNKNOWN_PROPERTY */
function assertKnown(key: string): void {
  if (key !== 'all' && !isPseudo(key)) getProperty(key);
}

/**
 * The answer from what was read before; starts nothing and reads nothing.
 *
 * @throws UNKNOWN_PROPERTY, JAIL_NOT_FOUND, JAIL_AMBIGUOUS, JAIL_CORRUPT
 */
export function answerGet(
  host: Pick<Host, 'notApplied'>,
  world: World,
  states: ReadonlyMap<string, RunningJail>,
  { key, jail: name, recursive }: z.output<typeof getInput>,
): GetOutput {
  assertKnown(key);
  if (recursive) {
    const jails = world.jails.filter((jail) => jail.problem === undefined);
    const row = (jail: Jail) => ({
      uuid: jail.uuid,
      tag: jail.tag,
      name: jail.tag,
      value:
        pseudo(world, jail, key, states.get(jail.uuid)?.jid) ?? valueOf(world, jail, getProperty(key)).value,
    });
    return { key, rows: jails.map(row) };
  }
  if (name === 'default') return ofDefaults(world, key);
  const jail = findJail(world.jails, name!);
  const special = pseudo(world, jail, key, states.get(jail.uuid)?.jid);
  if (special !== undefined) return { jail: jail.uuid, key, value: special, source: 'computed' };
  // Where the configuration cannot be read, defaults are no answer. What stands on a dataset that is not mounted is.
  if (jail.problem !== undefined && !jail.ours)
    throw failure('JAIL_CORRUPT', { name: jail.tag, why: jail.problem });
  if (key === 'all') return { jail: jail.uuid, properties: allOf(host, world, jail) };
  const { value, source } = valueOf(world, jail, getProperty(key));
  return { jail: jail.uuid, key, value, source };
}

/** `-a JAIL` as `all JAIL`, and so on; the pool is that of no jail. */
function keysOfFlags({ flags, positionals }: Words): readonly string[] {
  const asked = (['all', 'state', 'jid', 'pool'] as const).filter((key) => flags[key] === true);
  if (asked.length > 1)
    throw failure('USAGE', { problem: `--${asked.join(' and --')} exclude each other`, command: 'get' });
  return asked[0] === 'pool' && positionals.length === 0 ? ['pool', 'default'] : asked;
}

const pseudoKeys = ['state', 'jid', 'pool', 'iocroot'];

function isPseudo(key: string): boolean {
  return pseudoKeys.includes(key);
}

/** Facts that are asked for like properties but are not stored. */
function pseudo(world: World, jail: Jail, key: string, jid: number | undefined): string | undefined {
  if (key === 'state') return jid === undefined ? 'down' : 'up';
  if (key === 'jid') return jid === undefined ? '-' : String(jid);
  if (key === 'pool') return world.pool.name;
  if (key === 'iocroot') return world.mountpoint;
  return undefined;
}

export function valueOf(
  world: World,
  jail: Jail,
  property: Property,
): { value: string | null; source: Source } {
  const { key } = property;
  if (property.store === 'native') return { value: jail.native.get(key) ?? null, source: 'zfs' };
  const value = configOf(jail, world.defaults).get(key) ?? null;
  return { value, source: sourceOf(world, jail, key) };
}

/** What another tool has for built-in counts as a default: it is none of ours. */
function sourceOf(world: World, jail: Jail, key: string): Source {
  return jail.local.has(key) ? 'local' : (jail.defaults ?? world.defaults).has(key) ? 'default' : 'builtin';
}

function allOf(host: Pick<Host, 'notApplied'>, world: World, jail: Jail): readonly Value[] {
  const values = configOf(jail, world.defaults);
  const ignored =
    jail.problem === undefined
      ? new Map(host.notApplied(toSpec(world, jail)).map(({ key, why }) => [key, why]))
      : new Map<string, string>();
  return properties
    .filter((property) => property.store !== 'none')
    .map((property): Value => {
      const { key } = property;
      if (property.store === 'native') return { key, value: jail.native.get(key) ?? null, source: 'zfs' };
      const notApplied = ignored.get(key);
      return {
        key,
        value: values.get(key) ?? null,
        source: sourceOf(world, jail, key),
        ...(notApplied === undefined ? {} : { notApplied }),
      };
    });
}

function ofDefaults(world: World, key: string): GetOutput {
  const host = new Map([
    ['pool', world.pool.name],
    ['iocroot', world.mountpoint],
  ]).get(key);
  if (host !== undefined) return { jail: 'default', key, value: host, source: 'computed' };
  const all = defaultsOf(world);
  if (key === 'all') return { jail: 'default', properties: all };
  const found = all.find((value) => value.key === key);
  return { jail: 'default', key, value: found?.value ?? null, source: found?.source ?? 'builtin' };
}

/** On a pool that only another tool has jails on, those of that tool: they are what holds. */
function defaultsOf(world: World): readonly Value[] {
  const theirs = world.jails.every(({ file, problem }) => file !== undefined || problem !== undefined)
    ? world.jails.find(({ defaults }) => defaults !== undefined)?.defaults
    : undefined;
  const stored = theirs ?? world.defaults;
  return properties
    .filter((property) => property.defaultable && property.store !== 'none')
    .map((property) => {
      const { key, default: builtin } = property;
      const text = stored.get(key);
      return {
        key,
        value: text === undefined ? builtin : spelled(property, text),
        source: text === undefined ? ('builtin' as const) : ('default' as const),
      };
    });
}

/** As we write it; as it stands where it cannot be read. */
function spelled(property: Property, text: string): string {
  try {
    return canonical(property, text);
  } catch (error) {
    if (error instanceof ValueProblem) return text;
    throw error;
  }
}

export const propertyDefaults = defineRead({
  id: 'property.defaults',
  title: 'Show the defaults of all properties',
  input: z.object({}),
  async read(context) {
    return { properties: defaultsOf(await readWorld(context)) };
  },
  command: {
    names: ['defaults'],
    group: 'configuration',
    usage: '',
    examples: [
      { line: 'iocage defaults', says: 'one key=value a line; stored ones take the place of built-in ones' },
    ],
    toInputs(words) {
      noPositionals('defaults', words);
      noProperties('defaults', words);
      return [{}];
    },
  },
});
