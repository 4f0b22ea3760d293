/** The names on the pool, for completion. Reads only, and only once. */
import type { Context } from '../../ops/context.ts';
import { findSource } from '../../ops/source/find.ts';
import { askEach, allSources } from '../../ops/source/each.ts';
import { fullName, namedSources } from '../../ops/source/sources.ts';
import { readWorld } from '../../ops/world/read.ts';
import type { World } from '../../ops/world/world.ts';
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
  let known: Promise<readonly { context: Context; world: World }[]> | undefined;
  const read = (): Promise<readonly { context: Context; world: World }[]> =>
    (known ??= (async () => {
      const { answers } = await askEach(await allSources(await context()), async (own) => ({
        context: own,
        world: await readWorld(own),
      }));
      return answers.map(({ result }) => result);
    })());
  const each = async (names: (world: World) => readonly string[]): Promise<readonly string[]> => {
    const found = await read();
    return (
      await Promise.all(
        found.map(({ context: own, world }) => Promise.all(names(world).map((name) => fullName(own, name)))),
      )
    ).flat();
  };
  return {
    jails: () => each((world) => world.jails.map((jail) => jail.tag)),
    releases: async () => [
      ...new Set((await read()).flatMap(({ world }) => world.releases.map((release) => release.name))),
    ],
    async snapshots(word) {
      const { context: own, name } = await findSource(await context(), word, true);
      const { jails } = await readWorld(own);
      const rows = await own.storage.snapshots(`${findJail(jails, name).dataset}/root`, undefined, []);
      return rows.map((row) => row.snapshot);
    },
    async images() {
      const found = await read();
      const stored = await Promise.all(
        found.map(({ context: own, world }) =>
          storedImages(own, [imagesDirectory(world), packagesDirectory(world)]),
        ),
      );
      return stored.flat().flatMap(({ stem, tag }) => [stem, ...(tag === undefined ? [] : [tag])]);
    },
    sources: async () => (await namedSources(await context()))?.list.map(({ name }) => name) ?? [],
    pools: async () => (await (await context()).storage.pools()).map((pool) => pool.name),
  };
}
