/**
 * The original's develop line after March 2016: a UCL file of `name="value"` lines, in the same words as the
 * properties before it.
 */
import type { Dialect } from './dialect.ts';

const elsewhere: ReadonlySet<string> = new Set([
  'base_started',
  'standby',
  'upgraded_from',
  'upgrade_snapshot',
  'migrated_from',
]);

export const legacyUcl: Dialect = {
  title: 'iocage develop (2016 to 2018)',
  keeps: (key) => !elsewhere.has(key),
  write: (_, text) => ({ kind: 'string', text }),
  // Its `.default` names a pool and a resolver of the host, and no property of a jail.
  defaultFiles: [],
  builtIn: {},
};
