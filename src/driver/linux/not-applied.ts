/** Properties that a jail has set and that Linux does not act on, from the property table. Pure. */
import type { JailSpec, NotApplied } from '../host.ts';
import { properties } from '../../domain/properties/index.ts';

export function notApplied(jail: JailSpec): readonly NotApplied[] {
  return properties.flatMap((row) => {
    const value = jail.config.get(row.key);
    if (row.linux.effect === 'applied' || row.store !== 'user' || row.access === 'tool') return [];
    if (value === undefined || value === '' || value === (row.default ?? 'none')) return [];
    return [{ key: row.key, value, why: row.linux.note }];
  });
}
