/** After a rollback: what a jail of another tool is configured by stays, whatever interrupts the writing of it. */
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { StepRun } from '../../../../src/driver/step.ts';
import { NodeFiles } from '../../../../src/driver/node/files.ts';
import { holdConfig } from '../../../../src/ops/steps/config-file.ts';

const top = '/tank/iocage';
const line = (folder: string, jail: string) =>
  `${top}/releases/r/root/${folder}\t${jail}/root/${folder}\tnullfs\tro\t0\t0`;

let root: string;
let notes: string[];
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'iocage-hold-'));
  notes = [];
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** @param failing a write to this file fails once */
function runWith(failing?: string): StepRun {
  const files = new NodeFiles();
  let left = failing;
  return {
    operationId: 'op-1',
    storage: undefined as never,
    host: undefined as never,
    exec: undefined as never,
    files: new Proxy(files, {
      get: (target, verb: keyof NodeFiles) => {
        const value: unknown = target[verb];
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => {
          if (verb !== 'writeBelow' || args[1] !== left) return value.apply(target, args) as unknown;
          left = undefined;
          return Promise.reject(new Error('killed'));
        };
      },
    }),
    downloads: undefined as never,
    clock: { now: () => new Date(0), sleep: () => Promise.resolve() },
    signal: new AbortController().signal,
    dry: false,
    progress: () => undefined,
    note: (text) => notes.push(text),
    remember: () => Promise.resolve(),
    remembered: undefined,
  };
}

const args = () => ({
  root,
  path: 'config.json',
  after: '{"basejail": 1}\n',
  mode: 0o640,
  owner: { uid: process.getuid!(), gid: process.getgid!() },
  base: { lines: [line('bin', root), line('lib', root)], places: { iocage: top, root: `${root}/root` } },
});
const text = (name: string) => readFileSync(join(root, name), 'utf8');
const own = () => `/srv\t${root}/root/srv\tnullfs\tro\t0\t0\n`;

describe('what a rollback holds', () => {
  it.each([undefined, 'fstab', 'config.json'])(
    'is there once the step was finished; first failing: %s',
    async (failing) => {
      writeFileSync(join(root, 'fstab'), own());
      const run = runWith(failing);
      if (failing !== undefined) {
        await expect(holdConfig.do(args(), run)).rejects.toThrow('killed');
        // The file says that all is done, so it comes last.
        expect(existsSync(join(root, 'config.json'))).toBe(false);
      }
      for (const _ of ['finished', 'again']) await holdConfig.do(args(), run);
      expect(text('fstab')).toBe(`${own()}${line('bin', root)}\n${line('lib', root)}\n`);
      expect([text('config.json'), statSync(join(root, 'config.json')).mode & 0o777]).toEqual([
        args().after,
        0o640,
      ]);
      expect(notes).toEqual([
        'the snapshot is from before config.json was written, which stays as it is now, and so do the lines of its base in fstab',
      ]);
    },
  );

  it.each(['config.json', 'config', 'config.json.migrated'])(
    'counts for nothing where %s came back',
    async (there) => {
      writeFileSync(join(root, 'fstab'), own());
      writeFileSync(join(root, there), 'theirs');
      const path = there === 'config' ? 'config.json' : there;
      await holdConfig.do({ ...args(), path }, runWith());
      expect([text('fstab'), text(there), notes]).toEqual([own(), 'theirs', []]);
    },
  );
});
