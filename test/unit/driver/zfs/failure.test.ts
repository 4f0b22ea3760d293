import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ErrorCode } from '../../../../src/domain/errors.ts';
import { isUnknownProperty, zfsFailure } from '../../../../src/driver/zfs/failure.ts';

const jail = 'tank/iocage/jails/a';

/** [what printed it, command, standard error, code, details that must be there] */
type Said = readonly [string, string, string, ErrorCode, Record<string, unknown>?];

// Captured from zfs-fuse 0.7.0-25 (Debian 12), names shortened.
const zfsFuse: readonly Said[] = [
  [
    'absent',
    `zfs list ${jail}`,
    `cannot open '${jail}': dataset does not exist\n`,
    'DATASET_NOT_FOUND',
    { dataset: jail },
  ],
  ['no pool', 'zpool list x', `cannot open 'x': no such pool\n`, 'DATASET_NOT_FOUND', { dataset: 'x' }],
  ['no pool to create in', 'zfs create x/a', `cannot create 'x/a': no such pool 'x'\n`, 'DATASET_NOT_FOUND'],
  [
    'no parent',
    `zfs create ${jail}/b/c`,
    `cannot create '${jail}/b/c': parent does not exist\n`,
    'DATASET_NOT_FOUND',
    { dataset: `${jail}/b` },
  ],
  [
    'exists',
    `zfs create ${jail}`,
    `cannot create '${jail}': dataset already exists\n`,
    'DATASET_EXISTS',
    { dataset: jail },
  ],
  [
    'snapshot exists',
    `zfs snapshot ${jail}@s`,
    `cannot create snapshot '${jail}@s': dataset already exists\n`,
    'DATASET_EXISTS',
    { dataset: `${jail}@s` },
  ],
  [
    'target of rename exists',
    `zfs rename ${jail} tank/b`,
    `cannot rename '${jail}': dataset already exists\n`,
    'DATASET_EXISTS',
    { dataset: 'tank/b' },
  ],
  [
    'target of receive exists',
    `zfs recv -u ${jail}`,
    `cannot receive new filesystem stream: destination '${jail}' exists\nmust specify -F to overwrite it\nwarning: cannot send 'tank/r@s': Broken pipe\n`,
    'DATASET_EXISTS',
    { dataset: jail },
  ],
  [
    'no snapshot to send',
    `zfs send tank/r@s`,
    `WARNING: could not send tank/r@s: does not exist\ncannot receive: failed to read from stream\n`,
    'DATASET_NOT_FOUND',
  ],
  [
    'nowhere to receive',
    `zfs recv -u tank/x/y`,
    `cannot open 'tank/x/y': dataset does not exist\ncannot receive new filesystem stream: dataset does not exist\n`,
    'DATASET_NOT_FOUND',
    { dataset: 'tank/x/y' },
  ],
  [
    'full while receiving',
    `zfs recv -u ${jail}`,
    `cannot receive new filesystem stream: out of space\nwarning: cannot send 'tank/r@s': Broken pipe\n`,
    'POOL_FULL',
    { dataset: jail },
  ],
  [
    'reservation too big',
    `zfs set reservation=9T ${jail}`,
    `cannot set property for '${jail}': size is greater than available space\n`,
    'POOL_FULL',
  ],
  [
    'busy',
    `zfs destroy ${jail}`,
    `cannot destroy '${jail}': dataset is busy\n`,
    'DATASET_BUSY',
    { dataset: jail, tries: 7 },
  ],
  [
    'busy mount',
    `zfs unmount ${jail}`,
    `umount: /tank/a: target is busy.\ncannot unmount '/tank/a': umount failed: umount child process failed\n`,
    'DATASET_BUSY',
    { dataset: jail },
  ],
  [
    'clones of it',
    `zfs destroy -r ${jail}`,
    `cannot destroy '${jail}': filesystem has dependent clones\nuse '-R' to destroy the following datasets:\ntank/b\ntank/c/root\n`,
    'HAS_DEPENDENTS',
    { what: jail, dependents: ['tank/b', 'tank/c/root'] },
  ],
  [
    'clones of a snapshot',
    `zfs destroy ${jail}@s`,
    `cannot destroy '${jail}@s': snapshot has dependent clones\nuse '-R' to destroy the following datasets:\ntank/b\n`,
    'HAS_DEPENDENTS',
    { dependents: ['tank/b'] },
  ],
  [
    'clones of snapshots',
    `zfs destroy -r ${jail}@s`,
    `cannot destroy '${jail}@s': snapshot is cloned\nno snapshots destroyed\n`,
    'HAS_DEPENDENTS',
    { dependents: [] },
  ],
  [
    'clones in the way of rollback',
    `zfs rollback -r ${jail}@s`,
    `cannot rollback to '${jail}@s': clones of previous snapshots exist\nuse '-R' to force deletion of the following clones and dependents:\ntank/b\n`,
    'HAS_DEPENDENTS',
    { dependents: ['tank/b'] },
  ],
  [
    'newer snapshots',
    `zfs rollback ${jail}@s`,
    `cannot rollback to '${jail}@s': more recent snapshots exist\nuse '-r' to force deletion of the following snapshots:\n${jail}@t\n${jail}@u\n`,
    'NEWER_SNAPSHOTS',
    { newer: [`${jail}@t`, `${jail}@u`] },
  ],
  [
    'not root',
    'zfs list',
    `connect: Permission denied\ninternal error: failed to initialize ZFS library\n`,
    'NOT_ROOT',
    { command: 'zfs list' },
  ],
  [
    'no daemon',
    'zpool list',
    `connect: No such file or directory\nPlease make sure that the zfs-fuse daemon is running.\ninternal error: failed to initialize ZFS library\n`,
    'NO_ZFS',
  ],
  ['daemon gone meanwhile', 'zfs list', `internal error: Connection reset by peer\nAborted\n`, 'NO_ZFS'],
  [
    'bad value',
    `zfs set quota=x ${jail}`,
    `cannot set property for '${jail}': bad numeric value 'x'\n`,
    'COMMAND_FAILED',
  ],
  [
    'no lz4',
    `zfs create -o compression=lz4 ${jail}`,
    `cannot create '${jail}': 'compression' must be one of 'on | off | lzjb | gzip | gzip-[1-9] | zle'\n`,
    'COMMAND_FAILED',
  ],
  [
    'not a clone',
    `zfs promote ${jail}`,
    `cannot promote '${jail}': not a cloned filesystem\n`,
    'COMMAND_FAILED',
  ],
  [
    'mount point taken',
    `zfs create ${jail}`,
    `cannot mount '/tank/a': directory is not empty\nfilesystem successfully created, but not mounted\n`,
    'COMMAND_FAILED',
  ],
];

