/**
 * The devfs rule set of a jail: made for it at start and deleted at stop, so that neither
 * /etc/devfs.rules nor anybody else's set is ever changed. Pure but for the reader. See devfs(8).
 *
 * `devfs_ruleset=4` stands for the usual devices of a jail, written out here: set 4 of the host may be
 * another one, or not loaded at all, and a jail would then see every disk. Any other number is the
 * administrator's own set; it is used as it is, or included where more devices are asked for.
 */
import type { Exec } from '../system.ts';
import { isOn } from '../../domain/config.ts';
import { firstTried } from './names.ts';

type Config = ReadonlyMap<string, string>;

const usual = [
  ...['null', 'zero', 'crypto', 'random', 'urandom', 'ptmx', 'pts', 'pts/*'],
  ...['fd', 'fd/*', 'stdin', 'stdout', 'stderr'],
];

const further: readonly {
  readonly wanted: (config: Config) => boolean;
  readonly paths: readonly string[];
}[] = [
  { wanted: (config) => isOn(config, 'jail_zfs') || isOn(config, 'allow_mount_zfs'), paths: ['zfs'] },
  { wanted: (config) => isOn(config, 'bpf') || wantsDhcp(config), paths: ['bpf*'] },
  { wanted: (config) => isOn(config, 'allow_tun'), paths: ['tun*'] },
  { wanted: (config) => isOn(config, 'allow_mount_fusefs'), paths: ['fuse'] },
  { wanted: (config) => isOn(config, 'allow_vmm'), paths: ['vmm', 'vmm/*', 'nmdm*'] },
];

/** dhclient(8) reads and writes packets of the link itself. */
function wantsDhcp(config: Config): boolean {
  return isOn(config, 'vnet') && (isOn(config, 'dhcp') || /dhcp/i.test(config.get('ip4_addr') ?? ''));
}

export interface Ruleset {
  readonly number: number;
  /** Rule specifications, in words; none for a set of the administrator's. */
  readonly rules: readonly (readonly string[])[];
}

const unhide = (path: string): readonly string[] => ['path', path, 'unhide'];

/** Numbers of a set end here: the kernel keeps them in 16 bits. */
const last = 65535;

/**
 * The rule set that a jail needs.
 *
 * @param taken numbers that exist, or that another jail is about to use
 */
export function rulesetFor(config: Config, hash: string, taken: ReadonlySet<number>): Ruleset {
  const given = Number(config.get('devfs_ruleset') ?? '4');
  const more = further.filter(({ wanted }) => wanted(config)).flatMap(({ paths }) => paths);
  if (given !== 4 && (more.length === 0 || given === 0)) return { number: given, rules: [] };
  const first = given === 4 ? [['hide'], ...usual.map(unhide)] : [['include', String(given)]];
  const from = Math.max(1, Number(config.get('min_dyn_devfs_ruleset') ?? '1000'));
  const count = Math.max(1, last - from + 1);
  const start = firstTried(hash, count);
  let number = from + start;
  for (let tried = 1; tried < count && taken.has(number); tried += 1)
    number = from + ((start + tried) % count);
  return { number, rules: [...first, ...more.map(unhide)] };
}

/** Of `devfs rule showsets`: a number a line. */
export function parseRulesets(text: string): ReadonlySet<number> {
  return new Set(text.split('\n').flatMap((line) => (/^\d+$/.test(line.trim()) ? [Number(line)] : [])));
}

export async function readRulesets(exec: Exec): Promise<ReadonlySet<number>> {
  return parseRulesets((await exec.read(['devfs', 'rule', 'showsets'])).stdout);
}

/** A set that does not exist hides nothing: the jail would see every disk of the host. */
export function rulesetProblem(config: Config, existing: ReadonlySet<number>): string | undefined {
  const given = Number(config.get('devfs_ruleset') ?? '4');
  if (given === 4 || given === 0 || existing.has(given)) return undefined;
  return `the host has no devfs rule set ${given}; put it into /etc/devfs.rules and run 'service devfs restart'`;
}
