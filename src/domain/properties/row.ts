/** Short ways to write the rows of this folder; what is not said in a row is said here. */
import type { Property } from '../property.ts';

type Given = 'key' | 'codec' | 'default' | 'linux' | 'freebsd' | 'doc' | 'example' | 'source';

type Row<T> = Pick<Property<T>, Given> & Partial<Omit<Property<T>, Given | 'group'>>;

/** Finishes a row: stored as a user property, set at any time, defaultable, in effect after a restart. */
export function property<T>(group: Property['group'], row: Row<T>): Property {
  return {
    group,
    store: 'user',
    access: 'set',
    defaultable: true,
    live: false,
    ...row,
    // Property<T> is not assignable to Property<unknown>, as print() takes a T; readers go through text.
  } as unknown as Property;
}

export function applied(note: string): Property['linux'] {
  return { effect: 'applied', note };
}

export function not(note: string): Property['linux'] {
  return { effect: 'not', note };
}

/** Where the facts of most rows come from. */
export const original = 'iocage 1.7 manual';
export const develop = 'iocage develop (2016) manual';
export const python = 'Python iocage';

/** Why `access` is `tool` for what iocage writes down for itself. */
export const kept = 'iocage keeps it itself';
export const bookkeeping = applied('bookkeeping of iocage, on every kernel');
