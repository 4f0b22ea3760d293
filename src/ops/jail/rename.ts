/**
 * `rename`: the jail's dataset, and with it its identity, under another name. The tag goes along where it was
 * the same word, or is what the jail was called by; alone it is `set tag=`. So does whatever else was derived
 * from the old name.
 */
import { join } from 'node:path';
import * as z from 'zod';
import { defineChange } from '../operation.ts';
import type { Context } from '../context.ts';
import type { Step } from '../../driver/system.ts';
import { failure } from '../../domain/errors.ts';
import { findJail, holderOf, label, type Jail } from '../../domain/jail.ts';
import { assertJailName } from '../../domain/name.ts';
import { consoleLogs } from '../world/spec.ts';
import { readWorld } from '../world/read.ts';
import type { World } from '../world/world.ts';
import { renameFile, rewriteInRoot } from '../steps/move.ts';
import { planMove } from './move.ts';
import { jailLock, noProperties, tagLock } from './select.ts';
import { setValues } from './values.ts';

const renameInput = z.object({ jail: z.string().min(1), name: z.string().min(1) });

interface Renamed {
  readonly uuid: string;
  readonly tag: string;
  readonly was: string;
}

export const jailRename = defineChange<typeof renameInput, Renamed>({
  id: 'jail.rename',
  title: 'Rename a jail',
  effect: 'change',
  recover: 'undo',
  input: renameInput,
  async locks(context, input) {
    const world = await readWorld(context);
    const jail = findJail(world.jails, input.jail);
    assertJailName(input.name);
    return [
      ...[jail, { realm: jail.realm, uuid: input.name }, ...mentioning(world, jail)].map(jailLock),
      tagLock(jail.realm, input.name),
    ];
  },
  async plan(context, input) {
    const world = await readWorld(context);
    const jail = findJail(world.jails, input.jail);
    const { name } = input;
    assertJailName(name);
    const holder = holderOf(
      world.jails.filter((other) => other !== jail),
      name,
    );
    if (holder !== undefined) throw failure('NAME_TAKEN', { what: 'name', name, by: holder.uuid });
    if (name === jail.uuid) throw failure('NAME_TAKEN', { what: 'name', name, by: `${label(jail)} itself` });
    const tag = jail.tag === jail.uuid || jail.tag === input.jail ? name : jail.tag;
    const dataset = `${jail.dataset.split('/').slice(0, -1).join('/')}/${name}`;
    const move = await planMove(context, world, jail, { dataset, tag, action: 'rename' });
    return {
      subject: `${label(jail)} to ${name}`,
      title: `Renaming jail ${label(jail)} to ${name}`,
      steps: [
        ...move.steps,
        identitySteps(jail, dataset, name, tag),
        ...(await nameInRoot(context, jail, name, move.mountpoint)),
        ...(await logSteps(context, world, jail, name)),
        ...mentioning(world, jail).map((other) => mentionStep(other, jail, name, tag)),
        ...move.last,
      ],
      result: () => ({ uuid: name, tag, was: jail.uuid }),
    };
  },
  command: {
    names: ['rename'],
    group: 'jails',
    usage: 'JAIL NAME',
    about:
      'Changes the name of the dataset, which is what UUID means for a jail that has none. The host name ' +
      'goes along where it was the old name, the tag too, or where the jail is named by it here. The jail must be ' +
      'down. Only the tag: set tag=TAG JAIL.',
    examples: [
      { line: 'iocage rename web www', says: 'dataset, host name and tag, as far as they were web' },
    ],
    toInputs(words) {
      const [jail, name, ...more] = words.positionals;
      if (jail === undefined || name === undefined)
        throw failure('USAGE', { problem: 'a jail and its new name, please', command: 'rename' });
      if (more.length > 0)
        throw failure('USAGE', { problem: `${JSON.stringify(more[0])} is too much`, command: 'rename' });
      noProperties('rename', words);
      return [{ jail, name }];
    },
  },
});

