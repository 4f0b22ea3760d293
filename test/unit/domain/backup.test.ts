/** Which members of a backup of libiocage are taken, and what of a file of unknown kind its first members tell. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  BackupReader,
  fromBackupFstab,
  kindByMember,
  printManifest,
  toBackupFstab,
  type Backup,
  type Present,
} from '../../../src/domain/backup.ts';
import { TarReader } from '../../../src/domain/tar.ts';
import { tarOf, type Entry } from '../../support/tar-bytes.ts';

const dir = (name: string): Entry => ({ name, type: '5' });
const config: Entry = { name: './config.json', content: '{"id": "web"}' };
const tree = [config, dir('./root/')];

/** The first record of a full stream, as zfs-send(8) writes it. */
function head(
  snapshot: string,
  { from = 0n, version = 1n }: { from?: bigint; version?: bigint } = {},
): string {
  const bytes = Buffer.alloc(312);
  bytes.writeBigUInt64LE(0x2f5bacbacn, 8);
  bytes.writeBigUInt64LE(version, 16);
  bytes.writeBigUInt64LE(from, 48);
  bytes.write(snapshot, 56);
  return bytes.toString('latin1');
}
const stream = (path: string, content = head(`tank/iocage/jails/web/${path}@backup1`)): Entry => ({
  name: `./${path}.zfs`,
  content,
});

function read(entries: readonly Entry[], present: Present = new Map(), piece = 2 ** 20): Backup {
  const reader = new BackupReader('web.tar.gz', { maxBytes: 2 ** 30, maxMembers: 20 });
  const tar = new TarReader((member) => reader.take(member));
  const bytes = tarOf(...entries);
  for (let at = 0; at < bytes.length; at += piece) tar.push(bytes.subarray(at, at + piece));
  tar.end();
  const backup = reader.end();
  reader.judgeTree(present);
  return backup;
}

