/** `fetch`, `list -r` and `destroy -r` on a real pool: archives, FreeBSD sets, suites, and what is refused. */
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { IocageError } from '../../src/domain/errors.ts';
import { hostTests, openLab, reason, type Lab } from '../support/lab.ts';
import { sh } from '../support/pool.ts';
import { busyboxTar } from '../support/release.ts';
import { makeArchive, serve, serveDirectory, sha256Of, type SmallServer } from '../support/sets-server.ts';

let lab: Lab;
const servers: SmallServer[] = [];

async function failureOf(promise: Promise<unknown>): Promise<IocageError> {
  const error: unknown = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(IocageError);
  return error as IocageError;
}

/** Runs what must fail, and shows that nothing is left of it. */
async function refused(code: string, input: Record<string, unknown>): Promise<IocageError> {
  const before = lab.state();
  const error = await failureOf(lab.run('release.fetch', input));
  expect(`${error.code}: ${error.message}`).toContain(code);
  expect(error.undoFailures).toEqual([]);
  expect(lab.state()).toBe(before);
  return error;
}

const mount = (...parts: string[]): string => join(lab.pool.directory, 'pool/iocage', ...parts);
const file = (name: string): string => join(lab.pool.directory, name);
const property = (dataset: string, key: string): string =>
  sh(
    'zfs',
    'get',
    '-H',
    '-o',
    'value',
    `org.freebsd.iocage:${key}`,
    `${lab.pool.name}/iocage/${dataset}`,
  ).trim();

async function withServer(start: Promise<SmallServer>): Promise<SmallServer> {
  const server = await start;
  servers.push(server);
  return server;
}