const hostWord = (name: string): string => name.replaceAll('_', '-');

/** Whether the jail's host name is only another spelling of the name it loses. */
function followsName(jail: Jail, key: 'host_hostname' | 'hostname'): boolean {
  const value = jail.local.get(key);
  return value === undefined ? key === 'host_hostname' : value === jail.uuid || value === hostWord(jail.uuid);
}

function identitySteps(jail: Jail, dataset: string, name: string, tag: string): Step {
  const own: Record<string, string> = { host_hostuuid: name };
  if (tag !== jail.tag) own['tag'] = tag;
  for (const key of ['host_hostname', 'hostname'] as const) {
    if (jail.local.has(key) && followsName(jail, key)) own[key] = hostWord(name);
  }
  const datasets = movedWords(jail, dataset);
  if (datasets !== jail.local.get('jail_zfs_dataset')) own['jail_zfs_dataset'] = datasets!;
  return setValues(jail, own, dataset);
}

/** `jail_zfs_dataset` once the jail is `dataset`: its own ones go along. */
export function movedWords(jail: Jail, dataset: string): string | undefined {
  const old = jail.dataset.split('/').slice(1).join('/');
  const moved = jail.local
    .get('jail_zfs_dataset')
    ?.split(' ')
    .map((full) => {
      const word = full.startsWith(`${jail.pool}/`) ? full.slice(jail.pool.length + 1) : full;
      return word === old || word.startsWith(`${old}/`)
        ? `${dataset.split('/').slice(1).join('/')}${word.slice(old.length)}`
        : full;
    });
  return moved?.join(' ');
}

/** The two files that `create` wrote the host name into, where it still stands there. */
async function nameInRoot(
  context: Context,
  jail: Jail,
  name: string,
  mountpoint: string,
): Promise<readonly Step[]> {
  if (!followsName(jail, 'host_hostname')) return [];
  const old = new Set([jail.uuid, hostWord(jail.uuid)]);
  const steps: Step[] = [];
  for (const path of ['etc/hostname', 'etc/hosts']) {
    // A link, or something else that a jail's root user put there, is not followed and not touched.
    const before = await context.files.readBelow(join(jail.mountpoint!, 'root'), path).catch(() => undefined);
    const after = before?.replace(/[^\s#]+/g, (word) => (old.has(word) ? hostWord(name) : word));
    if (before === undefined || after === undefined || after === before) continue;
    steps.push(rewriteInRoot({ root: join(mountpoint, 'root'), path, before, after }));
  }
  return steps;
}

async function logSteps(context: Context, world: World, jail: Jail, name: string): Promise<readonly Step[]> {
  const to = consoleLogs(world, name);
  const moved = consoleLogs(world, jail.uuid).map(async (from, index) =>
    (await context.files.stat(from)) === undefined ? [] : [renameFile({ from, to: to[index]! })],
  );
  return (await Promise.all(moved)).flat();
}

/** Jails that name this one in `depends`, and those made from it while it is a template. */
function mentioning(world: World, jail: Jail): readonly Jail[] {
  const names = new Set([jail.uuid, jail.tag]);
  return world.jails.filter(
    (other) =>
      other !== jail &&
      other.ours &&
      (words(other.local.get('depends')).some((word) => names.has(word)) ||
        (jail.template && names.has(other.local.get('source_template') ?? ''))),
  );
}

const words = (text: string | undefined): readonly string[] => (text ?? '').split(/\s+/);

function mentionStep(other: Jail, jail: Jail, name: string, tag: string): Step {
  const renamed = (word: string): string => (word === jail.uuid ? name : word === jail.tag ? tag : word);
  const own: Record<string, string> = {};
  const depends = other.local.get('depends');
  if (depends !== undefined && depends !== 'none') own['depends'] = words(depends).map(renamed).join(' ');
  const template = other.local.get('source_template');
  if (template !== undefined && jail.template) own['source_template'] = renamed(template);
  return setValues(other, own);
}