describe('a backup of libiocage', () => {
  it('is read whole, in whatever pieces and order it comes', () => {
    const entries: readonly Entry[] = [
      dir('./'),
      stream('data'),
      dir('./root/'),
      { name: './root/etc/motd', content: 'changed' },
      { name: './root/bin/sh', type: '1', link: './root/etc/motd' },
      dir('./data/'),
      stream('data/inner'),
      { name: './fstab', content: '# none\n' },
      { name: './manifest.json', content: printManifest(['etc/hosts']) },
      config,
    ];
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 2000 }),
        fc.shuffledSubarray([...entries], { minLength: entries.length }),
        (piece, shuffled) => {
          // A hard link comes after what it leads to, in every archive.
          const ordered = [
            ...shuffled.filter(({ type }) => type !== '1'),
            ...shuffled.filter(({ type }) => type === '1'),
          ];
          expect(read(ordered, new Map(), piece)).toEqual({
            config: '{"id": "web"}',
            fstab: '# none\n',
            deleted: ['etc/hosts'],
            snapshot: 'backup1',
            streams: [
              { path: 'data', member: './data.zfs' },
              { path: 'data/inner', member: './data/inner.zfs' },
            ],
            tree: './root',
          });
        },
      ),
      { numRuns: 50 },
    );
  });

  it('may have its members without ./, and its root as a stream', () => {
    expect(
      read([
        { ...config, name: 'config.json' },
        { ...stream('root'), name: 'root.zfs' },
      ]),
    ).toMatchObject({
      tree: undefined,
      streams: [{ path: 'root', member: 'root.zfs' }],
    });
  });

  const refused: readonly { why: string; entries: readonly Entry[]; present?: Present }[] = (
    [
      [`'..'`, [...tree, { name: './root/../../evil', content: 'x' }]],
      ['no part of a backup', [...tree, { name: '/etc/evil', content: 'x' }]],
      ['no part of a backup', [...tree, { name: './.ssh/authorized_keys', content: 'x' }]],
      ['no part of a backup', [...tree, { name: './data', type: '2', link: '/etc' }]],
      ['no part of a backup', [...tree, { name: './data.zfs', type: '2', link: '/etc' }]],
      ['no part of a backup', [...tree, { name: './-rf.zfs', content: 'x' }]],
      ['no part of a backup', [...tree, { name: './a/../b.zfs', content: 'x' }]],
      ['no part of a backup', [...tree, { name: './constructor', content: 'x' }]],
      ['is a device outside /dev', [...tree, { name: './root/disk', type: '4' }]],
      ['unusual', [...tree, { name: './root/./dev/disk', type: '4' }]],
      ['unusual', [...tree, { name: './root//dev/disk', type: '4' }]],
      ['unusual', [...tree, { name: 'root/etc/x', content: 'x' }]],
      [
        'through the symbolic link',
        [...tree, { name: './root/a', type: '2', link: '/etc' }, { name: './root/a/x', content: 'x' }],
      ],
      [
        'through the symbolic link',
        [...tree, { name: './root/a/x', content: 'x' }],
        new Map([['a', 'link']]),
      ],
      ['is a hard link to', [...tree, { name: './root/a', type: '1', link: './config.json' }]],
      ['is a hard link to', [...tree, { name: './root/a', type: '1', link: '/etc/shadow' }]],
      ['is a hard link to', [...tree, { name: './root/a', type: '1', link: './root/../../x' }]],
      ['would replace the root directory', [config, { name: './root', type: '2', link: '/etc' }]],
      ['top is no directory', [...tree, { name: './', type: '2', link: '/etc' }]],
      ['twice', [...tree, config]],
      ['twice', [config, stream('root'), stream('root')]],
      ['no plain file', [{ name: './config.json', type: '2', link: '/etc/shadow' }, dir('./root/')]],
      ['no plain file', [{ ...config, content: ' '.repeat(2 ** 20 + 1) }, dir('./root/')]],
      ['room for', [...tree, { name: './root/big', size: 2 ** 45 }]],
      ['more than 20 members', [...tree, ...Array.from({ length: 20 }, (_, at) => dir(`./root/${at}/`))]],
      ['no stream of one', [config, stream('root', 'nothing of the kind'.repeat(50))]],
      ['no stream of one', [config, stream('root', head('tank/web@a', { version: 2n }))]],
      ['an earlier snapshot', [config, stream('root', head('tank/web@a', { from: 7n }))]],
      ['an odd name', [config, stream('root', head('tank/web@-a'))]],
      ['not of one moment', [config, stream('root'), stream('data', head('tank/web/data@other'))]],
      ['lies in is missing', [...tree, stream('data/inner')]],
      ['both root.zfs and root/', [...tree, stream('root')]],
      ['neither', [config]],
      ['no config.json', [dir('./root/')]],
      ['manifest.json is none', [...tree, { name: './manifest.json', content: '{"version": 2}' }]],
    ] as readonly [string, Entry[], Present?][]
  ).map(([why, entries, present]) => ({ why, entries, ...(present === undefined ? {} : { present }) }));
  it.each(refused)('is refused: $why', ({ why, entries, present }) => {
    expect(() => read(entries, present)).toThrow(why);
  });

  it('is told from other archives by the names in it', () => {
    const kinds = [
      './config.json',
      'root.zfs',
      './etc/',
      './etc/jail.conf',
      './usr/bin/sh',
      'web/jail.conf',
      './',
      './root/',
      'data.zfs',
      './root/etc/x',
    ];
    expect(kinds.map(kindByMember)).toEqual([
      'backup',
      'backup',
      'root',
      'root',
      'root',
      'bastille',
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });
});

describe('its fstab', () => {
  it('has libiocage’s word for where the jail is', () => {
    const here =
      '/srv\t/tank/jails/web/root/mnt\tnullfs\tro\t0\t0\n# /tank/jails/web\n/tank/jails/web2/x /tank/jails/web nullfs rw 0 0\n';
    const there =
      '/srv\tbackup:////root/mnt\tnullfs\tro\t0\t0\n# /tank/jails/web\n/tank/jails/web2/x backup:/// nullfs rw 0 0\n';
    expect(toBackupFstab(here, '/tank/jails/web')).toBe(there);
    expect(fromBackupFstab(there, '/tank/jails/web')).toBe(here);
    expect(fromBackupFstab('backup:///root/mnt x', '/jail')).toBe('/jail/root/mnt x');
  });
});
