/** What a FreeBSD host has, read once for each run of iocage. Parsers are pure. See sysctl(8), uname(1). */
import type { Exec } from '../system.ts';

export interface HostFacts {
  /** `uname -r`: `14.1-RELEASE-p3`. */
  readonly release: string;
  /** The kernel counts what jails use, and keeps limits: `kern.racct.enable=1` at boot. */
  readonly racct: boolean;
  readonly vimage: boolean;
  /** Routing tables of the host's own network; undefined when unknown. */
  readonly fibs: number | undefined;
  /** Number of the last CPU; undefined when unknown. */
  readonly lastCpu: number | undefined;
  /** Of `optionalParameters`, those that the kernel has just now. */
  readonly parameters: ReadonlySet<string>;
}

/** Parameters of jail(8) that a kernel need not have and that jail(8) loads no module for. */
export const optionalParameters = ['allow.vmm', 'allow.nfsd'] as const;
const parameterKey = (name: string): string => `security.jail.param.${name}`;

/** Of `sysctl -e`: `name=value` a line. */
export function parseSysctls(text: string): ReadonlyMap<string, string> {
  return new Map(
    text.split('\n').flatMap((line) => {
      const at = line.indexOf('=');
      return at <= 0 ? [] : [[line.slice(0, at), line.slice(at + 1).trim()] as const];
    }),
  );
}

const keys = ['kern.osrelease', 'kern.racct.enable', 'kern.features.vimage', 'hw.ncpu', 'net.fibs'] as const;

export async function readHostFacts(exec: Exec): Promise<HostFacts> {
  // Unknown ones are left out (-i): a kernel without RACCT or VIMAGE has no such key.
  const argv = ['sysctl', '-ie', ...keys, ...optionalParameters.map(parameterKey)];
  const { stdout } = await exec.read(argv, { accept: 'any' });
  const values = parseSysctls(stdout);
  const number = (key: string): number | undefined =>
    /^\d+$/.test(values.get(key) ?? '') ? Number(values.get(key)) : undefined;
  const count = number('hw.ncpu');
  return {
    release: values.get('kern.osrelease') ?? '',
    racct: values.get('kern.racct.enable') === '1',
    vimage: values.get('kern.features.vimage') === '1',
    fibs: number('net.fibs'),
    lastCpu: count === undefined ? undefined : count - 1,
    parameters: new Set(optionalParameters.filter((name) => values.has(parameterKey(name)))),
  };
}

/** Major version of a release name; undefined where it has none. */
export function majorOf(release: string): number | undefined {
  const found = /^(\d+)\./.exec(release)?.[1];
  return found === undefined ? undefined : Number(found);
}

/** The release that a new jail most likely wants: the host's own, without its patch level. */
export function releaseFrom(version: string): string | undefined {
  return /^\d+\.\d+-[A-Z]+\d*/.exec(version.trim())?.[0];
}
