/**
 * Releases of FreeBSD on a real pool, below the FreeBSD driver and the stand-in: fetched as sets from a server on
 * 127.0.0.1, patched, and jails of them patched and brought to another one. What freebsd-update and pkg do
 * here is pretended; that every step can fail, and everything goes back, is real.
 */
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failEveryStep, type StepCase } from '../ops/every-step.ts';
import { openFreebsdLab, type FreebsdLab } from '../support/freebsd-lab.ts';
import { hostTests, reason } from '../support/lab.ts';
import { sh } from '../support/pool.ts';
import { layBusyboxRoot } from '../support/release.ts';
import { serve, serveDirectory, sha256Of, type SmallServer } from '../support/sets-server.ts';

const old = '14.1-RELEASE';
const next = '14.2-RELEASE';
const arch = process.arch === 'arm64' ? 'arm64' : 'amd64';
const account = (name: string, id: number): string =>
  `${name}:*:${id}:${id}::0:0:${name}:/nonexistent:/bin/sh\n`;

describe.skipIf(!hostTests)(`FreeBSD releases on a real pool${reason}`, { timeout: 300_000 }, () => {
  let lab: FreebsdLab;
  let server: SmallServer;
  const www = (): string => join(lab.pool.directory, 'www');
  const top = (...parts: readonly string[]): string => join(lab.pool.directory, 'pool/iocage', ...parts);
  const rootOf = (jail: string): string => top('jails', jail, 'root');
  const text = (path: string): string => readFileSync(path, 'utf8');
  const userland = (root: string): string => /"(.*)"/.exec(text(join(root, 'bin/freebsd-version')))![1]!;
  const run = (operation: string, input: unknown) => lab.run(operation, input);

  function makeSets(release: string, files: Readonly<Record<string, string>>): string {
    const directory = join(www(), `ftp/releases/${arch}/${release}`);
    const root = join(lab.pool.directory, `root-${release}`);
    layBusyboxRoot(root);
    const all = {
      'bin/freebsd-version': `#!/bin/sh\nUSERLAND_VERSION="${release}"\necho "$USERLAND_VERSION"\n`,
      ...files,
    };
    for (const [path, content] of Object.entries(all)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), content, { mode: content.startsWith('#!') ? 0o755 : 0o644 });
    }
    mkdirSync(directory, { recursive: true });
    const base = join(directory, 'base.txz');
    sh('tar', '--owner=0', '--group=0', '-cJf', base, '-C', root, '.');
    const manifest = `base.txz\t${sha256Of(base)}\t1\tbase\t"Base"\ton\n`;
    writeFileSync(join(directory, 'MANIFEST'), manifest);
    return createHash('sha256').update(manifest).digest('hex');
  }
  const fetch = (release: string, sha256: string, more: object = {}) =>
    run('release.fetch', { release, server: server.url, sha256, ...more });

  let pins: { old: string; next: string };
  beforeAll(async () => {
    lab = await openFreebsdLab();
    pins = {
      old: makeSets(old, {
        'etc/master.passwd': account('root', 0) + account('www', 80),
        'etc/pwd.db': 'made for 14.1\n',
        'etc/app.conf': 'a=1\nb=1\nc=1\nd=1\ne=1\n',
        'etc/gone.conf': 'old\n',
        'usr/share/version': 'one\n',
      }),
      next: makeSets(next, {
        'etc/master.passwd': account('root', 0) + account('www', 80) + account('ntpd', 123),
        'etc/pwd.db': 'made for 14.2, which is more\n',
        'etc/app.conf': 'a=1\nb=1\nc=1\nd=1\ne=2\n',
        'usr/share/version': 'two, and longer\n',
        'usr/sbin/pkg': [
          '#!/bin/sh',
          'case "$1" in',
          '-N) test -e /var/db/pkg/local.sqlite ;;',
          'query) cat /var/db/pkg/local.sqlite ;;',
          '*) test "$*" = "info -e curl" ;;',
          'esac\n',
        ].join('\n'),
        'usr/share/new': 'new\n',
      }),
    };
    server = await serveDirectory(www());
    await fetch(old, pins.old);
    await fetch(next, pins.next);
    lab.standIn.change(({ updates }) => {
      updates.latest[old] = `${old}-p7`;
      updates.latest[next] = `${next}-p1`;
    });
  });
  afterAll(async () => {
    expect(lab.standIn.undocumented()).toEqual([]);
    await server.close();
    await lab.close();
  });

  it('fetch of a release that is there patches it, and a second time nothing', async () => {
    const first = await fetch(old, pins.old);
    expect(first).toMatchObject({
      fetched: false,
      message: `Release ${old} was fetched already; it is ${old}-p7 now.`,
    });
    expect(first.updated).toMatchObject({
      manager: 'freebsd-update',
      changes: [{ name: 'FreeBSD', from: old, to: `${old}-p7` }],
    });
    expect(userland(top('releases', old, 'root'))).toBe(`${old}-p7`);
    expect(readdirSync(top('releases', old))).toEqual(['root']);
    expect((await fetch(old, pins.old)).message).toContain('it is up to date');
    expect(await fetch(old, pins.old, { update: false })).not.toHaveProperty('updated');
    const { releases } = await run('release.list', {});
    expect(releases).toContainEqual(expect.objectContaining({ name: old, userland: `${old}-p7` }));
  });

  it('a list of what can be fetched tells what is here, and what is newer than the host', async () => {
    const index = (...names: readonly string[]): string =>
      names.map((name) => `<a href="${name}/">`).join('\n');
    const pages = await serve((request, response) =>
      response.end(
        request.url?.startsWith('/old') ? index('13.1-RELEASE') : index(next, '14.2-RELEASE', '99.0-RELEASE'),
      ),
    );
    const { releases, notes } = await run('release.remote', {
      server: pages.url,
      archive: `${pages.url}/old`,
      dates: '',
    });
    await pages.close();
    expect(notes).toEqual([]);
    expect(releases.map((each: any) => [each.name, each.support, each.fetched, each.newerThanHost])).toEqual([
      ['13.1-RELEASE', 'end of life', false, false],
      [next, expect.anything(), true, false],
      ['99.0-RELEASE', 'unknown', false, true],
    ]);
  });

  it('a jail is patched while it is down, runs again, and a list tells its patch level', async () => {
    await run('jail.create', {
      kind: 'clone',
      release: next,
      name: 'web',
      properties: [['ip4', 'inherit']],
    });
    await run('jail.start', { jail: 'web' });
    mkdirSync(join(rootOf('web'), 'var/db/pkg'), { recursive: true });
    writeFileSync(join(rootOf('web'), 'var/db/pkg/local.sqlite'), 'curl\t1.0\nvim\t9.1\nodd line\n');
    lab.standIn.change(({ updates }) => void updates.modified.push('/etc/app.conf'));
    const result = await run('jail.update', { name: 'web', packages: true });
    lab.standIn.change(({ updates }) => void updates.modified.splice(0));
    expect(result).toMatchObject({
      of: 'jail',
      manager: 'freebsd-update',
      changes: [{ to: `${next}-p1` }, { name: 'curl', from: '1.0', to: '1.1' }],
    });
    expect(readdirSync(join(rootOf('web'), 'var/db'))).toEqual(['iocage-packages', 'pkg']);
    expect(userland(rootOf('web'))).toBe(`${next}-p1`);
    const { jails } = await run('jail.list', {});
    expect(jails).toContainEqual(
      expect.objectContaining({ name: 'web', state: 'up', release: next, userland: `${next}-p1` }),
    );
    const calls = lab.standIn.calls().map(({ tool, words }) => [tool, ...words].join(' '));
    expect(calls.some((line) => line.includes('pkg update'))).toBe(true);
    expect(calls.some((line) => line.includes('pkg upgrade -y'))).toBe(true);
    await run('jail.stop', { jail: 'web' });
  });

  it('pkg runs in the jail, and a list of packages is installed before anybody can use the jail', async () => {
    const list = join(lab.pool.directory, 'list');
    writeFileSync(list, 'curl\nvim # an editor\n');
    await run('jail.create', {
      kind: 'clone',
      release: next,
      name: 'packed',
      properties: [['pkglist', list]],
    });
    const calls = () => lab.standIn.calls().map(({ tool, words }) => [tool, ...words].join(' '));
    expect(calls()).toContain('pkg install -y curl vim');
    expect(await run('jail.pkg', { jail: 'packed', argv: ['info', '-e', 'curl'] })).toBe(0);
    expect(await run('jail.pkg', { jail: 'packed', argv: ['info', '-e', 'nginx'] })).toBe(1);
    const before = lab.state();
    writeFileSync(list, 'no-such-package\n');
    const failing = run('jail.create', {
      kind: 'clone',
      release: next,
      name: 'none',
      properties: [['pkglist', list]],
    });
    await expect(failing).rejects.toMatchObject({ code: 'PROGRAM_FAILED' });
    expect(lab.state()).toBe(before);
    await run('jail.destroy', { jail: 'packed' });
  });

  it('HardenedBSD: release and jail get the newest build of their branch', async () => {
    const folder = join(lab.pool.directory, 'hardened');
    const branch = 'hardened/15-stable/main';
    layBusyboxRoot(folder);
    for (const path of ['usr/sbin', 'var/db', 'lib']) mkdirSync(join(folder, path), { recursive: true });
    writeFileSync(join(folder, 'usr/sbin/hbsd-update'), '#!/bin/sh\n', { mode: 0o755 });
    writeFileSync(join(folder, 'lib/libc.so.7'), 'as fetched\n');
    const address = 'https://updates.hardenedbsd.org/pub/HardenedBSD/updates/${branch}/$(uname -m)';
    writeFileSync(
      join(folder, 'etc/hbsd-update.conf'),
      `dnsrec="$(uname -m).main.15-stable.hardened.hardenedbsd.updates.hardenedbsd.org"\nbranch="${branch}"\nbaseurl="${address}"\n`,
    );
    await run('release.fetch', { release: 'hardened', folder });
    await run('jail.create', { kind: 'thick', release: 'hardened', name: 'hard' });
    lab.standIn.change(({ updates }) => (updates.latest[branch] = 'hbsd-v1500021-abc'));
    for (const [name, root] of [
      ['hardened', top('releases/hardened/root')],
      ['hard', rootOf('hard')],
    ] as const) {
      expect(await run('jail.update', { name })).toMatchObject({
        manager: 'hbsd-update',
        changes: [{ name: 'HardenedBSD', from: 'as fetched', to: 'hbsd-v1500021-abc' }],
      });
      expect(text(join(root, 'lib/libc.so.7'))).toBe('hbsd-v1500021-abc\n');
      expect(await run('jail.update', { name })).toMatchObject({ changes: [] });
    }
    lab.standIn.change(({ updates }) => void delete updates.latest[branch]);
    await expect(run('jail.update', { name: 'hard' })).rejects.toMatchObject({ code: 'BASE_UPDATE_FAILED' });
    expect(text(join(rootOf('hard'), 'lib/libc.so.7'))).toBe('hbsd-v1500021-abc\n');
    await run('jail.destroy', { jail: 'hard' });
    await run('release.destroy', { release: 'hardened' });
  });

  it('a jail that leads elsewhere is refused, and is as it was', async () => {
    await run('jail.create', { kind: 'thick', release: old, name: 'sly' });
    lab.standIn.change(({ updates }) => (updates.latest[old] = `${old}-p8`));
    const elsewhere = join(lab.pool.directory, 'elsewhere');
    mkdirSync(elsewhere, { recursive: true });
    renameSync(join(rootOf('sly'), 'usr/share'), join(rootOf('sly'), 'usr/own'));
    symlinkSync(elsewhere, join(rootOf('sly'), 'usr/share'));
    const before = lab.state();
    await expect(run('jail.update', { name: 'sly' })).rejects.toMatchObject({ code: 'UNSAFE_PATH' });
    expect(lab.state()).toBe(before);
    expect(readdirSync(elsewhere)).toEqual([]);
    rmSync(join(rootOf('sly'), 'usr/share'));
    renameSync(join(rootOf('sly'), 'usr/own'), join(rootOf('sly'), 'usr/share'));
    await run('jail.destroy', { jail: 'sly' });
  });

  it.each(['thick', 'clone', 'base'])(
    'upgrade brings a %s jail to another release, merged, with its accounts',
    async (kind) => {
      const jail = `up-${kind}`;
      await run('jail.create', { kind, release: old, name: jail });
      const etc = join(rootOf(jail), 'etc');
      writeFileSync(join(etc, 'master.passwd'), text(join(etc, 'master.passwd')) + account('me', 1001));
      writeFileSync(join(etc, 'pwd.db'), 'made by adduser\n');
      writeFileSync(join(etc, 'app.conf'), text(join(etc, 'app.conf')).replace('a=1', 'a=mine'));
      // As freebsd-update would have patched it: no change of the jail's own.
      if (kind !== 'base') writeFileSync(join(rootOf(jail), 'usr/share/version'), 'one, patched\n');
      const result = await run('jail.upgrade', { jail, release: next });
      expect(result).toMatchObject({ from: old, to: next, conflicts: [] });
      expect(text(join(etc, 'app.conf'))).toBe('a=mine\nb=1\nc=1\nd=1\ne=2\n');
      expect(text(join(etc, 'master.passwd'))).toBe(
        account('root', 0) + account('www', 80) + account('me', 1001) + account('ntpd', 123),
      );
      for (const name of ['pwd.db', 'spwd.db'])
        expect(text(join(etc, name))).toBe('stand-in: root www me ntpd\n');
      expect(text(join(etc, 'rc.conf'))).toContain('netif_enable="NO"');
      expect(existsSync(join(etc, 'gone.conf'))).toBe(false);
      if (kind !== 'base') expect(text(join(rootOf(jail), 'usr/share/version'))).toBe('two, and longer\n');
      await run('jail.start', { jail });
      await run('jail.stop', { jail });
      await run('jail.upgrade-back', { jail });
      expect(text(join(etc, 'pwd.db'))).toBe('made by adduser\n');
      await run('jail.destroy', { jail });
    },
  );

  describe('the base system as packages', () => {
    const release = '15.0-RELEASE';
    const keys = (): string => join(lab.pool.directory, 'keys');
    const input = () => ({ release, pkgbase: true, keys: keys() });
    beforeAll(() => {
      if (!hostTests) return;
      mkdirSync(join(keys(), 'pkgbase-15/trusted'), { recursive: true });
      lab.standIn.change(({ repository }) => void repository.push('FreeBSD-set-base-jail'));
    });

    it('is installed by pkg, verified by keys of the host, and updated by pkg', async () => {
      expect(await run('release.fetch', input())).toMatchObject({ kind: 'pkgbase', fetched: true });
      const root = top('releases', release, 'root');
      expect(userland(root)).toBe(release);
      expect(text(join(root, 'etc/rc.conf'))).toContain('netif_enable="NO"');
      expect(text(join(root, 'usr/local/etc/pkg/repos/FreeBSD-base.conf'))).toBe(
        'FreeBSD-base: { enabled: yes }\n',
      );
      expect(readdirSync(top('releases', release))).toEqual(['root']);
      lab.standIn.change(({ updates }) => (updates.latest[release] = `${release}-p2`));
      expect(await run('release.fetch', input())).toMatchObject({
        fetched: false,
        updated: {
          manager: 'pkg',
          changes: [{ name: 'FreeBSD-set-base-jail', from: release, to: `${release}-p2` }],
        },
      });
      expect(userland(root)).toBe(`${release}-p2`);
      const calls = lab.standIn
        .calls()
        .filter(({ tool }) => tool === 'pkg')
        .map(({ words }) => words.join(' '));
      expect(calls).toContainEqual(
        expect.stringMatching(
          /^-r \S+ -R \S+ -o ABI=FreeBSD:15:\w+ -o OSVERSION=1500000 -o IGNORE_OSVERSION=yes install -y -r FreeBSD-base FreeBSD-set-base-jail$/,
        ),
      );
      expect(calls).toContainEqual(expect.stringMatching(/ upgrade -y -r FreeBSD-base$/));
    });

    it('is refused where there is none, and a failing pkg leaves nothing', async () => {
      await run('release.destroy', { release });
      const before = lab.state();
      await expect(run('release.fetch', { ...input(), release: '14.3-RELEASE' })).rejects.toMatchObject({
        code: 'UNSUPPORTED',
      });
      await expect(
        run('release.fetch', { ...input(), keys: join(lab.pool.directory, 'srv') }),
      ).rejects.toMatchObject({
        code: 'BASE_UPDATE_FAILED',
      });
      expect(lab.state()).toBe(before);
    });

    it('every step fails once', async () => {
      const scenario = {
        operation: 'release.fetch',
        input,
        reset: () => run('release.destroy', { release }),
      };
      expect(
        await failEveryStep({ context: () => lab.context(), state: () => lab.state() }, scenario),
      ).toBeGreaterThan(2);
    });
  });

  it('a dry run prints every command: read against the manual pages', async () => {
    lab.standIn.change(({ updates }) => (updates.latest[next] = `${next}-p9`));
    const before = lab.state();
    await run('jail.create', { kind: 'thick', release: old, name: 'full' });
    const runs = {
      'fetch of a release': [
        'release.fetch',
        {
          release: '14.3-RELEASE',
          server: server.url,
          sha256: pins.old,
          directory: `ftp/releases/${arch}/${old}`,
        },
      ],
      'fetch --pkgbase': ['release.fetch', { release: '15.0-RELEASE', pkgbase: true }],
      'fetch of a release that is there': [
        'release.fetch',
        { release: next, server: server.url, sha256: pins.next },
      ],
      'update -P of a jail': ['jail.update', { name: 'web', packages: true }],
      'upgrade of a full copy': ['jail.upgrade', { jail: 'full', release: next }],
      'upgrade of a clone': ['jail.rebase', { jail: 'web' }],
    } as const;
    const told: string[] = [];
    for (const [title, [operation, input]] of Object.entries(runs)) {
      const lines = await lab.dryRun(operation, input);
      told.push(`== ${title}`, ...lines, '');
    }
    const text_ = told
      .join('\n')
      .replaceAll('\0', ' ')
      .replaceAll(lab.pool.directory, '/DIR')
      .replaceAll(lab.pool.name, 'POOL')
      .replaceAll(/20\d\d-\d\d-\d\d_\d\d:\d\d:\d\d\.\d{3}/g, 'TIME')
      .replaceAll(/20\d\d-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
      .replaceAll(/20\d{6}T\d{9}-[0-9a-f]{8}/g, 'OP')
      .replaceAll(/127\.0\.0\.1:\d+/g, 'SERVER')
      .replaceAll(/[0-9a-f]{64}/g, 'SHA256')
      .replaceAll(/web-\d{13}/g, 'web-TIME')
      .replaceAll(/(ruleset[=": ]+|rule -s )\d+/g, '$1NUMBER')
      .replaceAll(/\b(arm64|amd64)\b/g, 'ARCH');
    await expect(text_).toMatchFileSnapshot('goldens/freebsd-releases.txt');
    await run('jail.destroy', { jail: 'full' });
    expect(lab.state()).toBe(before);
  });

  const version = (root: string): string => join(root, 'bin/freebsd-version');
  const places = (): Readonly<Record<string, string>> => ({
    [`${lab.pool.name}/iocage/releases/${old}`]: top('releases', old, 'root'),
    [`${lab.pool.name}/iocage/jails/web`]: rootOf('web'),
  });
  const world = {
    context: () => lab.context(),
    // With the files that an update changes: those have to go back too.
    state: () =>
      [
        lab.state().replaceAll(/op\\t[^"]*/g, 'op'),
        ...Object.values(places()).map((root) =>
          existsSync(version(root)) ? text(version(root)) : 'no files',
        ),
      ].join('\n'),
  };
  /** Takes an update back: its snapshots, and the patch level. */
  const unpatched = async (): Promise<void> => {
    const { storage } = lab.context();
    for (const [dataset, root] of Object.entries(places())) {
      for (const { name, snapshot } of await storage.snapshots(dataset, 0, []))
        if (snapshot.startsWith('ioc-update')) await storage.destroySnapshot(name, { recursive: true });
      if (existsSync(version(root))) writeFileSync(version(root), text(version(root)).replace(/-p\d+"/, '"'));
    }
  };
  const patching = (change: () => Promise<unknown>) => async () => {
    lab.standIn.change(({ updates }) => {
      updates.latest[old] = `${old}-p9`;
      updates.latest[next] = `${next}-p9`;
    });
    await change().catch(() => undefined);
  };
  const cases: readonly StepCase[] = [
    {
      operation: 'release.fetch',
      variant: 'that patches',
      input: () => ({ release: old, server: server.url, sha256: pins.old }),
      prepare: patching(() => Promise.resolve()),
      reset: unpatched,
    },
    {
      operation: 'jail.update',
      variant: 'of a FreeBSD jail that runs, with a health check',
      input: () => ({ name: 'web', health: 'true' }),
      prepare: patching(() => run('jail.start', { jail: 'web' })),
      reset: unpatched,
    },
    {
      operation: 'jail.update',
      variant: 'of a FreeBSD jail that is down, and its packages',
      input: () => ({ name: 'web', packages: true }),
      prepare: patching(() => run('jail.stop', { jail: 'web' })),
      reset: unpatched,
    },
    {
      operation: 'release.fetch',
      variant: 'of sets that are here already',
      input: () => ({ release: old, server: server.url, sha256: pins.old }),
      prepare: () => run('release.destroy', { release: old }).catch(() => undefined),
      reset: () => run('release.destroy', { release: old }),
    },
  ];
  for (const scenario of cases) {
    it(`every step fails once: ${scenario.operation} ${scenario.variant ?? ''}`, async () => {
      await unpatched();
      expect(await failEveryStep(world, scenario)).toBeGreaterThan(1);
    });
  }
});
