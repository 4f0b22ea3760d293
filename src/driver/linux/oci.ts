/**
 * A jail's configuration to the OCI runtime's `config.json`. Pure, and the only place that says what a
 * jail is made of on Linux. See the OCI runtime specification and crun(1).
 */
import { hostnameOf } from '../both/hostname.ts';
import type { JailSpec } from '../host.ts';
import { capabilitiesOf } from './capabilities.ts';
import { devicesOf, rulesFor, type DeviceRule, type OciDevice } from './devices.ts';
import type { Rlimit } from './limits.ts';
import { initPath, jailMounts, maskedPaths, readonlyPaths, type OciMount } from './mounts.ts';
import type { SeccompProfile } from './seccomp.ts';

export interface OciProcess {
  readonly terminal: boolean;
  readonly user: { readonly uid: number; readonly gid: number; readonly additionalGids?: readonly number[] };
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly cwd: string;
  readonly capabilities: Readonly<Record<'bounding' | 'effective' | 'permitted', readonly string[]>>;
  readonly noNewPrivileges: boolean;
  readonly rlimits?: readonly Rlimit[];
}

interface Namespace {
  readonly type: 'pid' | 'ipc' | 'uts' | 'mount' | 'cgroup' | 'network';
  readonly path?: string;
}

export interface OciConfig {
  readonly ociVersion: string;
  readonly process: OciProcess;
  readonly root: { readonly path: string; readonly readonly: boolean };
  readonly hostname: string;
  readonly mounts: readonly OciMount[];
  readonly annotations?: Readonly<Record<string, string>>;
  readonly linux: {
    readonly cgroupsPath: string;
    readonly namespaces: readonly Namespace[];
    readonly devices?: readonly OciDevice[];
    readonly resources: { readonly devices: readonly DeviceRule[] };
    readonly sysctl?: Readonly<Record<string, string>>;
    readonly seccomp?: SeccompProfile;
    readonly maskedPaths: readonly string[];
    readonly readonlyPaths: readonly string[];
  };
}

/** `host`: the host's own stack. `own`: a new one with loopback only. Otherwise the prepared namespace's path. */
export type JailNetwork = 'host' | 'own' | { readonly path: string };

export interface OciFacts {
  readonly init: string;
  readonly cgroup: string;
  readonly network: JailNetwork;
  /** Host file shown as /etc/resolv.conf; undefined leaves the jail's own. */
  readonly resolvConf: string | undefined;
  /** Host file shown as /etc/hosts; undefined leaves the jail's own. */
  readonly hosts?: string;
  /** What the jail's fstab adds, mounted last. */
  readonly fstab?: readonly OciMount[];
  /** What a basejail shows of its release. */
  readonly base?: readonly OciMount[];
}

export const jailPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

function networkNamespace(network: JailNetwork): readonly Namespace[] {
  if (network === 'host') return [];
  return [network === 'own' ? { type: 'network' } : { type: 'network', path: network.path }];
}

function sysctls(config: ReadonlyMap<string, string>): Record<string, string> | undefined {
  const domain = config.get('host_domainname') ?? config.get('domainname');
  return domain === undefined || domain === '' || domain === 'none'
    ? undefined
    : { 'kernel.domainname': domain };
}

/** A program of the given user in the jail; only root gets capabilities, the others may gain them by setuid. */
export function ociProcess(
  config: ReadonlyMap<string, string>,
  how: Pick<OciProcess, 'args' | 'env' | 'cwd' | 'user' | 'terminal'>,
): OciProcess {
  const bounding = capabilitiesOf(config);
  const held = how.user.uid === 0 ? bounding : [];
  return {
    ...how,
    capabilities: { bounding, effective: held, permitted: held },
    // su and sudo in the jail must work; what they can gain ends at the bounding set.
    noNewPrivileges: false,
  };
}

/** The configuration without its system call filter, which `withFilter` adds. */
export function toOciConfig(jail: JailSpec, facts: OciFacts): OciConfig {
  const sysctl = sysctls(jail.config);
  const devices = devicesOf(jail.config);
  return {
    ociVersion: '1.0.2',
    process: ociProcess(jail.config, {
      terminal: false,
      user: { uid: 0, gid: 0 },
      // -P: stay although there is no program to run, and reap what is orphaned.
      args: [initPath, '-P'],
      // Without HOME the runtime would look for it in the jail's own /etc/passwd, which may be a fifo.
      env: [`PATH=${jailPath}`, 'HOME=/root'],
      cwd: '/',
    }),
    root: { path: jail.root, readonly: false },
    hostname: hostnameOf(jail),
    mounts: [
      ...(facts.base ?? []),
      ...jailMounts(facts.init, facts.resolvConf, facts.hosts),
      ...(facts.fstab ?? []),
    ],
    linux: {
      cgroupsPath: facts.cgroup,
      namespaces: [
        ...(['pid', 'ipc', 'uts', 'mount', 'cgroup'] as const).map((type) => ({ type })),
        ...networkNamespace(facts.network),
      ],
      // The runtime adds the nodes of its small /dev.
      resources: { devices: [{ allow: false, access: 'rwm' }, ...rulesFor(devices)] },
      ...(devices.length === 0 ? {} : { devices }),
      ...(sysctl === undefined ? {} : { sysctl }),
      maskedPaths,
      readonlyPaths,
    },
  };
}

export function withFilter(
  config: OciConfig,
  profile: SeccompProfile,
  compiled: string | undefined,
): OciConfig {
  return {
    ...config,
    ...(compiled === undefined ? {} : { annotations: { 'run.oci.seccomp_bpf_data': compiled } }),
    linux: { ...config.linux, seccomp: profile },
  };
}
