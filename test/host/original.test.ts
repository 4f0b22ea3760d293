/**
 * Pools that the original itself made: its own script ran on a real ZFS and wrote these datasets; see
 * `test/fixtures/original/README.md`. Received, looked at, used, and compared with what it says of its jails.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandIn, type Command } from '../support/command.ts';
import { hostTests, reason, sh } from '../support/lab.ts';
import { makePool, type TestPool } from '../support/pool.ts';

const fixtures = new URL('../fixtures/original/', import.meta.url).pathname;

/** What `iocage get all` of the original prints, by tag. */
function saidOf(version: string): ReadonlyMap<string, ReadonlyMap<string, string>> {
  const jails = readFileSync(join(fixtures, version, 'get-all.txt'), 'utf8')
    .split(/^# /m)
    .slice(1);
  return new Map(
    jails.map((text) => {
      const [tag = '', ...lines] = text.trimEnd().split('\n');
      const pairs = lines.map((line) => /^([^:]+):(.*)$/.exec(line)!);
      return [tag, new Map(pairs.map(([, key = '', value = '']) => [key, value]))];
    }),
  );
}

/** Not a jail's: sizes, where it lies, what `fetch` and `create` are told, and what nothing ever read. */
const notCompared = /^(?:used|available|compressratio|mountpoint|origin|ftp\w+|start|count|sync_\w+)$/;

describe.skipIf(!hostTests)(`pools that the original made${reason}`, () => {
  describe.each(['1.5.1', '1.6.2', '1.7.6', '2016-03'])('%s', (version) => {
    let pool: TestPool;
    let iocage: Command;
    let root: string;
    let mount: string;
    const said = saidOf(version);
    const tags = [...said.keys()];
    const release = version === '1.5.1' ? '10.1-RELEASE' : '11.0-RELEASE';
    const stored = (): readonly string[] =>
      sh('zfs', 'get', '-H', '-r', '-s', 'local,received', '-o', 'name,property,value', 'all', root)
        .split('\n')
        .sort();

    beforeAll(() => {
      pool = makePool(512);
      root = `${pool.name}/iocage`;
      const stream = execFileSync('xz', ['-dc', join(fixtures, version, 'pool.zfs.xz')], {
        maxBuffer: 1 << 26,
      });
      execFileSync('zfs', ['receive', '-u', root], { input: stream, stdio: ['pipe', 'pipe', 'pipe'] });
      mount = join(pool.directory, 'pool/iocage');
      const rows = (...columns: string[]): string[][] =>
        sh('zfs', 'get', '-H', '-r', '-o', columns.join(), 'mountpoint', root)
          .trim()
          .split('\n')
          .map((line) => line.split('\t'))
          .filter(([name]) => !name!.includes('@'));
      // What was mounted at /iocage there is not mounted at the host's /iocage here.
      for (const [name = '', path = '', source] of rows('name', 'value', 'source'))
        if (source === 'received' && path.startsWith('/'))
          sh('zfs', 'set', `mountpoint=${path.replace('/iocage', mount)}`, name);
      for (const [name = '', path = ''] of rows('name', 'value'))
        if (path.startsWith(`${mount}/`) || name === root) sh('zfs', 'mount', name);
      iocage = commandIn({
        IOCAGE_POOL: pool.name,
        IOCAGE_STATE_DIR: join(pool.directory, 'state'),
        IOCAGE_RUN_DIR: join(pool.directory, 'run'),
      });
      iocage.done('activate', pool.name);
    });
    afterAll(() => {
      iocage?.('stop', 'ALL');
      pool?.destroy();
    });

    it('lists what it lists, and says of every property what it says; nothing is written', () => {
      const before = stored();
      const { jails } = JSON.parse(iocage.done('list', '--json').stdout) as { jails: { tag: string }[] };
      const templates = JSON.parse(iocage.done('list', '-t', '--json').stdout) as {
        jails: { tag: string }[];
      };
      expect(templates.jails.map(({ tag }) => tag)).toEqual(['tmpl']);
      expect([...jails, ...templates.jails].map(({ tag }) => tag).sort()).toEqual([...tags].sort());
      expect(JSON.stringify(iocage.done('list', '-r').stdout)).toContain(release);
      for (const [tag, values] of said) {
        const ours = JSON.parse(iocage.done('get', '--json', 'all', tag).stdout) as {
          properties: { key: string; value: string | null }[];
        };
        const own = Object.fromEntries(ours.properties.map(({ key, value }) => [key, value ?? '-']));
        const wanted = Object.fromEntries(
          [...values].filter(([key, value]) => !notCompared.test(key) && value !== '-'),
        );
        // What the kernel was given as the host's name stood in `hostname` then.
        if (values.has('hostname')) wanted['host_hostname'] = values.get('hostname')!;
        expect(own, tag).toMatchObject(wanted);
      }
      expect(stored()).toEqual(before);
    });

    it('set, snapshot, clone, start, stop and destroy: what is not meant stays as the original left it', () => {
      // Its release has directories and no programs, and a link where Linux has a file system.
      rmSync(join(mount, 'jails', said.get('thin')!.get('host_hostuuid')!, 'root/sys'), { force: true });
      const uuid = said.get('thin')!.get('host_hostuuid')!;
      for (const place of [`releases/${release}/root`, `jails/${uuid}/root`]) {
        mkdirSync(join(mount, place, 'bin'), { recursive: true });
        copyFileSync('/bin/busybox', join(mount, place, 'bin/busybox'));
        for (const name of ['sh', 'hostname']) symlinkSync('busybox', join(mount, place, 'bin', name));
        mkdirSync(join(mount, place, 'etc'), { recursive: true });
        for (const name of ['rc', 'rc.shutdown']) writeFileSync(join(mount, place, 'etc', name), '');
      }
      const others = (lines: readonly string[]): readonly string[] =>
        lines.filter((line) => !line.includes(`/jails/${uuid}\t`));
      const before = stored();
      iocage.done('set', 'ip4_addr=none', 'vnet=off', 'notes=ours', 'thin');
      expect(others(stored())).toEqual(others(before));
      iocage.done('start', 'thin');
      expect(iocage.done('exec', 'thin', 'hostname').stdout).toBe('thin.example.org\n');
      iocage.done('stop', 'thin');
      iocage.done('snapshot', 'thin@two');
      const snapshots = iocage.done('snaplist', 'thin').stdout;
      expect(snapshots).toMatch(/\bone\b/);
      expect(snapshots).toMatch(/\btwo\b/);
      iocage.done('clone', 'thin', '-n', 'copy');
      iocage.done('destroy', '-f', 'copy');
      const ofTemplate = said.get('fromtmpl')!.get('host_hostuuid')!;
      expect(iocage('destroy', '-f', 'tmpl').status).toBe(1);
      iocage.done('destroy', '-f', 'fromtmpl');
      const uuidOfTemplate = said.get('tmpl')!.get('host_hostuuid')!;
      if (version === '2016-03') {
        // It lies under its tag there, where somebody's copy could lie too.
        for (const words of [
          ['set', 'template=no'],
          ['set', 'tag=other'],
          ['destroy', '-f'],
        ])
          expect(iocage.fails(1, ...words, 'tmpl').stderr).toContain(
            `'iocage rename tmpl ${uuidOfTemplate}'`,
          );
        iocage.done('rename', 'tmpl', uuidOfTemplate);
        iocage.done('set', 'template=no', uuidOfTemplate);
        expect(sh('zfs', 'list', '-H', '-o', 'name', `${root}/jails/${uuidOfTemplate}`)).not.toBe('');
        expect(iocage.done('get', 'host_hostuuid', uuidOfTemplate).stdout).toBe(`${uuidOfTemplate}\n`);
      }
      const left = stored();
      expect(left.filter((line) => line.includes(ofTemplate))).toEqual([]);
      const kept = (lines: readonly string[]): readonly string[] =>
        lines.filter(
          (line) => !line.includes(ofTemplate) && !/tmpl|@/.test(line) && !line.includes(uuidOfTemplate),
        );
      expect(kept(others(left))).toEqual(kept(others(before)));
    });
  });
});
