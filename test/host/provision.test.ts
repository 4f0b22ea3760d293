/**
 * Provisioning with real jails and real git repositories, some of them behind a daemon on the loopback. What a
 * script of one file does, `test/host/ioc.test.ts` tells; puppet for real, `test/host/puppet.test.ts`.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { iocEvents } from '../../src/domain/ioc-events.ts';
import { commandIn, comparable, iocPath, type Command } from '../support/command.ts';
import {
  makeRepository,
  serveFiles,
  serveGit,
  serveStalled,
  type Repository,
  type Served,
} from '../support/git.ts';
import { hostTests, openLab, reason, sh, type Lab } from '../support/lab.ts';
import { plantApk } from '../ops/every-step-packages.ts';

describe.skipIf(!hostTests)(`provisioning${reason}`, () => {
  let lab: Lab;
  let ioc: Command;
  let daemon: Served;
  let web: Served;
  let top: string;
  const shared = (): string => join(lab.pool.directory, 'shared');
  const root = (jail: string): string => join(top, 'jails', jail, 'root');
  const inside = (jail: string, path: string): string => readFileSync(join(root(jail), path), 'utf8');
  const fstab = (jail: string): string => {
    const path = join(top, 'jails', jail, 'fstab');
    return existsSync(path) ? readFileSync(path, 'utf8') : '';
  };
  const exec = (jail: string, ...argv: readonly string[]): string => {
    const ran = ioc('exec', ...(isUp(jail) ? [] : ['-f']), jail, ...argv);
    expect(ran, ran.stderr).toMatchObject({ status: 0 });
    return ran.stdout;
  };
  const isUp = (jail: string): boolean => ioc('get', 'running', jail).stdout === 'yes\n';
  const words = (given: Readonly<Record<string, string>>): readonly (readonly [string, string])[] =>
    Object.entries(given).map(([key, value]) => [`provision.${key}`, value]);
  const provision = (
    jail: string,
    given: Readonly<Record<string, string>>,
  ): Promise<{ commit: string; snapshot: string; method: string }> =>
    lab.run('jail.provision', { jail, overrides: words(given) });
  type Refusal = readonly [given: Readonly<Record<string, string>>, why: RegExp | string];
  /** Each fails, in these words, and after them everything is as before. */
  const refused = async (jail: string, ...refusals: readonly Refusal[]): Promise<void> => {
    const before = comparable(lab.state());
    for (const [given, why] of refusals)
      await expect(provision(jail, given), JSON.stringify(given)).rejects.toThrow(why);
    expect(comparable(lab.state())).toEqual(before);
    expect(existsSync(join(top, 'jails', jail, '.provision'))).toBe(false);
  };
  const create = (name: string): Promise<unknown> =>
    lab.run('jail.create', {
      kind: 'clone',
      release: 'busybox',
      name,
      properties: [['ip4', 'disable']],
    });
  const destroy = (jail: string): Promise<unknown> => lab.run('jail.destroy', { jail, force: true });

  beforeAll(async () => {
    lab = await openLab({ sizeMb: 768 });
    ioc = commandIn({ ...lab.environment, IOCAGE_PROGRESS: 'never' }, iocPath);
    top = join(lab.pool.directory, 'pool/iocage');
    mkdirSync(shared());
    daemon = await serveGit(shared());
    web = await serveFiles(shared());
  });
  afterAll(async () => {
    daemon?.close();
    web?.close();
    await lab?.close();
  });

  describe('script', () => {
    let setup: Repository;
    let first: string;
    beforeAll(async () => {
      setup = makeRepository(join(shared(), 'setup.git'));
      first = setup.commit({
        'provision.sh': '#!/bin/sh\nset -e\ncat data/text >/root/made\necho "$IOCAGE_NAME" >>/root/made\n',
        'data/text': 'one\n',
        'bin/other.sh': '#!/bin/sh\npwd >/root/other; ls -a >>/root/other; touch x 2>/root/refused || true\n',
        'bin/bad.sh': '#!/bin/sh\necho bad >/root/made\nexit 3\n',
      });
      setup.git('tag', '-a', '-m', 'the first', 'v1');
      setup.commit({ 'data/text': 'two\n' });
      setup.git('branch', 'next');
      setup.commit({ 'data/text': 'three\n' });
      await create('made');
    });
    afterAll(() => destroy('made'));

    it('of a repository, at its default branch, a branch, a tag or a commit, and nothing of it stays', async () => {
      const source = `${daemon.url}/setup.git`;
      for (const [rev, text] of [
        ['none', 'three'],
        ['next', 'two'],
        ['v1', 'one'],
        [first, 'one'],
      ] as const) {
        const done = await provision('made', { method: 'script', source, rev });
        if (rev !== 'none') expect(done.commit).toBe(setup.git('rev-parse', `${rev}^{commit}`));
        expect(inside('made', 'root/made')).toBe(`${text}\nmade\n`);
      }
      expect(isUp('made')).toBe(false);
      expect(fstab('made')).toBe('');
      expect(readdirSync(join(top, 'jails/made')).filter((name) => name !== 'fstab')).toEqual(['root']);
      expect(existsSync(join(root('made'), '.provision'))).toBe(false);
    });

    it('named, with the files around it, which the jail cannot change; git is gone from them', async () => {
      await provision('made', { method: 'script', source: `${daemon.url}/setup.git#bin/other.sh` });
      expect(inside('made', 'root/other')).toBe('/.provision\n.\n..\nbin\ndata\nprovision.sh\n');
      expect(inside('made', 'root/refused')).toContain('Read-only file system');
    });

    it('that fails leaves the jail as it was, and running when it ran', async () => {
      const bad = { method: 'script', source: `${daemon.url}/setup.git#bin/bad.sh` };
      const before = inside('made', 'root/made');
      await refused('made', [bad, /bin\/bad\.sh failed in made/]);
      expect(inside('made', 'root/made')).toBe(before);
      await lab.run('jail.start', { jail: 'made' });
      await expect(provision('made', bad)).rejects.toThrow('failed in made');
      expect(isUp('made')).toBe(true);
      expect(exec('made', 'cat', '/root/made')).toBe(before);
      await provision('made', { method: 'script', source: `${daemon.url}/setup.git`, rev: 'v1' });
      expect(exec('made', 'cat', '/root/made')).toBe('one\nmade\n');
      // It runs again without what it was shown.
      expect(exec('made', 'sh', '-c', 'ls -a / | grep -c provision || true')).toBe('0\n');
      expect(fstab('made')).toBe('');
      await lab.run('jail.stop', { jail: 'made' });
    });

    it('takes no commands from a repository that somebody is in, such as one that a jail made', async () => {
      const trap = makeRepository(join(root('made'), 'root/trap'));
      const sprung = join(lab.pool.directory, 'sprung');
      const program = join(root('made'), 'root/proxy');
      writeFileSync(program, `#!/bin/sh\n: >${sprung}\nexit 1\n`, { mode: 0o755 });
      trap.git('config', 'core.gitProxy', program);
      trap.git('config', 'core.sshCommand', program);
      const given = [
        ...['-o', 'provision.method=script', '-o', `provision.source=${daemon.url}/setup.git`],
        ...['-o', 'provision.rev=v1'],
      ];
      const ran = spawnSync(iocPath, ['provision', ...given, 'made'], {
        cwd: trap.path,
        env: { ...process.env, ...lab.environment },
        encoding: 'utf8',
      });
      expect(ran, ran.stderr).toMatchObject({ status: 0 });
      expect(existsSync(sprung)).toBe(false);
    });

    it('killed while a server keeps git waiting: git is gone with it, and doctor leaves the jail as it was', async () => {
      const plugin = makeRepository(join(shared(), 'slow.git'));
      plugin.commit({ 'post_install.sh': '#!/bin/sh\n', big: randomBytes(300_000).toString('hex') });
      const stalled = await serveStalled(daemon.url);
      const definition = join(lab.pool.directory, 'slow.json');
      writeFileSync(definition, JSON.stringify({ artifact: `${stalled.url}/slow.git` }), { mode: 0o600 });
      const before = comparable(lab.state());
      const given = ['-o', 'provision.method=ix', '-o', `provision.source=${definition}`];
      const started = ioc.start('provision', ...given, 'made');
      await vi.waitFor(() => expect(stalled.waiting()).toBe(true), 20_000);
      // By their program: this file's own text can be an argument of some other process of the machine.
      const gits = (): readonly string[] =>
        sh('ps', '-axo', 'comm=,args=')
          .split('\n')
          .filter((line) => /^git\s.*index-pack/.test(line));
      await vi.waitFor(() => expect(gits()).not.toEqual([]), 10_000);
      started.child.kill('SIGKILL');
      await started.ended;
      await vi.waitFor(() => expect(gits()).toEqual([]), 5000);
      stalled.close();
      await lab.run('host.doctor', {});
      expect(comparable(lab.state())).toEqual(before);
    });

    it('nothing that lies in a jail counts as of this host: neither file, directory, repository nor definition', async () => {
      const repository = makeRepository(join(root('made'), 'root/theirs'));
      repository.commit({ 'provision.sh': 'exit 0\n', 'plugin.json': '{"pkgs":["curl"]}\n' });
      sh('chmod', '-R', 'go-w', repository.path);
      await create('other');
      const why = /lies in jail made, whose root user can change it/;
      const { path } = repository;
      await refused(
        'other',
        [{ method: 'script', source: `${path}/provision.sh` }, why],
        [{ method: 'script', source: path }, why],
        [{ method: 'script', source: path, rev: 'main' }, why],
        [{ method: 'script', source: `file://${path}` }, why],
        [{ method: 'ix', source: `${path}/plugin.json` }, why],
      );
      await destroy('other');
    });

    it('nor does a directory of this host that some jail may write: at, below and around it; one that it reads does', async () => {
      const directory = join(lab.pool.directory, 'open');
      const repository = makeRepository(join(directory, 'setup'));
      repository.commit({
        'provision.sh': 'cat text >/root/made\n',
        text: 'shown\n',
        'plugin.json': '{"pkgs":["curl"]}\n',
      });
      sh('chmod', '-R', 'go-w', directory);
      await create('other');
      const { path } = repository;
      const given: readonly Readonly<Record<string, string>>[] = [
        { method: 'script', source: `${path}/provision.sh` },
        { method: 'script', source: path },
        { method: 'script', source: path, rev: 'main' },
        { method: 'script', source: `file://${path}` },
        { method: 'ix', source: `${path}/plugin.json` },
      ];
      const show = (source: string, options: string): Promise<unknown> =>
        lab.run('fstab.change', { jail: 'made', add: [source, '/mnt', 'nullfs', options, '0', '0'] });
      const hide = (): Promise<unknown> => lab.run('fstab.change', { jail: 'made', remove: ['0'] });
      const all = (why: string): Promise<void> =>
        refused('other', ...given.map((each): Refusal => [each, `${why}: its root user can change it`]));
      for (const shown of [directory, path]) {
        await show(shown, 'rw');
        await all(`it lies in ${shown}, which jail made may write by its fstab`);
        await hide();
      }
      // What a repository is made of; a single file beside it is nobody's.
      await show(join(path, '.git/refs'), 'rw');
      const around = `${path}/.git/refs is in it, which jail made may write by its fstab`;
      await refused('other', ...given.slice(1, 4).map((each): Refusal => [each, around]));
      await provision('other', given[0]!).then(
        () => expect.unreachable(),
        // It is run as it stands there, without the file beside it.
        (thrown: Error) => expect(thrown.message).toContain('provision.sh failed in other'),
      );
      await hide();
      await lab.run('property.set', { jails: ['made'], properties: [['volumes', `${path}:/mnt`]] });
      await all(`it lies in ${path}, which jail made may write by its volumes`);
      await lab.run('property.set', { jails: ['made'], properties: [['volumes', `${path}:/mnt:ro`]] });
      await show(directory, 'ro');
      await provision('other', given[2]!);
      expect(inside('other', 'root/made')).toBe('shown\n');
      await hide();
      await lab.run('property.set', { jails: ['made'], properties: [['volumes', 'none']] });
      // What a jail runs with counts until it is restarted, though its fstab says something else by now.
      await show(path, 'rw');
      await lab.run('jail.start', { jail: 'made' });
      await hide();
      await refused('other', [given[0]!, `it lies in ${path}, which jail made may write since its start`]);
      await lab.run('jail.stop', { jail: 'made' });
      writeFileSync(join(path, 'provision.sh'), 'echo stopped >/root/made\n');
      await provision('other', given[0]!);
      expect(inside('other', 'root/made')).toBe('stopped\n');
      await destroy('other');
    });

    it('what cannot be had is known before anything is touched', async () => {
      const at = (source: string, rev = 'none') => ({ method: 'script', source, rev });
      const empty = makeRepository(join(shared(), 'empty.git'));
      await refused(
        'made',
        [at(`${daemon.url}/setup.git`, 'v9'), 'there is no branch or tag v9'],
        [at(`${daemon.url}/setup.git`, first.slice(0, 9)), 'all of its digits'],
        [at(`${daemon.url}/nothing.git`), /repository git:.*nothing\.git: /],
        [at('git://127.0.0.1:1/setup.git'), /repository git:.*[Cc]onnection refused/],
        [at(`${web.url}/setup.git`), 'not by http'],
        [at(empty.path, 'main'), 'there is no branch or tag main'],
        // These two are known when it is here.
        [at(`${daemon.url}/setup.git#nothing.sh`), 'there is no file nothing.sh in it'],
        [at(`${daemon.url}/setup.git`, 'f'.repeat(40)), /repository git:/],
      );
    });

    it('a local directory as it is, or as a repository when a revision is named; only of root', async () => {
      const directory = join(lab.pool.directory, 'local');
      const local = makeRepository(directory);
      local.commit({ 'web.sh': 'cat text >/root/made\n', text: 'committed\n' });
      writeFileSync(join(directory, 'text'), 'as it is\n');
      chmodSync(join(directory, 'web.sh'), 0o644);
      const source = `${directory}#web.sh`;
      await provision('made', { method: 'script', source });
      expect(inside('made', 'root/made')).toBe('as it is\n');
      await provision('made', { method: 'script', source, rev: 'main' });
      expect(inside('made', 'root/made')).toBe('committed\n');
      await provision('made', { method: 'script', source: `file://${directory}#web.sh` });
      chmodSync(join(directory, 'text'), 0o666);
      await refused(
        'made',
        [{ method: 'script', source }, /only root may be able to change it.*local\/text/],
        [{ method: 'script', source, rev: 'main' }, /only root may be able to change it.*local\/text/],
      );
      sh('chown', '65534', join(directory, 'text'));
      chmodSync(join(directory, 'text'), 0o644);
      await refused('made', [{ method: 'script', source }, /local\/text/]);
    });

    it('nothing of a repository runs or is followed on the host', async () => {
      const mark = join(lab.pool.directory, 'ran-on-the-host');
      const hostile = makeRepository(join(shared(), 'hostile.git'));
      const other = makeRepository(join(shared(), 'other.git'));
      other.commit({ file: 'other\n' });
      writeFileSync(join(hostile.path, '.git/hooks/post-checkout'), `#!/bin/sh\ntouch ${mark}\n`, {
        mode: 0o755,
      });
      hostile.commit({
        'provision.sh': '->/etc/passwd',
        'real.sh': 'cat link/jail-only >/root/made; ls module >/root/module\n',
        '.gitattributes': '* filter=evil\n',
        '.lfsconfig': `[lfs]\n\turl = file://${mark}\n`,
        link: '->/etc',
      });
      writeFileSync(join(root('made'), 'etc/jail-only'), 'jail only\n');
      hostile.git('-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', other.path, 'module');
      hostile.git('commit', '--quiet', '-m', 'a module');
      // What is a link leads nowhere: it is no file of the repository.
      await refused('made', [
        { method: 'script', source: `${daemon.url}/hostile.git` },
        'there is no file provision.sh in it',
      ]);
      await provision('made', { method: 'script', source: `file://${hostile.path}#real.sh` });
      // In the jail the link means a directory of the jail.
      expect(inside('made', 'root/made')).toBe('jail only\n');
      expect(inside('made', 'root/module')).toBe('');
      expect(existsSync(mark)).toBe(false);
      for (const source of [
        `ext::sh -c touch% ${mark}`,
        `--upload-pack=touch ${mark}`,
        '-x',
        'https://user:word@example.org/x.git',
        'ssh://-oProxyCommand=touch/x.git',
        `file:///${'x/../'.repeat(3)}etc`,
        `${daemon.url}/setup.git#../../etc/rc`,
        `${daemon.url}/setup.git#.git/config`,
      ])
        await expect(provision('made', { method: 'script', source }), source).rejects.toMatchObject({
          code: 'INVALID_INPUT',
        });
      await expect(
        provision('made', { method: 'script', source: `${daemon.url}/setup.git`, rev: '--upload-pack=x' }),
      ).rejects.toMatchObject({ code: 'INVALID_INPUT' });
      expect(existsSync(mark)).toBe(false);
    });

    it('ioc: the words, a dry run, --json and the events', () => {
      const source = `${daemon.url}/setup.git`;
      expect(
        ioc('set', 'provision.method=script', `provision.source=${source}`, 'provision.rev=v1', 'made'),
      ).toMatchObject({
        status: 0,
      });
      const before = comparable(lab.state());
      const dry = ioc('--dry-run', 'provision', 'made').stdout;
      expect(dry).toContain(
        `clone --no-checkout --no-local --template= --no-recurse-submodules --progress -- ${source}`,
      );
      expect(dry).toContain(`--detach ${first}`);
      expect(comparable(lab.state())).toEqual(before);
      expect(JSON.parse(ioc('--json', 'provision', 'made').stdout)).toMatchObject({
        operation: 'jail.provision',
        result: { tag: 'made', method: 'script', source, commit: first },
      });
      const told = ioc('--events', 'json', 'provision', 'made').stderr;
      const types = told
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line) as { type: string; state: string })
        .filter(({ state }) => state === 'done')
        .map(({ type }) => type);
      expect(types).toContain('JailProvisioning');
      expect(types).toContain('JailProvisioningAssetDownload');
      expect(types).toContain('JailFstabUpdate');
      expect(ioc('set', 'provision.rev=-x', 'made')).toMatchObject({ status: 2 });
      expect(ioc('set', 'provision.source=ext::sh', 'made')).toMatchObject({ status: 2 });
    });
  });

  describe('ix', () => {
    let artifact: Repository;
    const definition = (name: string, more: object = {}): string => {
      const file = join(shared(), `${name}.json`);
      const text = { name, artifact: `${daemon.url}/plugin.git`, pkgs: ['curl', 'musl'], ...more };
      writeFileSync(file, JSON.stringify(text));
      return file;
    };
    beforeAll(async () => {
      artifact = makeRepository(join(shared(), 'plugin.git'));
      artifact.commit({
        'post_install.sh': '#!/bin/sh\ncat /etc/plugin.conf /.ix-plugin/version >/root/installed\n',
        'overlay/etc/plugin.conf': 'overlay\n',
        version: 'one\n',
      });
      artifact.git('tag', 'v1');
      artifact.commit({ version: 'two\n' });
      await create('plug');
      plantApk(root('plug'));
    });
    afterAll(() => destroy('plug'));

    it('packages, overlay and post_install.sh, by a definition from the web; the repository stays to be seen', async () => {
      definition('sample');
      const source = `${web.url}/sample.json`;
      const done = await provision('plug', { method: 'ix', source, rev: 'v1' });
      expect(done).toMatchObject({ method: 'ix', commit: artifact.git('rev-parse', 'v1') });
      expect(inside('plug', 'root/installed')).toBe('overlay\none\n');
      // musl is there already.
      expect(inside('plug', 'root/apk-ran')).toBe('update\nadd -- curl\n');
      expect(sh('zfs', 'list', '-H', '-o', 'name', `${lab.pool.name}/iocage/jails/plug/ix-plugin`)).toContain(
        'ix-plugin',
      );
      expect(fstab('plug').split('\n')).toHaveLength(2);
      expect(ioc('get', 'plugin_name', 'plug').stdout).toBe('sample\n');
      expect(ioc('get', 'plugin_repository', 'plug').stdout).toBe(`${daemon.url}/plugin.git\n`);
      // At any later start too, and the jail cannot change it.
      await lab.run('jail.start', { jail: 'plug' });
      expect(exec('plug', 'cat', '/.ix-plugin/version')).toBe('one\n');
      expect(exec('plug', 'sh', '-c', 'touch /.ix-plugin/x 2>&1 || true')).toContain('Read-only');
      expect(exec('plug', 'sh', '-c', 'test -e /.ix-plugin/.git || echo none')).toBe('none\n');
    });

    it('again at another revision; one that fails leaves the former, in a running jail', async () => {
      const source = definition('sample');
      const before = readFileSync(join(top, 'jails/plug/ix-plugin/version'), 'utf8');
      artifact.git('checkout', '--quiet', '-b', 'broken');
      artifact.commit({
        'post_install.sh': '#!/bin/sh\necho broken >/root/installed\nexit 1\n',
        version: 'broken\n',
      });
      await expect(provision('plug', { method: 'ix', source, rev: 'broken' })).rejects.toThrow(
        'post_install.sh failed in plug',
      );
      expect(readFileSync(join(top, 'jails/plug/ix-plugin/version'), 'utf8')).toBe(before);
      expect(isUp('plug')).toBe(true);
      expect(exec('plug', 'cat', '/root/installed', '/.ix-plugin/version')).toBe('overlay\none\none\n');
      await provision('plug', { method: 'ix', source, rev: 'main' });
      expect(exec('plug', 'cat', '/root/installed', '/.ix-plugin/version')).toBe('overlay\ntwo\ntwo\n');
      expect(fstab('plug').split('\n')).toHaveLength(2);
      await lab.run('jail.stop', { jail: 'plug' });
    });

    it('goes with a clone, a full copy and another name', async () => {
      await lab.run('jail.clone', { jail: 'plug', name: 'twin' });
      await lab.run('jail.clone', { jail: 'plug', name: 'copy', thick: true });
      await lab.run('jail.rename', { jail: 'twin', name: 'third' });
      for (const jail of ['third', 'copy']) {
        expect(fstab(jail)).toContain(`/jails/${jail}/ix-plugin`);
        await lab.run('jail.start', { jail });
        expect(exec(jail, 'cat', '/.ix-plugin/version')).toBe('two\n');
        await destroy(jail);
      }
    });

    it('a definition has no say over this host, and a wrong one changes nothing', async () => {
      await create('calm');
      const secret = makeRepository(join(lab.pool.directory, 'secret'));
      secret.commit({ 'post_install.sh': 'exit 1\n' });
      const at = (name: string, more: object): Record<string, string> => ({
        method: 'ix',
        source: `${web.url}/${definition(name, more).split('/').at(-1)}`,
      });
      writeFileSync(join(shared(), 'half.json'), '{"name":');
      const mine = definition('mine', { artifact: secret.path, pkgs: [] });
      const open = definition('open', { artifact: secret.path, pkgs: [] });
      chmodSync(open, 0o666);
      const elsewhere = 'a repository comes by https or git';
      await refused(
        'calm',
        [at('bad1', { artifact: secret.path }), elsewhere],
        [at('bad2', { artifact: `file://${secret.path}` }), elsewhere],
        [at('bad3', { artifact: 'ssh://git@127.0.0.1/x.git' }), elsewhere],
        [at('bad4', { artifact: `${web.url}/x.git` }), elsewhere],
        [at('bad5', { artifact: 'ext::sh -c true' }), 'artifact'],
        [at('bad6', { pkgs: ['curl; reboot'] }), 'pkgs'],
        [at('bad7', { pkgs: ['--root=/'] }), 'pkgs'],
        [at('bad8', { pkgs: 'curl' }), 'pkgs'],
        [at('bad9', { artifact: undefined, pkgs: [] }), 'neither pkgs nor an artifact'],
        [at('none', {}), 'package manager'],
        [{ method: 'ix', source: `${web.url}/half.json` }, 'it is no JSON'],
        [{ method: 'ix', source: `${web.url}/nothing.json` }, /404/],
        [{ method: 'ix', source: `${daemon.url}/plugin.git` }, 'a definition is a file'],
        [{ method: 'ix', source: open }, 'only root may be able to change it'],
        // A first one that fails leaves no dataset behind.
        [{ method: 'ix', source: mine }, 'post_install.sh failed'],
      );
      secret.commit({ 'post_install.sh': 'true\n' });
      await provision('calm', { method: 'ix', source: mine });
      await destroy('calm');
    });
  });

  it('a plugin by its name: listed, a jail of it, and no jail when it cannot be installed', async () => {
    const iocage = commandIn({ ...lab.environment, IOCAGE_PROGRESS: 'never' });
    mkdirSync(join(top, 'plugins'));
    const put = (id: string, text: unknown): void =>
      writeFileSync(
        join(top, 'plugins', `${id}.json`),
        typeof text === 'string' ? text : JSON.stringify(text),
      );
    makeRepository(join(shared(), 'hello.git')).commit({
      'post_install.sh': 'echo "$IOCAGE_NAME" >/root/hello\n',
    });
    const artifact = `${daemon.url}/hello.git`;
    put('hello', { name: 'Hello', description: 'It says so', release: '13.2-RELEASE', artifact });
    put('lacking', { name: 'Lacking', artifact: `${daemon.url}/nothing.git` });
    put('half', '{');
    writeFileSync(join(top, 'plugins', '-x.json'), '{}');
    expect(iocage('list', '-P', '-R', '-H')).toMatchObject({
      status: 0,
      stdout: 'hello\tHello\t13.2-RELEASE\tIt says so\nlacking\tLacking\t-\t-\n',
      stderr: expect.stringContaining('plugin half cannot be used: it is no JSON') as string,
    });
    const before = comparable(lab.state());
    expect(iocage('--dry-run', 'fetch', '-P', 'hello', 'ip4=disable')).toMatchObject({ status: 0 });
    for (const [words, why] of [
      [['-P', 'lacking'], 'nothing.git'],
      [['-P', 'half'], 'plugin half'],
      [['-P', 'nobody'], 'plugin "nobody" not found'],
      [['-P', 'hello', 'release=nothing'], 'nothing'],
      [['-P', 'hello', 'ip4_addr=nonsense'], 'ip4_addr'],
    ] as const) {
      const ran = iocage('fetch', ...words);
      expect(ran.status, ran.stderr).not.toBe(0);
      expect(ran.stderr).toContain(why);
    }
    expect(comparable(lab.state())).toEqual(before);
    expect(iocage('fetch', '-P', 'hello', 'ip4=disable')).toMatchObject({
      status: 0,
      stdout: 'hello successfully created with the plugin hello!\n',
    });
    expect(inside('hello', 'root/hello')).toBe('hello\n');
    expect(iocage('fetch', '-P', 'hello', '-n', 'second', 'ip4=disable')).toMatchObject({ status: 0 });
    const listed = (...words: readonly string[]): readonly string[] =>
      (JSON.parse(iocage('list', ...words, '--json').stdout) as { jails: { tag: string }[] }).jails.map(
        ({ tag }) => tag,
      );
    await create('plain');
    expect(listed('-P')).toEqual(['hello', 'second']);
    expect(listed()).toContain('plain');
    // What it was made with stays its own: it can be done again.
    expect(ioc('provision', 'hello')).toMatchObject({ status: 0 });
    for (const jail of ['hello', 'second', 'plain']) await destroy(jail);
  });

  it('puppet: a program of the jail gets the manifests; nothing else is asked of this host', async () => {
    await create('pup');
    mkdirSync(join(root('pup'), 'usr/bin'), { recursive: true });
    // Stands for both programs: what they are called with is what is looked at.
    const stand = (status: number): string =>
      `#!/bin/sh\necho "\${0##*/} $*" >>/root/called\nfor last; do :; done\ntest "\${0##*/}" = r10k || cat "$last" >>/root/called\nexit ${status}\n`;
    const plant = (status: number): void => {
      for (const name of ['puppet', 'r10k'])
        writeFileSync(join(root('pup'), 'usr/bin', name), stand(name === 'r10k' ? 0 : status), {
          mode: 0o755,
        });
      rmSync(join(root('pup'), 'root/called'), { force: true });
    };
    const apply =
      'puppet apply --detailed-exitcodes --color=false --environmentpath /.provision --environment production ' +
      '--basemodulepath /var/lib/iocage-puppet/modules /.provision/production/manifests/site.pp\n';
    const local = join(lab.pool.directory, 'manifests');
    mkdirSync(join(local, 'production/manifests'), { recursive: true });
    writeFileSync(join(local, 'production/manifests/site.pp'), 'local\n');
    // 2: something was changed.
    plant(2);
    await provision('pup', { method: 'puppet', source: local });
    expect(inside('pup', 'root/called')).toBe(`${apply}local\n`);
    plant(0);
    await provision('pup', { method: 'puppet', source: join(local, 'production') });
    expect(inside('pup', 'root/called')).toBe(`${apply}local\n`);
    plant(4);
    await refused('pup', [{ method: 'puppet', source: local }, 'puppet apply failed in pup']);

    const control = makeRepository(join(shared(), 'control.git'));
    control.commit({ 'manifests/site.pp': 'control\n' });
    plant(0);
    await provision('pup', { method: 'puppet', source: `${daemon.url}/control.git` });
    expect(inside('pup', 'root/called')).toBe(`${apply}control\n`);
    control.commit({ Puppetfile: "mod 'a/b'\n" });
    plant(0);
    lab.events.length = 0;
    await provision('pup', { method: 'puppet', source: `${daemon.url}/control.git` });
    expect(inside('pup', 'root/called')).toBe(
      'r10k puppetfile install --puppetfile /.provision/production/Puppetfile --moduledir /var/lib/iocage-puppet/modules\n' +
        `${apply}control\n`,
    );
    const tell = iocEvents();
    const types = lab.events
      .flatMap((event) => tell(event, new Date()))
      .map(({ type, depth }) => `${depth} ${type}`);
    for (const type of ['JailProvisioningAssetDownload', 'R10kDeployEvent', 'PuppetApplyEvent'])
      expect(types).toContain(`1 ${type}`);
    rmSync(join(root('pup'), 'usr/bin/puppet'));
    plantApk(root('pup'));
    await refused(
      'pup',
      [{ method: 'puppet', source: `${local}#x` }, 'puppet takes no #FILE'],
      [{ method: 'puppet', source: `${local}/production/manifests` }, 'manifests/site.pp'],
      [{ method: 'puppet', source: local }, 'apk has no package of it'],
    );
    await destroy('pup');
  });
});
