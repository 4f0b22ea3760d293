/** The names on the pool, for completion. Reads only, and only once. */
import type { Context } from '../../ops/operation.ts';
import { readWorld, type World } from '../../ops/world.ts';
import { storedImages } from '../../ops/image/find.ts';
import { imagesDirectory, packagesDirectory } from '../../ops/image/place.ts';
import { findJail } from '../../domain/jail.ts';
import type { Product } from '../invoke.ts';
import type { Terminal } from '../terminal.ts';
import type { Live } from './candidates.ts';

/** A context that only looks, for the pool that the environment names. */
export const lookingContext = (terminal: Terminal, product: Product): Context | Promise<Context> =>
  product.makeContext({
    pool: terminal.env['IOCAGE_POOL'] || undefined,
    dry: true,
    emit: () => undefined,
    signal: new AbortController().signal,
  });

export function liveNames(context: () => Context | Promise<Context>): Live {
  let known: Promise<{ context: Context; world: World }> | undefined;
  const read = (): Promise<{ context: Context; world: World }> =>
    (known ??= (async () => {
      const made = await context();
      return { context: made, world: await readWorld(made) };
    })());
  return {
    jails: async () => (await read()).world.jails.map((jail) => jail.tag),
    releases: async () => (await read()).world.releases.map((release) => release.name),
    async snapshots(name) {
      const { context: doors, world } = await read();
      const rows = await doors.storage.snapshots(
        `${findJail(world.jails, name).dataset}/root`,
        undefined,
        [],
      );
      return rows.map((row) => row.snapshot);
    },
    async images() {
      const { context: doors, world } = await read();
      return (await storedImages(doors, [imagesDirectory(world), packagesDirectory(world)])).flatMap(
        ({ stem, tag }) => [stem, ...(tag === undefined ? [] : [tag])],
      );
    },
    pools: async () => (await (await context()).storage.pools()).map((pool) => pool.name),
  };
}
