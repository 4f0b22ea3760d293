import { describe, expect, it } from 'vitest';
import { FolderReader } from '../../../../src/domain/adopt/archive.ts';
import { TarReader } from '../../../../src/domain/tar.ts';
import { tarOf, type Entry } from '../../../support/tar-bytes.ts';

function read(...entries: readonly Entry[]): ReturnType<FolderReader['end']> {
  const reader = new FolderReader('/web.txz', { maxBytes: 2 ** 20, maxMembers: 20 });
  const tar = new TarReader((member) => reader.take(member));
  tar.push(tarOf(...entries));
  tar.end();
  return reader.end();
}

const folder = (name: string): Entry => ({ name, type: '5' });
const conf: Entry = { name: 'web/jail.conf', content: 'web { }' };
const top = [folder('web/'), conf, folder('web/root/')] as const;

describe('a packed directory of a jail of Bastille', () => {
  it('has its texts and its root; what else lies in it is passed over', () => {
    const jail = read(
      ...top,
      { name: 'web/rdr.conf', content: 'dual' },
      { name: 'web/log/x', content: 'not read' },
      { name: 'web/root/etc/motd', content: 'x' },
      { name: 'web/root/etc/other', type: '1', link: 'web/root/etc/motd' },
      { name: 'web/root/bin', type: '2', link: '/.bastille/bin' },
    );
    expect(jail).toMatchObject({ tool: 'bastille', root: { folder: 'web/root' }, left: [] });
    expect([jail.read('jail.conf'), jail.read('rdr.conf'), jail.read('fstab')]).toEqual([
      'web { }',
      'dual',
      '',
    ]);
  });

  it('is refused where a member would lead elsewhere, or it is none', () => {
    const refused = (why: string, ...entries: readonly Entry[]): void =>
      expect(() => read(...entries), why).toThrow(why);
    refused('there is no jail.conf', folder('web/'), folder('web/root/'));
    refused('its root is not in it', folder('web/'), conf);
    refused('not the directory of one jail', ...top, folder('two/'));
    refused('not the directory of one jail', ...top, { name: '/web/jail.conf' });
    refused('not the directory of one jail', folder('./web/'));
    refused('not the directory of one jail', folder('-x/'));
    refused('its top is no directory', { name: 'web', type: '2', link: '/etc' });
    for (const name of ['web/root/../x', 'web//root/x', 'web/root/./dev/x', 'web/../etc'])
      refused('spelled in an unusual way', ...top, { name });
    refused('would replace the root directory', folder('web/'), conf, {
      name: 'web/root',
      type: '2',
      link: '/etc',
    });
    refused(
      'through the symbolic link',
      ...top,
      { name: 'web/root/a', type: '2', link: '/etc' },
      { name: 'web/root/a/x' },
    );
    refused('is a hard link to', ...top, { name: 'web/root/a', type: '1', link: 'web/jail.conf' });
    refused('is a hard link to', ...top, { name: 'web/root/a', type: '1', link: '/etc/passwd' });
    refused('is a device outside /dev', ...top, { name: 'web/root/disk', type: '3' });
    refused('no plain file', folder('web/'), { name: 'web/jail.conf', type: '2', link: '/etc/passwd' });
    refused('no plain file', folder('web/'), { name: 'web/fstab', size: 2 ** 21 });
    refused('in it twice', ...top, conf);
    refused('room for', ...top, { name: 'web/root/big', size: 2 ** 30 });
    refused(
      'more than 20 members',
      ...top,
      ...Array.from({ length: 20 }, (_, at) => folder(`web/root/${at}`)),
    );
  });
});
