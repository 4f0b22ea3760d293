/**
 * Packages and provisioning of FreeBSD jails on a real pool, below the FreeBSD driver and the stand-in: the mirror of
 * a release, a jail without a network that installs from it, a description, a script, a plugin and puppet. pkg is
 * pretended, and refuses what it has no network, no repository or no catalogue for; git, ZFS, shells and files are real.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failEveryStep, type StepCase } from '../ops/every-step.ts';
import { openFreebsdLab, type FreebsdLab } from '../support/freebsd-lab.ts';
import { makeRepository, type Repository } from '../support/git.ts';
import { hostTests, reason } from '../support/lab.ts';
import { layBusyboxRoot } from '../support/release.ts';

const release = '14.2-RELEASE';
/** pkg(7) and pkg(8), as a line of sh(1) finds them: what is installed is the text that the stand-in keeps. */
const pkgProgram = `#!/bin/sh
case "$1" in
-N) test -e /var/db/pkg/local.sqlite ;;
query) cat /var/db/pkg/local.sqlite ;;
*) echo "pkg $* is not for this script" >&2; exit 1 ;;
esac
`;
/** puppet-apply(8): 2 says that something was changed. */
const puppetProgram = '#!/bin/sh\nfor word; do :; done\ncat "$word" >/root/applied\nexit 2\n';

