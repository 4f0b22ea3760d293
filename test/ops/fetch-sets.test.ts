/** FreeBSD's and HardenedBSD's sets on the fakes: where they are found, what is trusted, what is written into them. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openFakeWorld, type FakeWorld } from '../support/fake-world.ts';
import { makeArchive, sendBytes, serve, sha256Of, type SmallServer } from '../support/sets-server.ts';

const old = '13.1-RELEASE';
const arch = { x86_64: 'amd64', aarch64: 'arm64' }[
  execFileSync('uname', ['-m'], { encoding: 'utf8' }).trim()
]!;
const full = `${arch}/${arch === 'arm64' ? 'aarch64' : arch}`;

describe('distribution sets', () => {
  let world: FakeWorld;
  let server: SmallServer;
  let www: string;
  let most = 0;
  const digests: Record<string, string> = {};

  beforeAll(async () => {
    world = await openFakeWorld();
    www = mkdtempSync(join(tmpdir(), 'iocage-www-'));
    const archived = join(www, `archive/${arch}/${old}`);
    const hardened = join(www, `pub/15-stable/${full}/installer/LATEST`);
    for (const folder of [archived, hardened]) mkdirSync(folder, { recursive: true });
    const version = `USERLAND_VERSION="${old}-p2"\n`;
    const sets = {
      base: { 'bin/freebsd-version': version, 'etc/rc.conf': '# base\nsyslogd_flags="-s"\n' },
      lib32: { 'usr/lib32/libc.so': 'lib' },
      src: { 'usr/src/sys/dev/acpica/x.c': 'x', 'dev/null': 'no' },
    };
    for (const [name, files] of Object.entries(sets))
      digests[name] = sha256Of(makeArchive(join(archived, `${name}.txz`), files));
    const manifest = Object.entries(digests).map(
      ([name, sha256]) => `${name}.txz\t${sha256}\t1\t${name}\t""\ton\n`,
    );
    writeFileSync(join(archived, 'MANIFEST'), manifest.join(''));
    const base = makeArchive(join(hardened, 'base.txz'), { 'etc/': '', 'bin/sh': 'sh' });
    writeFileSync(
      join(hardened, 'CHECKSUMS.SHA256'),
      `SHA256 (base.txz) = ${sha256Of(base)}\nSHA256 (disc1.iso) = x\n`,
    );
    let now = 0;
    server = await serve((request, response) => {
      const path = join(www, new URL(request.url!, 'http://x').pathname);
      if (!existsSync(path)) return void response.writeHead(404).end();
      most = Math.max(most, (now += 1));
      setTimeout(() => {
        now -= 1;
        sendBytes(request, response, readFileSync(path));
      }, 60);
    });
  });
  afterAll(async () => {
    await server.close();
    world.close();
    rmSync(www, { recursive: true });
  });

  const manifestDigest = () => sha256Of(join(www, `archive/${arch}/${old}/MANIFEST`));
  const fetch = (more: object = {}) =>
    world.run('release.fetch', {
      release: old,
      server: server.url,
      archive: `${server.url}/archive`,
      sha256: manifestDigest(),
      ...more,
    });
  const rootOf = (release: string) => join(world.directory, `tank/iocage/releases/${release}/root`);

  it('come from the archive when they have left the server, beside each other, and support is told', async () => {
    server.requests.splice(0);
    most = 0;
    await fetch();
    const asked = server.requests.map((line) => line.replace(/^GET |[^/]*\/\/[^/]*/g, ''));
    expect(asked.slice(0, 2)).toEqual([
      `/ftp/releases/${arch}/${old}/MANIFEST`,
      `/archive/${arch}/${old}/MANIFEST`,
    ]);
    expect(asked.length).toBe(2 + (arch === 'amd64' ? 3 : 2));
    expect(most).toBeGreaterThan(1);
    expect(world.events).toContainEqual(
      expect.objectContaining({
        type: 'note',
        text: expect.stringContaining('without support since 2023-07-31'),
      }),
    );
    const { releases } = await world.run('release.list', {});
    expect(releases).toContainEqual(expect.objectContaining({ name: old, userland: `${old}-p2` }));
    const progress = world.events.filter((event) => event.type === 'progress');
    expect(progress.some(({ text, done }) => text.startsWith('downloading ') && (done ?? 0) > 0)).toBe(true);
  });

  it('get what jails need written in, and keep what else is there', () => {
    const rc = readFileSync(join(rootOf(old), 'etc/rc.conf'), 'utf8');
    expect(rc.startsWith('# base\nsyslogd_flags="-ss"\nnetif_enable="NO"\n')).toBe(true);
    expect(readFileSync(join(rootOf(old), 'etc/sysctl.conf'), 'utf8')).toBe('net.inet.ip.fw.enable=0\n');
    expect(existsSync(join(rootOf(old), 'usr/src/sys/dev/acpica/x.c'))).toBe(true);
    expect(existsSync(join(rootOf(old), 'dev/null'))).toBe(false);
  });

  it('by plain http need a digest or a MANIFEST that this host trusts, and agree with that one', async () => {
    await world.run('release.destroy', { release: old, download: true });
    const manifests = join(www, 'trusted');
    mkdirSync(manifests);
    const before = world.state();
    const input = { server: undefined, sha256: undefined, directory: undefined };
    // The server itself is not asked: nothing of this test leaves the machine.
    const unpinned = fetch({ ...input, server: 'https://127.0.0.1:1', manifests });
    await expect(unpinned).rejects.toThrow(/archive.*http is not protected/);
    const wrong = `base.txz\t${'0'.repeat(64)}\t1\tbase\t""\ton\n`;
    const trusted = join(manifests, `${full.replace('/', '-')}-${old}`);
    writeFileSync(trusted, wrong);
    await expect(fetch({ manifests })).rejects.toMatchObject({ code: 'CHECKSUM_MISMATCH' });
    expect(world.state()).toBe(before);
    writeFileSync(trusted, readFileSync(join(www, `archive/${arch}/${old}/MANIFEST`)));
    await fetch({ ...input, server: 'https://127.0.0.1:1', manifests });
    expect(existsSync(join(rootOf(old), 'bin/freebsd-version'))).toBe(true);
  }, 60_000);

  it('of HardenedBSD are those of the newest build, with its CHECKSUMS.SHA256', async () => {
    const list = join(www, `pub/15-stable/${full}/installer/LATEST/CHECKSUMS.SHA256`);
    const result = await world.run('release.fetch', {
      release: '15-STABLE',
      server: server.url,
      sha256: sha256Of(list),
    });
    expect(result).toMatchObject({ kind: 'freebsd', fetched: true });
    expect(readFileSync(join(rootOf('15-STABLE'), 'etc/rc.conf'), 'utf8')).toContain('cron_flags');
  });
});
