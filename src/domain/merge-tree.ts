/**
 * Three trees of files make a fourth: what the old release had, what the jail has now (`mine`), what the
 * new release has. Where only one side changed something its change counts; where both did, the jail's
 * stays and the release's comes beside it. Nothing that is only the jail's is ever left out. Pure: the
 * trees are listings, contents are compared by digest.
 */
import type { TreeEntry } from './tree.ts';

export type Tree = ReadonlyMap<string, TreeEntry>;
export type Side = 'old' | 'mine' | 'new';
export type Trees = Readonly<Record<Side, Tree>>;

/** Digest of a regular file's content; undefined when it was not needed to tell files apart. */
export type Digest = (side: Side, path: string) => string | undefined;

/** One path of the merged tree. */
export interface Merged {
  /** Whose content; `text`: both sides' lines. */
  readonly from: 'mine' | 'new' | 'text';
  readonly mode: string;
  readonly owner: string;
}

export type Why =
  | 'changed by both'
  | 'of another type in the new release'
  | 'changed in the jail, gone in the new release'
  | 'deleted in the jail, changed in the new release';

export interface Conflict {
  readonly path: string;
  readonly why: Why;
  /** Where the new release's version lies in the jail; none when there is nothing to keep beside. */
  readonly beside?: string;
}

export interface TreeMerge {
  readonly result: ReadonlyMap<string, Merged>;
  readonly conflicts: readonly Conflict[];
}

/**
 * What is written there is the jail's own affair: where both sides have something, the release's is no news. Data
 * bases that are made of texts beside them (pwd_mkdb(8), cap_mkdb(1)) are made anew from the merged ones.
 */
const ownPlaces =
  /^(tmp|run|var\/(log|cache|tmp|run|lib\/systemd|lib\/apt\/lists))\/|^var\/lib\/dpkg\/(status-old|lock.*)$|^etc\/(pwd|spwd|login\.conf)\.db$/;

/**
 * Parts of FreeBSD that nobody but its updates change (hier(7)); of certificates those that certctl(8) makes of the
 * release's, which each update does too. A jail that was patched differs there from the release
 * that it was made of: what the new release brings is newer than both, and a mixture would not run.
 */
const freebsdSystem =
  /^((bin|boot|lib|libexec|rescue|sbin|usr\/(bin|include|lib|lib32|libdata|libexec|sbin|share|src|tests)|etc\/(defaults|mtree|periodic|rc\.d|ssl\/(blacklisted|certs|untrusted))|var\/db\/etcupdate)\/|etc\/(rc|rc\.shutdown|rc\.subr|network\.subr|netstart)$)/;

/** For `mergeTrees`: what comes from the new release where that changed it, whatever the jail has in its place. */
function isSystemOf(now: Tree): (path: string) => boolean {
  return now.has('bin/freebsd-version') ? (path) => freebsdSystem.test(path) : () => false;
}

/** Which regular files need a digest: those that another tree has under the same name and with the same size. */
export function toCompare(trees: Trees, side: Side): readonly string[] {
  const others = (['old', 'mine', 'new'] as const).filter((other) => other !== side);
  return [...trees[side]]
    .filter(
      ([path, { type, size }]) =>
        type === 'f' &&
        others.some((other) => {
          const there = trees[other].get(path);
          return there?.type === 'f' && there.size === size;
        }),
    )
    .map(([path]) => path);
}

/**
 * @param isText whether a file that both sides changed is to be merged as text.
 * @param release the new one's name: for the names of what is kept beside.
 */
