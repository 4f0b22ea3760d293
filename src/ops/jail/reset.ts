/**
 * `reset`: a jail's properties back to the defaults, all but those that say who it is and where its files
 * come from. With thin configuration that means: what is stored on its dataset is taken away again.
 */
import * as z from 'zod';
import { defineChange, type Plan } from '../operation.ts';
import type { Context } from '../context.ts';
import type { Step } from '../../driver/system.ts';
import { failure } from '../../domain/errors.ts';
import { effective, identityKeys } from '../../domain/config.ts';
import { findJail, label, type Jail } from '../../domain/jail.ts';
import { findProperty, getProperty } from '../../domain/properties/index.ts';
import { readWorld } from '../world/read.ts';
import { toSpec } from '../world/spec.ts';
import type { World } from '../world/world.ts';
import { liveLimits } from './cap.ts';
import { jailLock, noProperties } from './select.ts';
import { dropValues } from './values.ts';

const resetInput = z.object({
  /** Jails; or one of the words `ALL` and `default`. */
  jails: z.array(z.string().min(1)).min(1, 'missing UUID'),
  /** These alone, whatever a reset of all would keep; only what says who the jail is cannot go. */
  keys: z.array(z.string()).min(1).optional(),
});

interface Change {
  readonly jail: string;
  readonly key: string;
  readonly old: string;
  /** Null: it is unset now. */
  readonly new: string | null;
}

/** COMPAT: every line of the original kept some of these; what one of them kept is kept. */
const kept: ReadonlySet<string> = new Set([
  ...identityKeys,
  'vnet0_mac',
  'vnet1_mac',
  'vnet2_mac',
  'vnet3_mac',
  'hack88',
  'jail_zfs_dataset',
  'resolver',
  'ip4_autostart',
  'ip4_autoend',
  'ip4_autosubnet',
  'gitlocation',
  'volumes',
  'boot',
  'vnet',
  'mount_procfs',
  'mount_linprocfs',
  'hostid',
]);

/** Keys stored on the jail that a reset takes away, sorted. */
function resettable(local: ReadonlyMap<string, string>, keys?: readonly string[]): readonly string[] {
  return [...local.keys()]
    .filter((key) => {
      if (keys !== undefined) return keys.includes(key);
      const row = findProperty(key);
      return row?.store === 'user' && row.access !== 'tool' && !kept.has(key);
    })
    .sort();
}

/** @throws READ_ONLY_PROPERTY, UNKNOWN_PROPERTY */
function checkKeys(keys: readonly string[] | undefined): void {
  for (const key of keys ?? []) {
    const row = getProperty(key);
    const why =
      row.store === 'native'
        ? `it is a property of the dataset; 'iocage set ${key}=VALUE JAIL' sets it`
        : row.access !== 'set' || identityKeys.has(key)
          ? 'it says who the jail is, or where its files come from'
          : undefined;
    if (why !== undefined) throw failure('READ_ONLY_PROPERTY', { key, why });
  }
}

