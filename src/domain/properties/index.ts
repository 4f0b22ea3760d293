/**
 * The property table: every property of every iocage line, in the order of the original's `get all`.
 * Reading it costs nothing but these rows; it knows neither jails nor machines.
 */
import { failure } from '../errors.ts';
import { nearest } from '../nearest.ts';
import type { Property } from '../property.ts';
import { custom } from './custom.ts';
import { fetch, git, sync } from './fetch.ts';
import { jail } from './jail.ts';
import { limits } from './limits.ts';
import { network } from './network.ts';
import { zfs } from './zfs.ts';

/** All rows, group by group: network, jail, limit, custom, zfs, sync, fetch, git. */
export const properties: readonly Property[] = [
  ...network,
  ...jail,
  ...limits,
  ...custom,
  ...zfs,
  ...sync,
  ...fetch,
  ...git,
];

const byKey: ReadonlyMap<string, Property> = new Map(properties.map((row) => [row.key, row]));

/** The row of a key, undefined when there is none. Keys are exact: case counts. */
export function findProperty(key: string): Property | undefined {
  return byKey.get(key);
}

/** The key that someone probably meant. */
export function nearestProperty(key: string): string | undefined {
  return nearest(key, byKey.keys());
}

/** The row of a key; throws UNKNOWN_PROPERTY with the nearest key. */
export function getProperty(key: string): Property {
  const row = byKey.get(key);
  if (row) return row;
  const near = nearestProperty(key);
  throw failure('UNKNOWN_PROPERTY', near === undefined ? { key } : { key, near });
}
