/**
 * The parts of planning a jail's network that are the same whatever the kernel: which kind it is, who holds an address,
 * what `nat` and the addresses of a vnet jail ask for, its link addresses. Pure; problems are collected, never thrown.
 */
import type { JailSpec, Problem } from '../host.ts';
import { interfaces, macPair, type BridgedInterface, type MacPair } from '../../domain/codec/interfaces.ts';
import { isOn } from '../../domain/config.ts';
import { macKey, macsFor } from './mac.ts';
import { blockAround, freeBlock, wantsNat } from './nat-block.ts';
import type { HostLink, HostNetwork, NetworkHolder } from './network.ts';
import { sameJail } from './state.ts';
import { collect, wantedOf, type Wanted } from './wanted.ts';

export type JailToPlan = Pick<JailSpec, 'pool' | 'uuid' | 'config'>;
type Config = ReadonlyMap<string, string>;

export type NetworkKind = 'host' | 'own' | 'addresses' | 'vnet';

/** Which network a jail has before any address is looked at. */
export function networkKind(config: Config): NetworkKind {
  if (isOn(config, 'vnet')) return 'vnet';
  // COMPAT: ip4=inherit drops both address lists and makes ip6 inherit too, as the original does.
  if (config.get('ip4') === 'inherit') return 'host';
  const listed = ([4, 6] as const).some(
    (family) =>
      config.get(`ip${family}`) !== 'disable' && !['none', ''].includes(config.get(`ip${family}_addr`) ?? ''),
  );
  return listed || wantsNat(config) ? 'addresses' : 'own';
}

/** The other jail that has an address, whatever its network; `bridge`: only jails on this bridge and those without one. */
export function holderOf(
  wanted: { readonly family: 4 | 6; readonly address: string },
  jail: Pick<JailSpec, 'pool' | 'uuid'>,
  jails: readonly NetworkHolder[],
  bridge?: string | null,
): string | undefined {
  return jails.find((other) => {
    const { network } = other;
    if (typeof network !== 'object' || sameJail(jail, other)) return false;
    return network.addresses.some(
      ({ family, address, nic }) =>
        family === wanted.family &&
        address === wanted.address &&
        (bridge === undefined ||
          network.nics === undefined ||
          network.nics.some((own) => own.nic === nic && own.bridge === bridge)),
    );
  })?.uuid;
}

/**
 * The fixed addresses of a jail without a network stack of its own, in the order of its properties; with `nat` the IPv4
 * ones are chosen by {@link natAddress}.
 *
 * @param decide the address with everything decided, or what keeps it from being given, in words
 */
export function listedAddresses<Address>(
  { config }: JailToPlan,
  decide: (wanted: Wanted, before: readonly Address[]) => Address | string,
  problems: Problem[],
): Address[] {
  const addresses: Address[] = [];
  for (const family of wantsNat(config) ? ([6] as const) : ([4, 6] as const)) {
    const key = `ip${family}_addr`;
    collect(problems, key, () => {
      for (const wanted of wantedOf(config, family)) {
        const found = decide(wanted, addresses);
        if (typeof found === 'string') problems.push({ key, problem: found });
        else addresses.push(found);
      }
    });
  }
  return addresses;
}

/** Interface that translated connections leave by. */
export function natNic(
  config: Config,
  facts: Pick<HostNetwork, 'defaultNic' | 'interfaces'>,
): string | Problem {
  const named = config.get('nat_interface') ?? 'none';
  const key = 'nat_interface';
  if (named === 'none')
    return facts.defaultNic[4] ?? { key, problem: 'the host has no default route; set it' };
  if (facts.interfaces.some(({ name }) => name === named)) return named;
  return { key, problem: `the host has no interface ${named}` };
}

const fullNetwork = (prefix: string): Problem => ({
  key: 'nat_prefix',
  problem: `${prefix}.0.0/16 has no free addresses, or the host uses it`,
});

const natPrefix = (config: Config): string => config.get('nat_prefix') ?? '172.16';

/** The address of a jail behind the host's that has no network stack of its own. */
export function natAddress(jail: JailToPlan, facts: HostNetwork, problems: Problem[]): string | undefined {
  const prefix = natPrefix(jail.config);
  const key = 'ip4_addr';
  let chosen = freeBlock(prefix, jail, facts)?.address;
  collect(problems, key, () => {
    for (const wanted of wantedOf(jail.config, 4)) {
      // COMPAT: the Python line writes the address that it chose into ip4_addr.
      const known = wanted.address === undefined ? undefined : blockAround(prefix, wanted.address)?.address;
      const holder = known && holderOf({ family: 4, address: known }, jail, facts.jails);
      if (holder) problems.push({ key, problem: `${known} is in use by jail ${holder}` });
      if (known === undefined) {
        const problem = `with nat=1 the address comes from ${prefix}.0.0/16; use ip4_addr=none, or vnet=on with a bridge`;
        problems.push({ key, problem });
      }
      chosen = known;
    }
  });
  if (chosen === undefined) problems.push(fullNetwork(prefix));
  return chosen;
}

