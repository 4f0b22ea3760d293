/**
 * Command lines of the OCI runtime. Pure. See crun(1).
 */
import type { CgroupLayout } from './facts.ts';
import type { Places } from './names.ts';

export function crun(places: Pick<Places, 'runtimeRoot'>, ...words: readonly string[]): readonly string[] {
  return ['crun', '--root', places.runtimeRoot, '--cgroup-manager=cgroupfs', ...words];
}

/**
 * crun refuses to create a container while a version 2 tree with controllers is mounted beside the
 * version 1 ones. For this one call the tree is covered, in a mount namespace of its own; nothing of
 * the host changes. The text is fixed, its words come as arguments.
 */
const coverThenRun = 'mount -t tmpfs -o size=64k,mode=755 iocage-cover "$1" && shift && exec "$@"';

export function runCommand(places: Places, cgroups: CgroupLayout, log: string): readonly string[] {
  const [program, ...rest] = crun(
    places,
    '--log',
    log,
    'run',
    '--detach',
    '--bundle',
    places.bundle,
    places.id,
  );
  const bare = [program!, ...rest];
  if (cgroups.kind !== 'hybrid') return bare;
  return [
    'unshare',
    '--mount',
    '--propagation',
    'private',
    'sh',
    '-c',
    coverThenRun,
    'sh',
    cgroups.unifiedAt!,
    ...bare,
  ];
}
