/**
 * `set`: properties of jails, or of the defaults. Everything is checked before anything is written.
 * Two of them do more than to store a value: `template` moves the jail (`convert.ts`), and `release`
 * chooses what a basejail shows.
 */
import { join } from 'node:path';
import * as z from 'zod';
import { defineChange, type Context } from '../operation.ts';
import type { Step } from '../../driver/system.ts';
import { failure } from '../../domain/errors.ts';
import { checkAssignments } from '../../domain/config.ts';
import { findJail, holderOf, label, type Jail } from '../../domain/jail.ts';
import { assertReleaseName, assertTag } from '../../domain/name.ts';
import { findProperty, getProperty } from '../../domain/properties/index.ts';
import { namespace, readWorld, toSpec, type World } from '../world.ts';
import { createDataset, setProperties } from '../steps/dataset.ts';
import { makeLink, removeLink, replaceInRoot } from '../steps/file.ts';
import { getRelease, releaseLock } from '../release/destroy.ts';
import { convertSteps, typeAsTemplate, wantedTemplate } from './convert.ts';
import { toZfsProperties } from './new-jail.ts';
import { assertNotItself } from './depends.ts';
import { assertHandable } from './handed.ts';
import { liveLimits } from './cap.ts';
import { jailLock, tagLock } from './select.ts';
import { storeDefaults, storeSteps } from './store.ts';

const setInput = z.object({
  /** Jails, or the one word `default`. */
  jails: z.array(z.string().min(1, 'a jail is named by its UUID or its tag')).min(1, 'missing UUID'),
  properties: z.array(z.tuple([z.string(), z.string()])).min(1, 'missing property'),
});

interface Change {
  readonly jail: string;
  readonly key: string;
  /** Null: it was not stored. */
  readonly old: string | null;
  readonly new: string;
  /** False when a running jail gets it only at its next start. */
  readonly live: boolean;
}

export const propertySet = defineChange<typeof setInput, { changes: readonly Change[] }>({
  id: 'property.set',
  title: 'Set properties of jails, or defaults for new values',
  effect: 'change',
  recover: 'undo',
  anyFormat: true,
  input: setInput,
  async locks(context, input) {
    const world = await readWorld(context);
    const { realm } = world;
    if (isDefault(input.jails)) return [`defaults:${realm}`];
    const tag = input.properties.findLast(([key]) => key === 'tag')?.[1];
    return [
      ...input.jails.map((name) => jailLock(findJail(world.jails, name))),
      ...(tag === undefined ? [] : [tagLock(realm, tag)]),
      ...releasesIn(input.properties).map((name) => releaseLock(realm, name)),
    ];
  },
  async plan(context, input) {
    const world = await readWorld(context);
    return isDefault(input.jails)
      ? planDefaults(context, world, checkAssignments(input.properties, 'default'))
      : planJails(context, world, input.jails, input.properties);
  },
  command: {
    names: ['set'],
    group: 'configuration',
    usage: 'PROPERTY=VALUE ... JAIL ... | default',
    about: `The word default in the place of a jail sets what jails get that do not have the property themselves.`,
    examples: [
      { line: 'iocage set notes="mail for example.org" mail', says: 'one property' },
      { line: 'iocage set quota=20G compression=on web db', says: 'several, of several jails: all or none' },
      { line: 'iocage set template=yes golden', says: 'golden becomes a template to create jails from' },
      { line: 'iocage set boot=on default', says: 'for every jail that does not say otherwise' },
    ],
    toInputs({ positionals, properties }) {
      const [first] = positionals;
      if (properties.length === 0)
        throw failure('USAGE', {
          problem:
            first !== undefined && findProperty(first) !== undefined
              ? `${first} has no value; write ${first}=VALUE`
              : 'missing PROPERTY=VALUE',
          command: 'set',
        });
      if (first === undefined) throw failure('USAGE', { problem: 'missing UUID', command: 'set' });
      return [{ jails: positionals, properties }];
    },
  },
});

function isDefault(jails: readonly string[]): boolean {
  if (!jails.includes('default')) return false;
  if (jails.length > 1) throw failure('USAGE', { problem: `'default' stands alone`, command: 'set' });
  return true;
}