const builtInInterfaces = 'vnet0:bridge0,vnet1:bridge1';

/** @param loopback what every jail has besides */
export function pairsOf(
  { config }: JailToPlan,
  moved: number,
  loopback: 'lo' | 'lo0',
  problems: Problem[],
): readonly BridgedInterface[] {
  const key = 'interfaces';
  let pairs: readonly BridgedInterface[] = [];
  // The check of `interfaces` itself tells what is wrong with its form.
  collect([], key, () => {
    pairs = interfaces.parse(config.get(key) ?? builtInInterfaces);
    if (pairs.length + moved === 0) problems.push({ key, problem: 'vnet=on needs at least one' });
  });
  if (pairs.some(({ nic }) => nic === loopback))
    problems.push({ key, problem: `every jail has its own ${loopback}; choose another name` });
  return pairs;
}

/** COMPAT: `interfaces` names two bridges where nobody set it; the second is left out when it is not there and nothing is asked of it. */
export function isKept(
  { config }: JailToPlan,
  { nic, bridge }: BridgedInterface,
  index: number,
  wanted: readonly VnetWanted[],
  has: (bridge: string) => HostLink | undefined,
): boolean {
  if (index === 0 || (config.get('interfaces') ?? builtInInterfaces) !== builtInInterfaces) return true;
  return bridge === null || has(bridge) !== undefined || wanted.some((item) => item.nic === nic);
}

export type VnetWanted = Wanted & { readonly nic: string };

/**
 * The items of one address list, each with the jail's interface that it is for.
 *
 * @param names of the jail's interfaces, the first one first; `further` may have addresses too
 */
export function vnetWanted(
  { config }: JailToPlan,
  names: readonly string[],
  family: 4 | 6,
  problems: Problem[],
  further: readonly string[] = [],
): readonly VnetWanted[] {
  const key = `ip${family}_addr`;
  const [first] = names;
  const found: VnetWanted[] = [];
  collect(problems, key, () => {
    for (const item of wantedOf(config, family)) {
      const nic = item.iface === undefined || item.iface === 'DEFAULT' ? first : item.iface;
      if (nic === undefined) continue;
      if (names.includes(nic) || further.includes(nic)) found.push({ ...item, nic });
      else {
        const problem = `the jail has no interface ${nic}; interfaces gives it ${names.join(', ')}`;
        problems.push({ key, problem });
      }
    }
  });
  if (family === 4 && isOn(config, 'dhcp') && first !== undefined)
    if (!found.some(({ kind, nic }) => kind === 'dhcp' && nic === first))
      found.push({ family: 4, kind: 'dhcp', nic: first });
  return found;
}

/** What an interface asks its network for. */
export function asksFor(wanted: readonly VnetWanted[], nic: string): { dhcp?: true; rtadv?: true } {
  const has = (kind: Wanted['kind']): boolean =>
    wanted.some((item) => item.nic === nic && item.kind === kind);
  return { ...(has('dhcp') ? { dhcp: true } : {}), ...(has('rtadv') ? { rtadv: true } : {}) };
}

/** Four addresses for a link to the host, of a vnet jail without an address of its own. */
export function freeLink(jail: JailToPlan, facts: HostNetwork, problems: Problem[]) {
  const prefix = natPrefix(jail.config);
  const found = freeBlock(prefix, jail, facts);
  if (found === undefined) problems.push(fullNetwork(prefix));
  return found;
}

/** COMPAT: the Python line writes the address that it chose into ip4_addr. */
export const knownLink = ({ config }: JailToPlan, address: string) => blockAround(natPrefix(config), address);

/**
 * The link addresses of an interface: those that are stored, or new ones.
 *
 * @param used link addresses of the host and of other jails, with who has them
 */
export function macOf(
  { pool, uuid, config }: JailToPlan,
  nic: string,
  hostId: string,
  used: ReadonlyMap<string, string>,
  problems: Problem[],
): MacPair {
  const key = macKey(nic);
  const pair = key === undefined ? null : storedMac(config, key, problems);
  if (pair === null || key === undefined)
    return macsFor({ hostId, pool, uuid, nic }, config.get('mac_prefix'), new Set(used.keys()));
  const own = [pair.host, pair.jail];
  for (const mac of own) {
    const holder = used.get(mac);
    if (holder !== undefined) problems.push({ key, problem: `${mac} is the link address of ${holder}` });
  }
  const twice = [0, 1, 2, 3].find((number) => {
    const other = `vnet${number}_mac`;
    const found = other < key ? storedMac(config, other, []) : null;
    return found !== null && (own.includes(found.host) || own.includes(found.jail));
  });
  if (twice !== undefined)
    problems.push({ key, problem: `vnet${twice} of this jail has the same link address` });
  return pair;
}

function storedMac(config: Config, key: string, problems: Problem[]): MacPair | null {
  const found: { pair: MacPair | null } = { pair: null };
  collect(problems, key, () => {
    found.pair = macPair.parse(config.get(key) ?? 'none');
  });
  return found.pair;
}
