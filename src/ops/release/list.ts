/** `list -r`: the releases that jails can be made from, in one storage call beyond the world's. */
import { join } from 'node:path';
import { compareNatural } from '../../domain/order.ts';
import * as z from 'zod';
import { defineRead } from '../operation.ts';
import type { Context } from '../context.ts';
import { failure } from '../../domain/errors.ts';
import { userlandOf } from '../../domain/userland.ts';
import { inFull } from '../source/each.ts';
import { readWorld } from '../world/read.ts';

/** What was known of a release when it was listed. */
export interface ListedRelease {
  readonly name: string;
  /** `debootstrap`, `tar`, `freebsd`; `unknown` for one that another iocage fetched. */
  readonly kind: string;
  /** ISO 8601; null when it was not written down. */
  readonly fetchedAt: string | null;
  /** With its snapshots. */
  readonly usedBytes: number;
  /** How many jails and templates say that they were made from it. */
  readonly jails: number;
  /** Of FreeBSD, with the patch level: `14.2-RELEASE-p1`. */
  readonly userland?: string;
}

export async function listReleases(context: Context): Promise<{ releases: readonly ListedRelease[] }> {
  const world = await readWorld(context);
  if (world.releases.length === 0) return { releases: [] };
  const used = await context.storage.measure(`${world.root}/releases`, 1, ['used']);
  const userlands = await Promise.all(
    world.releases.map(({ mountpoint }) =>
      mountpoint === undefined ? undefined : userlandOf(context.files, join(mountpoint, 'root')),
    ),
  );
  const releases = world.releases.map((release, index) => ({
    name: release.name,
    kind: release.local.get('release_kind') ?? 'unknown',
    fetchedAt: release.local.get('fetched_at') ?? null,
    usedBytes: Number(used.get(release.dataset)?.get('used') ?? 0),
    jails: world.jails.filter((jail) => jail.local.get('release') === release.name).length,
    ...(userlands[index] === undefined ? {} : { userland: userlands[index] }),
  }));
  return { releases: releases.sort((a, b) => compareNatural(a.name, b.name)) };
}

const listInput = z.object({});

export const releaseList = defineRead<typeof listInput, { releases: readonly ListedRelease[] }>({
  id: 'release.list',
  title: 'List the fetched releases',
  input: listInput,
  everySource: {
    applies: () => true,
    merge: (answers) => ({
      releases: inFull(answers, ({ releases }) => releases),
    }),
  },
  read: listReleases,
  command: {
    names: ['list'],
    group: 'releases',
    usage: '-r',
    examples: [{ line: 'iocage list -r', says: 'the releases that jails can be made from' }],
    toInputs(words) {
      if (words.positionals.length + words.properties.length > 0) {
        throw failure('USAGE', { problem: 'list -r takes no further words', command: 'list' });
      }
      return [{}];
    },
  },
});