async function planDefaults(context: Context, world: World, pairs: readonly (readonly [string, string])[]) {
  const dataset = `${world.root}/.defaults`;
  const previous = Object.fromEntries(
    pairs.map(([key]) => [namespace + key, world.defaults.get(key) ?? null]),
  );
  return {
    subject: 'default',
    title: 'Setting defaults',
    steps: [
      ...(world.missing.includes(dataset) ? [createDataset({ dataset, properties: {} })] : []),
      setProperties({ dataset, properties: toZfsProperties(pairs), previous }),
      ...(await storeDefaults(context, world, pairs)),
    ],
    result: () => ({
      changes: pairs.map(([key, value]) => ({
        jail: 'default',
        key,
        old: world.defaults.get(key) ?? null,
        new: value,
        live: false,
      })),
    }),
  };
}

async function planJails(
  context: Context,
  world: World,
  names: readonly string[],
  given: readonly (readonly [string, string])[],
) {
  const jails = [...new Set(names.map((name) => findJail(world.jails, name)))];
  for (const jail of jails) {
    if (jail.problem !== undefined) throw failure('JAIL_CORRUPT', { name: jail.tag, why: jail.problem });
  }
  const words = typeAsTemplate(jails, given);
  const releases = checkReleases(world, jails, words);
  const pairs = [
    ...checkAssignments(
      words.filter(([key]) => key !== 'release'),
      'jail-set',
    ),
    ...releases,
  ];
  checkTag(world, jails, pairs);
  for (const jail of jails) checkFile(jail, pairs);
  for (const jail of jails) await assertHandable(context, world, jail, pairs);
  const wanted = wantedTemplate(pairs);
  const tag = pairs.findLast(([key]) => key === 'tag')?.[1];
  for (const jail of jails) assertNotItself(world, retagged(jail, tag), pairs);
  const running = await context.host.running(world.realm);
  const native = pairs.some(([key]) => getProperty(key).store === 'native');
  const steps: Step[] = [];
  for (const jail of jails) {
    // What `list` prints of a size is rounded; to put it back it must be exact.
    const exact = native ? await context.storage.local(jail.dataset) : undefined;
    steps.push(
      ...(await setSteps(
        context,
        world,
        jail,
        pairs.filter(([key]) => !converts.has(key)),
        exact,
      )),
    );
    const hostname = pairs.findLast(([key]) => key === 'host_hostname')?.[1];
    if (hostname !== undefined) steps.push(...(await renameSteps(context, world, jail, hostname)));
    if (running.has(jail.uuid)) steps.push(...(await liveLimits(context, world, jail, pairs)));
    if (wanted !== undefined)
      steps.push(...(await convertSteps(context, world, retagged(jail, tag), wanted, tag ?? jail.tag)));
  }
  return {
    subject: jails.map(label).join(', '),
    title: `Setting ${pairs.map(([key]) => key).join(', ')} of ${jails.map((jail) => jail.tag).join(', ')}`,
    steps,
    result: () => ({
      changes: jails.flatMap((jail) =>
        pairs.map(([key, value]) => ({
          jail: jail.uuid,
          key,
          old: stored(jail, key),
          new: value,
          live: getProperty(key).live || !running.has(jail.uuid),
        })),
      ),
    }),
  };
}

/** These are not only stored. */
const converts: ReadonlySet<string> = new Set(['template', 'istemplate']);

/** The jail as the steps before the conversion leave it. */
function retagged(jail: Jail, tag: string | undefined): Jail {
  return tag === undefined ? jail : { ...jail, tag };
}

function releasesIn(words: readonly (readonly [string, string])[]): readonly string[] {
  return words.filter(([key]) => key === 'release').map(([, name]) => name);
}

