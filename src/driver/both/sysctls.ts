/**
 * Settings of the whole host that jails need while they run, and what they were before the first of them did. Each jail
 * records its need before it sets anything, so that what another one needs is always seen.
 */
import { sameJail } from './state.ts';

/** A setting of the whole host that a jail needs, and what it was before the first jail needed it. */
export interface NeededSysctl {
  readonly key: string;
  readonly value: string;
  readonly was: string;
}

interface Needy {
  readonly pool: string;
  readonly uuid: string;
  readonly network?: string | { readonly sysctls: readonly NeededSysctl[] };
}

const needsOf = ({ network }: Needy): readonly NeededSysctl[] =>
  typeof network === 'object' ? network.sysctls : [];

/** With what they were before any jail needed them: a jail started earlier may have changed them already. */
export function neededSysctls(
  wanted: ReadonlyMap<string, string>,
  facts: { readonly jails: readonly Needy[]; readonly sysctl: ReadonlyMap<string, string> },
): readonly NeededSysctl[] {
  const known = facts.jails.flatMap(needsOf);
  return [...wanted].map(([key, value]) => {
    const was = known.find((needed) => needed.key === key)?.was ?? facts.sysctl.get(key) ?? value;
    return { key, value, was };
  });
}

type Setting = Pick<NeededSysctl, 'key' | 'value'>;

/**
 * Sets back what no other jail needs. There is no lock over the whole host's network, so a jail that started in
 * between is looked for once more afterwards, and gets its setting again.
 */
export async function restoreSysctls(
  sysctls: readonly NeededSysctl[],
  self: { readonly pool: string; readonly uuid: string },
  records: () => Promise<readonly Needy[]>,
  set: (settings: readonly Setting[], how: 'back' | 'again') => Promise<unknown>,
): Promise<void> {
  const neededByOthers = async (): Promise<ReadonlySet<string>> => {
    const others = (await records()).filter((other) => !sameJail(self, other));
    return new Set(others.flatMap(needsOf).map(({ key }) => key));
  };
  const before = await neededByOthers();
  const free = sysctls.filter(({ key, value, was }) => was !== value && !before.has(key));
  if (free.length === 0) return;
  await set(
    free.map(({ key, was }) => ({ key, value: was })),
    'back',
  );
  const after = await neededByOthers();
  const again = free.filter(({ key }) => after.has(key));
  if (again.length > 0) await set(again, 'again');
}

/** For people: what a step sets up or removes. */
export function networkTitle(
  verb: string,
  plan: {
    readonly nics?: readonly { readonly nic: string; readonly bridge: string | null }[];
    readonly moved?: readonly { readonly nic: string }[];
    readonly addresses: readonly { readonly address: string }[];
  },
): string {
  const what = [
    ...(plan.nics ?? []).map(({ nic, bridge }) => (bridge === null ? nic : `${nic} on ${bridge}`)),
    ...(plan.moved ?? []).map(({ nic }) => nic),
    ...plan.addresses.map(({ address }) => address),
  ];
  return `${verb} ${what.join(', ') || 'no address'}`;
}