// Written by hand from the texts in OpenZFS 2.1 and 2.2 (libzfs_util.c, libzfs_mount.c, libzfs_sendrecv.c, zfs_main.c).
const openZfs: readonly Said[] = [
  [
    'absent',
    `zfs list ${jail}`,
    `cannot open '${jail}': dataset does not exist\n`,
    'DATASET_NOT_FOUND',
    { dataset: jail },
  ],
  [
    'no parent',
    `zfs create ${jail}/b`,
    `cannot create '${jail}/b': parent does not exist\n`,
    'DATASET_NOT_FOUND',
    { dataset: jail },
  ],
  [
    'no snapshot to destroy',
    `zfs destroy ${jail}@s`,
    `could not find any snapshots to destroy; check snapshot names.\n`,
    'DATASET_NOT_FOUND',
    { dataset: `${jail}@s` },
  ],
  [
    'exists',
    `zfs create ${jail}`,
    `cannot create '${jail}': dataset already exists\n`,
    'DATASET_EXISTS',
    { dataset: jail },
  ],
  [
    'snapshot exists',
    `zfs snapshot ${jail}@s`,
    `cannot create snapshot '${jail}@s': dataset already exists\n`,
    'DATASET_EXISTS',
  ],
  [
    'busy on Linux',
    `zfs unmount ${jail}`,
    `cannot unmount '/tank/a': pool or dataset is busy\n`,
    'DATASET_BUSY',
    { dataset: jail },
  ],
  ['busy on FreeBSD', `zfs unmount ${jail}`, `cannot unmount '/tank/a': Device busy\n`, 'DATASET_BUSY'],
  [
    'busy dataset',
    `zfs rename ${jail} tank/b`,
    `cannot rename '${jail}': dataset is busy\n`,
    'DATASET_BUSY',
    { dataset: jail },
  ],
  [
    'busy mount point',
    `zfs mount ${jail}`,
    `cannot mount '${jail}': mountpoint or dataset is busy\n`,
    'DATASET_BUSY',
  ],
  [
    'quota while receiving',
    `zfs recv -u ${jail}`,
    `cannot receive new filesystem stream: destination ${jail} space quota exceeded.\n`,
    'POOL_FULL',
  ],
  ['full', `zfs create ${jail}`, `cannot create '${jail}': out of space\n`, 'POOL_FULL', { dataset: jail }],
  [
    'newer',
    `zfs rollback ${jail}@s`,
    `cannot rollback to '${jail}@s': more recent snapshots or bookmarks exist\nuse '-r' to force deletion of the following snapshots and bookmarks:\n${jail}@t\n${jail}#b\n`,
    'NEWER_SNAPSHOTS',
    { newer: [`${jail}@t`, `${jail}#b`] },
  ],
  [
    'clones',
    `zfs destroy ${jail}@s`,
    `cannot destroy '${jail}@s': snapshot has dependent clones\nuse '-R' to destroy the following datasets:\ntank/b\n`,
    'HAS_DEPENDENTS',
    { dependents: ['tank/b'] },
  ],
  [
    'not root',
    `zfs create ${jail}`,
    `cannot create '${jail}': permission denied\n`,
    'NOT_ROOT',
    { command: 'zfs create' },
  ],
  ['not root to mount', `zfs mount ${jail}`, `cannot mount '${jail}': Insufficient privileges\n`, 'NOT_ROOT'],
  [
    'no permission for /dev/zfs',
    'zfs list',
    `Permission denied the ZFS utilities must be run as root.\n`,
    'NOT_ROOT',
  ],
  [
    'no module on Linux',
    'zfs list',
    `The ZFS modules cannot be auto-loaded.\nTry running 'modprobe zfs' as root to manually load them.\n`,
    'NO_ZFS',
  ],
  [
    'no module',
    'zfs list',
    `The ZFS modules are not loaded.\nTry running 'modprobe zfs' as root to load them.\n`,
    'NO_ZFS',
  ],
  [
    'no device',
    'zfs list',
    `/dev/zfs and /proc/self/mounts are required.\nTry running 'udevadm trigger' and 'mount -t proc proc /proc' as root.\n`,
    'NO_ZFS',
  ],
  ['no module on FreeBSD', 'zfs list', `internal error: failed to initialize ZFS library\n`, 'NO_ZFS'],
  [
    'suspended',
    `zfs create ${jail}`,
    `cannot create '${jail}': pool I/O is currently suspended\n`,
    'POOL_UNHEALTHY',
    { pool: 'tank', health: 'SUSPENDED' },
  ],
  ['something else', `zfs create ${jail}`, `cannot create '${jail}': I/O error\n`, 'COMMAND_FAILED'],
  ['nothing said', `zfs create ${jail}`, '', 'COMMAND_FAILED'],
];