/** A basejail shows another release from its next start; in all others the files are there already. */
function checkReleases(
  world: World,
  jails: readonly Jail[],
  words: readonly (readonly [string, string])[],
): readonly (readonly [string, string])[] {
  const names = [...new Set(releasesIn(words))];
  if (names.length === 0) return [];
  const other = jails.find((jail) => jail.local.get('type') !== 'basejail');
  if (other !== undefined) {
    const why = `${label(other)} has the files of its release; only a basejail can show another one`;
    throw failure('READ_ONLY_PROPERTY', { key: 'release', why });
  }
  if (names.length > 1)
    throw failure('INVALID_INPUT', { issues: [{ path: 'release', problem: 'it is given twice' }] });
  assertReleaseName(names[0]!);
  getRelease(world, names[0]!);
  return [['release', names[0]!]];
}

/** These mean more than a value: another tool keeps them in other ways than we do. */
function checkFile(jail: Jail, pairs: readonly (readonly [string, string])[]): void {
  const key = pairs.find(([one]) => one === 'tag' || one === 'release' || converts.has(one))?.[0];
  if (jail.file === undefined || key === undefined) return;
  const why = `${label(jail)} keeps its configuration in ${jail.file.name} of ${jail.file.title}`;
  throw failure('READ_ONLY_PROPERTY', { key, why, migrate: jail.uuid });
}

function stored(jail: Jail, key: string): string | null {
  return (getProperty(key).store === 'native' ? jail.native.get(key) : jail.local.get(key)) ?? null;
}

function checkTag(world: World, jails: readonly Jail[], pairs: readonly (readonly [string, string])[]): void {
  const tag = pairs.findLast(([key]) => key === 'tag')?.[1];
  if (tag === undefined) return;
  if (jails.length > 1)
    throw failure('USAGE', { problem: 'one tag cannot go to several jails', command: 'set' });
  assertTag(tag);
  const holder = holderOf(world.jails, tag);
  if (holder !== undefined && holder.uuid !== jails[0]!.uuid) {
    throw failure('NAME_TAKEN', { what: 'tag', name: tag, by: holder.uuid });
  }
}

/** zfs(8): these are cleared by setting them to none, not by inheriting. */
const notInherited = new Set(['quota', 'refquota', 'reservation', 'refreservation']);

/** The name that `create` wrote into the jail's own files; a file that says something else is left alone. */
async function renameSteps(
  context: Context,
  world: World,
  jail: Jail,
  hostname: string,
): Promise<readonly Step[]> {
  const { root, config } = toSpec(world, jail);
  const old = config.get('host_hostname') ?? jail.uuid;
  const edits = [
    { path: 'etc/hostname', from: `${old}\n`, to: `${hostname}\n` },
    { path: 'etc/hosts', from: `127.0.1.1\t${old}\n`, to: `127.0.1.1\t${hostname}\n` },
  ];
  const steps: Step[] = [];
  for (const { path, from, to } of edits) {
    // A link that the jail planted there is not read, and not written.
    const before = await context.files.readBelow(root, path).catch(() => undefined);
    const after = before?.replace(from, () => to);
    if (before !== undefined && after !== undefined && after !== before) {
      steps.push(replaceInRoot({ root, path, before, after }));
    }
  }
  return steps;
}

function nativeBefore(key: string, exact: ReadonlyMap<string, string> | undefined): string | null {
  const value = exact?.get(key);
  if (!notInherited.has(key)) return value ?? null;
  return value === undefined || value === '0' ? 'none' : value;
}

async function setSteps(
  context: Context,
  world: World,
  jail: Jail,
  pairs: readonly (readonly [string, string])[],
  exact: ReadonlyMap<string, string> | undefined,
): Promise<readonly Step[]> {
  const properties = toZfsProperties(pairs);
  const previous = Object.fromEntries(
    pairs.map(([key]) =>
      getProperty(key).store === 'native'
        ? [key, nativeBefore(key, exact)]
        : [namespace + key, jail.local.get(key) ?? null],
    ),
  );
  const steps: Step[] = [...(await storeSteps(context, jail, properties, previous))];
  const tag = pairs.findLast(([key]) => key === 'tag')?.[1];
  if (tag !== undefined && tag !== jail.tag && jail.mountpoint !== undefined) {
    const target = jail.mountpoint;
    steps.push(removeLink({ target, path: join(world.mountpoint, 'tags', jail.tag) }));
    steps.push(makeLink({ target, path: join(world.mountpoint, 'tags', tag) }));
  }
  return steps;
}
