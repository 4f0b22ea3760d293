/** What a received jail is configured with: as where it came from, but for what is this host's to say. */
import type { Context } from '../context.ts';
import type { Step } from '../../driver/system.ts';
import { travels, type Offer } from '../../domain/transfer.ts';
import { namespace } from '../../domain/property.ts';
import { inheritProperties, setProperties } from '../steps/dataset.ts';
import type { Standing } from './standing.ts';

/** Each host starts by itself only what it was told to: two jails with one address do not get along. */
const boot = `${namespace}boot`;

export async function propertySteps(
  context: Context,
  { jail, place }: Standing,
  { datasets, tag }: Offer,
): Promise<{ steps: readonly Step[]; notes: readonly string[] }> {
  const steps: Step[] = [];
  const notes: string[] = [];
  for (const { path, properties } of datasets) {
    const at = (root: string): string => (path === '' ? root : `${root}/${path}`);
    const dataset = at(place);
    const present = jail === undefined ? undefined : await context.storage.local(at(jail.dataset));
    const now = new Map([...(present ?? [])].filter(([key]) => travels(key)));
    const wanted = new Map(Object.entries(properties));
    if (path === '' && jail === undefined && wanted.get(boot) === 'on') {
      wanted.set(boot, 'off');
      notes.push(`boot is off; 'iocage set boot=on ${tag}' there lets that host start it`);
    }
    if (path === '' && jail !== undefined) keep(boot, now, wanted);
    const changed = [...wanted].filter(([key, value]) => now.get(key) !== value);
    const gone = [...now.keys()].filter((key) => !wanted.has(key));
    const previous = (keys: readonly string[]): Record<string, string | null> =>
      Object.fromEntries(keys.map((key) => [key, now.get(key) ?? null]));
    for (const [pairs, onError] of [
      [changed.filter(([key]) => key.startsWith(namespace)), 'fail'],
      // Another ZFS may not know a value such as zstd; the jail is none the worse for it.
      [changed.filter(([key]) => !key.startsWith(namespace)), 'warn'],
    ] as const) {
      if (pairs.length === 0) continue;
      const keys = pairs.map(([key]) => key);
      const set = { dataset, properties: Object.fromEntries(pairs), previous: previous(keys) };
      steps.push(setProperties(set, { onError }));
    }
    if (gone.length > 0) steps.push(inheritProperties({ dataset, keys: gone, previous: previous(gone) }));
  }
  return { steps, notes };
}

function keep(key: string, now: ReadonlyMap<string, string>, wanted: Map<string, string>): void {
  const value = now.get(key);
  if (value === undefined) wanted.delete(key);
  else wanted.set(key, value);
}
