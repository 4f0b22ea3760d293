/**
 * What has to be done to a tree of files to make the merged one of it (`merge-tree.ts`), and what that means
 * for the jail. The tree it is done to is the jail's own, or a fresh one of the new release. Pure.
 */
import type { Digest, Merged, TreeMerge, Trees } from './merge-tree.ts';

export interface Attributes {
  readonly path: string;
  readonly mode: string;
  /** `uid:gid` */
  readonly owner: string;
}

export interface MergeActions {
  /** Paths to take away, what is in a directory before it; nothing else is in those directories. */
  readonly remove: readonly string[];
  /** Paths to copy from the other tree as they are, a directory before what is in it and without that. */
  readonly copy: readonly string[];
  /** Files to be written with both sides' lines. */
  readonly texts: readonly Attributes[];
  /** Mode and owner to set, after all the rest. */
  readonly attributes: readonly Attributes[];
}

/** @param onto the tree that is changed; the other one's files come into it. */
export function mergeActions(
  trees: Trees,
  { result }: TreeMerge,
  onto: 'mine' | 'new',
  digest: Digest,
): MergeActions {
  const base = trees[onto];
  const from = onto === 'mine' ? 'new' : 'mine';
  const other = trees[from];
  const remove = [...base.keys()].filter((path) => {
    const wanted = result.get(path);
    if (wanted === undefined) return true;
    const source = wanted.from === from ? other.get(path)! : base.get(path)!;
    return (source.type === 'd') !== (base.get(path)!.type === 'd');
  });
  const copy: string[] = [];
  const texts: Attributes[] = [];
  const attributes: Attributes[] = [];
  for (const [path, { from: whose, mode, owner }] of [...result].sort(byPath)) {
    if (whose === 'text') {
      texts.push({ path, mode, owner });
      continue;
    }
    const copied = whose === from && !isThere(trees, onto, path, digest);
    // Sockets live as long as who listens; tar keeps none.
    if (copied && other.get(path)!.type === 's') continue;
    if (copied) copy.push(path);
    const got = copied ? other.get(path)! : base.get(path)!;
    if (got.type !== 'l' && (got.mode !== mode || got.owner !== owner))
      attributes.push({ path, mode, owner });
  }
  return { remove: remove.sort().reverse(), copy, texts, attributes };
}

/** The base has the same there, so that it need not be copied. */
function isThere(trees: Trees, onto: 'mine' | 'new', path: string, digest: Digest): boolean {
  const [base, other] = [trees[onto].get(path), trees[onto === 'mine' ? 'new' : 'mine'].get(path)];
  if (base === undefined || base.type !== other?.type) return false;
  if (base.type === 'd') return true;
  if (base.type === 'l') return base.target === other.target && base.owner === other.owner;
  if (base.type !== 'f') return base.mtime === other.mtime;
  return base.size === other.size && digest('mine', path) === digest('new', path);
}

function byPath([a]: readonly [string, Merged], [b]: readonly [string, Merged]): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

export interface Change {
  readonly path: string;
  readonly what: 'added' | 'changed' | 'merged' | 'removed' | 'permissions';
}

/** What becomes other in the jail, whichever tree it is done to, sorted by path. */
export function changesOf(trees: Trees, merge: TreeMerge, digest: Digest): readonly Change[] {
  const { remove, copy, texts, attributes } = mergeActions(trees, merge, 'mine', digest);
  const what = new Map<string, Change['what']>();
  for (const path of remove) what.set(path, 'removed');
  for (const { path } of attributes) what.set(path, 'permissions');
  for (const path of copy) what.set(path, trees.mine.has(path) ? 'changed' : 'added');
  for (const { path } of texts) what.set(path, 'merged');
  return [...what].sort(([a], [b]) => (a < b ? -1 : 1)).map(([path, kind]) => ({ path, what: kind }));
}
