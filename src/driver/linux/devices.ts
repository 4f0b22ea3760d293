/**
 * Devices of the host that a property lets a jail open, besides the harmless ones that every jail has. The
 * node lies in the jail's own /dev; without its rule in the control group it could not be opened.
 * See config-linux.md of the OCI runtime specification, and devices.txt of the kernel.
 */
import type { Files } from '../system.ts';
import type { JailSpec, Problem } from '../host.ts';
import { isOn } from '../../domain/config.ts';

export interface OciDevice {
  readonly path: string;
  readonly type: 'c';
  readonly major: number;
  readonly minor: number;
  readonly fileMode: number;
  readonly uid: 0;
  readonly gid: 0;
}

export interface DeviceRule {
  readonly allow: boolean;
  readonly access: string;
  readonly type?: 'c';
  readonly major?: number;
  readonly minor?: number;
}

/** Name of the tunnel that the host makes in the network of a jail with `allow_tun`. */
export const tunnel = 'tun0';

/** A jail without interfaces of its own has no network in which a tunnel could end. */
export const wantsTunnel = (config: ReadonlyMap<string, string>): boolean =>
  isOn(config, 'allow_tun') && isOn(config, 'vnet');

interface Known {
  readonly key: string;
  readonly path: string;
  readonly minor: number;
  readonly wanted: (config: ReadonlyMap<string, string>) => boolean;
  readonly cure: string;
}

const known: readonly Known[] = [
  { key: 'allow_tun', path: '/dev/net/tun', minor: 200, wanted: wantsTunnel, cure: 'modprobe tun' },
  {
    key: 'allow_vmm',
    path: '/dev/kvm',
    minor: 232,
    wanted: (config) => isOn(config, 'allow_vmm'),
    cure: 'modprobe kvm',
  },
];

/** Both are misc devices, whose numbers are fixed. */
export function devicesOf(config: ReadonlyMap<string, string>): readonly OciDevice[] {
  return known
    .filter(({ wanted }) => wanted(config))
    .map(({ path, minor }) => ({ path, type: 'c', major: 10, minor, fileMode: 0o666, uid: 0, gid: 0 }));
}

export const rulesFor = (devices: readonly OciDevice[]): readonly DeviceRule[] =>
  devices.map(({ type, major, minor }) => ({ allow: true, type, major, minor, access: 'rw' }));

export async function deviceProblems(files: Files, { config }: JailSpec): Promise<readonly Problem[]> {
  const problems: Problem[] = [];
  for (const { key, path, wanted, cure } of known) {
    if (!wanted(config) || (await files.stat(path)) !== undefined) continue;
    problems.push({ key, problem: `the host has no ${path}; '${cure}' may bring it` });
  }
  return problems;
}
