/**
 * `set`: properties of jails, or of the defaults. Everything is checked before anything is written.
 * Two of them do more than to store a value: `template` moves the jail (`convert.ts`), and `release`
 * chooses what a basejail shows.
 */
import * as z from 'zod';
import { defineChange } from '../operation.ts';
import type { Context } from '../context.ts';
import type { Step } from '../../driver/system.ts';
import { failure } from '../../domain/errors.ts';
import { checkAssignments } from '../../domain/config.ts';
import { findJail, label, type Jail } from '../../domain/jail.ts';
import { findProperty, getProperty } from '../../domain/properties/index.ts';
import { namespace } from '../../domain/property.ts';
import { readWorld } from '../world/read.ts';
import type { World } from '../world/world.ts';
import { createDataset, setProperties } from '../steps/dataset.ts';
import { releaseLock } from '../release/destroy.ts';
import { convertSteps, typeAsTemplate, wantedTemplate } from './convert.ts';
import { toZfsProperties } from './new-jail.ts';
import { assertNotItself } from './depends.ts';
import { assertHandable } from './handed.ts';
import { liveLimits } from './cap.ts';
import { jailLock, tagLock } from './select.ts';
import { checkFile, checkReleases, checkTag, releasesIn } from './set-checks.ts';
import { setSteps } from './set-steps.ts';
import { storeDefaults } from './store.ts';

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
  const steps: Step[] = [];
  for (const jail of jails) {
    steps.push(...(await setSteps(context, world, jail, pairs)));
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

/** The jail as the steps before the conversion leave it. */
function retagged(jail: Jail, tag: string | undefined): Jail {
  return tag === undefined ? jail : { ...jail, tag };
}

function stored(jail: Jail, key: string): string | null {
  return (getProperty(key).store === 'native' ? jail.native.get(key) : jail.local.get(key)) ?? null;
}