describe.skipIf(!hostTests)(`releases on a real pool${reason}`, () => {
  beforeAll(async () => {
    lab = await openLab({ sizeMb: 2048, release: false });
  });
  afterAll(async () => {
    await lab?.close();
  });
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.close();
  });

  describe('archives', () => {
    it.each(['tar', 'tar.gz', 'tgz', 'tar.xz', 'txz', 'tar.zst'])('unpacks .%s', async (ending) => {
      const path = busyboxTar(file(`root.${ending}`));
      const name = `bb-${ending}`;
      const result = await lab.run('release.fetch', { release: name, file: path });
      expect(result).toMatchObject({ release: name, kind: 'tar', fetched: true });
      const root = mount('releases', name, 'root');
      expect(sh('chroot', root, '/bin/sh', '-c', 'echo unpacked')).toBe('unpacked\n');
      expect(readlinkSync(join(root, 'bin/sh'))).toBe('busybox');
      expect(statSync(join(root, 'tmp')).mode & 0o7777).toBe(0o1777);
      expect(property(`releases/${name}`, 'release_kind')).toBe('tar');
      expect(property(`releases/${name}`, 'release_source')).toBe(path);
      expect(property(`releases/${name}`, 'release_sha256')).toBe(sha256Of(path));
      expect(Date.parse(property(`releases/${name}`, 'fetched_at'))).not.toBeNaN();
      await lab.run('release.destroy', { release: name });
      expect(existsSync(root)).toBe(false);
    });

    it('fetches by http with a digest, and a second time nothing', async () => {
      busyboxTar(file('www/root.tar.zst'));
      const server = await withServer(serveDirectory(file('www')));
      const input = {
        release: 'byhttp',
        url: `${server.url}/root.tar.zst?token=secret`,
        sha256: sha256Of(file('www/root.tar.zst')),
      };
      await lab.run('release.fetch', input);
      expect(property('releases/byhttp', 'release_source')).toBe(`${server.url}/root.tar.zst`);
      expect(existsSync(mount('download/byhttp/root.tar.zst'))).toBe(true);
      const again = await lab.run('release.fetch', input);
      expect(again).toMatchObject({ fetched: false, message: 'Release byhttp is already fetched.' });
      expect(server.requests).toEqual(['GET /root.tar.zst?token=secret']);

      await lab.run('release.destroy', { release: 'byhttp' });
      expect(existsSync(mount('download/byhttp/root.tar.zst'))).toBe(true);
      // The file that is still here is right, so it is not fetched again.
      await lab.run('release.fetch', input);
      expect(server.requests).toHaveLength(1);
      await lab.run('release.destroy', { release: 'byhttp', download: true });
      expect(existsSync(mount('download/byhttp'))).toBe(false);
    });

    it('refuses a wrong digest, of a file and of a download, and leaves nothing', async () => {
      const path = busyboxTar(file('www/digest.tar'));
      const wrong = '0'.repeat(64);
      await refused('CHECKSUM_MISMATCH', { release: 'wrong', file: path, sha256: wrong });
      const server = await withServer(serveDirectory(file('www')));
      await refused('CHECKSUM_MISMATCH', {
        release: 'wrong',
        url: `${server.url}/digest.tar`,
        sha256: wrong,
      });
    });

    it('refuses an http address without a digest before any request', async () => {
      const server = await withServer(serveDirectory(file('www')));
      await refused('add sha256=DIGEST', { release: 'x', url: `${server.url}/root.tar` });
      expect(server.requests).toEqual([]);
    });

    it('refuses what is not there, not reachable, or redirects for ever', async () => {
      const server = await withServer(
        serve((request, response) => {
          if (request.url === '/loop.tar') response.writeHead(302, { location: '/loop.tar' }).end();
          else response.writeHead(404).end();
        }),
      );
      const sha256 = '1'.repeat(64);
      await refused('404 Not Found', { release: 'x', url: `${server.url}/none.tar`, sha256 });
      await refused('redirects more than', { release: 'x', url: `${server.url}/loop.tar`, sha256 });
      await refused('no such file', { release: 'x', file: file('none.tar') });
    });

    it('refuses damaged archives', async () => {
      const good = readFileSync(busyboxTar(file('damage.tar.gz')));
      writeFileSync(file('half.tar.gz'), good.subarray(0, good.length / 2));
      await refused('BAD_ARCHIVE', { release: 'x', file: file('half.tar.gz') });
      const plain = readFileSync(busyboxTar(file('damage.tar')));
      writeFileSync(file('half.tar'), plain.subarray(0, 700 * 512));
      await refused('truncated', { release: 'x', file: file('half.tar') });
      writeFileSync(file('text.tar'), 'this is no archive\n'.repeat(100));
      await refused('not a tar archive', { release: 'x', file: file('text.tar') });
      writeFileSync(file('text.tar.zst'), 'this is no archive\n'.repeat(100));
      await refused('BAD_ARCHIVE', { release: 'x', file: file('text.tar.zst') });
    });

    it('refuses hostile members, and the host stays as it is', async () => {
      const outside = file('outside');
      mkdirSync(outside);
      const scratch = file('hostile');
      mkdirSync(join(scratch, 'a'), { recursive: true });
      writeFileSync(join(scratch, 'a/evil'), 'evil');
      const tar = (path: string, ...args: string[]): string => (
        sh('tar', '-P', '-cf', path, '-C', scratch, ...args),
        path
      );

      const dots = tar(file('dots.tar'), '--transform=s,^a,../../../../../../tmp/iocage-evil,', 'a/evil');
      await refused(`by '..'`, { release: 'x', file: dots });
      const absolute = tar(file('absolute.tar'), `--transform=s,^a,${outside},`, 'a/evil');
      await refused('is absolute', { release: 'x', file: absolute });

      sh('ln', '-s', outside, join(scratch, 'link'));
      const through = tar(file('through.tar'), 'link');
      sh('tar', '-P', '-rf', through, '-C', scratch, '--transform=s,^a,link,', 'a/evil');
      await refused('through the symbolic link', { release: 'x', file: through });

      sh('ln', join(scratch, 'a/evil'), join(scratch, 'z'));
      const hard = tar(
        file('hard.tar'),
        '--transform=s,^a/evil,/etc/passwd,R',
        '--transform=flags=h;s,^a/evil,../../etc/passwd,',
        'a/evil',
        'z',
      );
      await refused('UNSAFE_ARCHIVE', { release: 'x', file: hard });

      sh('mknod', join(scratch, 'disk'), 'b', '7', '0');
      await refused('is a device outside /dev', { release: 'x', file: tar(file('device.tar'), 'disk') });
      expect(sh('ls', outside)).toBe('');
      expect(existsSync('/tmp/iocage-evil')).toBe(false);
    });

    it('refuses a bomb: more than there is room for, before a byte is unpacked', async () => {
      const bomb = file('bomb.tar.gz');
      sh('truncate', '-s', '200M', file('zeros'));
      sh('tar', '-I', 'gzip -1', '-cf', bomb, '-C', lab.pool.directory, 'zeros');
      sh('rm', file('zeros'));
      expect(statSync(bomb).size).toBeLessThan(2 * 2 ** 20);
      sh('zfs', 'set', 'quota=100M', `${lab.pool.name}/iocage`);
      try {
        await refused('larger than', { release: 'x', file: bomb });
      } finally {
        sh('zfs', 'set', 'quota=none', `${lab.pool.name}/iocage`);
      }
    });

    it('gives a release without them /etc/rc, /etc/rc.shutdown and a plain /etc/resolv.conf', async () => {
      const scratch = file('bare');
      mkdirSync(join(scratch, 'etc/rc2.d'), { recursive: true });
      mkdirSync(join(scratch, 'etc/rc0.d'), { recursive: true });
      mkdirSync(join(scratch, 'bin'));
      sh('cp', '/bin/busybox', join(scratch, 'bin/busybox'));
      sh('ln', '-s', 'busybox', join(scratch, 'bin/sh'));
      sh('ln', '-s', '/run/systemd/resolve/stub-resolv.conf', join(scratch, 'etc/resolv.conf'));
      for (const link of ['rc2.d/S02second', 'rc2.d/S01first', 'rc0.d/K01second']) {
        writeFileSync(join(scratch, 'etc', link), '#!/bin/sh\necho "${0##*/} $1"\n');
        chmodSync(join(scratch, 'etc', link), 0o755);
      }
      sh('tar', '-cf', file('bare.tar'), '-C', scratch, '.');
      await lab.run('release.fetch', { release: 'bare', file: file('bare.tar') });
      const root = mount('releases/bare/root');
      expect(lstatSync(join(root, 'etc/resolv.conf')).isFile()).toBe(true);
      expect(readFileSync(join(root, 'etc/resolv.conf'), 'utf8')).toBe('');
      // The chroot has no /dev of its own, as a jail has.
      mkdirSync(join(root, 'dev'));
      writeFileSync(join(root, 'dev/null'), '');
      expect(sh('chroot', root, '/bin/sh', '/etc/rc')).toBe('S01first start\nS02second start\n');
      expect(sh('chroot', root, '/bin/sh', '/etc/rc.shutdown')).toBe('K01second stop\nS01first stop\n');
      await lab.run('release.destroy', { release: 'bare' });
    });

    it('leaves the /etc/rc of a release that has one', async () => {
      await lab.run('release.fetch', { release: 'own-rc', file: busyboxTar(file('own.tar')) });
      expect(readFileSync(mount('releases/own-rc/root/etc/rc'), 'utf8')).toContain('rc started');
      await lab.run('release.destroy', { release: 'own-rc' });
    });

    it('lists what a dry run would do, and does nothing', async () => {
      const path = busyboxTar(file('dry.tar.zst'));
      const before = lab.state();
      const { actions } = await lab.run('release.fetch', { release: 'dry', file: path }, { dry: true });
      expect(lab.state()).toBe(before);
      const lines = actions.map((action: { argv?: string[]; commands?: string[][] }) =>
        (action.argv ?? action.commands?.map((argv) => argv[0]) ?? []).join(' '),
      );
      expect(lines.join('\n')).toMatch(/zfs create .*releases\/dry/);
      expect(lines).toContain('zstd tar');
    });

    it('stops when it is cancelled, and leaves nothing', async () => {
      const path = busyboxTar(file('cancel.tar'));
      const before = lab.state();
      const stop = new AbortController();
      stop.abort();
      const error = await failureOf(
        lab.run('release.fetch', { release: 'x', file: path }, { signal: stop.signal }),
      );
      expect(error.code).toBe('CANCELLED');
      expect(lab.state()).toBe(before);
    });
  });

  describe('FreeBSD distribution sets', () => {
    const release = '14.1-RELEASE';
    const directory = (): string => file(`bsd/ftp/releases/amd64/${release}`);
    const write = (sets: Readonly<Record<string, string>>): string => {
      const text = Object.entries(sets)
        .map(([name, sha256]) => `${name}\t${sha256}\t9\t${name.split('.')[0]}\t"Made up"\ton\n`)
        .join('');
      writeFileSync(join(directory(), 'MANIFEST'), text);
      return createHash('sha256').update(text).digest('hex');
    };
    let base: string;
    let lib32: string;

    beforeAll(() => {
      if (!hostTests) return;
      mkdirSync(directory(), { recursive: true });
      base = sha256Of(
        makeArchive(join(directory(), 'base.txz'), { 'etc/rc': 'base\n', 'bin/sh': 'sh', 'usr/lib/': '' }),
      );
      lib32 = sha256Of(
        makeArchive(join(directory(), 'lib32.txz'), { 'usr/lib32/libc.so': 'lib', 'etc/rc': 'newer\n' }),
      );
    });

    it('verifies each set against the MANIFEST and unpacks them in order', async () => {
      const sha256 = write({ 'lib32.txz': lib32, 'base.txz': base });
      const server = await withServer(serveDirectory(file('bsd')));
      await lab.run('release.fetch', { release, server: server.url, sha256 });
      const root = mount('releases', release, 'root');
      expect(readFileSync(join(root, 'etc/rc'), 'utf8')).toBe('newer\n');
      expect(readFileSync(join(root, 'usr/lib32/libc.so'), 'utf8')).toBe('lib');
      expect(property(`releases/${release}`, 'release_kind')).toBe('freebsd');
      expect(property(`releases/${release}`, 'release_sha256')).toBe(sha256);
      expect(readFileSync(mount('download', release, 'MANIFEST'), 'utf8')).toContain(base);
      // The sets beside each other, so in any order.
      const asked = server.requests.map((line) => line.split('/').at(-1));
      expect(asked[0]).toBe('MANIFEST');
      expect(asked.toSorted()).toEqual(['MANIFEST', 'base.txz', 'lib32.txz']);
      const { releases } = await lab.run('release.list', {});
      expect(releases).toEqual([
        expect.objectContaining({ name: release, kind: 'freebsd', jails: 0, usedBytes: expect.any(Number) }),
      ]);
      expect(releases[0].usedBytes).toBeGreaterThan(0);
      await lab.run('release.destroy', { release, download: true });
    });

    it('takes only the named sets, and refuses one that the MANIFEST does not list', async () => {
      const sha256 = write({ 'base.txz': base, 'lib32.txz': lib32 });
      const server = await withServer(serveDirectory(file('bsd')));
      await refused('doc.txz is not among the sets', {
        release,
        server: server.url,
        sha256,
        sets: ['doc.txz'],
      });
      await lab.run('release.fetch', { release, server: server.url, sha256, sets: ['base.txz'] });
      expect(existsSync(mount('releases', release, 'root/usr/lib32'))).toBe(false);
      await lab.run('release.destroy', { release, download: true });
    });

    it('refuses a MANIFEST other than the pinned one, a wrong set, and an unreachable server', async () => {
      const server = await withServer(serveDirectory(file('bsd')));
      await refused('CHECKSUM_MISMATCH', { release, server: server.url, sha256: '2'.repeat(64) });
      const sha256 = write({ 'base.txz': '3'.repeat(64) });
      await refused('CHECKSUM_MISMATCH', { release, server: server.url, sha256 });
      await refused('404', { release, server: server.url, directory: 'elsewhere', sha256 });
      const gone = await serveDirectory(file('bsd'));
      await gone.close();
      await refused('refuses the connection', { release, server: gone.url, sha256 });
    }, 60_000);

    it('goes on where an interrupted download stopped, and keeps what had arrived', async () => {
      const sha256 = write({ 'base.txz': base, 'lib32.txz': lib32 });
      let healthy = false;
      const bytes = readFileSync(join(directory(), 'lib32.txz'));
      const server = await withServer(
        serve((request, response) => {
          const path = new URL(request.url ?? '/', 'http://localhost').pathname;
          if (path.endsWith('lib32.txz') && !healthy) {
            response.writeHead(200, { 'content-length': bytes.length });
            // Not at once: a reset connection may lose what was on its way.
            response.write(bytes.subarray(0, 100), () => setTimeout(() => response.destroy(), 50));
            return;
          }
          const whole = readFileSync(join(file('bsd'), path));
          const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
          if (from === 0) response.writeHead(200, { 'content-length': whole.length }).end(whole);
          else {
            const headers = { 'content-range': `bytes ${from}-${whole.length - 1}/${whole.length}` };
            response.writeHead(206, headers).end(whole.subarray(from));
          }
        }),
      );
      const error = await failureOf(lab.run('release.fetch', { release, server: server.url, sha256 }));
      expect(error.code).toBe('DOWNLOAD_FAILED');
      expect(existsSync(mount('releases', release))).toBe(false);
      expect(existsSync(mount('download', release, 'base.txz'))).toBe(true);
      healthy = true;
      server.requests.splice(0);
      await lab.run('release.fetch', { release, server: server.url, sha256 });
      expect(server.requests.map((line) => line.replace(/.*\//, ''))).toEqual([
        'MANIFEST',
        'lib32.txz bytes=100-',
      ]);
      expect(readFileSync(mount('releases', release, 'root/usr/lib32/libc.so'), 'utf8')).toBe('lib');
      await lab.run('release.destroy', { release, download: true });
    }, 60_000);

    it('takes sets from a local directory, verified unless told otherwise', async () => {
      write({ 'base.txz': base });
      const localDirectory = file('bsd/ftp/releases/amd64');
      await lab.run('release.fetch', { release, localDirectory });
      expect(property(`releases/${release}`, 'release_source')).toBe(directory());
      await lab.run('release.destroy', { release });
      sh('rm', join(directory(), 'MANIFEST'));
      await refused('there is no MANIFEST', { release, localDirectory });
      await lab.run('release.fetch', { release, localDirectory, verify: false, sets: ['base.txz'] });
      await lab.run('release.destroy', { release });
    });
  });

  describe('a release in use', () => {
    it('is not destroyed while a jail is cloned from it, and names the jail', async () => {
      await lab.run('release.fetch', { release: 'used', file: busyboxTar(file('used.tar')) });
      const { jails } = await lab.run('jail.create', {
        kind: 'clone',
        release: 'used',
        properties: [['tag', 'thin']],
      });
      const before = lab.state();
      const error = await failureOf(lab.run('release.destroy', { release: 'used' }));
      expect(error.code).toBe('RELEASE_IN_USE');
      expect(error.message).toContain('thin');
      expect(lab.state()).toBe(before);
      expect((await lab.run('release.list', {})).releases).toContainEqual(
        expect.objectContaining({ name: 'used', jails: 1 }),
      );
      await lab.run('jail.destroy', { jail: jails[0].uuid });
      await lab.run('release.destroy', { release: 'used' });
      const gone = await failureOf(lab.run('release.destroy', { release: 'used' }));
      expect(gone.code).toBe('RELEASE_NOT_FOUND');
    });

    it('is made anew when it has no files, and left alone when it is somebody else’s', async () => {
      const dataset = `${lab.pool.name}/iocage/releases/half`;
      sh('zfs', 'create', '-o', 'org.freebsd.iocage:release_kind=tar', dataset);
      await lab.run('release.fetch', { release: 'half', file: busyboxTar(file('half-made.tar')) });
      expect(existsSync(mount('releases/half/root/bin/busybox'))).toBe(true);
      await lab.run('release.destroy', { release: 'half' });
      sh('zfs', 'create', dataset);
      await refused('DATASET_EXISTS', { release: 'half', file: file('half-made.tar') });
      await lab.context().storage.destroy(dataset, { recursive: false });
    });
  });

  describe('suites', () => {
    const codename = /^VERSION_CODENAME=(\S+)$/m.exec(
      existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '',
    )?.[1];
    const missing = codename === undefined || !existsSync('/usr/bin/mmdebstrap');
    const scratch = (): string[] => readdirSync('/var/tmp').filter((name) => name.startsWith('iocage-'));
    const why = missing ? ' (skipped: not Debian, or no mmdebstrap)' : '';

    it.skipIf(missing)(
      `installs this machine's own suite from its own mirror${why}`,
      async () => {
        const result = await lab.run('release.fetch', {});
        expect(result).toMatchObject({ release: codename, kind: 'debootstrap', fetched: true });
        const root = mount('releases', codename!, 'root');
        expect(readFileSync(join(root, 'etc/os-release'), 'utf8')).toContain(`VERSION_CODENAME=${codename}`);
        expect(sh('chroot', root, '/bin/sh', '-n', '/etc/rc')).toBe('');
        expect(sh('chroot', root, '/usr/bin/dpkg-query', '-W', '-f', '${Status}', 'apt')).toBe(
          'install ok installed',
        );
        expect(readFileSync(join(root, 'etc/resolv.conf'), 'utf8')).toBe('');
        expect(sh('ls', join(root, 'dev'))).toBe('');
        const phases = lab.events.filter((event) => event.type === 'progress').map((event) => event.text);
        expect(phases).toContain('installing essential packages');
        expect(phases).toContain('downloading packages with apt: libc6');
        // Limits of the fetch are none of the release's.
        expect(existsSync(join(root, 'etc/apt/apt.conf.d/99mmdebstrap'))).toBe(false);
        await lab.run('release.destroy', { release: codename });
      },
      600_000,
    );

    it.skipIf(missing)(
      `leaves nothing when it is cancelled in the middle${why}`,
      async () => {
        const before = lab.state();
        const stop = new AbortController();
        const watch = setInterval(() => {
          const told = lab.events.at(-1);
          if (told?.type === 'progress' && told.text === 'extracting archives') stop.abort();
        }, 50);
        try {
          const fetching = lab.run(
            'release.fetch',
            { release: 'cut', suite: codename },
            { signal: stop.signal },
          );
          expect((await failureOf(fetching)).code).toBe('CANCELLED');
        } finally {
          clearInterval(watch);
        }
        expect(lab.state()).toBe(before);
        expect(scratch()).toEqual([]);
      },
      300_000,
    );

    it.skipIf(missing)(
      `says why a suite cannot be installed${why}`,
      async () => {
        const mirror = (await withServer(serve((_request, response) => void response.writeHead(404).end())))
          .url;
        const error = await refused('BOOTSTRAP_FAILED', { release: 'x', suite: codename, mirror });
        expect(error.message).toMatch(/404|Release/);
        const gone = await serveDirectory(lab.pool.directory);
        await gone.close();
        await refused('BOOTSTRAP_FAILED', { release: 'x', suite: codename, mirror: gone.url });
        await refused('nobody here knows the suite', { release: 'nosuchsuite' });
        expect(scratch()).toEqual([]);
      },
      120_000,
    );
  });
});