describe.skipIf(!hostTests)(`packages of FreeBSD jails${reason}`, { timeout: 300_000 }, () => {
  let lab: FreebsdLab;
  let setup: Repository;
  let plugin: Repository;
  const run = (operation: string, input: unknown) => lab.run(operation, input);
  const at = (...parts: readonly string[]): string => join(lab.pool.directory, ...parts);
  const top = (...parts: readonly string[]): string => at('pool/iocage', ...parts);
  const inside = (jail: string, path: string): string =>
    readFileSync(top('jails', jail, 'root', path), 'utf8');
  const put = (path: string, text: string, mode = 0o644): string => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text, { mode });
    return path;
  };
  const lines = (since: number): readonly string[] =>
    lab.standIn
      .calls()
      .slice(since)
      .map(({ tool, words }) => [tool, ...words].join(' '));
  const pkgCalls = (since: number): readonly string[] => lines(since).filter((line) => /^pkg /.test(line));
  const calls = (): number => lab.standIn.calls().length;
  const create = (name: string, ...properties: readonly (readonly [string, string])[]) =>
    run('jail.create', { kind: 'clone', release, name, properties });
  const destroy = (jail: string) => run('jail.destroy', { jail, force: true });
  const mirror = top.bind(undefined, 'releases', release, 'pkg');
  /** Fails, and everything is as before. */
  const refused = async (operation: string, input: unknown, error: object): Promise<void> => {
    const before = lab.state();
    await expect(run(operation, input)).rejects.toMatchObject(error);
    expect(lab.state()).toBe(before);
  };

  beforeAll(async () => {
    lab = await openFreebsdLab();
    const folder = at('folder');
    layBusyboxRoot(folder);
    mkdirSync(join(folder, 'var/db'), { recursive: true });
    put(join(folder, 'bin/freebsd-version'), `#!/bin/sh\nUSERLAND_VERSION="${release}"\n`, 0o755);
    put(join(folder, 'usr/sbin/pkg'), pkgProgram, 0o755);
    await run('release.fetch', { release, folder });
    lab.standIn.change(({ repository }) => void repository.push('puppet8', 'git-lite', 'rubygem-r10k'));
    setup = makeRepository(at('setup'));
    setup.commit({
      'provision.sh':
        '#!/bin/sh\nset -e\ncat data >/root/made\necho "$IOCAGE_NAME" >>/root/made\ntouch x 2>>/root/made || true\n',
      data: 'one\n',
      'bad.sh': '#!/bin/sh\necho bad >/root/made\nexit 3\n',
    });
    plugin = makeRepository(at('plugin'));
    plugin.commit({
      'post_install.sh': '#!/bin/sh\ncat /etc/plugin.conf /.ix-plugin/version >/root/installed\n',
      'overlay/etc/plugin.conf': 'overlay\n',
      version: 'one\n',
    });
  });
  afterAll(async () => {
    await lab?.close();
  });

  describe('a mirror', () => {
    it('is a repository that the release’s own pkg fills in a throw-away jail; the release stays as it is', async () => {
      await refused('release.mirror', { release, names: ['nosuch'] }, { code: 'PROGRAM_FAILED' });
      const root = readdirSync(top('releases', release, 'root'));
      const since = calls();
      expect(await run('release.mirror', { release, names: ['nginx'] })).toMatchObject({
        manager: 'pkg',
        packages: ['nginx'],
        archives: ['nginx-1.0~0a1b2c.pkg', 'pcre2-1.0~0a1b2c.pkg', 'pkg-1.0~0a1b2c.pkg'],
      });
      expect(pkgCalls(since)).toEqual([
        'pkg update -f',
        'pkg fetch -y -d -o /.ioc-pkg/repo pkg nginx',
        'pkg repo /.ioc-pkg/repo',
        'pkg install -y -F nginx',
      ]);
      // All of them in a jail: the host runs no pkg, and none that a jail's files could name.
      expect(
        lab.standIn
          .calls()
          .slice(since)
          .filter(({ tool, jid }) => tool === 'pkg' && jid === 0),
      ).toEqual([]);
      expect(readdirSync(top('releases', release, 'root'))).toEqual(root);
      expect(readdirSync(mirror()).sort()).toEqual(['conf', 'repo']);
      expect(readdirSync(mirror('repo')).sort()).toEqual(['All', 'Latest', 'data.pkg', 'meta.conf']);
      expect(readFileSync(mirror('repo/Latest/pkg.pkg'), 'utf8')).toBe('pkg\n');
      expect(readFileSync(mirror('conf/ioc-mirror.conf'), 'utf8')).toContain('url: "file:///.ioc-pkg/repo"');
      expect(await run('release.mirror', { release, names: ['curl'] })).toMatchObject({
        archives: expect.arrayContaining(['curl-1.0~0a1b2c.pkg', 'nginx-1.0~0a1b2c.pkg']),
      });
    });

    it('serves jails without a network, one that has only pkg(7) too; they are up or down as before', async () => {
      await create('island');
      await refused(
        'jail.install',
        { jail: 'island', names: ['nginx'], mirror: false },
        { code: 'PROGRAM_FAILED' },
      );
      const since = calls();
      // `ioc pkg island nginx`: from the mirror, since the jail has no network.
      const first = await run('jail.install', { jail: 'island', names: ['nginx'] });
      expect(first.changes).toEqual([
        { name: 'nginx', from: null, to: '1.0' },
        { name: 'pkg', from: null, to: '1.0' },
      ]);
      expect(pkgCalls(since)).toContain('pkg install -y nginx');
      expect(pkgCalls(since)).not.toContain('pkg update');
      await run('jail.start', { jail: 'island' });
      expect(await run('jail.install', { jail: 'island', names: ['curl'], mirror: true })).toMatchObject({
        changes: [{ name: 'curl', from: null, to: '1.0' }],
      });
      expect((await run('jail.list', {})).jails).toContainEqual(
        expect.objectContaining({ name: 'island', state: 'up' }),
      );
      expect(existsSync(top('jails/island/root/.ioc-pkg/repo'))).toBe(false);
      expect(lab.standIn.machine().mounts.filter(({ on }) => on.includes('.ioc-pkg'))).toEqual([]);
      await refused(
        'jail.install',
        { jail: 'island', names: ['curl', 'vim'], mirror: true },
        { code: 'PROGRAM_FAILED' },
      );
      // What is there is known without asking again.
      expect(await run('jail.install', { jail: 'island', names: ['curl'] })).toMatchObject({
        snapshot: null,
      });
      await destroy('island');
    });
  });

  it('a description: installed at create and later, no difference then, and asked again after changes by other hands', async () => {
    const file = at('jails.yaml');
    const wanted = (packages: string): string =>
      put(
        file,
        `jails: {web: {release: ${release}, type: clone, properties: {ip4: inherit}, packages: ${packages}, state: down}}`,
      );
    const plan = async () => (await run('host.plan', { file: wanted('[www/nginx, curl]') })).jails[0];
    wanted('[nginx]');
    await run('host.apply', { file });
    expect(inside('web', 'var/db/iocage-packages')).toContain('nginx\t1.0\n');
    expect((await run('host.plan', { file })).jails).toMatchObject([{ action: 'none' }]);
    expect(await plan()).toMatchObject({ changes: [{ what: 'packages', add: ['curl'] }] });
    await run('host.apply', { file });
    expect(await plan()).toMatchObject({ action: 'none' });
    // Somebody's pkg wrote the data base.
    const later = Date.now() / 1000 + 5;
    utimesSync(top('jails/web/root/var/db/pkg/local.sqlite'), later, later);
    expect(await plan()).toMatchObject({ changes: [{ what: 'packages', add: ['www/nginx', 'curl'] }] });
    await destroy('web');
  });

  describe('provisioning', () => {
    const provision = (jail: string, given: Readonly<Record<string, string>>) =>
      run('jail.provision', {
        jail,
        overrides: Object.entries(given).map(([key, value]) => [`provision.${key}`, value]),
      });

    it('by a script of a repository, which the jail sees read-only and for that time', async () => {
      await create('made');
      expect(await provision('made', { method: 'script', source: setup.path, rev: 'main' })).toMatchObject({
        commit: setup.git('rev-parse', 'main'),
      });
      expect(inside('made', 'root/made')).toMatch(/^one\nmade\ntouch: x: Read-only file system\n$/);
      expect(existsSync(top('jails/made/root/.provision'))).toBe(false);
      expect(existsSync(top('jails/made/.provision'))).toBe(false);
      await run('jail.start', { jail: 'made' });
      await refused(
        'jail.provision',
        {
          jail: 'made',
          overrides: [
            ['provision.method', 'script'],
            ['provision.source', `${setup.path}#bad.sh`],
          ],
        },
        { message: expect.stringContaining('bad.sh failed in made') },
      );
      expect(inside('made', 'root/made')).toMatch(/^one\n/);
      const single = put(at('single.sh'), 'echo single >/root/single\n', 0o600);
      await provision('made', { method: 'script', source: single });
      expect(inside('made', 'root/single')).toBe('single\n');
      await destroy('made');
    });

    it('by a plugin: packages by pkg, overlay and post_install.sh; its repository stays to be seen', async () => {
      put(
        top('plugins/sample.json'),
        JSON.stringify({ name: 'sample', artifact: plugin.path, pkgs: ['curl'] }),
        0o600,
      );
      const since = calls();
      await run('plugin.fetch', {
        plugin: 'sample',
        name: 'plug',
        release,
        properties: [['ip4', 'inherit']],
      });
      expect(pkgCalls(since)).toContain('pkg install -y curl');
      expect(inside('plug', 'root/installed')).toBe('overlay\none\n');
      expect(readFileSync(top('jails/plug/fstab'), 'utf8')).toContain('/.ix-plugin');
      const again = calls();
      await provision('plug', { method: 'ix', source: 'sample' });
      expect(pkgCalls(again)).not.toContainEqual(expect.stringContaining('install'));
      const before = lab.state();
      put(
        top('plugins/sample.json'),
        JSON.stringify({ name: 'sample', artifact: plugin.path, pkgs: ['nosuch'] }),
        0o600,
      );
      await expect(
        run('plugin.fetch', { plugin: 'sample', name: 'none', release, properties: [['ip4', 'inherit']] }),
      ).rejects.toMatchObject({ code: 'PROGRAM_FAILED' });
      expect(lab.state()).toBe(before);
      await destroy('plug');
    });

    it('by puppet, which pkg installs: manifests of a directory', async () => {
      await create('doll', ['ip4', 'inherit']);
      const manifests = at('manifests-of');
      put(join(manifests, 'manifests/site.pp'), 'file { "/root/x": }\n', 0o600);
      const since = calls();
      // The package brings no program here: what it would bring is put down when pkg has installed it.
      await expect(provision('doll', { method: 'puppet', source: manifests })).rejects.toMatchObject({
        message: expect.stringContaining('puppet'),
      });
      expect(pkgCalls(since)).toContain('pkg install -y puppet8');
      put(top('jails/doll/root/usr/local/bin/puppet'), puppetProgram, 0o755);
      await provision('doll', { method: 'puppet', source: manifests });
      expect(inside('doll', 'root/applied')).toBe('file { "/root/x": }\n');
      await destroy('doll');
    });
  });

  it('a dry run prints every command: read against the manual pages', async () => {
    await create('island');
    const told: string[] = [];
    for (const [title, operation, input] of [
      ['mirror RELEASE nginx', 'release.mirror', { release, names: ['nginx'] }],
      ['pkg --mirror JAIL install nginx', 'jail.install', { jail: 'island', names: ['nginx'], mirror: true }],
    ] as const)
      told.push(`== ${title}`, ...(await lab.dryRun(operation, input)), '');
    const text = told
      .join('\n')
      .replaceAll(lab.pool.directory, '/DIR')
      .replaceAll(lab.pool.name, 'POOL')
      .replaceAll(/20\d\d-\d\d-\d\d_\d\d:\d\d:\d\d\.\d{3}/g, 'TIME')
      .replaceAll(/20\d\d-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
      .replaceAll(/20\d{6}T\d{9}-[0-9a-f]{8}/g, 'OP')
      .replaceAll(/(ruleset[=": ]+|rule -s )\d+/g, '$1NUMBER');
    await expect(text).toMatchFileSnapshot('goldens/freebsd-packages.txt');
    await destroy('island');
  });

  describe('every step fails once:', () => {
    const world = { context: () => lab.context(), state: () => lab.state().replaceAll(/op\\t[^"]*/g, 'op') };
    const tolerant = (promise: Promise<unknown>) => promise.catch(() => undefined);
    const nginx = { release, names: ['nginx'] };
    const noMirror = async (): Promise<void> => {
      const dataset = `${lab.pool.name}/iocage/releases/${release}/pkg`;
      const { storage } = lab.context();
      if (await storage.local(dataset)) await storage.destroy(dataset, { recursive: true });
    };
    const victim = async (): Promise<void> => void (await tolerant(destroy('victim')));
    const cases: readonly StepCase[] = [
      {
        operation: 'release.mirror',
        variant: 'for the first time',
        input: () => nginx,
        prepare: noMirror,
        reset: noMirror,
        cleanUp: () => run('release.mirror', nginx),
      },
      {
        operation: 'jail.install',
        variant: 'from the mirror, in a jail that runs',
        input: () => ({ jail: 'victim', names: ['nginx'] }),
        prepare: async () => {
          await tolerant(create('victim'));
          await tolerant(run('jail.start', { jail: 'victim' }));
        },
        reset: victim,
        cleanUp: victim,
      },
      {
        operation: 'jail.provision',
        variant: 'by a definition, in a jail that runs',
        input: () => ({
          jail: 'victim',
          overrides: [
            ['provision.method', 'ix'],
            ['provision.source', at('plugin.json')],
            ['provision.rev', 'main'],
          ],
        }),
        prepare: async () => {
          put(at('plugin.json'), JSON.stringify({ artifact: at('plugin'), pkgs: ['curl'] }), 0o600);
          await tolerant(create('victim', ['ip4', 'inherit']));
          await tolerant(run('jail.start', { jail: 'victim' }));
        },
        reset: victim,
        cleanUp: victim,
      },
    ];
    it.each(cases)('$operation $variant', async (scenario) => {
      expect(await failEveryStep(world, scenario)).toBeGreaterThan(3);
    });
  });
});
