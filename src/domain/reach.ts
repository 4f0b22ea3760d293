/**
 * What root of a jail can change of this host: what lies in the jail, and what the jail is shown and may write. Files of
 * the host that say what is done with power (a source of provisioning, a backup, another tool's configuration) are
 * refused there. Pure; what there is, `ops/jail/reach.ts` reads. See nullfs(5), mount_nullfs(8).
 */
import { volumes, type Volume } from './codec/files.ts';
import { entryOf, fstabKind, isBelow, parseFstab } from './format/fstab.ts';
import { ValueProblem } from './property.ts';

/** Why a directory can be changed: it is the jail, where it is said that the jail is shown it, or that it runs with it. */
export type Way = 'jail' | 'fstab' | 'volumes' | 'jail_zfs_dataset' | 'start';

/** A directory, or a single file, that root of a jail can change. */
export interface Reach {
  readonly path: string;
  readonly way: Way;
  /** As messages name it. */
  readonly jail: string;
  /** As a command takes it, with what stands before the command where that is needed. */
  readonly call: { readonly word: string; readonly options?: string };
}

type Shown = Pick<Reach, 'path' | 'way'>;

/** The later of both words counts, for mount(8) as for a container's runtime; either order may be writable. */
const mayWrite = ({ options }: { readonly options: readonly string[] }): boolean =>
  !options.includes('ro') || options.includes('rw');

const plain = (path: string): string => path.replace(/\/+/g, '/').replace(/(.)\/$/, '$1');

/**
 * What a jail is shown of the host and may write; what cannot be read is the start's affair.
 *
 * @param fstab the text of its file
 * @param value of its property `volumes`
 */
export function shownWritable(fstab: string, value: string | undefined): readonly Shown[] {
  const lines = parseFstab(fstab)
    .flatMap((line) => entryOf(line) ?? [])
    .filter((entry) => fstabKind(entry) === 'bind');
  const shown = (way: Way, list: readonly (Volume | (typeof lines)[number])[]): readonly Shown[] =>
    list.filter(mayWrite).map(({ source }) => ({ path: plain(source), way }));
  return [...shown('fstab', lines), ...shown('volumes', volumesIn(value))];
}

function volumesIn(text: string | undefined): readonly Volume[] {
  try {
    return text === undefined ? [] : volumes.parse(text);
  } catch (error) {
    if (error instanceof ValueProblem) return [];
    throw error;
  }
}

const copy = 'look at what it says, copy it to where no jail may write, and name the copy';

/** What else helps: the jail is made to only read it. */
const others: Readonly<Partial<Record<Way, (iocage: string, word: string) => string>>> = {
  fstab: (iocage, word) => `let the jail only read it (ro in '${iocage} fstab -e ${word}') and restart it`,
  volumes: (iocage, word) =>
    `let the jail only read it (:ro behind it in '${iocage} set volumes=… ${word}') and restart it`,
  start: (iocage, word) => `end that with '${iocage} restart ${word}'`,
};

function mendOf({ way, call: { word, options } }: Reach): string {
  const other = others[way]?.(options === undefined ? 'iocage' : `iocage ${options}`, word);
  return other === undefined ? copy : `${copy}; or ${other}`;
}

const holds = (directory: string, path: string): boolean => directory === '/' || isBelow(path, directory);

/**
 * Why a file, or a directory with all that is in it, is not only the host's; undefined when it is.
 *
 * @param path absolute, without links
 */
export function reachProblem(
  reaches: readonly Reach[],
  path: string,
): { readonly why: string; readonly mend: string } | undefined {
  const found =
    reaches.find((reach) => holds(reach.path, path)) ?? reaches.find((reach) => holds(path, reach.path));
  if (found === undefined) return undefined;
  const { jail, way, path: place } = found;
  const isAround = holds(place, path);
  const mend = mendOf(found);
  if (way === 'jail')
    return {
      why: `${isAround ? `it lies in jail ${jail}` : `jail ${jail} lies in it`}, whose root user can change it`,
      mend,
    };
  const where = isAround ? `it lies in ${place}` : `${place} is in it`;
  const by = way === 'start' ? 'since its start' : `by its ${way}`;
  return { why: `${where}, which jail ${jail} may write ${by}: its root user can change it`, mend };
}
