/**
 * What one look at a pool finds, as all operations take it: jails, releases, stored defaults. Types and names
 * alone; `read.ts` makes it.
 */
import type { Jail } from '../../domain/jail.ts';

/** The layout's first level; `activate` makes what is missing. */
export const layout = ['download', 'jails', 'releases', 'templates', '.defaults'] as const;

export interface Release {
  readonly name: string;
  readonly dataset: string;
  readonly mountpoint: string | undefined;
  /** `release_kind`, `release_source`, `fetched_at`, … as fetch wrote them. */
  readonly local: ReadonlyMap<string, string>;
  readonly native: ReadonlyMap<string, string>;
}

export interface World {
  readonly pool: { readonly name: string };
  /** `POOL/iocage`, or the root of another source. */
  readonly root: string;
  /** Name of the source. */
  readonly source: string;
  /** There are others besides it: jails are shown by their full names, `SOURCE/NAME`. */
  readonly oneOfSeveral: boolean;
  /** What the host keeps these jails apart from others by: locks, running jails, records. */
  readonly realm: string;
  readonly mountpoint: string;
  /** Properties stored with `set … default`. */
  readonly defaults: ReadonlyMap<string, string>;
  /** Jails and templates, in the order of their names. */
  readonly jails: readonly Jail[];
  readonly releases: readonly Release[];
  readonly missing: readonly string[];
}
