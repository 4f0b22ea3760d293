/**
 * Which folders of a release a basejail shows read-only instead of having them itself. Pure. Links are
 * none of them: where /bin leads to usr/bin the jail has the link, and /usr alone is shared. All else
 * (etc, var, root, home, opt, srv, …) is the jail's own, and so is /usr/local.
 */

const shared = /^(usr|bin|sbin|lib[a-z0-9]*)$/;

/** A folder that every basejail has itself although it lies in a shared one. */
export const privateInBase = 'usr/local';

export interface Entry {
  readonly name: string;
  readonly type: 'file' | 'directory' | 'symlink' | 'other';
}

/** Names of the entries of a release's root that are base, sorted. */
export function baseFolders(entries: readonly Entry[]): readonly string[] {
  return entries
    .filter(({ name, type }) => type === 'directory' && shared.test(name))
    .map(({ name }) => name)
    .sort();
}

/** Could be base where it is a folder. */
export function isBaseName(name: string): boolean {
  return shared.test(name);
}
