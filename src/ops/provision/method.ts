/** What a way of setting a jail up is: a row of `methods.ts`. */
import type { Context } from '../context.ts';
import type { JailSpec } from '../../driver/host.ts';
import type { Step } from '../../driver/system.ts';
import type { Issue } from '../../domain/errors.ts';
import type { ProvisionMethod, ProvisionSource } from '../../domain/provision.ts';
import type { Shown } from '../jail/shown.ts';

/** What the jail's properties say, read. */
export interface Wanted {
  readonly source: ProvisionSource;
  /** `provision.source` as it stands there. */
  readonly text: string;
  /** Undefined: the default branch of a repository. */
  readonly revision: string | undefined;
}

/** What is to be done, in steps: nothing is changed before they are run. */
export interface Work {
  readonly shown?: Shown;
  /** While the jail is down: what brings what is shown. */
  readonly down: readonly Step[];
  /** In the running jail. */
  readonly up: readonly Step[];
  /** While the jail is down again. */
  readonly after: readonly Step[];
  /** What was taken from a repository. */
  readonly commit?: string;
  /** Properties of the jail to store. */
  readonly stores?: Readonly<Record<string, string>>;
}

export interface Method {
  readonly id: ProvisionMethod;
  /** What is wrong with the words alone; empty when nothing is. */
  check(wanted: Wanted): readonly Issue[];
  /**
   * Reads what it needs, changes nothing.
   *
   * @param spec the jail as it will be started
   * @throws UNSAFE_PATH, REPOSITORY_FAILED, DOWNLOAD_FAILED, INVALID_INPUT
   */
  run(context: Context, spec: JailSpec, wanted: Wanted): Promise<Work>;
}

/** Packages are fetched meanwhile, perhaps. */
export const commandTimeoutMs = 60 * 60_000;

/** git's addresses but the one that nobody vouches for. */
export const repositoryIssues = ({ source }: Wanted): readonly Issue[] =>
  source.kind === 'url' && source.scheme === 'http'
    ? [issue('a repository comes by https, ssh, git or file, not by http')]
    : [];

export const issue = (problem: string, path = 'provision.source'): Issue => ({ path, problem });
