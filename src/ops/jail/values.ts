/** Properties of ours on the dataset of a jail or a release; an undo puts back what it has of each now. */
import type { Step } from '../../driver/system.ts';
import { inheritProperties, setProperties } from '../steps/dataset.ts';
import { namespace } from '../../domain/property.ts';

interface Owner {
  readonly dataset: string;
  /** What is stored there, by the names of properties. */
  readonly local: ReadonlyMap<string, string>;
}

export function withNamespace<T>(pairs: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(pairs).map(([key, value]) => [namespace + key, value]));
}

/** Null: it is not stored. */
export function valuesNow({ local }: Pick<Owner, 'local'>, keys: readonly string[]) {
  return withNamespace(Object.fromEntries(keys.map((key) => [key, local.get(key) ?? null])));
}

/** @param dataset where it is by then */
export function setValues(
  owner: Owner,
  values: Readonly<Record<string, string>>,
  dataset = owner.dataset,
): Step {
  const previous = valuesNow(owner, Object.keys(values));
  return setProperties({ dataset, properties: withNamespace(values), previous });
}

/** @param dataset where it is by then */
export function dropValues(owner: Owner, keys: readonly string[], dataset = owner.dataset): Step {
  const previous = valuesNow(owner, keys);
  return inheritProperties({ dataset, keys: Object.keys(previous), previous });
}
