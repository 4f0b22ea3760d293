/** What running jails may write of the host, out of both drivers' records; the configuration is not asked. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { shownWritable as onFreebsd } from '../../../src/driver/freebsd/state.ts';
import { shownWritable as onLinux, startTime } from '../../../src/driver/linux/state.ts';
import { NodeFiles } from '../../../src/driver/node/files.ts';

let run: string;
const files = new NodeFiles();
const paths = () => ({ state: join(run, 'state'), run });
const record = (pool: string, uuid: string, more: object) => {
  const directory = join(run, pool, 'jail');
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, `${uuid}.json`), JSON.stringify({ pool, uuid, ...more }));
};

beforeEach(() => {
  run = mkdtempSync(join(tmpdir(), 'iocage-shown-'));
});
afterEach(() => rmSync(run, { recursive: true, force: true }));

describe('what of the host running jails may write', () => {
  it('on FreeBSD: what is recorded as mounted, in every realm, and the roots of all that run', async () => {
    const mount = (source: string, type: string, ...options: string[]) => ({
      source,
      type,
      options,
      target: '/mnt',
    });
    const mounts = [mount('/srv/a', 'nullfs'), mount('/srv/b', 'nullfs', 'ro'), mount('tmpfs', 'tmpfs')];
    record('tank', 'web', { mounts, jid: 3 });
    record('vault+old', 'db', { mounts: [mount('/srv/c', 'nullfs', 'nosuid')] });
    record('tank', 'bare', {});
    const row = (jid: number, name: string, path: string) => ({
      jid,
      name,
      path,
      hostname: '',
      ip4: [],
      ip6: [],
    });
    const rows = [
      row(3, 'ioc-web', '/tank/jails/web/root'),
      row(4, 'ioc-lost', '/gone/jails/lost/root'),
      row(5, 'app', '/bastille/app/root'),
    ];
    const found = await onFreebsd(files, paths(), rows);
    expect(found.toSorted((a, b) => (a.source < b.source ? -1 : 1))).toEqual([
      { uuid: 'app', source: '/bastille/app/root', way: 'jail' },
      { uuid: 'lost', source: '/gone/jails/lost/root', way: 'jail' },
      { pool: 'tank', uuid: 'web', source: '/srv/a', way: 'start' },
      { pool: 'vault+old', uuid: 'db', source: '/srv/c', way: 'start' },
      { pool: 'tank', uuid: 'web', source: '/tank/jails/web/root', way: 'jail' },
    ]);
  });

  it('on Linux: what the container was made with, while its first process lives', async () => {
    const processStart = await startTime(files, process.pid);
    record('tank', 'web', { pid: process.pid, processStart, root: '/r', writable: ['/srv/a', '/srv/b'] });
    record('tank', 'bare', { pid: process.pid, processStart });
    record('tank', 'dead', { pid: process.pid, processStart: '1', writable: ['/srv/c'] });
    expect(await onLinux(files, paths())).toEqual([
      { pool: 'tank', uuid: 'web', source: '/srv/a', way: 'start' },
      { pool: 'tank', uuid: 'web', source: '/srv/b', way: 'start' },
      { pool: 'tank', uuid: 'web', source: '/r', way: 'jail' },
    ]);
  });
});
