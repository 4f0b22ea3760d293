/**
 * What a Linux host has: which control groups, where the tiny init is, which runtime. Read once for
 * each run of iocage, from files alone. Parsers are pure and tested with captured texts.
 */
import type { Files } from '../system.ts';
import { failure } from '../../domain/errors.ts';

/** `hybrid`: version 1 controllers with a version 2 tree mounted beside them. See cgroups(7). */
export interface CgroupLayout {
  readonly kind: 'v1' | 'hybrid' | 'v2';
  /** Mount points of the trees in which a jail gets a directory. */
  readonly trees: readonly string[];
  /** Mount point of the version 2 tree. */
  readonly unifiedAt?: string;
}

export type Architecture = 'x86_64' | 'aarch64';

export interface HostFacts {
  readonly cgroups: CgroupLayout;
  /** The init's path on the host; a static program, so that it runs in any root. */
  readonly init: string;
  readonly architecture: Architecture;
  /** Changes when another runtime is installed; compiled filters are kept per runtime. */
  readonly runtime: string;
}

/** Mount point and type of each line of /proc/self/mounts; octal escapes are undone. See proc_pid_mounts(5). */
export function parseMounts(text: string): readonly { readonly at: string; readonly type: string }[] {
  return text
    .split('\n')
    .map((line) => line.split(' '))
    .filter((fields) => fields.length >= 3)
    .map((fields) => ({
      at: fields[1]!.replace(/\\([0-7]{3})/g, (_, digits: string) =>
        String.fromCharCode(parseInt(digits, 8)),
      ),
      type: fields[2]!,
    }));
}

export function cgroupLayout(mounts: string): CgroupLayout {
  const all = parseMounts(mounts);
  const unifiedAt = all.find((mount) => mount.type === 'cgroup2')?.at;
  const first = all.filter((mount) => mount.type === 'cgroup').map((mount) => mount.at);
  if (unifiedAt === undefined) return { kind: 'v1', trees: first };
  return first.length > 0
    ? { kind: 'hybrid', trees: first, unifiedAt }
    : { kind: 'v2', trees: [unifiedAt], unifiedAt };
}

export function architectureOf(nodeArch: string): Architecture {
  if (nodeArch === 'x64') return 'x86_64';
  if (nodeArch === 'arm64') return 'aarch64';
  throw failure('UNSUPPORTED', { what: 'running jails', why: `no system call filter for ${nodeArch} yet` });
}

const programDirectories = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];
const initDirectories = [
  ...programDirectories,
  '/usr/libexec/podman',
  '/usr/lib/podman',
  '/usr/libexec/catatonit',
];

async function findProgram(
  files: Files,
  name: string,
  directories: readonly string[],
): Promise<string | undefined> {
  for (const directory of directories) {
    const path = `${directory}/${name}`;
    if (await files.stat(path)) return path;
  }
  return undefined;
}

export async function readHostFacts(files: Files): Promise<HostFacts> {
  const init = await findProgram(files, 'catatonit', initDirectories);
  if (init === undefined) {
    throw failure('MISSING_TOOL', {
      tool: 'catatonit',
      package: 'catatonit',
      why: 'be the first process of a jail',
    });
  }
  const crun = await findProgram(files, 'crun', programDirectories);
  if (crun === undefined) throw failure('MISSING_TOOL', { tool: 'crun', package: 'crun', why: 'run jails' });
  const program = await files.stat(crun);
  return {
    cgroups: cgroupLayout((await files.read('/proc/self/mounts')) ?? ''),
    init,
    architecture: architectureOf(process.arch),
    runtime: `${crun} ${program?.sizeBytes} ${program?.mtimeMs}`,
  };
}
