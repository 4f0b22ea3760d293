/** What a list says of a jail: from its configuration, and of a running one from the kernel. Pure. */
import { configOf } from '../../domain/config.ts';
import type { Jail } from '../../domain/jail.ts';
import type { RunningJail } from '../../driver/host.ts';
import type { World } from '../world/world.ts';

export interface ListedJail {
  /** Where there are several sources; it stands before the name then. */
  readonly source?: string;
  readonly jid: number | null;
  readonly uuid: string;
  readonly tag: string;
  readonly name: string;
  readonly boot: boolean;
  readonly state: 'up' | 'down' | 'corrupt';
  readonly type: string;
  readonly release: string | null;
  /** Of a FreeBSD jail, with the patch level: `14.2-RELEASE-p1`. */
  readonly userland?: string;
  readonly ip4: string | null;
  readonly ip6: string | null;
  readonly template: string | null;
  readonly basejail: boolean;
  readonly vnet: boolean;
  /** Why the state is `corrupt`. */
  readonly problem?: string;
  /** What another process is doing to it just now; it is down for that. */
  readonly busy?: string;
  /** The tool in whose file its configuration is; absent where it is in properties of the dataset. */
  readonly configuredBy?: string;
}

export function listedJail(world: World, jail: Jail, running: RunningJail | undefined): ListedJail {
  const values = configOf(jail, world.defaults);
  return {
    jid: running?.jid ?? null,
    uuid: jail.uuid,
    tag: jail.tag,
    name: jail.tag,
    boot: values.get('boot') === 'on',
    state: stateOf(jail, running),
    type: valueIn(values, 'type') ?? 'jail',
    release: valueIn(values, 'release'),
    ip4: listedAddresses(values, 4, running?.ip4),
    ip6: listedAddresses(values, 6, running?.ip6),
    template: valueIn(values, 'source_template'),
    basejail: isBasejail(values),
    vnet: values.get('vnet') === 'on',
    ...(jail.busy !== undefined
      ? { busy: jail.busy }
      : jail.problem === undefined
        ? {}
        : { problem: jail.problem }),
    ...(jail.file === undefined ? {} : { configuredBy: jail.file.title }),
  };
}

/** Null for what stands for nothing. */
function valueIn(values: ReadonlyMap<string, string>, key: string): string | null {
  const text = values.get(key);
  return text === undefined || text === 'none' || text === '-' ? null : text;
}

/** As configured, whether it runs or not; what only a running jail has (from DHCP) where nothing is. */
export function listedAddresses(
  values: ReadonlyMap<string, string>,
  family: 4 | 6,
  live: readonly string[] | undefined,
): string | null {
  if (values.get('ip4') === 'inherit' || values.get(`ip${family}`) === 'disable') return null;
  const configured = valueIn(values, `ip${family}_addr`);
  if (configured !== null && !/\bDHCP\b/i.test(configured)) return configured;
  return live && live.length > 0 ? live.join(',') : configured;
}

export function isBasejail(values: ReadonlyMap<string, string>): boolean {
  return values.get('type') === 'basejail' || values.get('basejail') === '1';
}

export function stateOf({ problem, busy }: Jail, running: RunningJail | undefined): ListedJail['state'] {
  if (problem !== undefined && busy === undefined) return 'corrupt';
  return running ? 'up' : 'down';
}