export function mergeTrees(
  trees: Trees,
  digest: Digest,
  release: string,
  isText: (path: string) => boolean,
): TreeMerge {
  const isSystem = isSystemOf(trees.new);
  const result = new Map<string, Merged>();
  const conflicts: Conflict[] = [];
  const children = childrenOf(trees);
  const { old, mine, new: now } = trees;
  const isDirectory = (entry: TreeEntry | undefined): boolean => entry?.type === 'd';

  const same = (a: Side, b: Side, path: string): boolean => {
    const [one, other] = [trees[a].get(path), trees[b].get(path)];
    return sameContent(trees, digest, a, b, path) && one?.mode === other?.mode && one?.owner === other?.owner;
  };
  const sameBelow = (a: Side, b: Side, path: string): boolean =>
    same(a, b, path) && (children.get(path) ?? []).every((child) => sameBelow(a, b, child));
  const take = (from: 'mine' | 'new' | 'text', path: string): void => {
    result.set(path, { from, ...attributes(trees, from, path) });
  };
  const takeAll = (from: 'mine' | 'new', path: string): void => {
    if (!trees[from].has(path)) return;
    take(from, path);
    for (const child of children.get(path) ?? []) takeAll(from, child);
  };
  const conflict = (path: string, why: Why, beside: boolean): void => {
    if (ownPlaces.test(path)) return;
    conflicts.push({ path, why, ...(beside ? { beside: freeName(trees, `${path}.new-${release}`) } : {}) });
  };

  function visit(path: string): void {
    const [o, m, n] = [old.get(path), mine.get(path), now.get(path)];
    if (m === undefined) {
      if (n === undefined) return;
      if (o === undefined) takeAll('new', path);
      else if (!sameBelow('old', 'new', path))
        conflict(path, 'deleted in the jail, changed in the new release', false);
    } else if (isDirectory(m) && (n === undefined ? isDirectory(o) : isDirectory(n))) directory(path);
    else if (n === undefined) gone(path);
    else if (isDirectory(m) || isDirectory(n)) otherType(path);
    else file(path);
  }

  /** The new release has nothing there. */
  function gone(path: string): void {
    if (old.has(path) && (isSystem(path) || sameContent(trees, digest, 'mine', 'old', path))) return;
    takeAll('mine', path);
    if (old.has(path)) conflict(path, 'changed in the jail, gone in the new release', false);
  }

  /** A directory in the jail; in the new release too, or it was in the old one. */
  function directory(path: string): void {
    const below = children.get(path) ?? [];
    for (const child of below) visit(child);
    const empty = !below.some((child) => old.has(child));
    // An empty directory is a place for something, such as what fstab mounts.
    const stays =
      now.has(path) || empty || !same('mine', 'old', path) || below.some((child) => result.has(child));
    if (stays) take('mine', path);
  }

  function otherType(path: string): void {
    if (sameBelow('mine', 'old', path)) takeAll('new', path);
    else {
      takeAll('mine', path);
      if (!sameBelow('new', 'old', path)) conflict(path, 'of another type in the new release', true);
    }
  }

  /** No directory on either side. */
  function file(path: string): void {
    const is = (a: Side, b: Side): boolean => sameContent(trees, digest, a, b, path);
    if (is('mine', 'new')) take('mine', path);
    else if (old.has(path) && is('mine', 'old')) take('new', path);
    else if (old.has(path) && is('new', 'old')) take('mine', path);
    else if (old.has(path) && isSystem(path)) take('new', path);
    else if (isText(path) && [old, mine, now].every((tree) => tree.get(path)?.type === 'f'))
      take('text', path);
    else {
      take('mine', path);
      conflict(path, 'changed by both', true);
    }
  }

  for (const path of children.get('') ?? []) visit(path);
  return { result, conflicts };
}

/** The text of a path could not be merged: the jail's stays. */
export function refuseText(merge: TreeMerge, trees: Trees, path: string, release: string): TreeMerge {
  const { mode, owner } = trees.mine.get(path)!;
  const beside = freeName(trees, `${path}.new-${release}`);
  const told: readonly Conflict[] = ownPlaces.test(path) ? [] : [{ path, why: 'changed by both', beside }];
  return {
    result: new Map(merge.result).set(path, { from: 'mine', mode, owner }),
    conflicts: [...merge.conflicts, ...told],
  };
}

function sameContent(trees: Trees, digest: Digest, a: Side, b: Side, path: string): boolean {
  const [one, other] = [trees[a].get(path), trees[b].get(path)];
  if (one === undefined || other === undefined || one.type !== other.type) return one === other;
  if (one.type === 'd') return true;
  if (one.type === 'l') return one.target === other.target;
  // What a device leads to is not in a listing; one that was made anew has another time.
  if (one.type !== 'f') return one.mtime === other.mtime;
  return one.size === other.size && digest(a, path) === digest(b, path);
}

/** Mode and owner: the jail's where it changed them, or where the file is its own; else the new release's. */
function attributes(trees: Trees, from: Merged['from'], path: string): { mode: string; owner: string } {
  const [o, m, n] = [trees.old.get(path), trees.mine.get(path), trees.new.get(path)];
  const source = (from === 'new' ? n : m)!;
  const alike = m !== undefined && n !== undefined && m.type === n.type && source.type !== 'l';
  if (!alike) return { mode: source.mode, owner: source.owner };
  const choose = (fact: 'mode' | 'owner'): string =>
    o?.type === m.type && o[fact] === m[fact] ? n[fact] : m[fact];
  return { mode: choose('mode'), owner: choose('owner') };
}

function childrenOf(trees: Trees): ReadonlyMap<string, readonly string[]> {
  const paths = new Set([...trees.old.keys(), ...trees.mine.keys(), ...trees.new.keys()]);
  const children = new Map<string, string[]>();
  for (const path of [...paths].sort()) {
    const parent = path.slice(0, Math.max(path.lastIndexOf('/'), 0));
    const known = children.get(parent);
    if (known === undefined) children.set(parent, [path]);
    else known.push(path);
  }
  return children;
}

function freeName(trees: Trees, wanted: string): string {
  const taken = (path: string): boolean => trees.mine.has(path) || trees.new.has(path);
  for (let number = 1; ; number += 1) {
    const path = number === 1 ? wanted : `${wanted}.${number}`;
    if (!taken(path)) return path;
  }
}