for (const [flavour, said] of [
  ['zfs-fuse', zfsFuse],
  ['OpenZFS', openZfs],
] as const) {
  describe(`what ${flavour} says`, () => {
    for (const [what, command, stderr, code, details = {}] of said) {
      it(what, () => {
        const argv = command.split(' ');
        const error = zfsFailure({ argv, status: 'exit status 1', stderr }, argv.at(-1)!, 7);
        expect({ code: error.code, details: error.details }).toMatchObject({ code, details });
        expect(error.message).not.toMatch(/\n/);
      });
    }
  });
}

describe('zfsFailure', () => {
  it('keeps the command and its words, without the usage, as the cause', () => {
    const stderr = `cannot open '${jail}': dataset does not exist\nusage:\n\tlist ...\n`;
    const { cause } = zfsFailure({ argv: ['zfs', 'list', jail], status: 'exit status 2', stderr }, jail);
    expect(cause).toMatchObject({
      code: 'COMMAND_FAILED',
      details: {
        argv: ['zfs', 'list', jail],
        status: 'exit status 2',
        stderr: `cannot open '${jail}': dataset does not exist`,
      },
    });
  });

  it('is not misled by a value in the message', () => {
    const stderr = `cannot set property for '${jail}': bad numeric value 'x: dataset is busy'\n`;
    expect(zfsFailure({ argv: ['zfs', 'set'], status: 'exit status 1', stderr }, jail).code).toBe(
      'COMMAND_FAILED',
    );
  });

  it('makes one line of anything', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (stderr) => {
        const error = zfsFailure({ argv: ['zfs', 'x'], status: 'exit status 1', stderr }, jail);
        expect(error.message).not.toMatch(/\n/);
      }),
    );
  });
});

describe('isUnknownProperty', () => {
  it('finds the column that this ZFS does not know', () => {
    expect(isUnknownProperty(`bad property list: invalid property 'comment'\nusage:\n`)).toBe('comment');
    expect(isUnknownProperty(`cannot open 'x': no such pool\n`)).toBeUndefined();
  });
});
