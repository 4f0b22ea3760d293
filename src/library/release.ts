/** A release that jails are made from. Thin: each method is one operation of the registry. */
import type * as z from 'zod';
import { releaseDestroy } from '../ops/release/destroy.ts';
import { releaseFetch } from '../ops/release/fetch.ts';
import type { ListedRelease } from '../ops/release/list.ts';
import { Access, type Reaching } from './access.ts';
import { assertHost } from './given.ts';
import type { Operation } from './operation.ts';

/**
 * Where a release comes from: one of `file`, `url`, `folder`, `jail`, `suite` and `localDirectory`; without any of
 * them the name says it, a suite of Debian or a release of FreeBSD.
 */
export interface FetchOptions {
  /** Absolute path of a root file system archive. */
  readonly file?: string;
  /** Address of one. */
  readonly url?: string;
  /** Absolute path of a directory that holds a root file system. */
  readonly folder?: string;
  /** A stopped jail, or `JAIL@SNAPSHOT`. */
  readonly jail?: string;
  /** Of Debian, where the release is called otherwise. */
  readonly suite?: string;
  /** Absolute path of a directory with FreeBSD's sets and their MANIFEST. */
  readonly localDirectory?: string;
  /** Of the archive; of the MANIFEST for FreeBSD's sets. */
  readonly sha256?: string;
  /** Address of a mirror of Debian. */
  readonly mirror?: string;
  /** Packages that a suite is to have besides. */
  readonly include?: readonly string[];
  /** FreeBSD's server. */
  readonly server?: string;
  /** FreeBSD's sets to fetch. */
  readonly sets?: readonly string[];
  /** Of a release that is there already: true insists on it; default where it has a package manager. */
  readonly update?: boolean;
}

/** A release that was listed. */
export type FoundRelease = Release & { readonly facts: ListedRelease };

type FetchInput = z.input<typeof releaseFetch.input>;

/** A release by its name. Making one reads nothing. */
export class Release {
  /** Such as `bookworm`, `13.2-RELEASE`. */
  readonly name: string;
  /** What was known when it was listed; undefined for one that was named. */
  readonly facts: ListedRelease | undefined;
  private readonly access: Access;

  /** @param host where it is; without one the machine's, with the pool that is activated */
  constructor(name: string, host: Reaching = { access: new Access() }, facts?: ListedRelease) {
    assertHost(host);
    this.name = name;
    this.access = host.access;
    this.facts = facts;
  }

  /** Fetches it; one that is there already is updated where it has a package manager. */
  fetch(options: FetchOptions = {}): Operation<Fetched> {
    return this.access.operation(releaseFetch, () => ({ ...(options as FetchInput), release: this.name }));
  }

  /** Destroys it; no jail may use it. @param options `download`: the downloaded files too */
  destroy(
    options: { readonly download?: boolean } = {},
  ): Operation<{ readonly destroyed: readonly string[] }> {
    return this.access.operation(releaseDestroy, () => ({ ...options, release: this.name }));
  }
}

/** What a fetch did. */
export interface Fetched {
  readonly release: string;
  readonly dataset: string;
  readonly kind: string;
  /** False when the release was there and nothing was done. */
  readonly fetched: boolean;
  readonly message: string;
}
