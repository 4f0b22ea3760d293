/** What `create`, `clone` and `create template=` have in common. */
import { join } from 'node:path';
import { getProperty } from '../../domain/properties/index.ts';
import { namespace, type World } from '../world.ts';

export const kinds = ['thick', 'clone', 'base', 'empty'] as const;
export type Kind = (typeof kinds)[number];

export interface Created {
  readonly jails: readonly { readonly uuid: string; readonly tag: string; readonly kind: Kind }[];
}

/** Splits checked assignments into ZFS's own properties and ours, the latter with their namespace. */
export function toZfsProperties(pairs: readonly (readonly [string, string])[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map(([key, value]) => [getProperty(key).store === 'native' ? key : namespace + key, value]),
  );
}

export function numbered(word: string, count: number): readonly string[] {
  return count === 1 ? [word] : Array.from({ length: count }, (_, i) => `${word}_${i + 1}`);
}

/** The jail that will be, for what looks at its datasets. */
export function ownerOf(world: World, { uuid, tag }: { readonly uuid: string; readonly tag: string }) {
  const [dataset, mountpoint] = [`${world.root}/jails/${uuid}`, join(world.mountpoint, 'jails', uuid)];
  return { pool: world.pool.name, uuid, tag, dataset, mountpoint };
}
