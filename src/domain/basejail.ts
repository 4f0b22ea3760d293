/**
 * Which folders of a release a basejail shows read-only instead of having them itself: the system
 * folders at the top, and those in /usr one by one, so that /usr/local stays the jail's own without
 * anything bound over anything. Pure. Links are none of them: where /bin leads to usr/bin the jail has
 * the link. All else (etc, var, root, home, opt, srv, …) is the jail's own.
 */

const shared = /^(bin|sbin|lib[a-z0-9]*)$/;

/** In /usr everything is shared but what people keep there. */
const ownInUsr: ReadonlySet<string> = new Set(['local', 'home']);

export type EntryType = 'file' | 'directory' | 'symlink' | 'other';

/** Path below a release's root, such as `bin` or `usr/share`, and what is there. */
export interface Entry {
  readonly path: string;
  readonly type: EntryType;
}

/** Could be base where it is a folder: names at the top of a root, or in its usr. */
function isBaseName(name: string, inUsr: boolean): boolean {
  return inUsr ? !ownInUsr.has(name) : shared.test(name);
}

/** Those entries that are base, sorted. */
export function baseFolders(entries: readonly Entry[]): readonly string[] {
  return entries
    .filter(({ path, type }) => {
      const [top = '', name, ...more] = path.split('/');
      if (type !== 'directory' || more.length > 0) return false;
      return name === undefined ? isBaseName(top, false) : top === 'usr' && isBaseName(name, true);
    })
    .map(({ path }) => path)
    .sort();
}

/** What a door to the files has to be able to do to find them. */
interface Reader {
  list(directory: string): Promise<readonly string[]>;
  statBelow(root: string, path: string): Promise<{ readonly type: EntryType } | undefined>;
}

/** Everything in a release that is or, as a folder, would be base. */
export async function baseEntries(files: Reader, root: string): Promise<readonly Entry[]> {
  const names = (await files.list(root)).filter((name) => isBaseName(name, false));
  const usr = (await files.statBelow(root, 'usr'))?.type === 'directory';
  const inUsr = usr ? (await files.list(`${root}/usr`)).filter((name) => isBaseName(name, true)) : [];
  return Promise.all(
    [...names, ...inUsr.map((name) => `usr/${name}`)].map(async (path) => ({
      path,
      type: (await files.statBelow(root, path))?.type ?? 'other',
    })),
  );
}
