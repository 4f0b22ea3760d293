/** What of the host a jail shows, as mounts of its container, in the order in which the runtime makes them. */
import type { Files } from '../system.ts';
import type { JailSpec } from '../host.ts';
import { fstabKind, type FstabEntry } from '../../domain/format/fstab.ts';
import { fstabTargets } from '../both/fstab.ts';
import { asEntry, volumesOf } from '../both/shown.ts';
import type { OciMount } from './mounts.ts';

export async function shownMounts(files: Files, jail: JailSpec): Promise<readonly OciMount[]> {
  return [
    ...(jail.handed ?? []).map(({ source, target }): OciMount => ({
      destination: target,
      type: 'bind',
      source,
      options: ['bind', 'private', 'nosuid', 'nodev', 'rw'],
    })),
    ...volumesOf(jail).map((volume) => toMount(asEntry(jail, volume), volume.target)),
    ...(await fstabTargets(files, jail))
      .filter(({ entry }) => fstabKind(entry) !== 'provided')
      .map(({ entry, target }) => toMount(entry, target)),
  ];
}

const words = new Set(['ro', 'rw', 'nosuid', 'noexec', 'noatime']);

function toMount(entry: FstabEntry, destination: string): OciMount {
  const options = entry.options.filter((option) => words.has(option));
  if (fstabKind(entry) === 'bind')
    return { destination, type: 'bind', source: entry.source, options: ['bind', 'nodev', ...options] };
  const sized = entry.options.filter((option) => /^(size|mode)=/.test(option));
  return { destination, type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'nodev', ...options, ...sized] };
}
