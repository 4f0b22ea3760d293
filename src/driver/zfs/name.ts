/**
 * Names on their way into an argument array: full dataset names (`pool/a/b`) and snapshot names
 * (`pool/a@s`). Anything that zfs(8) could read as a flag, a list (`a,b`), a range (`%`) or a path is
 * refused here, whatever the caller checked before. Compares by path segment, never by prefix.
 */
import { datasetProblem } from '../../domain/name.ts';
import { failure } from '../../domain/errors.ts';

function refuse(what: string, name: string, problem: string): never {
  throw failure('INVALID_NAME', { what, name, problem });
}

export function assertDataset(name: string): void {
  const problem = datasetProblem(name);
  if (problem !== undefined) refuse('dataset', name, problem);
}

/** The two halves of `dataset@snapshot`; throws INVALID_NAME when it is not one. */
export function splitSnapshot(name: string): { readonly dataset: string; readonly snapshot: string } {
  const [dataset = '', snapshot, ...more] = name.split('@');
  if (snapshot === undefined || more.length > 0) refuse('snapshot', name, `it is not 'dataset@name'`);
  const problem =
    datasetProblem(dataset) ??
    (/^[A-Za-z0-9_.:][A-Za-z0-9_.: -]*$/.test(snapshot) ? undefined : 'its part after @');
  if (problem !== undefined) refuse('snapshot', name, problem);
  if (name.length > 255) refuse('snapshot', name, 'it is longer than 255 characters');
  return { dataset, snapshot };
}

/** `name` is a dataset or a `dataset@snapshot`. */
export function assertName(name: string): void {
  if (name.includes('@')) splitSnapshot(name);
  else assertDataset(name);
}

export function poolOf(name: string): string {
  return name.split(/[/@]/, 1)[0]!;
}

export function parentOf(dataset: string): string | undefined {
  const slash = dataset.lastIndexOf('/');
  return slash < 0 ? undefined : dataset.slice(0, slash);
}

/** The dataset itself or one below it; `tank/ab` is not below `tank/a`. */
export function isAtOrBelow(name: string, root: string): boolean {
  return name === root || name.startsWith(`${root}/`);
}
