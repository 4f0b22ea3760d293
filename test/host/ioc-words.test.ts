/**
 * The words of `ioc` that need something besides a jail: a server to fetch from, a second pool, jails that another
 * tool configures, a second source. Servers are of this file, on the loopback. Specification: libiocage, its command
 * line, its releases and its own tests.
 */
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { version } from '../../src/domain/version.ts';
import { failEveryStep } from '../ops/every-step.ts';
import { plantApk } from '../ops/every-step-packages.ts';
import { commandIn, iocPath, type Command, type Ran } from '../support/command.ts';
import { hostTests, openLab, reason, sh, type Lab } from '../support/lab.ts';
import { makePool } from '../support/pool.ts';
import { busyboxTar, layBusyboxRoot } from '../support/release.ts';
import { makeArchive, sendBytes, serveDirectory, sha256Of } from '../support/sets-server.ts';

/** In a mount namespace of `with-zfs` or `with-net`, so that another /etc/hosts is nobody else's. */
const ownMounts =
  process.platform === 'linux' && /^with-(?:zfs|net) /m.test(readFileSync('/proc/self/mounts', 'utf8'));

describe.skipIf(!hostTests)(`the words of ioc${reason}`, () => {
  let lab: Lab;
  let ioc: Command;
  const ok = (...words: readonly string[]): string => ioc.done(...words).stdout;
  const fails = (status: number, ...words: readonly string[]): Ran => ioc.fails(status, ...words);
  /** While this process serves, it must not wait. */
  const ran = async (status: number, ...words: readonly string[]): Promise<Ran> => {
    const ended = await ioc.start(...words).ended;
    expect(ended, `${words.join(' ')}: ${ended.stderr}`).toMatchObject({ status });
    return ended;
  };
  const top = (...parts: string[]): string => join(lab.pool.directory, 'pool/iocage', ...parts);
  const file = (...parts: string[]): string => join(lab.pool.directory, ...parts);
  const list = (...words: string[]): readonly string[] =>
    ok('list', '-f', 'list', '-NH', ...words)
      .split('\n')
      .filter((line) => line !== '');
  const snapshots = (dataset: string): readonly string[] =>
    sh('zfs', 'list', '-H', '-o', 'name', '-t', 'snapshot', '-d', '1', '-r', `${lab.pool.name}/${dataset}`)
      .split('\n')
      .flatMap((line) => line.split('@').slice(1));

  beforeAll(async () => {
    lab = await openLab({ sizeMb: 768 });
    ioc = commandIn(lab.environment, iocPath);
  });
  afterAll(() => lab.close());

  it('--version tells the version, and wants no pool', () => {
    const nowhere = commandIn({ IOCAGE_STATE_DIR: file('none'), IOCAGE_RUN_DIR: file('none') }, iocPath);
    expect(nowhere('--version')).toMatchObject({ status: 0, stdout: `ioc ${version}\n`, stderr: '' });
    expect(version).toBe(
      JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8')).version,
    );
  });

  it('activate -m mounts the root where it is wanted, and not over another one', () => {
    const pool = makePool(128);
    try {
      const place = join(pool.directory, 'elsewhere');
      expect(ok('activate', '-m', place, pool.name)).toBe(
        `${pool.name} activated: ${pool.name}/iocage at ${place}\n`,
      );
      expect(existsSync(join(place, 'jails'))).toBe(true);
      fails(1, 'activate', '-m', join(pool.directory, 'third'), pool.name);
      expect(fails(2, 'activate', '-m', 'relative', pool.name).stderr).toContain('absolute');
      expect(sh('zfs', 'get', '-H', '-o', 'value', 'mountpoint', `${pool.name}/iocage`)).toBe(`${place}\n`);
      ok('deactivate', pool.name);
    } finally {
      pool.destroy();
    }
  });

  it('names with dots are names; what is none changes nothing', () => {
    ok('create', '-r', 'busybox', 'a.b-1', 'ip4=disable');
    ok('start', 'a.b-1');
    expect(ok('exec', 'a.b-1', 'hostname')).toBe('a.b-1\n');
    expect(ok('get', 'running', 'a.b-1')).toBe('yes\n');
    ok('stop', 'a.*');
    const before = lab.state();
    for (const name of ['a..b', 'x@y', 'Ünder']) {
      fails(2, 'create', '-nb', '-r', 'busybox', name);
      fails(2, 'clone', 'a.b-1', name);
      fails(2, 'rename', 'a.b-1', name);
    }
    for (const command of ['restart', 'console', 'promote', 'update'])
      expect(fails(1, command, 'nobody').stderr).toMatch(/^ioc: [^\n]*nobody/);
    expect(lab.state()).toBe(before);
    ok('destroy', '-f', 'a.b-1');
  });

  describe('fetch', () => {
    const release = '14.3-RELEASE';
    const sets = (...parts: string[]): string => file('sets', 'releases', release, ...parts);
    let manifest: string;

    beforeAll(() => {
      if (!hostTests) return;
      mkdirSync(sets(), { recursive: true });
      // A set that a jail of this machine can run with.
      const digests = {
        'base.txz': sha256Of(busyboxTar(sets('base.txz'))),
        'lib32.txz': sha256Of(makeArchive(sets('lib32.txz'), { 'usr/lib32/libc.so': 'lib' })),
      };
      const text = Object.entries(digests)
        .map(([name, digest]) => `${name}\t${digest}\t9\t${name.split('.')[0]}\t"Made up"\ton\n`)
        .join('');
      writeFileSync(sets('MANIFEST'), text);
      manifest = createHash('sha256').update(text).digest('hex');
    });

    it('-r -u -F: sets of one release from a server, verified, and written down', async () => {
      const server = await serveDirectory(file('sets'));
      try {
        const url = `${server.url}/releases`;
        const before = lab.state();
        expect((await ran(2, 'fetch', '-r', release, '-u', url)).stderr).toContain('sha256=DIGEST');
        await ran(1, 'fetch', '-r', release, '-u', url, `sha256=${'1'.repeat(64)}`);
        await ran(1, 'fetch', '-r', release, '-u', `${server.url}/none`, `sha256=${manifest}`);
        await ran(2, 'fetch', '-r', release, '-u', url, '-F', 'doc', `sha256=${manifest}`);
        expect(lab.state()).toBe(before);

        server.requests.splice(0);
        const fetched = await ran(0, 'fetch', '-r', release, '-u', url, '-F', 'base', `sha256=${manifest}`);
        expect(fetched.stdout).toBe(`Release ${release} is fetched.\n`);
        expect(server.requests).toEqual([
          `GET /releases/${release}/MANIFEST`,
          `GET /releases/${release}/base.txz`,
        ]);
        const root = top('releases', release, 'root');
        expect(existsSync(join(root, 'usr/lib32'))).toBe(false);
        expect(readFileSync(join(root, 'etc/rc.conf'), 'utf8')).toContain('sendmail_enable="NO"');
        expect(list('-r')).toEqual([release, 'busybox']);
        // There already: nothing is asked for.
        server.requests.splice(0);
        const again = await ran(0, 'fetch', '-r', release, '-u', url, `sha256=${manifest}`);
        expect(again.stdout).toBe(`Release ${release} is already fetched.\n`);
        expect(server.requests).toEqual([]);
        ok('destroy', '-r', '-f', release);

        // The older word for -F, and the address of the release itself.
        const whole = ['-u', `${url}/${release}/`, '--files', 'lib32', '--files', 'base.txz'];
        await ran(0, 'fetch', '-r', release, ...whole, `sha256=${manifest}`);
        expect(readFileSync(join(root, 'usr/lib32/libc.so'), 'utf8')).toBe('lib');
        ok('destroy', '-r', '-f', release);
      } finally {
        await server.close();
      }
    });

    it.skipIf(!ownMounts)(
      `create: a release that is not here comes first, from the server of FreeBSD${ownMounts ? '' : ' (skipped: needs mounts of its own)'}`,
      async () => {
        // Nothing of it was downloaded before.
        const other = '14.2-RELEASE';
        const names = [
          '-subj',
          '/CN=download.freebsd.org',
          '-addext',
          'subjectAltName=DNS:download.freebsd.org,DNS:archive.freebsd.org',
        ];
        const keys = ['-keyout', file('server.key'), '-out', file('server.crt')];
        sh('openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', ...names, ...keys);
        const asked: string[] = [];
        const server = createServer(
          { key: readFileSync(file('server.key')), cert: readFileSync(file('server.crt')) },
          (request, response) => {
            asked.push(request.url!);
            const name = request.url!.split('/').at(-1)!;
            if (request.url!.includes(`/${other}/`) && existsSync(sets(name)))
              sendBytes(request, response, readFileSync(sets(name)));
            else response.writeHead(404).end();
          },
        );
        await new Promise<void>((resolve) => server.listen(443, '127.0.0.77', resolve));
        writeFileSync(
          file('hosts'),
          '127.0.0.1 localhost\n127.0.0.77 download.freebsd.org archive.freebsd.org\n',
        );
        sh('mount', '--bind', file('hosts'), '/etc/hosts');
        try {
          ioc = commandIn({ ...lab.environment, NODE_EXTRA_CA_CERTS: file('server.crt') }, iocPath);
          const before = lab.state();
          expect((await ran(1, 'create', '-r', other, '--no-fetch', 'web')).stderr).toContain(other);
          expect(asked).toEqual([]);
          expect(lab.state()).toBe(before);
          const made = await ran(0, 'create', '-r', other, 'web', 'ip4=disable');
          expect(made.stderr).toContain(`release ${other} is not here; it is fetched first`);
          expect(made.stdout).toBe(`web successfully created from ${other}!\n`);
          expect(asked.map((path) => path.split('/').at(-1)).toSorted()).toEqual([
            'MANIFEST',
            'base.txz',
            'lib32.txz',
          ]);
          ok('start', 'web');
          expect(ok('exec', 'web', 'hostname')).toBe('web\n');
          ok('destroy', '-f', 'web');
          ok('destroy', '-r', '-f', other);
          // One that the server does not have.
          const none = await ran(1, 'create', '-r', '14.4-RELEASE', '-nb', 'web');
          expect(none.stderr).toContain('14.4-RELEASE');
          expect(list('-o', 'name')).toEqual([]);
        } finally {
          ioc = commandIn(lab.environment, iocPath);
          sh('umount', '/etc/hosts');
          server.closeAllConnections();
          await new Promise((resolve) => server.close(resolve));
        }
      },
    );

    it('-U updates a release that is there, in a container of it; -NU and --no-fetch-updates leave it', () => {
      plantApk(top('releases/busybox/root'));
      const log = top('releases/busybox/root/root/apk-ran');
      expect(ok('fetch', '-r', 'busybox', '-NU')).toBe('Release busybox is already fetched.\n');
      expect(ok('fetch', '-r', 'busybox', '--no-fetch-updates')).toBe(
        'Release busybox is already fetched.\n',
      );
      expect(existsSync(log)).toBe(false);
      for (const flag of ['-U', '--fetch-updates']) {
        expect(ok('fetch', '-r', 'busybox', flag)).toContain('was fetched already; it is up to date');
        expect(readFileSync(log, 'utf8')).toMatch(/upgrade/);
        rmSync(log);
      }
      ok('fetch', '-r', 'busybox');
      expect(existsSync(log)).toBe(true);
      for (const gone of [log, top('releases/busybox/root/sbin/apk')]) rmSync(gone);
      rmSync(top('releases/busybox/root/lib'), { recursive: true });
    });

    it('-b: each state is a snapshot, FreeBSD’s defaults come once, and what did not change is left', async () => {
      const root = top('releases/world/root');
      const dataset = 'iocage/releases/world/root';
      sh('zfs', 'create', '-p', `${lab.pool.name}/${dataset}`);
      layBusyboxRoot(root);
      writeFileSync(join(root, 'bin/freebsd-version'), '#!/bin/sh\n');
      writeFileSync(join(root, 'etc/rc.conf'), '# mine\nsshd_enable="YES"\nsendmail_enable="YES"\n');
      // As libiocage does when it makes a jail.
      sh('zfs', 'snapshot', `${lab.pool.name}/${dataset}@p0`);
      const scenario = {
        operation: 'release.adopt',
        input: () => ({ release: 'world' }),
        async reset() {
          sh('zfs', 'destroy', `${lab.pool.name}/${dataset}@p1`);
          for (const key of ['release_kind', 'release_source', 'fetched_at'])
            sh('zfs', 'inherit', `org.freebsd.iocage:${key}`, `${lab.pool.name}/iocage/releases/world`);
        },
      };
      const world = {
        context: () => lab.context(),
        state: () => lab.state().replaceAll(/op\\t[^"]*/g, 'op'),
      };
      expect(await failEveryStep(world, scenario)).toBe(4);

      const before = lab.state();
      expect(ok('--dry-run', 'fetch', '-r', 'world', '-b')).toContain(`${dataset}@p1`);
      expect(lab.state()).toBe(before);
      const copies = `${lab.pool.name}/iocage/base/world`;
      sh('zfs', 'create', '-p', copies);
      const first = fails(0, 'fetch', '-r', 'world', '-b');
      expect(first.stdout).toBe('world is ready for jails\n');
      expect(first.stderr).toContain(`${copies} keeps the files that it has`);
      sh('zfs', 'destroy', '-r', `${lab.pool.name}/iocage/base`);
      expect(snapshots(dataset)).toEqual(['p0', 'p1']);
      const conf = readFileSync(join(root, 'etc/rc.conf'), 'utf8');
      expect(conf).toContain('# mine\nsshd_enable="YES"\nsendmail_enable="NO"\n');
      expect(conf).toContain('syslogd_flags="-ss"');
      expect(readFileSync(join(root, 'etc/sysctl.conf'), 'utf8')).toContain('net.inet.ip.fw.enable=0');
      expect(readFileSync(join(root, 'etc/periodic.conf'), 'utf8')).toContain('daily_submit_queuerun="NO"');

      expect(ok('fetch', '-r', 'world', '-b')).toBe('world is as it was\n');
      expect(snapshots(dataset)).toEqual(['p0', 'p1']);
      ok('create', '-nb', '-r', 'world', 'old', 'ip4=disable');
      expect(ok('fetch', '-r', 'world', '-b')).toBe('world is as it was\n');

      // Same length: only the times tell.
      writeFileSync(join(root, 'etc/rc.conf'), conf.replace('sendmail_enable="NO"', 'sendmail_enable="ON"'));
      expect(ok('fetch', '-r', 'world', '-b')).toBe(
        'world is ready for jails, with the files that it has now: p2\n',
      );
      expect(readFileSync(join(root, 'etc/rc.conf'), 'utf8')).toContain('sendmail_enable="ON"');
      chmodSync(join(root, 'bin/freebsd-version'), 0o755);
      expect(ok('fetch', '-r', 'world', '-b')).toContain(': p3\n');
      expect(snapshots(dataset).filter((name) => name.startsWith('p'))).toEqual(['p0', 'p1', 'p2', 'p3']);
      fails(1, 'destroy', '-r', '-f', 'world');
      ok('destroy', '-f', 'old');
      ok('destroy', '-r', '-f', 'world');
    });
  });
});
