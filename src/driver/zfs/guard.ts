/**
 * The destroy guard: the last thing before `zfs destroy`, whatever the caller believes. Only datasets
 * strictly below ROOT, of a shape that iocage makes, may go; ROOT is POOL/iocage, or the root of a source that the
 * caller or rc.conf names. Pure; knows nothing of what exists.
 */
import { failure } from '../../domain/errors.ts';

/** What may stand below the first level: the name of the thing, then the datasets it consists of. */
const shapes: Readonly<Record<string, (below: readonly string[]) => boolean>> = {
  jails: isJailPart,
  templates: isJailPart,
  // Its root, its package mirror, and the clone of the root in which that is filled.
  releases: (below) => ['', 'root', 'pkg', 'mirroring', 'mirroring/root'].includes(below.join('/')),
  // Base jails have one dataset for each base directory, such as root/bin and root/usr/lib32.
  base: (below) => below.length === 0 || (below[0] === 'root' && below.length <= 4),
  download: (below) => below.length === 0,
  // Read-only clones, which hold nothing of their own.
  snapmounts: isJailPart,
  // What is being received; nothing in there is a jail yet.
  receiving: () => true,
};

/** Its root, and datasets of its own beside that. COMPAT: the early lines had one in the root. */
function isJailPart(below: readonly string[]): boolean {
  return below.length <= 1 || below.join('/') === 'root/data';
}

const segment = /^[A-Za-z0-9_][A-Za-z0-9_.:-]*$/;

/** The layout's own datasets, which only the operation that made them may take away again. */
const layout: readonly string[] = [...Object.keys(shapes), '.defaults'];

type Roots = Iterable<string>;

/** The root that the dataset lies at or below, and the names from there on. */
function cutAtRoot(dataset: string, roots: Roots): { root: string; below: readonly string[] } | undefined {
  const [pool, top] = dataset.split('/');
  const root =
    top === 'iocage'
      ? `${pool}/iocage`
      : [...roots].find((each) => dataset === each || dataset.startsWith(`${each}/`));
  if (root === undefined) return undefined;
  return { root, below: dataset.split('/').slice(root.split('/').length) };
}

const arePlain = (parts: readonly string[]): boolean =>
  parts.every((part) => segment.test(part) && !part.includes('..'));

/** Why this dataset must not be destroyed; undefined when it may. */
export function guardProblem(dataset: string, roots: Roots = []): string | undefined {
  if (dataset.includes('@')) return 'it names a snapshot, not a filesystem';
  const cut = cutAtRoot(dataset, roots);
  const [group, name, ...below] = cut?.below ?? [];
  const shape = group !== undefined && Object.hasOwn(shapes, group) ? shapes[group] : undefined;
  const above = cut?.root.split('/') ?? dataset.split('/').slice(0, 1);
  if (!arePlain([...above, ...(name === undefined ? [] : [name]), ...below])) return 'its name is not plain';
  if (cut === undefined) return 'it is not below POOL/iocage, or below the root of a source';
  if (shape === undefined) return `it is not in one of ${Object.keys(shapes).join(', ')}`;
  if (name === undefined) return 'it is a part of the layout itself';
  if (group === 'snapmounts' && !name.includes(':')) return 'it is no mounted snapshot, JAIL:NAME';
  if (!shape(below)) return 'iocage makes no dataset of that shape';
  return undefined;
}

/**
 * The same for a dataset that carries the stamp of the operation that made it: the layout itself is
 * admitted too, and a root with the datasets that lead to it, but for the pool.
 */
export function guardProblemOfMade(dataset: string, roots: Roots = []): string | undefined {
  const leads = [...roots].some((root) => root.startsWith(`${dataset}/`));
  if (leads && dataset.includes('/') && arePlain(dataset.split('/'))) return undefined;
  const cut = cutAtRoot(dataset, roots);
  const [group, ...more] = cut?.below ?? [];
  const isLayout =
    cut !== undefined &&
    arePlain(cut.root.split('/')) &&
    more.length === 0 &&
    (group === undefined ? dataset.includes('/') : layout.includes(group));
  return isLayout ? undefined : guardProblem(dataset, roots);
}

export function assertDestroyable(dataset: string, made: boolean, roots: Roots = []): void {
  const why = made ? guardProblemOfMade(dataset, roots) : guardProblem(dataset, roots);
  if (why !== undefined) throw failure('GUARDED', { dataset, why });
}
