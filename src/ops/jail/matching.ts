/**
 * Which jails a filter means, and what can be asked of a jail by name: its properties, and what is known of it
 * besides (`running`, `jid`, `source`, …). One reading of the pool and one look at what runs, whatever the number
 * of jails. Source: libiocage, "Filter grammar" and the attributes of its jails.
 */
import type { Context } from '../context.ts';
import type { RunningJail } from '../../driver/host.ts';
import { parseSwitch } from '../../domain/codec/choice.ts';
import { configOf } from '../../domain/config.ts';
import { matches, parseFilter, type Filterable, type FilterValue } from '../../domain/filter.ts';
import type { Jail } from '../../domain/jail.ts';
import { isUuid } from '../../domain/name.ts';
import { findProperty, getProperty, properties } from '../../domain/properties/index.ts';
import type { Property } from '../../domain/property.ts';
import { isBasejail, listedAddresses, stateOf } from './listed.ts';
import { readWithRunning } from '../world/read.ts';
import type { World } from '../world/world.ts';

export function fullName(world: World, jail: Jail): string {
  return world.oneOfSeveral ? `${world.source}/${jail.tag}` : jail.tag;
}

export interface Known {
  readonly world: World;
  readonly jail: Jail;
  readonly running: RunningJail | undefined;
}

/** Eight characters say enough of a UUID. */
const readable = (name: string): string => (isUuid(name) ? name.slice(0, 8) : name);

/** What is no property. Where a property has the same name, this counts. */
const attributes: Readonly<Record<string, (known: Known) => FilterValue>> = {
  name: ({ jail }) => jail.tag,
  id: ({ jail }) => jail.uuid,
  uuid: ({ jail }) => jail.uuid,
  full_name: ({ world, jail }) => fullName(world, jail),
  humanreadable_name: ({ jail }) => readable(jail.tag),
  source: ({ world }) => world.source,
  identifier: ({ world, jail }) => `${world.source}-${jail.uuid}`,
  dataset_name: ({ jail }) => jail.dataset,
  path: ({ jail }) => (jail.mountpoint === undefined ? null : `${jail.mountpoint}/root`),
  exists: () => true,
  running: ({ running }) => running !== undefined,
  stopped: ({ running }) => running === undefined,
  state: ({ jail, running }) => stateOf(jail, running),
  jid: ({ running }) => running?.jid ?? null,
  template: ({ jail }) => jail.template,
  basejail: ({ world, jail }) => isBasejail(configOf(jail, world.defaults)),
  problem: ({ jail }) => jail.problem ?? null,
  format: ({ jail }) => jail.file?.title ?? 'ZFS properties',
  // A lease counts where DHCP was asked for.
  ip4_addr: ({ world, jail, running }) =>
    list(listedAddresses(configOf(jail, world.defaults), 4, running?.ip4)),
  ip6_addr: ({ world, jail, running }) =>
    list(listedAddresses(configOf(jail, world.defaults), 6, running?.ip6)),
};

/** Properties that hold several values, and what stands between these. */
const lists: Readonly<Record<string, RegExp>> = {
  interfaces: /[\s,]+/,
  depends: /[\s,]+/,
  jail_zfs_dataset: /[\s,]+/,
  resolver: /[;,]/,
};

const list = (text: string | null, between: RegExp = /,/): FilterValue => {
  const elements = (text ?? '').split(between).filter((element) => element !== '');
  return elements.length > 1 ? elements : text;
};

/** Everything that can be asked of a jail, by name. */
export const allKeys: readonly string[] = [
  ...new Set([
    ...Object.keys(attributes),
    ...properties
      .filter(({ store, defaultsOnly }) => store !== 'none' && !defaultsOnly)
      .map(({ key }) => key),
  ]),
].sort();

/** @throws UNKNOWN_PROPERTY for what is neither an attribute nor a property */
export function assertKnownKey(key: string): void {
  if (!Object.hasOwn(attributes, key)) getProperty(key);
}

/** A value as the filter and the list of `ioc` take it; undefined for an unknown key. */
export function valueOfJail(known: Known, key: string): FilterValue | undefined {
  const { world, jail } = known;
  if (Object.hasOwn(attributes, key)) return attributes[key]!(known);
  const row = findProperty(key);
  if (row === undefined) return jail.local.get(key);
  const text =
    (row.store === 'native' ? jail.native.get(key) : configOf(jail, world.defaults).get(key)) ?? null;
  if (text === null || text === 'none') return null;
  return Object.hasOwn(lists, key) ? list(text, lists[key]) : typed(row, text);
}

const kindOf = ({ codec }: Property): 'switch' | 'number' | 'text' => {
  const choices = codec.choices?.join(',') ?? '';
  if (choices === 'on,off' || choices === 'yes,no') return 'switch';
  return /^(?:number|seconds)\b|^-?\d(?:\|\d)*$/.test(codec.kind) ? 'number' : 'text';
};

const kinds = new Map(properties.map((row) => [row, kindOf(row)]));

/** A switch as yes or no, a number as a number; so `1` of a text stays a text. */
function typed(row: Property, text: string): FilterValue {
  const kind = kinds.get(row);
  if (kind === 'switch') return parseSwitch(text) ?? text;
  return kind === 'number' && /^-?\d{1,15}$/.test(text) ? Number(text) : text;
}

function filterable(known: Known): Filterable {
  const { world, jail } = known;
  return {
    source: world.source,
    names: [jail.tag, jail.uuid],
    value: (key) => valueOfJail(known, key),
  };
}

export type Which = 'jails' | 'templates' | 'both';

export interface Matching {
  readonly world: World;
  /** In the order of their datasets. */
  readonly found: readonly Known[];
}

/**
 * @param words as {@link parseFilter} takes them; none means all
 * @throws BAD_FILTER, UNKNOWN_PROPERTY
 */
export async function matchingJails(
  context: Context,
  words: readonly string[],
  which: Which,
): Promise<Matching> {
  const filter = parseFilter(words);
  // Said of an empty pool too.
  for (const { key } of filter.terms) assertKnownKey(key);
  const { world, running: states } = await readWithRunning(context);
  const found = world.jails
    .filter(({ template }) => which === 'both' || template === (which === 'templates'))
    .map((jail) => ({ world, jail, running: states.get(jail.uuid) }))
    .filter((known) => matches(filter, filterable(known)));
  return { world, found };
}
