/**
 * What a first start decides and every later one keeps: link addresses of a vnet jail, and the address that
 * stands for AUTOIP4. Pure; the caller stores the texts.
 */
import { ip4AddressList } from '../../domain/address.ts';
import { macPair, type MacPair } from '../../domain/codec/interfaces.ts';
import { isOn } from '../../domain/config.ts';
import { ValueProblem } from '../../domain/property.ts';
import { autoAddress } from './auto-address.ts';
import { macKey } from './mac.ts';
import type { HostNetwork } from './network.ts';

type Config = ReadonlyMap<string, string>;

const wantsAuto = (config: Config): boolean =>
  /autoip4/i.test(config.get('ip4_addr') ?? 'none') && config.get('ip4') !== 'disable';

/** Whether the host has to be looked at at all. */
export const hasToSettle = (config: Config, network: 'host' | 'own' | 'addresses' | 'vnet'): boolean =>
  network === 'vnet' || (network === 'addresses' && wantsAuto(config));

/**
 * Texts by key. Nothing where the configuration is wrong: the check tells of that.
 *
 * @param nics of the plan of a vnet jail
 * @param stored `ip4_addr` of every other jail of the pool
 */
export function settled(
  config: Config,
  nics: readonly { readonly nic: string; readonly mac: MacPair }[],
  facts: Pick<HostNetwork, 'interfaces' | 'gateway' | 'jails'>,
  stored: readonly string[],
): ReadonlyMap<string, string> {
  const texts = new Map<string, string>();
  for (const { nic, mac } of isOn(config, 'vnet') ? nics : []) {
    const key = macKey(nic);
    if (key !== undefined && (config.get(key) ?? 'none') === 'none') texts.set(key, macPair.print(mac));
  }
  const given = wantsAuto(config) ? settledAddresses(config, facts, stored) : undefined;
  if (given !== undefined) texts.set('ip4_addr', given);
  return texts;
}

function settledAddresses(
  config: Config,
  facts: Parameters<typeof autoAddress>[1],
  stored: readonly string[],
): string | undefined {
  try {
    const taken = [...stored];
    const items = ip4AddressList.parse(config.get('ip4_addr') ?? 'none').map((item) => {
      if (item.kind !== 'auto') return item;
      const found = autoAddress(config, facts, taken);
      if (found.problem !== undefined) throw new ValueProblem(found.problem);
      taken.push(found.address);
      return { ...item, kind: 'fixed' as const, address: found.address, prefix: found.prefix };
    });
    return ip4AddressList.print(items);
  } catch (error) {
    if (error instanceof ValueProblem) return undefined;
    throw error;
  }
}
