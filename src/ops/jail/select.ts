/** Finding the jails that a command names, and the words that several commands share. */
import * as z from 'zod';
import type { Context } from '../context.ts';
import type { Words } from '../operation.ts';
import { failure } from '../../domain/errors.ts';
import { holderOf, label, type Jail } from '../../domain/jail.ts';
import { askEach, allSources } from '../source/each.ts';
import { fullName } from '../source/sources.ts';
import { readJail, readWorld } from '../world/read.ts';
import type { World } from '../world/world.ts';

export { readJail };

export const jailInput = z.object({ jail: z.string().min(1, 'a jail is named by its UUID or its tag') });

/** The lock that everything which changes this jail holds. */
export function jailLock(jail: Pick<Jail, 'realm' | 'uuid'>): string {
  return `jail:${jail.realm}:${jail.uuid}`;
}

/**
 * The new name that an archive or another tool brings is no jail's of another tool: by the lock alone that one would
 * be taken for the jail that is worked on. Whether one of ours has it the plan says, after what was interrupted.
 *
 * @throws NAME_TAKEN
 */
export function assertNotForeign({ jails }: World, name: string): void {
  const holder = holderOf(jails, name);
  if (holder?.file !== undefined) throw failure('NAME_TAKEN', { what: 'name', name, by: holder.uuid });
}

/** The lock that keeps two jails from getting one tag. */
export function tagLock(realm: string, tag: string): string {
  return `tag:${realm}:${tag}`;
}

export async function lockJail(context: Context, input: { jail: string }): Promise<readonly string[]> {
  const { jail } = await readJail(context, input.jail);
  return [jailLock(jail)];
}

/** Throws when the jail runs; the operation works on files that the jail would have open. */
export async function assertDown(context: Context, jail: Jail, action: string): Promise<void> {
  const running = await context.host.running(jail.realm);
  if (running.has(jail.uuid)) throw failure('JAIL_RUNNING', { name: label(jail), action });
}

/** @throws NOT_RUNNING */
export async function assertRunning(context: Context, jail: Jail): Promise<void> {
  const running = await context.host.running(jail.realm);
  if (!running.has(jail.uuid)) throw failure('NOT_RUNNING', { name: label(jail) });
}

/** A dataset that somebody else put below `jails` may hold anything. A jail of ours that is damaged may go. */
export function assertOurs(jail: Jail): void {
  const stored = jail.local.get('host_hostuuid');
  if (stored === jail.uuid) return;
  const other =
    stored && `it lies under its tag and not its UUID; 'iocage rename ${jail.uuid} ${stored}' mends it`;
  throw failure('JAIL_CORRUPT', { name: jail.tag, why: jail.problem ?? (other || 'it is not a jail') });
}

/** One positional word that names a jail, and nothing else. */
export function oneJail(command: string, words: Words): { jail: string } {
  const [jail, ...more] = words.positionals;
  if (jail === undefined) throw failure('USAGE', { problem: 'missing UUID', command });
  if (more.length > 0)
    throw failure('USAGE', { problem: `one jail, please: ${more.join(' ')} is too much`, command });
  noProperties(command, words);
  return { jail };
}

/** One jail or several, or `ALL`; an input for each. */
export async function manyJails(
  command: string,
  words: Words,
  context: Context,
  which: (jail: Jail, running: boolean) => boolean,
): Promise<readonly { jail: string }[]> {
  noProperties(command, words);
  if (words.positionals.length === 0) throw failure('USAGE', { problem: 'missing UUID', command });
  if (!words.positionals.includes('ALL')) return words.positionals.map((jail) => ({ jail }));
  if (words.positionals.length > 1) throw failure('USAGE', { problem: 'ALL stands alone', command });
  const { answers } = await askEach(await allSources(context), async (own) => {
    const world = await readWorld(own);
    const running = await own.host.running(world.realm);
    // What runs can be stopped, whatever became of its configuration.
    const usable = (jail: Jail): boolean => jail.problem === undefined || command === 'stop';
    const jails = world.jails.filter((jail) => usable(jail) && which(jail, running.has(jail.uuid)));
    return Promise.all(jails.map(async ({ uuid }) => ({ jail: await fullName(own, uuid) })));
  });
  return answers.flatMap(({ result }) => result);
}

/** Of commands that go on with the next jail after one that failed. */
export const ignoreFlag = {
  key: 'ignore',
  flags: '-i, --ignore',
  doc: 'one that fails is told, and the exit status stays 0',
} as const;

export function noProperties(command: string, words: Words): void {
  const [first] = words.properties;
  if (first)
    throw failure('USAGE', { problem: `${command} takes no properties: ${first.join('=')}`, command });
}

export function noPositionals(command: string, words: Words): void {
  const [first] = words.positionals;
  if (first !== undefined)
    throw failure('USAGE', { problem: `${JSON.stringify(first)} is too much`, command });
}
