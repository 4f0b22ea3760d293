/** Rows of the group `custom` that say when a jail that has started counts as up. Ours; no earlier line has them. */
import { integer } from '../codec/choice.ts';
import { readiness } from '../codec/readiness.ts';
import type { Property } from '../property.ts';
import { applied, property } from './row.ts';

const own = 'this version';

export const ready: readonly Property[] = [
  property('custom', {
    key: 'wait_for',
    codec: readiness,
    default: 'none',
    freebsd: 'awaited at the end of a start',
    linux: applied('awaited at the end of a start; a jail that is not ready in time did not start'),
    live: true,
    doc: 'What a start waits for before the jail counts as up and those that depend on it start.',
    example: 'port:5432',
    source: own,
  }),
  property('custom', {
    key: 'wait_timeout',
    codec: integer(1, 3600, 'seconds'),
    default: '60',
    freebsd: 'bounds wait_for',
    linux: applied('bounds wait_for'),
    live: true,
    doc: 'Longest time in seconds that a start waits for wait_for.',
    example: '120',
    source: own,
  }),
];
