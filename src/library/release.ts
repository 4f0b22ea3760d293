/** A release that jails are made from. Thin: each method is one operation of the registry. */
import type * as z from 'zod';
import { releaseDestroy } from '../ops/release/destroy.ts';
import { releaseFetch } from '../ops/release/fetch.ts';
import type { ListedRelease } from '../ops/release/list.ts';
import { Access, type Reaching } from './access.ts';
import type { Operation } from './operation.ts';

/** Where a release comes from; without any, FreeBSD's server, or the archive of the distribution that it names. */
export type FetchOptions = Omit<z.input<typeof releaseFetch.input>, 'release'>;

/** A release that was listed. */
export type FoundRelease = Release & { readonly facts: ListedRelease };

/** A release by its name. Making one reads nothing. */
export class Release {
  /** Such as `bookworm`, `13.2-RELEASE`. */
  readonly name: string;
  /** What was known when it was listed; undefined for one that was named. */
  readonly facts: ListedRelease | undefined;
  private readonly access: Access;

  /** @param host where it is; without one the machine's, with the pool that is activated */
  constructor(name: string, host: Reaching = { access: new Access() }, facts?: ListedRelease) {
    this.name = name;
    this.access = host.access;
    this.facts = facts;
  }

  /** Fetches it; one that is there already is updated where it has a package manager. */
  fetch(options: FetchOptions = {}): Operation<Fetched> {
    return this.access.operation(releaseFetch, () => ({ ...options, release: this.name }));
  }

  /** Destroys it; no jail may use it. @param options `download`: the downloaded files too */
  destroy(
    options: { readonly download?: boolean } = {},
  ): Operation<{ readonly destroyed: readonly string[] }> {
    return this.access.operation(releaseDestroy, () => ({ release: this.name, ...options }));
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
