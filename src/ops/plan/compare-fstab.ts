/** The lines of a jail's fstab against those that a description names: the same lines in the same order, or not. */
import { join } from 'node:path';
import type { Context } from '../context.ts';
import type { JailSpec } from '../../driver/host.ts';
import type { Change } from '../../domain/description/change.ts';
import type { DescribedJail } from '../../domain/description/description.ts';
import { failure } from '../../domain/errors.ts';
import {
  entryOf,
  parseEntry,
  parseFstab,
  targetInJail,
  type FstabEntry,
  type FstabPlaces,
} from '../../domain/format/fstab.ts';
import type { World } from '../world/world.ts';

/** As a person writes it: the target as the jail sees it, without the comment. */
function lineOf(entry: FstabEntry, places: FstabPlaces): string {
  const { source, type, options, dump, pass } = entry;
  const target = targetInJail(entry.target, places) ?? entry.target;
  return [source, target, type, options.join(',') || 'rw', dump, pass].join(' ');
}

export async function compareFstab(
  context: Context,
  world: World,
  { fstab }: DescribedJail,
  spec: JailSpec,
): Promise<readonly Change[]> {
  if (fstab === undefined) return [];
  const places = { iocage: world.mountpoint, root: spec.root };
  const text = (await context.files.read(join(spec.mountpoint, 'fstab'))) ?? '';
  const old = parseFstab(text).flatMap((line) => {
    const entry = entryOf(line);
    return entry === undefined ? [] : [lineOf(entry, places)];
  });
  const entries = fstab.map((line) => parseEntry(line)!);
  const now = entries.map((entry) => lineOf(entry, places));
  const differs = now.findIndex((line, index) => line !== old[index]);
  const kept = differs < 0 ? now.length : differs;
  if (kept === now.length && kept === old.length) return [];
  for (const entry of entries.slice(kept)) {
    const target = spec.root + (targetInJail(entry.target, places) ?? entry.target);
    const problem = await context.host.mountProblem(spec, { ...entry, target });
    if (problem !== undefined) throw failure('INVALID_INPUT', { issues: [{ path: 'fstab', problem }] });
  }
  return [{ what: 'fstab', kept, remove: old.slice(kept), add: fstab.slice(kept) }];
}
