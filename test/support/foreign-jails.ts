/**
 * Jails as other tools leave them on a pool, made with ZFS and an editor's means only: nothing of ours writes
 * them. Files come from `test/fixtures/formats`, written by hand after the descriptions of the formats.
 */
import { chmodSync, chownSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const legacyUuid = 'adae47cb-01a8-11e4-aa78-3c970ea3222f';
const oldPythonUuid = '9c1bf8e2-3a5e-11e7-8f5c-002590c0ffee';

export interface ForeignJail {
  readonly name: string;
  readonly file: 'config.json' | 'config';
  readonly fixture: string;
  readonly mode: number;
  readonly owner: number;
  readonly group?: number;
}

export const foreignJails: readonly ForeignJail[] = [
  { name: 'web_1', file: 'config.json', fixture: 'python-thin.json', mode: 0o644, owner: 0 },
  { name: 'thick', file: 'config.json', fixture: 'python-thick.json', mode: 0o600, owner: 0 },
  { name: oldPythonUuid, file: 'config.json', fixture: 'python-old.json', mode: 0o644, owner: 0 },
  { name: 'foo', file: 'config.json', fixture: 'libiocage.json', mode: 0o640, owner: 0, group: 65534 },
  { name: 'flat', file: 'config.json', fixture: 'libiocage-flat.json', mode: 0o644, owner: 0 },
  { name: 'bar', file: 'config', fixture: 'libiocage.ucl', mode: 0o644, owner: 0 },
  { name: legacyUuid, file: 'config', fixture: 'legacy.ucl', mode: 0o644, owner: 0 },
];

export const fixtureText = (name: string): string =>
  readFileSync(join(import.meta.dirname, '../fixtures/formats', name), 'utf8');

/** @param directory mount point of the jail's dataset, which is there */
export function plantConfig(
  directory: string,
  { file, fixture, mode, owner, group = owner }: ForeignJail,
): string {
  mkdirSync(join(directory, 'root'), { recursive: true });
  const path = join(directory, file);
  writeFileSync(path, fixtureText(fixture));
  chmodSync(path, mode);
  if (process.getuid?.() === 0) chownSync(path, owner, group);
  return path;
}
