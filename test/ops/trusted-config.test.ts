/** What another tool's file says has power over the host only when nobody but root may write it. */
import { chmodSync, chownSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openFakeWorld, type FakeWorld } from '../support/fake-world.ts';

describe.skipIf(process.getuid?.() !== 0)(
  'who may write a configuration of another tool (needs root)',
  () => {
    let world: FakeWorld;
    let top: string;
    let directory: string;
    const text = (more: string) =>
      `{"CONFIG_VERSION": "29", "host_hostuuid": "web", "release": "busybox", ${more}}`;
    const plant = (more: string) => writeFileSync(join(directory, 'config.json'), text(more));
    const hook = '"exec_prestart": "touch /tmp/evil"';
    const start = () => world.run('jail.start', { jail: 'web' });
    const stop = () => world.run('jail.stop', { jail: 'web' });

    beforeEach(async () => {
      world = await openFakeWorld();
      top = join(world.directory, 'tank/iocage');
      directory = join(top, 'jails/web');
      for (const name of ['web', 'web/root']) await world.storage.create(`tank/iocage/jails/${name}`, {});
      plant(hook);
    });
    afterEach(() => world.close());

    it('only root may: it starts', async () => {
      await start();
      await stop();
    });

    it.each<[string, () => void, string]>([
      ['the file is another user’s', () => chownSync(join(directory, 'config.json'), 1000, 0), 'config.json'],
      ['the group may write it', () => chmodSync(join(directory, 'config.json'), 0o664), 'config.json'],
      ['everybody may write its directory', () => chmodSync(directory, 0o777), 'jails/web'],
      ['a directory above is another user’s', () => chownSync(join(top, 'jails'), 1000, 0), 'jails'],
    ])('%s: neither start nor migrate', async (_, spoil, path) => {
      spoil();
      const refused = {
        code: 'UNTRUSTED_CONFIG',
        message: expect.stringMatching(/^exec_prestart of jail web would have power over this host/),
        details: expect.objectContaining({ path: expect.stringMatching(`${path}$`) }),
        hint: expect.stringContaining('chown 0:0'),
      };
      const before = world.state();
      await expect(start()).rejects.toMatchObject(refused);
      await expect(world.run('jail.migrate', { jail: 'web' })).rejects.toMatchObject(refused);
      expect(world.state()).toBe(before);
    });

    it('what has no power, and the words that say so, need no trust', async () => {
      plant(
        '"boot": 1, "notes": "x", "exec_start": "/bin/sh /etc/rc", "exec_prestart": "/usr/bin/true", "exec_system_user": "root", "allow_chflags": 0',
      );
      chownSync(join(directory, 'config.json'), 1000, 0);
      await start();
      await stop();
    });

    it.each(['"allow_mount": 1', '"ip4": "inherit"', '"jail_zfs": 1', '"exec_poststop": "x"'])(
      '%s has power',
      async (more) => {
        plant(more);
        chownSync(join(directory, 'config.json'), 1000, 0);
        await expect(start()).rejects.toMatchObject({ code: 'UNTRUSTED_CONFIG' });
      },
    );

    it('the defaults of the tool, and an fstab, count as well', async () => {
      plant('"boot": 0');
      writeFileSync(join(top, 'defaults.json'), '{"exec_poststart": "x"}');
      await start();
      await stop();
      chmodSync(join(top, 'defaults.json'), 0o666);
      await expect(start()).rejects.toMatchObject({
        details: expect.objectContaining({ key: 'exec_poststart', path: join(top, 'defaults.json') }),
      });
      chmodSync(join(top, 'defaults.json'), 0o644);
      writeFileSync(join(directory, 'fstab'), '/\t/mnt\tnullfs\trw\t0\t0\n');
      chmodSync(join(directory, 'fstab'), 0o606);
      await expect(start()).rejects.toMatchObject({ details: expect.objectContaining({ key: 'fstab' }) });
    });

    it('a jail that runs already is stopped, without the hooks', async () => {
      await start();
      chmodSync(join(directory, 'config.json'), 0o666);
      await stop();
      expect(world.events).toContainEqual(
        expect.objectContaining({ type: 'note', text: expect.stringContaining('no hooks are run') }),
      );
    });
  },
);
