/**
 * What a property row is. The rows stand in `properties/`; help, checks, `get`, `set`, the reference
 * page and the drivers read them, and nothing repeats them by hand.
 */

/** What the names of our user properties of ZFS begin with. */
export const namespace = 'org.freebsd.iocage:';

/** Thrown by a codec; the caller adds which property it was. */
export class ValueProblem extends Error {
  override readonly name = 'ValueProblem';
}

/**
 * Text to value and back. `parse` accepts every spelling that any iocage line accepted and throws
 * {@link ValueProblem} otherwise; `print` gives the documented spelling, which is what is stored.
 * Law: `parse(print(v))` equals `v`, and `print(parse(print(v)))` equals `print(v)`.
 */
export interface Codec<T> {
  /** The kind of value, one or two words, for help and schemas: `on|off`, `size`, `address list`. */
  readonly kind: string;
  parse(text: string): T;
  print(value: T): string;
  /** The words to offer in completion and in forms, when they are few. */
  readonly choices?: readonly string[];
}

/** Groups in the order in which the original's `get all` prints them. */
export const propertyGroups = ['network', 'jail', 'limit', 'custom', 'zfs', 'sync', 'fetch', 'git'] as const;
/** What a property is about. */
export type PropertyGroup = (typeof propertyGroups)[number];

/** A property of jails: how it is spelled, checked, stored, and what each kernel does with it. */
export interface Property<T = unknown> {
  /** The key, exactly as iocage spells it. */
  readonly key: string;
  readonly group: PropertyGroup;
  readonly codec: Codec<T>;
  /** Built-in value as stored text; `null` means unset, shown as `-` (`get all`) or `none` (`get`). */
  readonly default: string | null;
  /**
   * Where it lives: `user` a ZFS user property `org.freebsd.iocage:KEY`, `native` the ZFS property of
   * the same name, `none` not stored (computed, or an argument of one command).
   */
  readonly store: 'user' | 'native' | 'none';
  /** Who may write it: `set` any time, `create` only when the jail is made, `tool` only iocage itself (it may have a default). */
  readonly access: 'set' | 'create' | 'tool';
  /** Why `access` is not `set`, in words that end a sentence "cannot be set: …". */
  readonly why?: string;
  /** Whether `set … default` makes sense. */
  readonly defaultable: boolean;
  /** True when it can be set on `default` only, since it concerns the host and not one jail. */
  readonly defaultsOnly?: true;
  /** True when a change reaches a running jail at once; otherwise it needs a restart. */
  readonly live: boolean;
  /** What FreeBSD does with it: a jail(8) parameter, `rctl:RESOURCE`, or a short phrase. */
  readonly freebsd: string;
  /**
   * What Linux does with it. `applied`: it takes effect. `not`: stored and shown, the kernel has
   * no equal; `note` says why.
   */
  readonly linux: { readonly effect: 'applied' | 'not'; readonly note: string };
  /** One sentence. */
  readonly doc: string;
  readonly example: string;
  /** The document the facts come from, e.g. `jail(8)`, `iocage 1.7 (M)`, `Python iocage`. */
  readonly source: string;
}
