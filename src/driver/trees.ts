/**
 * Trees of files on the host: packed, unpacked, listed, removed by the system's own tools. GNU's and FreeBSD's have
 * their names in common and little more, so the words of both are their driver's; which tree, and when, is for
 * operations. Commands are lists of arguments; paths in a list are relative to its root.
 */
import type { StepRun } from './step.ts';
import type { TreeEntry } from '../domain/tree.ts';

export interface Packed {
  /** Folders of which only the places go in, and nothing that is in them. */
  readonly empty?: readonly string[];
  /** File with the paths that go in (`list`), directories without what is in them; otherwise everything does. */
  readonly list?: string;
  /** The one folder at the top that goes in, as `./NAME`. */
  readonly only?: string;
  /** Of `only`: without its name, so that what is in it comes to the top. */
  readonly bare?: boolean;
  /** File with the paths that stay out (`except`). */
  readonly except?: string;
  /** Holes of files stay holes, where the tool does not see to that by itself. */
  readonly sparse?: boolean;
  /** For a tree of this host: access lists, and what programs and people noted on files, which an image has not. */
  readonly notes?: boolean;
  /** For a tree of this host: every attribute, and `dev` as any other folder. */
  readonly whole?: boolean;
}

/** What is known of a file before it is archived. */
export interface PackedFile {
  /** Its bytes as latin1. */
  readonly path: string;
  readonly device: boolean;
  /** Bytes of it that are holes; 0 where its holes need no look. */
  readonly holes: number;
}

export type TreeRun = Pick<StepRun, 'exec' | 'signal'>;

export interface Trees {
  /** Writes the tar stream of a root to standard output; nothing that is mounted in it, nothing of `./dev`. */
  pack(root: string, what?: Packed): readonly string[];
  /**
   * Unpacks a checked stream from standard input. Owners and modes are kept by number; nothing is written
   * through a link or outside of the root. `notes`, `whole`: what `pack` wrote with it. `only`: the one folder of
   * it that is unpacked, as the stream spells it, and nothing that is in `dev` of that.
   */
  unpack(root: string, how?: Pick<Packed, 'notes' | 'whole' | 'only' | 'bare'>): readonly string[];
  /** Writes the content of one file of an archive, packed by gzip, xz, zstd or not, to standard output; a plain name. */
  content(archive: string, member: string): readonly string[];
  /** Bytes that went through, when a line that one of them said tells it. */
  progress(line: string): number | undefined;
  /** Text of the file for {@link Packed.list}. @throws UNSUPPORTED for a name that can stand in none */
  list(paths: readonly string[]): string;
  /** Text of the file for {@link Packed.except}; of plain text, without control characters. */
  except(paths: readonly string[]): string;
  /**
   * Commands that, one after the other in the root, take `./PATH NUL …` from standard input and remove these with
   * all that is in them, and nothing that is mounted there.
   */
  readonly remove: readonly (readonly string[])[];
  /** Of the same form: takes away the marks that keep even root from replacing files, where there are such marks. */
  readonly unmark: readonly string[] | undefined;
  /** Copies a file of any kind, or a link as a link, to a name that is free. */
  copy(from: string, to: string): readonly string[];
  /** Prints the SHA-256 of what can be read from a path. */
  digest(path: string): readonly string[];

  /** Every file below a root, and nothing of what is mounted there. `oddNames`: see `TreeReader`. */
  entries(
    root: string,
    run: TreeRun,
    oddNames?: 'refuse' | 'escape',
  ): Promise<ReadonlyMap<string, TreeEntry>>;
  /** Tells of each of them what an archive has to know. */
  look(root: string, run: TreeRun, take: (file: PackedFile) => void): Promise<void>;
  /** Digests of regular files, whose paths are plain text. */
  digests(root: string, paths: readonly string[], run: TreeRun): Promise<ReadonlyMap<string, string>>;
}
