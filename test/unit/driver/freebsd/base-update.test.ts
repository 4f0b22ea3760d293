/** The base system of a root by freebsd-update(8), on the stand-in: what is called, what is tolerated, what is refused. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BaseSystem } from '../../../../src/driver/host.ts';
import { updateBase } from '../../../../src/driver/freebsd/base-update.ts';
import { updateConf } from '../../../../src/driver/freebsd/update-conf.ts';
import { freebsdUnderTest, type FreebsdUnderTest } from '../../../support/freebsd-jails.ts';

const release = '14.1-RELEASE';

describe('the base system', () => {
  let directory: string;
  let under: FreebsdUnderTest;
  let system: BaseSystem;
  const put = (root: string, files: Readonly<Record<string, string>>): void => {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      if (text.startsWith('-> ')) symlinkSync(text.slice(3), join(root, path));
      else writeFileSync(join(root, path), text);
    }
  };
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'base-'));
    under = freebsdUnderTest(directory);
    const root = join(directory, 'root');
    system = {
      of: 'web',
      root,
      work: join(directory, 'updates'),
      by: 'freebsd-update',
      userland: `${release}-p2`,
    };
    put(root, { 'bin/freebsd-version': `USERLAND_VERSION="${release}-p2"\n`, 'etc/rc.conf': '' });
    under.standIn.change(({ updates }) => (updates.latest[release] = `${release}-p7`));
  });
  afterEach(() => under.dispose());

  const patch = () => updateBase.do(system, under.run);
  const userland = () => readFileSync(join(system.root, 'bin/freebsd-version'), 'utf8');
  const words = () =>
    under.standIn
      .calls()
      .filter(({ tool }) => tool === 'freebsd-update')
      .map(({ tool, words: all }) => [tool, ...all].join(' '));

  it('is fetched and installed without questions, in a directory that goes', async () => {
    await patch();
    expect(userland()).toContain(`${release}-p7`);
    const how = `-b ${system.root} -d ${system.work} -f ${system.work}/freebsd-update.conf --currently-running ${release}-p2`;
    expect(words()).toEqual([
      `freebsd-update ${how} --not-running-from-cron fetch`,
      `freebsd-update ${how} --not-running-from-cron install`,
    ]);
    expect(under.standIn.undocumented()).toEqual([]);
    expect(existsSync(system.work)).toBe(false);
    system = { ...system, userland: `${release}-p7` };
    await patch();
    expect(userland()).toContain(`${release}-p7`);
  });

  it('of a release without support is brought to its last patch level, and that is told', async () => {
    under.standIn.change(({ updates }) => {
      updates.ended.push(release);
      updates.modified.push('/etc/ssh/sshd_config', '/etc/rc');
    });
    await patch();
    expect(userland()).toContain(`${release}-p7`);
    expect(under.notes).toEqual([
      'the release of web is without support: there will be no further updates',
      'changed by somebody, so left as they are: /etc/ssh/sshd_config, /etc/rc',
    ]);
  });

  it.each(['fetch', 'install'])(
    'is said to be as before when %s fails, and nothing of it stays',
    async (match) => {
      under.standIn.fail({
        tool: 'freebsd-update',
        match: `cron ${match}`,
        stderr: 'No mirrors remaining, giving up.',
      });
      await expect(patch()).rejects.toMatchObject({
        code: 'BASE_UPDATE_FAILED',
        message: expect.stringContaining('No mirrors remaining'),
      });
      expect(existsSync(system.work)).toBe(false);
    },
  );

  it.each([
    ['usr/lib', '-> /usr/lib'],
    ['bin', '-> /bin'],
    ['etc/rc.d', '-> /etc/rc.d'],
    ['usr/sbin/jail', '-> /usr/sbin/jail'],
  ])('is refused where the jail has a link for %s', async (path, link) => {
    const like = join(directory, 'release');
    put(like, { 'usr/lib/libc.so': '', 'bin/sh': '', 'etc/rc.d/x': '', 'usr/sbin/jail': '', 'etc/motd': '' });
    rmSync(join(system.root, path), { recursive: true, force: true });
    put(system.root, { [path]: link, 'etc/motd': '-> /elsewhere' });
    system = { ...system, like };
    await expect(patch()).rejects.toMatchObject({ code: 'UNSAFE_PATH' });
    expect(words()).toEqual([]);
    rmSync(join(system.root, path));
    await patch();
    expect(words()).toHaveLength(2);
  });

  // cap_mkdb, pwd_mkdb, makewhatis and certctl of the host work below the root, and follow links.
  it.each([
    'etc/login.conf.db',
    'etc/login.conf',
    'etc/master.passwd',
    'usr/share/man/mandoc.db~',
    'usr/share/openssl/man/mandoc.db',
    'etc/ssl/certs/.0b1b94ef.0',
    'etc/ssl/untrusted/.0b1b94ef.0',
  ])('touches nothing of the host by a link that is called %s', async (path) => {
    const like = join(directory, 'release');
    put(like, {
      'etc/motd': '',
      'usr/share/man/x': '',
      'usr/share/openssl/man/x': '',
      'etc/ssl/certs/x': '',
    });
    put(directory, { host: 'mine' });
    put(system.root, { [path]: `-> ${join(directory, 'host')}` });
    if (path === 'etc/login.conf.db') put(system.root, { 'etc/login.conf': 'default:\n' });
    put(system.root, { 'etc/ssl/certs/0b1b94ef.0': '-> ../../../usr/share/certs/trusted/a.pem' });
    system = { ...system, like };
    await expect(patch()).rejects.toMatchObject({
      code: 'UNSAFE_PATH',
      details: expect.objectContaining({ path: join(system.root, path) }),
    });
    expect(readFileSync(join(directory, 'host'), 'utf8')).toBe('mine');
    expect(words()).toEqual([]);
  });

  it.each([
    'PKG_PLUGINS_DIR: /zroot/iocage/jails/web/root/x\nPLUGINS: [ x ]\n',
    'ALIAS: { which: "shell -cmd .shell" }\n',
  ])('is asked about by a pkg that does not take the words of the root: %j', async (conf) => {
    put(system.root, { 'usr/local/etc/pkg.conf': conf });
    await patch();
    expect(userland()).toContain(`${release}-p7`);
  });

  it('that came as packages is refused, as the tool does', async () => {
    under.standIn.change(({ packages }) => (packages[system.root] = ['FreeBSD-runtime']));
    await expect(patch()).rejects.toMatchObject({
      code: 'BASE_UPDATE_FAILED',
      message: expect.stringContaining('packaged base'),
    });
  });

  it('is refused at a path that the script would take for two', async () => {
    const other = join(directory, 'my root');
    put(other, { 'bin/freebsd-version': 'USERLAND_VERSION="14.1-RELEASE"\n' });
    system = { ...system, root: other };
    await expect(patch()).rejects.toMatchObject({ code: 'UNSUPPORTED' });
    expect(words()).toEqual([]);
  });
});

describe('its configuration', () => {
  it("is this host's, with the components of a jail and the places of the call", () => {
    const host =
      '# mine\nKeyPrint abc\nServerName mirror\nComponents src world kernel\nBaseDir /x\nWorkDir /y\n\nIgnorePaths /z\n';
    expect(updateConf(host, ['world'])).toBe(
      '# mine\nKeyPrint abc\nServerName mirror\nIgnorePaths /z\nComponents world\n',
    );
    expect(updateConf(undefined, ['src', 'world'])).toMatch(
      /^KeyPrint [0-9a-f]{64}\nServerName .*\nComponents src world\n$/s,
    );
  });
});
