/**
 * What the host decides at a jail's first start and later starts keep (link addresses, AUTOIP4): looked
 * up before the check, written down with the start itself, so that a start that fails stores nothing.
 */
import type { JailSpec } from '../../driver/host.ts';
import type { Jail } from '../../domain/jail.ts';
import type { Context } from '../context.ts';
import type { World } from '../world/world.ts';

export interface Settled {
  /** The jail as it starts: with what was decided. */
  readonly spec: JailSpec;
  /** To be stored with the start. */
  readonly decided: Readonly<Record<string, string>>;
}

/** Under the jail's own lock only: two jails that choose one address at the same moment are told apart by the steps. */
export async function settle(context: Context, world: World, jail: Jail, spec: JailSpec): Promise<Settled> {
  const others = world.jails.filter(({ uuid }) => uuid !== jail.uuid);
  const stored = others.flatMap(({ local }) => local.get('ip4_addr') ?? []);
  const decided = [...((await context.host.settle?.(spec, stored)) ?? [])];
  return {
    spec: { ...spec, config: new Map([...spec.config, ...decided]) },
    decided: Object.fromEntries(decided),
  };
}
