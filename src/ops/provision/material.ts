/**
 * The files that a jail is set up with: a directory of the host as it is, or the checkout of a repository. A revision
 * is made a commit in the plan, so that what cannot be had is known before anything was touched.
 */
import { join } from 'node:path';
import type { Context } from '../context.ts';
import type { JailSpec } from '../../driver/host.ts';
import type { Step } from '../../driver/system.ts';
import { failure } from '../../domain/errors.ts';
import { commitOf, type ProvisionSource } from '../../domain/provision.ts';
import { waiting } from '../snapshot/rows.ts';
import { checkOut, clearAway, git } from '../steps/checkout.ts';
import { assertTrustedTree } from './trusted.ts';
import type { Wanted, Work } from './method.ts';

/** Beside the jail's root, where nothing of the jail reaches. */
const scratch = '.provision';

export interface Repository {
  readonly repository: string;
  readonly commit: string;
}

/** @throws UNSAFE_PATH, REPOSITORY_FAILED */
export async function resolve(
  context: Context,
  source: ProvisionSource,
  revision: string | undefined,
): Promise<Repository> {
  const repository = source.kind === 'path' ? source.path : source.url;
  if (source.path !== undefined) await assertTrustedTree(context, source.path, ['HEAD', '.git/HEAD']);
  const refs =
    revision === undefined
      ? ['HEAD']
      : [`refs/heads/${revision}`, `refs/tags/${revision}`, `refs/tags/${revision}^{}`];
  waiting(context, `asking ${repository}`);
  const read: Context['exec']['read'] = (argv, options) => context.exec.read(argv, options);
  const { stdout } = await git(read, repository, ['ls-remote', '--', repository, ...refs], {
    signal: context.signal,
  });
  const commit = commitOf(stdout, revision);
  if (commit !== undefined) return { repository, commit };
  const why =
    revision === undefined
      ? 'its default branch has no commit; provision.rev names another one'
      : `there is no branch or tag ${revision}; a commit is named by all of its digits`;
  throw failure('REPOSITORY_FAILED', { repository, why });
}

/**
 * What the jail sees for the time of the provisioning.
 *
 * @param members one of these must be there
 * @param placeFor where the jail sees it, when that one is
 */
export async function materialFor(
  context: Context,
  spec: JailSpec,
  { source, revision }: Wanted,
  members: readonly [string, ...string[]],
  placeFor: (member: string) => string,
): Promise<Required<Pick<Work, 'shown' | 'down' | 'after'>> & Pick<Work, 'commit'>> {
  const { root } = spec;
  if (source.kind === 'path' && revision === undefined) {
    const target = placeFor(await assertTrustedTree(context, source.path, members));
    return {
      shown: { source: source.path, target, stays: false },
      down: [],
      after: [clearAway({ root, target })],
    };
  }
  const found = await resolve(context, source, revision);
  const directory = join(spec.mountpoint, scratch);
  const [expects] = members;
  const target = placeFor(expects);
  const down: Step[] = [checkOut({ ...found, directory, expects, made: true })];
  const after = [clearAway({ directory, root, target })];
  return { shown: { source: directory, target, stays: false }, down, after, commit: found.commit };
}