export const propertyReset = defineChange<typeof resetInput, { changes: readonly Change[] }>({
  id: 'property.reset',
  title: 'Set the properties of jails back to the defaults',
  effect: 'change',
  recover: 'undo',
  input: resetInput,
  async locks(context, input) {
    const world = await readWorld(context);
    if (input.jails.includes('default')) return [`defaults:${world.realm}`];
    return chosen(world, input.jails).map(jailLock);
  },
  async plan(context, input) {
    const world = await readWorld(context);
    checkKeys(input.keys);
    if (!input.jails.includes('default')) return planJails(context, world, input.jails, input.keys);
    if (input.jails.length > 1)
      throw failure('USAGE', { problem: `'default' stands alone`, command: 'reset' });
    return planDefaults(world, input.keys);
  },
  command: {
    names: ['reset'],
    group: 'configuration',
    usage: 'JAIL ... | ALL | default',
    flags: [
      { key: 'force', flags: '-f, --force', doc: 'do not ask' },
      {
        key: 'keys',
        flags: '-p, --property <name>',
        doc: 'only this property; may be given several times',
        many: true,
      },
    ],
    about:
      'Addresses, limits, hooks and whatever else was set go. What stays: tag, UUID, host name, type, release, ' +
      'template, MAC addresses, boot, vnet, resolver, jail_zfs_dataset, volumes. The properties of ZFS, such as ' +
      'quota, stay as well. The word default takes away all stored defaults. ALL asks first.',
    examples: [
      { line: 'iocage reset web', says: 'web follows the defaults again' },
      { line: 'iocage reset -p notes web', says: 'only the notes of web' },
      { line: 'iocage reset default', says: 'the built-in defaults count again' },
    ],
    toInputs(words) {
      noProperties('reset', words);
      if (words.positionals.length === 0)
        throw failure('USAGE', { problem: 'missing UUID', command: 'reset' });
      const keys = words.flags['keys'];
      return [{ jails: words.positionals, ...(keys === undefined ? {} : { keys }) }];
    },
  },
});

function chosen(world: World, names: readonly string[]): readonly Jail[] {
  if (!names.includes('ALL')) return [...new Set(names.map((name) => findJail(world.jails, name)))];
  if (names.length > 1) throw failure('USAGE', { problem: 'ALL stands alone', command: 'reset' });
  return world.jails.filter((jail) => jail.problem === undefined);
}

async function planJails(
  context: Context,
  world: World,
  names: readonly string[],
  only: readonly string[] | undefined,
): Promise<Plan<{ changes: readonly Change[] }>> {
  const jails = chosen(world, names);
  for (const jail of jails) toSpec(world, jail); // what is corrupt or not ours is refused here
  const changes = jails.flatMap((jail) => changesOf(world, jail, only));
  const subject = names.includes('ALL') ? 'all jails' : jails.map(label).join(', ');
  const running = only === undefined ? undefined : await context.host.running(world.realm);
  const steps: Step[] = [];
  for (const jail of jails) {
    const keys = resettable(jail.local, only);
    if (keys.length > 0) steps.push(dropValues(jail, keys));
    if (!running?.has(jail.uuid)) continue;
    // A limit that is named goes at once, as one that is set counts at once.
    const now = changes.filter((change) => change.jail === jail.uuid);
    steps.push(
      ...(await liveLimits(
        context,
        world,
        jail,
        now.map((change) => [change.key, change.new ?? '-']),
      )),
    );
  }
  return {
    subject,
    title: `Resetting ${subject}`,
    steps,
    ...(names.includes('ALL') ? { loses: changes.map(({ jail, key, old }) => `${jail} ${key}=${old}`) } : {}),
    result: () => ({ changes }),
  };
}

function changesOf(world: World, jail: Jail, only: readonly string[] | undefined): readonly Change[] {
  const keys = resettable(jail.local, only);
  const rest = new Map([...jail.local].filter(([key]) => !keys.includes(key)));
  const now = effective(rest, world.defaults, { uuid: jail.uuid });
  return keys.map((key) => ({
    jail: jail.uuid,
    key,
    old: jail.local.get(key)!,
    new: now.get(key) ?? null,
  }));
}

function planDefaults(
  world: World,
  only: readonly string[] | undefined,
): Plan<{ changes: readonly Change[] }> {
  const keys = [...world.defaults.keys()]
    .filter((key) => (only === undefined ? findProperty(key)?.store === 'user' : only.includes(key)))
    .sort();
  return {
    subject: 'default',
    title: 'Resetting defaults',
    steps:
      keys.length === 0
        ? []
        : [dropValues({ dataset: `${world.root}/.defaults`, local: world.defaults }, keys)],
    result: () => ({
      changes: keys.map((key) => ({
        jail: 'default',
        key,
        old: world.defaults.get(key)!,
        new: findProperty(key)?.default ?? null,
      })),
    }),
  };
}
