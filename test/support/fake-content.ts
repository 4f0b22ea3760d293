/**
 * What stands in a fake filesystem: in memory, or in real directories below a base directory for tests
 * that write files beside the storage. Both keep a live tree, frozen copies for snapshots, and a place
 * for what is not mounted.
 */
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';

/** A filesystem's or snapshot's data; an implementation's own handle. */
export interface Content {
  /** Bytes in files. */
  size(holes: readonly string[]): number;
  /** Path to text, sorted; directories end in `/`. `holes`: mount points of other datasets, left out. */
  entries(holes: readonly string[]): readonly (readonly [string, string])[];
  frozen(holes: readonly string[]): Content;
  restore(from: Content, holes: readonly string[]): void;
  write(file: string, text: string): void;
  read(file: string): string | undefined;
  /** Undefined when it worked, otherwise why not. */
  mount(path: string): string | undefined;
  unmount(path: string): void;
  remove(): void;
}

export function memoryContent(files: ReadonlyMap<string, string> = new Map()): Content {
  let own = new Map(files);
  return {
    size: () => [...own.values()].reduce((sum, text) => sum + text.length, 0),
    entries: () => [...own].sort(([a], [b]) => (a < b ? -1 : 1)),
    frozen: () => memoryContent(own),
    restore: (from) => (own = new Map(from.entries([]))),
    write: (file, text) => void own.set(file, text),
    read: (file) => own.get(file),
    mount: () => undefined,
    unmount: () => undefined,
    remove: () => undefined,
  };
}

let counter = 0;

/** @param store directory for snapshots and for what is not mounted. */
export function directoryContent(store: string): Content {
  const hidden = join(store, String(counter++));
  mkdirSync(hidden, { recursive: true });
  return directoryAt(store, hidden, hidden);
}

function directoryAt(store: string, hidden: string, start: string): Content {
  let at = start;
  const isHole = (path: string, holes: readonly string[]): boolean => holes.includes(path);
  const walk = (directory: string, holes: readonly string[]): [string, string][] =>
    readdirSync(directory)
      .sort()
      .flatMap((name): [string, string][] => {
        const path = join(directory, name);
        const key = relative(at, path);
        if (isHole(path, holes)) return [];
        const facts = lstatSync(path);
        if (facts.isDirectory()) return [[`${key}/`, ''], ...walk(path, holes)];
        if (facts.isSymbolicLink()) return [[key, `-> ${readlinkSync(path)}`]];
        return [[key, facts.isFile() ? readFileSync(path, 'latin1') : 'special']];
      });
  const copy = (from: string, to: string, holes: readonly string[]): void =>
    cpSync(from, to, {
      recursive: true,
      verbatimSymlinks: true,
      preserveTimestamps: true,
      filter: (path) => !isHole(path, holes),
    });
  return {
    size: (holes) => walk(at, holes).reduce((sum, [, text]) => sum + text.length, 0),
    entries: (holes) => walk(at, holes),
    frozen(holes) {
      const to = join(store, String(counter++));
      mkdirSync(to, { recursive: true });
      copy(at, to, holes);
      return directoryAt(store, to, to);
    },
    restore(from, holes) {
      const keep = (path: string): boolean =>
        holes.some((hole) => hole === path || hole.startsWith(`${path}/`));
      for (const name of readdirSync(at)) {
        const path = join(at, name);
        if (!keep(path)) rmSync(path, { recursive: true, force: true });
      }
      for (const [key, text] of from.entries([])) {
        if (key.endsWith('/')) mkdirSync(join(at, key), { recursive: true });
        else writeFileSync(join(at, key), text, 'latin1');
      }
    },
    write(file, text) {
      mkdirSync(dirname(join(at, file)), { recursive: true });
      writeFileSync(join(at, file), text);
    },
    read: (file) => (existsSync(join(at, file)) ? readFileSync(join(at, file), 'utf8') : undefined),
    mount(path) {
      if (existsSync(path) && readdirSync(path).length > 0) return 'directory is not empty';
      mkdirSync(dirname(path), { recursive: true });
      if (existsSync(path)) rmdirSync(path);
      renameSync(at, path);
      at = path;
      return undefined;
    },
    unmount(path) {
      renameSync(path, hidden);
      at = hidden;
      mkdirSync(path);
    },
    remove() {
      rmSync(at, { recursive: true, force: true });
    },
  };
}
