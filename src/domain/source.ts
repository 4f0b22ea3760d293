/**
 * Sources: root datasets that hold jails, each under a name. Words for them, what makes a list of them wrong,
 * and the realm of a root, by which the host tells jails of one name apart. Pure. Spec: libiocage, its
 * configuration of root datasets.
 */
import { failure } from './errors.ts';
import { datasetProblem } from './name.ts';
import { readRcConf } from './format/rc-conf.ts';

/** A root dataset that holds jails, under a name. */
export interface Source {
  readonly name: string;
  /** The dataset with `jails`, `releases`, … below it: `POOL/iocage`, or any other. */
  readonly root: string;
}

/** Name of the source that an activated pool, or one that was named, is. */
export const poolSource = 'ioc';

export const poolRoot = (pool: string): string => `${pool}/iocage`;

/**
 * What locks, the run directory, control groups and journals keep a root's jails under: the pool's name for
 * `POOL/iocage`, as ever; for any other root its path with `+`, which no pool's name and no dataset's holds.
 *
 * @example realmOf('tank/iocage') // 'tank'
 * @example realmOf('tank/jails/old') // 'tank+jails+old'
 */
export function realmOf(root: string): string {
  const [pool = '', ...rest] = root.split('/');
  if (rest.length === 0) return `${pool}+`;
  return rest.join('/') === 'iocage' ? pool : [pool, ...rest].join('+');
}

/** The root that a jail's dataset `ROOT/jails/UUID` lies below. */
export const rootOf = (jailDataset: string): string => jailDataset.split('/').slice(0, -2).join('/');

const isAtOrBelow = (name: string, root: string): boolean => name === root || name.startsWith(`${root}/`);

/** Longer ones would leave no room for what is made of them: paths, and a jail's datasets. */
const longestRoot = 120;

function rootProblem(root: string): string | undefined {
  const problem = datasetProblem(root);
  if (problem !== undefined) return problem;
  if (!/^[A-Za-z]/.test(root)) return 'the name of a pool begins with a letter';
  if (!root.includes('/')) return `it is a whole pool; jails of a pool lie in ${root}/iocage`;
  if (root.length > longestRoot) return `it is longer than ${longestRoot} characters`;
  if (/^[^/]+\/iocage\/./.test(root)) return 'it lies inside of POOL/iocage, where each name has its meaning';
  return undefined;
}

function nameProblem(name: string): string | undefined {
  if (name.length > 64) return 'it is longer than 64 characters';
  const isName = name.split(/[-_]/).every((part) => /^[A-Za-z0-9]+$/.test(part));
  return isName ? undefined : 'letters and digits are allowed, with single - and _ between them';
}

/**
 * @param where the words or the file that the sources come from, for messages
 * @throws INVALID_SOURCE for the first that cannot be one, or that is inside of another
 */
export function assertSources(sources: readonly Source[], where: string): void {
  for (const [index, { name, root }] of sources.entries()) {
    const refuse = (problem: string): Error => failure('INVALID_SOURCE', { name, where, problem });
    const wrongName = nameProblem(name);
    if (wrongName !== undefined) throw refuse(`its name: ${wrongName}`);
    const wrongRoot = rootProblem(root);
    if (wrongRoot !== undefined) throw refuse(`dataset ${JSON.stringify(root)}: ${wrongRoot}`);
    for (const other of sources.slice(0, index)) {
      if (other.name === name) throw refuse(`the name is there twice`);
      if (isAtOrBelow(root, other.root) || isAtOrBelow(other.root, root))
        throw refuse(`${root} and ${other.root} of source ${other.name} are not apart`);
    }
  }
}

/**
 * `NAME=DATASET` words, as `--source` takes them.
 *
 * @throws INVALID_SOURCE
 */
export function parseSources(words: readonly string[]): readonly Source[] {
  const sources = words.map((word): Source => {
    const at = word.indexOf('=');
    return { name: word.slice(0, at), root: word.slice(at + 1) };
  });
  assertSources(sources, '--source');
  return sources;
}

const prefix = 'ioc_dataset_';

/**
 * The sources of an rc.conf: `ioc_dataset_NAME="DATASET"`, the first one in the file first.
 *
 * @throws INVALID_SOURCE
 */
export function sourcesInRcConf(text: string, path: string): readonly Source[] {
  const sources: Source[] = [];
  for (const [variable, { value, line }] of readRcConf(text)) {
    if (!variable.startsWith(prefix) || value === '') continue;
    const name = variable.slice(prefix.length);
    const where = `${path}:${line}`;
    if (value === undefined)
      throw failure('INVALID_SOURCE', { name, where, problem: 'only a shell could tell its value' });
    sources.push({ name, root: value });
    assertSources(sources, where);
  }
  return sources;
}

/** `SOURCE/NAME` at its first slash, where a source could be called so. A jail's name holds none. */
export function splitWord(word: string): { readonly source: string | undefined; readonly name: string } {
  const at = word.indexOf('/');
  if (at < 0 || nameProblem(word.slice(0, at)) !== undefined) return { source: undefined, name: word };
  return { source: word.slice(0, at), name: word.slice(at + 1) };
}
