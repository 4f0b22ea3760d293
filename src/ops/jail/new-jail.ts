/** What `create`, `clone` and `create template=` have in common. */
import { join } from 'node:path';
import * as z from 'zod';
import { failure } from '../../domain/errors.ts';
import { getProperty } from '../../domain/properties/index.ts';
import { isUuid } from '../../domain/name.ts';
import type { Ids } from '../../driver/system.ts';
import { namespace } from '../../domain/property.ts';
import type { World } from '../world/world.ts';
import { jailLock } from './select.ts';

export const kinds = ['thick', 'clone', 'base', 'clone-base', 'empty'] as const;
/** How a jail gets its files; `clone-base`: a basejail whose own are a clone of the release's instead of a copy. */
export type Kind = (typeof kinds)[number];

export interface Created {
  readonly jails: readonly {
    readonly uuid: string;
    readonly tag: string;
    readonly kind: Kind;
    /** Where there are several. */
    readonly source?: string;
  }[];
}

/** What a world's source adds to the answer about a jail in it. */
export const sourceIn = ({ source, oneOfSeveral }: World): { source?: string } =>
  oneOfSeveral ? { source } : {};

/** The UUID that a single new jail is given by its maker. */
export const givenUuid = z
  .string()
  .refine(isUuid, 'is no UUID')
  .transform((text) => text.toLowerCase());

/** Throws when a name, a UUID and a number of jails do not go together. */
export function assertOneIdentity(input: {
  name?: string | undefined;
  uuid?: string | undefined;
  count: number;
}): void {
  if (input.uuid === undefined) return;
  const problem =
    input.name !== undefined ? 'excludes a name' : input.count > 1 ? 'is for one jail, not for several' : '';
  if (problem !== '') throw failure('INVALID_INPUT', { issues: [{ path: 'uuid', problem }] });
}

/** Splits checked assignments into ZFS's own properties and ours, the latter with their namespace. */
export function toZfsProperties(pairs: readonly (readonly [string, string])[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map(([key, value]) => [getProperty(key).store === 'native' ? key : namespace + key, value]),
  );
}

/**
 * Name of the snapshot that a jail is made from: the jail's own, or with a number where somebody else has
 * that one, such as a jail of the same name that is gone and whose snapshot a promotion left behind.
 */
export function freePoint(uuid: string, isTaken: (name: string) => boolean): string {
  if (!isTaken(uuid)) return uuid;
  for (let number = 2; ; number += 1) if (!isTaken(`${uuid}-${number}`)) return `${uuid}-${number}`;
}

/** How many jails a command's words ask for. @throws USAGE */
export function countOf(command: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^0*[1-9][0-9]{0,2}$/.test(text)) return Number(text);
  const problem = `count takes a number from 1 to 999, not ${JSON.stringify(text)}`;
  throw failure('USAGE', { problem, command });
}

export function numbered(word: string, count: number): readonly string[] {
  return count === 1 ? [word] : Array.from({ length: count }, (_, i) => `${word}_${i + 1}`);
}

/** Names of the new jails' datasets. Decided before anything is read, since they are locked. */
export function newUuids(
  ids: Ids,
  { uuid, name, count }: { uuid?: string | undefined; name?: string | undefined; count: number },
  short = false,
): readonly string[] {
  if (uuid !== undefined) return [uuid];
  if (name !== undefined) return numbered(name, count);
  return Array.from({ length: count }, () => ids.uuid().slice(0, short ? 8 : undefined));
}

/** Nobody else works on a jail that is being made, or on what a kill left of one: that goes again. */
export function newJailLocks(realm: string, uuids: readonly string[]): readonly string[] {
  return uuids.map((uuid) => jailLock({ realm, uuid }));
}

/** The jail that will be, for what looks at its datasets. */
export function ownerOf(world: World, { uuid, tag }: { readonly uuid: string; readonly tag: string }) {
  const [dataset, mountpoint] = [`${world.root}/jails/${uuid}`, join(world.mountpoint, 'jails', uuid)];
  return { pool: world.pool.name, uuid, tag, dataset, mountpoint };
}
