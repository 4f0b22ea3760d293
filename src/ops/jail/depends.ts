/** What the jails of the pool depend on, from their property `depends`, and what a start has to bring up first. */
import type { Context } from '../context.ts';
import type { World } from '../world/world.ts';
import { startOrder, type BootNode } from '../../domain/boot.ts';
import { configOf } from '../../domain/config.ts';
import { asIocageError, failure } from '../../domain/errors.ts';
import { findJail, label, type Jail } from '../../domain/jail.ts';

export interface Needs extends BootNode {
  readonly jail: Jail;
  readonly boot: boolean;
  /** Words of `depends` that name no jail that could run, each with the reason. */
  readonly unknown: readonly string[];
}

function wordsOf(text: string | undefined): readonly string[] {
  return text === undefined || text === 'none' ? [] : text.split(/[\s,]+/).filter((word) => word !== '');
}

/** How a jail is to start: values in force, `depends` resolved as names on the command line are. */
export function needsOf(world: World, jail: Jail): Needs {
  const config = configOf(jail, world.defaults);
  const words = wordsOf(config.get('depends'));
  const needs: string[] = [];
  const unknown: string[] = [];
  for (const word of words) {
    try {
      const found = findJail(world.jails, word);
      if (found.template) unknown.push(`jail ${label(found)} is a template`);
      else needs.push(found.uuid);
    } catch (thrown) {
      unknown.push(asIocageError(thrown).message);
    }
  }
  const priority = Number(config.get('priority') ?? '99');
  return {
    id: jail.uuid,
    jail,
    boot: config.get('boot') === 'on',
    // A value that an older line stored unchecked may be no number.
    priority: Number.isInteger(priority) ? priority : 99,
    needs: [...new Set(needs)],
    unknown,
  };
}

/**
 * Before `depends` is stored. Circles over other jails are left to the start and to `rcboot`, which name them:
 * turning a dependency round has to go through one.
 *
 * @throws INVALID_INPUT for a jail that would wait for itself
 */
export function assertNotItself(
  world: World,
  jail: Pick<Jail, 'uuid' | 'tag'>,
  given: readonly (readonly [string, string])[],
): void {
  const isIt = (word: string): boolean => {
    if (word === jail.tag || word === jail.uuid) return true;
    try {
      return findJail(world.jails, word).uuid === jail.uuid;
    } catch {
      return false; // a jail that is made later
    }
  };
  const word = wordsOf(given.findLast(([key]) => key === 'depends')?.[1]).find(isIt);
  if (word === undefined) return;
  const problem = `${JSON.stringify(word)} is the jail itself; it would wait for itself for ever`;
  throw failure('INVALID_INPUT', { issues: [{ path: 'depends', problem }] });
}

/** The jails given and all that they depend on, directly or not, in the order of the pool. */
export function withNeeds(world: World, jails: readonly Jail[]): readonly Needs[] {
  const known = new Map<string, Needs>();
  const byUuid = new Map(world.jails.map((jail) => [jail.uuid, jail]));
  const waiting = [...jails];
  for (let jail = waiting.pop(); jail !== undefined; jail = waiting.pop()) {
    if (known.has(jail.uuid)) continue;
    const found = needsOf(world, jail);
    known.set(jail.uuid, found);
    waiting.push(...found.needs.map((uuid) => byUuid.get(uuid)!));
  }
  return world.jails.flatMap((jail) => known.get(jail.uuid) ?? []);
}

/**
 * UUIDs of the jails to start for these to be up: what they depend on first, without what is up. A
 * jail that was asked for is in it in any case; what is wrong with it, its own start says.
 */
export function startsFor(
  world: World,
  jails: readonly Jail[],
  running: ReadonlyMap<string, unknown>,
): readonly string[] {
  // As they were asked for, where nothing speaks against it.
  const place = new Map(jails.map((jail, index) => [jail.uuid, index]));
  const placeOf = ({ id }: Needs): number => place.get(id) ?? jails.length;
  const nodes = withNeeds(world, jails).toSorted((a, b) => placeOf(a) - placeOf(b));
  const { order } = startOrder(nodes.map((node) => ({ ...node, priority: 0 })));
  const asked = new Set(jails.map((jail) => jail.uuid));
  const unplaced = jails.map((jail) => jail.uuid).filter((uuid) => order.every(({ id }) => id !== uuid));
  return [
    ...order.map(({ id }) => id).filter((id) => asked.has(id) || !running.has(id)),
    ...new Set(unplaced),
  ];
}

/** Which of these jails, the first of several, needs that one, directly or not. */
export function neededBy(world: World, jails: readonly Jail[], uuid: string): { neededBy?: string } {
  const jail = jails.find((each) => withNeeds(world, [each]).some(({ id }) => id === uuid));
  return jail === undefined ? {} : { neededBy: jail.tag };
}

function refused(jail: Jail, why: string): Error {
  return failure('START_FAILED', { jail: label(jail), why });
}

/** Throws when a dependency is no jail, or comes back to the jail itself: no start could help that. */
export function assertNeedsKnown(world: World, jail: Jail): void {
  const { needs, unknown } = needsOf(world, jail);
  if (unknown.length > 0) throw refused(jail, `depends: ${unknown.join('; ')}`);
  if (needs.length === 0) return;
  const nodes = withNeeds(world, [jail]);
  const circle = startOrder(nodes).cycles.find((members) => members.includes(jail.uuid));
  if (circle === undefined) return;
  const tags = circle.map((uuid) => nodes.find(({ id }) => id === uuid)!.jail.tag);
  throw refused(jail, `depends: jails need each other in a circle: ${tags.join(', ')}`);
}

/** Throws while what the jail depends on is not up. */
export async function assertNeeds(context: Context, world: World, jail: Jail): Promise<void> {
  assertNeedsKnown(world, jail);
  const { needs } = needsOf(world, jail);
  // A dry run started none of them.
  if (needs.length === 0 || context.dry) return;
  const running = await context.host.running(jail.realm);
  const down = world.jails.filter(({ uuid }) => needs.includes(uuid) && !running.has(uuid));
  if (down.length > 0)
    throw refused(jail, `it depends on ${down.map(({ tag }) => tag).join(', ')}, not up yet`);
}
