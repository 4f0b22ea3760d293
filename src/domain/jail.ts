/** A jail as it is stored, and how a name on the command line finds it. Pure. */
import { failure } from './errors.ts';
import type { ConfigText } from './format/config-file.ts';

export interface Jail {
  /** Last part of the dataset's name: a UUID, or the name given with `-n`. */
  readonly uuid: string;
  /** The stored tag; the UUID when there is none. */
  readonly tag: string;
  readonly pool: string;
  /** What the host keeps it apart from jails of its name in other sources by; see `realmOf`. */
  readonly realm: string;
  readonly dataset: string;
  /** Mount point of the top dataset; undefined when it has none or is not mounted. */
  readonly mountpoint: string | undefined;
  /** Whether its `root` dataset is mounted, where that was asked. */
  readonly rootMounted?: boolean;
  /** It lies under `templates/`, or says of itself that it is one. */
  readonly template: boolean;
  /** iocage's properties that are stored on the dataset itself, or in its `file`. */
  readonly local: ReadonlyMap<string, string>;
  /** Another tool keeps its configuration here, in the dataset's top directory; `title` says which tool. */
  readonly file?: ConfigText & { readonly title: string };
  /** What holds where it says nothing, when it takes the defaults of that tool and not those of `set … default`. */
  readonly defaults?: ReadonlyMap<string, string>;
  /** This program made it: its dataset carries an operation's stamp of its own. */
  readonly made: boolean;
  /** ZFS's own properties, as text. */
  readonly native: ReadonlyMap<string, string>;
  /** Its `host_hostuuid` names this dataset: iocage made it. What is not ours is never destroyed. */
  readonly ours: boolean;
  /** Why it cannot be used; it is listed as corrupt then, and nothing is done to it. */
  readonly problem?: string;
  /** What another process is doing to it just now; what its `problem` is need not last. */
  readonly busy?: string;
}

/** How messages name a jail: `UUID (TAG)`, or one word when they are the same. */
export function label(jail: Pick<Jail, 'uuid' | 'tag'>): string {
  return jail.uuid === jail.tag ? jail.uuid : `${jail.uuid} (${jail.tag})`;
}

/**
 * Splits `JAIL@SNAPSHOT`. A tag may hold an `@` itself (the default tag is `2016-02-10@20:14:05`), so
 * a word that ends like a time is a jail's tag, not a snapshot of a jail called `2016-02-10`.
 */
export function jailAndSnapshot(word: string): { jail: string; snapshot: string | undefined } {
  const time = /^(\d{4}-\d\d-\d\d@\d\d:\d\d:\d\d(?:-[0-9a-f]{8})?(?:_\d+)?)(?:@(.*))?$/.exec(word);
  if (time) return { jail: time[1]!, snapshot: time[2] };
  const at = word.lastIndexOf('@');
  return at < 0
    ? { jail: word, snapshot: undefined }
    : { jail: word.slice(0, at), snapshot: word.slice(at + 1) };
}

const uuidPrefix = /^[0-9a-f]{4,8}(-[0-9a-f-]*)?$/i;

/**
 * Finds the jail that `name` means: the full UUID, else the exact tag, else the only jail whose UUID
 * begins with it (four hexadecimal digits or more). Compared literally: a name is never a pattern.
 *
 * @throws JAIL_NOT_FOUND, JAIL_AMBIGUOUS with the candidates
 */
export function findJail(jails: readonly Jail[], name: string): Jail {
  const exact = jails.filter((jail) => jail.uuid === name);
  if (exact.length === 1) return exact[0]!;
  const tagged = exact.length > 0 ? exact : jails.filter((jail) => jail.tag === name);
  if (tagged.length === 1) return tagged[0]!;
  const prefixed =
    tagged.length > 0 || !uuidPrefix.test(name)
      ? tagged
      : jails.filter((jail) => jail.uuid.toLowerCase().startsWith(name.toLowerCase()));
  if (prefixed.length === 1) return prefixed[0]!;
  if (prefixed.length === 0) throw failure('JAIL_NOT_FOUND', { name });
  throw failure('JAIL_AMBIGUOUS', { name, matches: prefixed.map(label) });
}

/** The jail that already goes by this word, as its tag or as its UUID. */
export function holderOf(jails: readonly Jail[], word: string): Jail | undefined {
  return jails.find((jail) => jail.tag === word || jail.uuid === word);
}
