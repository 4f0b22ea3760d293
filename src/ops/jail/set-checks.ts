/**
 * What `set` refuses before anything is written, where a property is more than a value: the release, the tag, and
 * what another tool's file says in its own way.
 */
import { failure } from '../../domain/errors.ts';
import { holderOf, label, type Jail } from '../../domain/jail.ts';
import { assertReleaseName, assertTag } from '../../domain/name.ts';
import { getRelease } from '../release/destroy.ts';
import type { World } from '../world/world.ts';
import { converts } from './convert.ts';

type Pairs = readonly (readonly [key: string, value: string])[];

export function releasesIn(words: Pairs): readonly string[] {
  return words.filter(([key]) => key === 'release').map(([, name]) => name);
}

/** A basejail shows another release from its next start; in all others the files are there already. */
export function checkReleases(world: World, jails: readonly Jail[], words: Pairs): Pairs {
  const names = [...new Set(releasesIn(words))];
  if (names.length === 0) return [];
  const other = jails.find((jail) => jail.local.get('type') !== 'basejail');
  if (other !== undefined) {
    const why = `${label(other)} has the files of its release; only a basejail can show another one`;
    throw failure('READ_ONLY_PROPERTY', { key: 'release', why });
  }
  if (names.length > 1)
    throw failure('INVALID_INPUT', { issues: [{ path: 'release', problem: 'it is given twice' }] });
  assertReleaseName(names[0]!);
  getRelease(world, names[0]!);
  return [['release', names[0]!]];
}

/** These mean more than a value: another tool keeps them in other ways than we do. */
export function checkFile(jail: Jail, pairs: Pairs): void {
  const key = pairs.find(([one]) => one === 'tag' || one === 'release' || converts.has(one))?.[0];
  if (jail.file === undefined || key === undefined) return;
  const why = `${label(jail)} keeps its configuration in ${jail.file.name} of ${jail.file.title}`;
  throw failure('READ_ONLY_PROPERTY', { key, why, migrate: jail.uuid });
}

export function checkTag(world: World, jails: readonly Jail[], pairs: Pairs): void {
  const tag = pairs.findLast(([key]) => key === 'tag')?.[1];
  if (tag === undefined) return;
  if (jails.length > 1)
    throw failure('USAGE', { problem: 'one tag cannot go to several jails', command: 'set' });
  assertTag(tag);
  const holder = holderOf(world.jails, tag);
  if (holder !== undefined && holder.uuid !== jails[0]!.uuid) {
    throw failure('NAME_TAKEN', { what: 'tag', name: tag, by: holder.uuid });
  }
}
