/**
 * The original's develop line after March 2016: a UCL file of `name="value"` lines, in the same words as the
 * properties before it.
 */
import { oursAlone, type Dialect } from './dialect.ts';

export const legacyUcl: Dialect = {
  title: 'iocage develop (2016 to 2018)',
  keeps: (key) => !oursAlone.includes(key),
  write: (_, text) => ({ kind: 'string', text }),
  // Its `.default` names a pool and a resolver of the host, and no property of a jail.
  defaultFiles: [],
  builtIn: {},
};
