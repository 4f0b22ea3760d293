/**
 * Whether what another tool's file says may have power over this host. A hook of it runs as root, a mount shows
 * the jail any directory: whoever may write the file, or exchange it, is as good as root here. Our own jails keep
 * theirs in properties of the dataset, which only root sets. Changes nothing.
 */
import { dirname, join, resolve } from 'node:path';
import type { FileFacts } from '../../driver/system.ts';
import { failure } from '../../domain/errors.ts';
import { defaultFilesOf } from '../../domain/format/config-file.ts';
import { mountLines, powerIn } from '../../domain/image.ts';
import { label, type Jail } from '../../domain/jail.ts';
import { isOurs, othersMayWrite } from '../../domain/owner.ts';
import type { Context } from '../context.ts';
import type { World } from '../world/world.ts';

type Reader = Pick<Context, 'files'>;

export const hookKeys = ['prestart', 'created', 'poststart', 'prestop', 'poststop'].map(
  (name) => `exec_${name}`,
);

function ownerProblem(facts: FileFacts): string | undefined {
  if (!isOurs(facts, process.geteuid?.())) return `it belongs to user ${facts.uid}`;
  return othersMayWrite(facts) ? 'others than its owner may write it' : undefined;
}

/** The file itself, no link followed, and every directory that leads to it. */
export async function pathProblem(
  { files }: Reader,
  root: string,
  name: string,
): Promise<{ path: string; why: string } | undefined> {
  const own = await files.statBelow(root, name);
  if (own === undefined) return undefined;
  const path = join(root, name);
  const why = own.type === 'file' ? ownerProblem(own) : 'it is no plain file';
  if (why !== undefined) return { path, why };
  // What is read below a root lies behind no link.
  return directoryProblem({ files }, root);
}

/** A directory, and every one that leads to it; none of them a link. */
export async function directoryProblem(
  { files }: Reader,
  path: string,
): Promise<{ path: string; why: string } | undefined> {
  for (let at = resolve(path); ; at = dirname(at)) {
    const facts = await files.stat(at);
    const problem = facts && (facts.type === 'symlink' ? 'it is a link' : ownerProblem(facts));
    if (problem !== undefined) return { path: at, why: problem };
    if (at === dirname(at)) return undefined;
  }
}

export interface Untrusted {
  readonly key: string;
  readonly path: string;
  readonly why: string;
}

/** Undefined for a jail of ours, and when only root may write what has power. */
export async function untrusted(context: Reader, world: World, jail: Jail): Promise<Untrusted | undefined> {
  const { file, mountpoint } = jail;
  if (file === undefined || mountpoint === undefined) return undefined;
  const fstab = await context.files.readBelow(mountpoint, 'fstab');
  const sources: readonly (readonly [string | undefined, string, readonly string[]])[] = [
    [powerIn(jail.local), mountpoint, [file.name]],
    [powerIn(jail.defaults ?? new Map()), world.mountpoint, defaultFilesOf(file, jail.uuid)],
    [mountLines(fstab ?? '').length === 0 ? undefined : 'fstab', mountpoint, ['fstab']],
  ];
  for (const [key, root, names] of sources) {
    for (const name of key === undefined ? [] : names) {
      const problem = await pathProblem(context, root, name);
      if (problem !== undefined) return { key: key!, ...problem };
    }
  }
  return undefined;
}

/** @throws UNTRUSTED_CONFIG */
export async function assertTrusted(context: Reader, world: World, jail: Jail): Promise<void> {
  const problem = await untrusted(context, world, jail);
  if (problem !== undefined) throw failure('UNTRUSTED_CONFIG', { jail: label(jail), ...problem });
}
