/**
 * What a first start decides and every later one keeps: link addresses of a vnet jail, and the address
 * that stands for AUTOIP4. Reads the host, changes nothing; the caller stores the texts.
 */
import type { JailSpec } from '../host.ts';
import type { Exec, Files, Paths } from '../system.ts';
import { ip4AddressList } from '../../domain/address.ts';
import { macPair } from '../../domain/codec/interfaces.ts';
import { isOn } from '../../domain/config.ts';
import { ValueProblem } from '../../domain/property.ts';
import { autoAddress } from '../both/auto-address.ts';
import { placesOf } from './names.ts';
import { readNetFacts, type NetFacts } from './net-facts.ts';
import { networkKind, sysctlsToRead } from './net-plan.ts';
import { macKey, planVnet } from './vnet-plan.ts';

/** Texts by key. Pure. Nothing where the configuration is wrong: the check tells of that. */
export function settled(
  jail: JailSpec,
  places: ReturnType<typeof placesOf>,
  facts: NetFacts,
  stored: readonly string[],
): ReadonlyMap<string, string> {
  const texts = new Map<string, string>();
  if (isOn(jail.config, 'vnet')) {
    for (const { nic, mac } of planVnet(jail, places, facts).plan.nics ?? []) {
      const key = macKey(nic);
      if (key !== undefined && (jail.config.get(key) ?? 'none') === 'none')
        texts.set(key, macPair.print(mac));
    }
  }
  const given = settledAddresses(jail.config, facts, stored);
  if (given !== undefined) texts.set('ip4_addr', given);
  return texts;
}

function settledAddresses(
  config: ReadonlyMap<string, string>,
  facts: NetFacts,
  stored: readonly string[],
): string | undefined {
  const text = config.get('ip4_addr') ?? 'none';
  if (!/autoip4/i.test(text) || config.get('ip4') === 'disable') return undefined;
  try {
    const taken = [...stored];
    const items = ip4AddressList.parse(text).map((item) => {
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

/** @param stored `ip4_addr` of every other jail of the pool. */
export async function settle(
  exec: Exec,
  files: Files,
  paths: Paths,
  jail: JailSpec,
  stored: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const kind = networkKind(jail.config);
  const undecided = isOn(jail.config, 'vnet') || /autoip4/i.test(jail.config.get('ip4_addr') ?? '');
  if (!undecided || kind === 'host' || kind === 'own') return new Map();
  const facts = await readNetFacts(exec, files, paths, sysctlsToRead);
  return settled(jail, placesOf(paths, jail.pool, jail.uuid), facts, stored);
}
