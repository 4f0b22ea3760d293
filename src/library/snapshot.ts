/** A snapshot of a jail. Thin: each method is one operation of the registry. */
import { snapshotRemove, type ListedSnapshot } from '../ops/snapshot/snapshot.ts';
import type { Access, Reaching } from './access.ts';
import { splitWord } from '../domain/source.ts';
import { Jail, type CloneOptions } from './jail.ts';
import type { Operation } from './operation.ts';

/** What was known of a snapshot when it was listed. */
export type SnapshotFacts = Pick<
  ListedSnapshot,
  'dataset' | 'snapshot' | 'jail' | 'tag' | 'createdAt' | 'referencedBytes' | 'usedBytes'
> & {
  /** Name of the source that the jail lies in, where there are several. */
  readonly source: string | null;
};

/** A snapshot of all datasets of a jail, as it was listed. */
export class Snapshot {
  /** What stands after the `@`. */
  readonly name: string;
  /** The jail that it is of. */
  readonly jail: Jail;
  /** As of the jail's top dataset; the bytes are of all its datasets together. */
  readonly facts: SnapshotFacts;
  private readonly access: Access;

  /** @internal Snapshots are made by {@link Jail.snapshot} and listed by `Host.snapshots`. */
  constructor(facts: SnapshotFacts, host: Reaching) {
    this.name = facts.snapshot;
    this.facts = facts;
    this.access = host.access;
    this.jail = new Jail(facts.source === null ? facts.jail : `${facts.source}/${facts.jail}`, host);
  }

  /** Removes it from all datasets of the jail. */
  remove(): Operation<void> {
    const input = () => ({ jail: this.jail.name, snapshot: this.name });
    return this.access.operation(snapshotRemove, input, () => undefined);
  }

  /** The jail back to it; see {@link Jail.rollback}. */
  rollback(options: { readonly force?: boolean } = {}): Operation<void> {
    return this.jail.rollback(this.name, options);
  }

  /** A new jail as the jail was then. */
  clone(options: Omit<CloneOptions, 'snapshot'> = {}): Operation<Jail> {
    return this.jail.clone({ ...options, snapshot: this.name });
  }
}

/** One for each name: the rows of the datasets below the jail's count to it. */
export function wholeSnapshots(rows: readonly ListedSnapshot[]): readonly SnapshotFacts[] {
  const found = new Map<string, SnapshotFacts>();
  for (const row of rows) {
    const key = `${row.tag} ${row.jail}@${row.snapshot}`;
    const before = found.get(key);
    const isTop = before === undefined || row.dataset < before.dataset;
    const [top, other] = isTop ? [row, before] : [before, row];
    const { source = null, name: tag } = splitWord(row.tag);
    found.set(key, {
      ...top,
      tag,
      source,
      usedBytes: top.usedBytes + (other?.usedBytes ?? 0),
      referencedBytes: top.referencedBytes + (other?.referencedBytes ?? 0),
    });
  }
  return [...found.values()];
}
