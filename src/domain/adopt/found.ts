/** What a reader of another tool's jails answers: enough to make one of ours, and what cannot be taken over. Pure. */
import { canonical } from '../config.ts';
import { valueProblem } from '../codec/text.ts';
import { entryOf, parseFstab, printFstab, type FstabEntry } from '../format/fstab.ts';
import { findProperty } from '../properties/index.ts';
import { ValueProblem } from '../property.ts';

export interface Left {
  /** `name=value`, or a line of fstab. */
  readonly what: string;
  readonly why: string;
}

/** Files that become a part of the new root, in this order: a later one lies over the earlier. */
export interface Tree {
  /** Absolute path of a directory of the host. */
  readonly from: string;
  /** Below the root, without a slash at either end; empty for the root itself. */
  readonly at: string;
}

export interface FoundJail {
  readonly name: string;
  /** Its root directory, as the tool starts it. */
  readonly root: string;
  readonly trees: readonly Tree[];
  /** Our keys with canonical values. */
  readonly properties: readonly (readonly [key: string, value: string])[];
  /** With targets below {@link FoundJail.root}. */
  readonly fstab: readonly FstabEntry[];
  readonly left: readonly Left[];
}

/** Collects properties; what no codec takes is left with its reason. */
export class Collected {
  readonly values = new Map<string, string>();
  readonly left: Left[] = [];

  put(key: string, text: string, theirs = key): void {
    const row = findProperty(key);
    try {
      if (row === undefined) throw new ValueProblem('there is no such property');
      this.values.set(key, canonical(row, text));
    } catch (error) {
      if (!(error instanceof ValueProblem)) throw error;
      this.leave(`${theirs}=${text}`, error.message);
    }
  }

  /** @param items addresses, with or without an interface; each goes into the list of its family */
  putAddresses(items: readonly string[]): void {
    const isSix = (item: string): boolean => item.split('|').at(-1)!.includes(':');
    const [four, six] = [items.filter((item) => !isSix(item)), items.filter(isSix)];
    if (four.length > 0) this.put('ip4_addr', four.join(','), 'ip');
    if (six.length > 0) this.put('ip6_addr', six.join(','), 'ip');
  }

  leave(what: string, why: string): void {
    const shown =
      valueProblem(what) === undefined ? what : `${what.slice(0, 80).replaceAll(/\p{Cc}/gu, ' ')}…`;
    this.left.push({ what: shown, why });
  }

  get properties(): readonly (readonly [string, string])[] {
    return [...this.values].sort(([a], [b]) => (a < b ? -1 : 1));
  }
}

const trimmed = (path: string): string => path.replace(/\/+$/, '') || '/';

/** The path below a root, without a slash in front; undefined when it lies elsewhere. */
export function below(root: string, path: string): string | undefined {
  const [top, place] = [trimmed(root), trimmed(path)];
  if (place === top) return '';
  return place.startsWith(`${top}/`) ? place.slice(top.length + 1) : undefined;
}

/** What the kernel shows of itself is a property here, or comes by itself. */
const kernels: ReadonlySet<string> = new Set(['devfs', 'fdescfs', 'procfs']);

/**
 * The lines of an fstab: those that make up the root become part of it, others stay mounts, with the new root.
 *
 * @param shared places below the root where the tool shows its base, such as `.bastille`
 */
export function sortMounts(
  text: string,
  root: string,
  shared: readonly string[],
): {
  readonly trees: readonly Tree[];
  readonly fstab: readonly FstabEntry[];
  readonly left: readonly Left[];
} {
  const trees: Tree[] = [];
  const fstab: FstabEntry[] = [];
  const left: Left[] = [];
  const entries = parseFstab(text).flatMap((line) => {
    const entry = entryOf(line);
    if (entry === undefined && !/^\s*(#.*)?$/.test(line.raw!))
      left.push({ what: line.raw!.slice(0, 200), why: 'it is no line of fstab' });
    return entry ?? [];
  });
  // The root itself is a mount: everything that is laid over it belongs to the jail.
  const whole = entries.some((entry) => entry.type === 'nullfs' && below(root, entry.target) === '');
  // So does what comes out of the base, such as its ports tree beside it.
  const bases = entries.flatMap(({ type, source, target }) =>
    type === 'nullfs' && shared.includes(below(root, target) ?? '') ? [source] : [],
  );
  for (const entry of entries) {
    const at = below(root, entry.target);
    const what = `${entry.source} ${entry.target} ${entry.type}`;
    if (at === undefined) left.push({ what, why: 'it is mounted outside of the jail' });
    else if (at.split('/').includes('..')) left.push({ what, why: `its place holds '..'` });
    else if (
      entry.type === 'nullfs' &&
      (whole || bases.some((base) => below(base, entry.source) !== undefined))
    )
      trees.push({ from: trimmed(entry.source), at });
    else if (kernels.has(entry.type)) continue;
    else fstab.push(entry);
  }
  return { trees, fstab, left };
}

/** The fstab of the new jail. */
export function newFstab(entries: readonly FstabEntry[], from: string, to: string): string {
  return printFstab(
    entries.map((entry) => {
      const at = below(from, entry.target) ?? '';
      return { entry: { ...entry, target: at === '' ? to : `${to}/${at}` } };
    }),
  );
}
