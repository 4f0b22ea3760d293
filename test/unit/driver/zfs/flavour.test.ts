import { describe, expect, it } from 'vitest';
import { toCapabilities } from '../../../../src/driver/zfs/flavour.ts';

// The beginning of what `zfs version` prints on zfs-fuse 0.7.0-25.
const zfsFuse = `unrecognized command 'version'
usage: zfs command args ...
where 'command' is one of the following:

	create [-p] [-o property=value] ... <filesystem>
	destroy [-rRd] <snapshot>
	rename -r <snapshot> <snapshot>

	set <property=value> <filesystem|volume|snapshot> ...
	send [-RDp] [-[iI] snapshot] <snapshot>
	receive [-vnF] <filesystem|volume|snapshot>
	receive [-vnF] -d <filesystem>
`;
// An OpenZFS before 0.8, as FreeBSD 12 had it: no version verb.
const before08 = `unrecognized command 'version'
usage: zfs command args ...
where 'command' is one of the following:

	set <property=value> ... <filesystem|volume|snapshot> ...
	receive|recv [-vnsFu] <filesystem|volume|snapshot>
	receive [-vnsFu] [-o origin=<snapshot>] [-d | -e] <filesystem>
	diff [-FHt] <snapshot> [snapshot|filesystem]
`;

describe('toCapabilities', () => {
  it.each([
    [
      'OpenZFS 2.1 on Debian',
      'zfs-2.1.11-1+deb12u1\nzfs-kmod-2.1.11-1+deb12u1\n',
      '',
      'linux' as const,
      'zoned',
    ],
    [
      'OpenZFS on FreeBSD',
      'zfs-2.1.14-FreeBSD_gd99134be8\nzfs-kmod-2.1.14-FreeBSD_gd99134be8\n',
      '',
      'freebsd' as const,
      'jailed',
    ],
    ['OpenZFS 2.3 release candidate', 'zfs-2.3.0-rc1\nzfs-kmod-2.3.0-rc1\n', '', 'linux' as const, 'zoned'],
  ])('%s', (_what, stdout, stderr, platform, jailedProperty) => {
    expect(toCapabilities({ stdout, stderr }, platform)).toEqual({
      flavour: 'openzfs',
      lz4: true,
      poolComment: true,
      setMany: true,
      resumableReceive: true,
      jailedProperty,
    });
  });

  it('zfs-fuse', () => {
    expect(toCapabilities({ stdout: '', stderr: zfsFuse }, 'linux')).toEqual({
      flavour: 'zfs-fuse',
      lz4: false,
      poolComment: false,
      setMany: false,
      resumableReceive: false,
      jailedProperty: 'zoned',
    });
  });

  it('an OpenZFS without the version verb', () => {
    expect(toCapabilities({ stdout: '', stderr: before08 }, 'freebsd')).toMatchObject({
      flavour: 'openzfs',
      lz4: true,
      poolComment: true,
      setMany: true,
      resumableReceive: true,
      jailedProperty: 'jailed',
    });
  });

  it('nothing that answers', () => {
    expect(
      toCapabilities({ stdout: '', stderr: 'connect: No such file or directory\n' }, 'linux'),
    ).toBeUndefined();
    expect(toCapabilities({ stdout: '', stderr: '' }, 'linux')).toBeUndefined();
  });
});
