/** What the ways of fetching share with `fetch.ts`: where the release comes to lie, and what fills it. */
import type { ReleaseKind } from '../../domain/release.ts';
import type { Step } from '../../driver/system.ts';
import type { World } from '../world/world.ts';

/** What one way of fetching adds to the shared steps. */
export interface Filling {
  readonly kind: ReleaseKind;
  /** Where it comes from, without credentials and query. */
  readonly source: string;
  /** Of the archive, or of the MANIFEST; undefined when it is not known before or means nothing. */
  readonly sha256: string | undefined;
  /** Before the release's datasets are made. */
  readonly before: readonly Step[];
  /** Fills `root`. */
  readonly fill: readonly Step[];
  /** `fill` makes the root's dataset too. */
  readonly makesRoot?: true;
}

/** Where a release is made. */
export interface Place {
  readonly world: World;
  readonly name: string;
  readonly dataset: string;
  readonly root: string;
  /** Directory and dataset for downloaded files. */
  readonly download: { readonly dataset: string; readonly mountpoint: string };
}
