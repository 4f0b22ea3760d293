/** Roots of HardenedBSD and hbsd-update(8): whose configuration it gets, and what a jail could lead it to. */
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
import { hbsdConf } from '../../../../src/driver/freebsd/hbsd-conf.ts';
import { updateHardened } from '../../../../src/driver/freebsd/hbsd-update.ts';
import { freebsdUnderTest } from '../../../support/freebsd-jails.ts';

const branch = 'hardened/15-stable/main';
const released = [
  '# Which branch.',
  'dnsrec="$(uname -m).main.15-stable.hardened.hardenedbsd.updates.hardenedbsd.org"',
  'capath="/usr/share/keys/hbsd-update/trusted"',
  `branch="${branch}"`,
  'baseurl="https://updates.hardenedbsd.org/pub/HardenedBSD/updates/${branch}/$(uname -m)"',
  '#dnssec="no"',
  '',
].join('\n');

describe('the configuration', () => {
  it('is plain text, with the branch and the addresses of the release', () => {
    expect(hbsdConf(released, 'amd64')).toBe(
      [
        'dnsrec="amd64.main.15-stable.hardened.hardenedbsd.updates.hardenedbsd.org"',
        'capath="/usr/share/keys/hbsd-update/trusted"',
        `branch="${branch}"`,
        `baseurl="https://updates.hardenedbsd.org/pub/HardenedBSD/updates/${branch}/amd64"`,
        'dnssec="yes"',
        '',
      ].join('\n'),
    );
  });

  it.each([
    ['no branch', released.replace(/^branch.*$/m, '')],
    ['code in the branch', released.replace(branch, 'x$(id)')],
    ['a branch that leads elsewhere', released.replace(branch, '../../x')],
    ['code in the record', released.replace('.main.', '.`id`.')],
    ['another server', released.replace('updates.hardenedbsd.org/pub', 'updates.example.org/pub')],
    ['a server of a like name', released.replace('https://updates.', 'https://evil')],
    ['no TLS', released.replace('https:', 'http:')],
    ['a blank in the address', released.replace('/pub/', '/pub /')],
    ['nothing', ''],
  ])('is none with %s', (_, text) => expect(hbsdConf(text, 'amd64')).toBeUndefined());
});

describe('the base system of HardenedBSD', () => {
  let directory: string;
  let system: BaseSystem;
  let under: ReturnType<typeof freebsdUnderTest>;
  const put = (root: string, files: Readonly<Record<string, string>>): void => {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      if (text.startsWith('-> ')) symlinkSync(text.slice(3), join(root, path));
      else writeFileSync(join(root, path), text);
    }
  };
  const build = () => readFileSync(join(system.root, 'var/db/hbsd-update/version'), 'utf8').trim();
  const patch = () => updateHardened.do(system, under.run);

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'hbsd-'));
    under = freebsdUnderTest(directory);
    const [root, like] = [join(directory, 'root'), join(directory, 'like')];
    for (const place of [root, like])
      put(place, {
        'etc/hbsd-update.conf': released,
        'etc/rc': 'rc',
        'lib/libc.so.7': 'old',
        'var/db/x': '',
      });
    // What a jail says of itself is not believed.
    put(root, { 'etc/hbsd-update.conf': 'touch /tmp/owned\n' });
    system = {
      of: 'web',
      root,
      like,
      work: join(directory, 'updates'),
      by: 'hbsd-update',
      userland: 'as fetched',
    };
    under.standIn.change(({ updates }) => (updates.latest[branch] = 'hbsd-v1500021-abc'));
  });
  afterEach(() => under.dispose());

  it('is brought to the newest build, without a kernel, by the configuration of its release', async () => {
    await patch();
    expect(build()).toBe('hbsd-v1500021-abc');
    expect(existsSync(system.work)).toBe(false);
    const lines = under.standIn.calls().map(({ tool, words }) => [tool, ...words].join(' '));
    expect(lines).toContain(
      `hbsd-update -c ${system.work}/hbsd-update.conf -r ${system.root} -t ${system.work}/tmp -n -V`,
    );
    await patch();
    expect(build()).toBe('hbsd-v1500021-abc');
    expect(under.standIn.undocumented()).toEqual([]);
  });

  it('with a conflict in /etc waits for nobody, and tells it', async () => {
    under.standIn.change(({ updates }) => void updates.modified.push('/etc/ssh/sshd_config', '/etc/rc'));
    await patch();
    expect(under.notes).toEqual([expect.stringContaining('etcupdate resolve')]);
  });

  it.each(['etc/rc', 'lib', 'var/db/hbsd-update', 'var/db/hbsd-update/version', 'etc/secadm.d', 'boot'])(
    'is refused where the jail has a link for %s',
    async (path) => {
      rmSync(join(system.root, path), { recursive: true, force: true });
      put(system.root, { [path]: '-> /etc' });
      await expect(patch()).rejects.toMatchObject({ code: 'UNSAFE_PATH' });
      expect(under.standIn.calls().filter(({ tool }) => tool === 'hbsd-update')).toEqual([]);
    },
  );

  it('says why it failed, and leaves nothing', async () => {
    under.standIn.change(({ updates }) => void delete updates.latest[branch]);
    await expect(patch()).rejects.toMatchObject({
      code: 'BASE_UPDATE_FAILED',
      message: expect.stringContaining('Could not get the version number'),
    });
    expect(existsSync(system.work)).toBe(false);
    writeFileSync(
      join(system.like!, 'etc/hbsd-update.conf'),
      released.replace('hardenedbsd.org/', 'example.org/'),
    );
    await expect(patch()).rejects.toMatchObject({ code: 'BASE_UPDATE_FAILED' });
    expect(existsSync(system.work)).toBe(false);
  });
});
