/** Rows of the group `custom`: what a jail is, and what iocage itself does with it. */
import { integer, onOff, zeroOne } from '../codec/choice.ts';
import { datasets, volumes } from '../codec/files.ts';
import { hostId } from '../codec/names.ts';
import { freeText, orNone, path, timestamp, wordsOrNone } from '../codec/text.ts';
import { nameProblem } from '../name.ts';
import type { Property } from '../property.ts';
import { snapshotSchedule } from '../schedule.ts';
import { answers } from './answers.ts';
import { identity } from './identity.ts';
import { provision } from './provision.ts';
import { ready } from './ready.ts';
import { applied, bookkeeping, develop, not, original, property, python } from './row.ts';

/** Free text about the jail that has no effect. */
function remark(key: string, fallback: string, doc: string, example: string, source: string): Property {
  return property('custom', {
    key,
    codec: freeText,
    default: fallback,
    freebsd: 'stored only',
    linux: applied('stored only, as it is meant'),
    live: true,
    doc,
    example,
    source,
  });
}

export const custom: readonly Property[] = [
  ...identity,
  property('custom', {
    key: 'boot',
    codec: onOff,
    default: 'off',
    freebsd: 'rc.d/iocage',
    linux: applied('iocage.service calls rcboot and rcshutdown'),
    live: true,
    doc: 'Start the jail when the host starts, and stop it when the host stops.',
    example: 'on',
    source: original,
  }),
  property('custom', {
    key: 'priority',
    codec: integer(0, 99),
    default: '99',
    freebsd: 'rc.d/iocage',
    linux: applied('order of rcboot and rcshutdown'),
    live: true,
    doc: 'Order at boot: low numbers start first and stop last.',
    example: '10',
    source: original,
  }),
  property('custom', {
    key: 'depends',
    codec: wordsOrNone('jails', (name) => {
      const problem = nameProblem('tag', name);
      return problem && `is no jail: ${problem}`;
    }),
    default: 'none',
    freebsd: 'started first by iocage',
    linux: applied('started first, by start and by rcboot'),
    defaultable: false,
    live: true,
    doc: 'Jails that have to run before this one, blanks between.',
    example: 'database cache',
    source: python,
  }),
  ...ready,
  ...provision,
  remark('notes', 'none', 'Free text.', 'moved here in May', original),
  remark('comment', 'none', 'Free text.', 'web front end', python),
  remark('owner', 'root', 'Free text naming an owner.', 'alice', original),
  property('custom', {
    key: 'last_started',
    codec: timestamp,
    default: 'none',
    access: 'tool',
    why: 'every start writes it',
    freebsd: bookkeeping.note,
    linux: bookkeeping,
    defaultable: false,
    live: true,
    doc: 'Time of the last start.',
    example: '2016-02-10_20:14:05',
    source: original,
  }),
  property('custom', {
    key: 'hostid',
    codec: hostId,
    default: null,
    freebsd: 'compared with /etc/hostid',
    linux: applied('compared with /etc/hostid or /etc/machine-id where hostid_strict_check is on'),
    defaultable: false,
    doc: 'Host that the jail belongs to; see hostid_strict_check.',
    example: '1f3b6c0e-8d3e-11e5-9d70-feff819cdc9f',
    source: original,
  }),
  property('custom', {
    key: 'hostid_strict_check',
    codec: zeroOne,
    default: '0',
    freebsd: 'start refuses a foreign hostid',
    linux: applied('a start refuses a foreign hostid, and stores that of this host where none is stored'),
    doc: 'Refuse to start the jail on a host other than that of hostid.',
    example: '1',
    source: python,
  }),
  property('custom', {
    key: 'host_time',
    codec: zeroOne,
    default: '1',
    freebsd: 'copies /etc/localtime into the jail',
    linux: applied(
      "a start makes the jail's /etc/localtime the link that the host's is, where the jail has the zone and no file of its own there",
    ),
    doc: "Use the host's time zone in the jail.",
    example: '0',
    source: python,
  }),
  property('custom', {
    key: 'hack88',
    codec: zeroOne,
    default: '0',
    freebsd: 'kept for jails of the older lines; mount points are long enough now',
    linux: not('mount points have no 88 character limit'),
    doc: 'Shorten the mount point to stay below a limit that FreeBSD had up to version 9.',
    example: '1',
    source: original,
  }),
  property('custom', {
    key: 'jail_zfs',
    codec: onOff,
    default: 'off',
    freebsd: 'zfs jail',
    linux: applied(
      'mounted in the jail by its start; zfs(8) inside the jail is not possible, it needs a user namespace',
    ),
    doc: 'Hand the datasets of jail_zfs_dataset over to the jail.',
    example: 'on',
    source: original,
  }),
  property('custom', {
    key: 'jail_zfs_dataset',
    codec: datasets,
    default: null,
    freebsd: 'zfs jail',
    linux: applied('says only what jail_zfs hands over; see there'),
    defaultable: false,
    doc: "Datasets for jail_zfs, without the pool's name, blanks between; iocage/jails/UUID/data when unset.",
    example: 'iocage/jails/web/data',
    source: original,
  }),
  property('custom', {
    key: 'jail_zfs_mountpoint',
    codec: orNone(path),
    default: 'none',
    freebsd: 'mountpoint of the dataset',
    linux: applied('where the jail sees it; the mount point on the host stays'),
    defaultable: false,
    doc: 'Where the jail sees the dataset that is handed over, /data when none; several stand in it by their last names.',
    example: '/data',
    source: develop,
  }),
  property('custom', {
    key: 'volumes',
    codec: volumes,
    default: 'none',
    freebsd: 'nullfs(5) mounts',
    linux: applied('bind mounts; the options are those of fstab'),
    defaultable: false,
    doc: 'Directories and files of the host shown in the jail: HOSTPATH[:JAILPATH[:OPTIONS]], blanks between.',
    example: '/srv/www:/var/www:ro',
    source: original,
  }),
  property('custom', {
    key: 'snapshot_schedule',
    codec: snapshotSchedule,
    default: 'none',
    freebsd: 'iocage snapshot --scheduled, called by cron(8)',
    linux: applied('iocage snapshot --scheduled, called by iocage-snapshots.timer'),
    live: true,
    doc: 'Snapshots that are taken by themselves, and how many of each period are kept.',
    example: 'daily=7,weekly=4',
    source: 'this version',
  }),
  property('custom', {
    key: 'pkglist',
    codec: orNone(path),
    default: 'none',
    access: 'create',
    why: 'the packages are installed when the jail is made',
    freebsd: 'pkg(8) at create',
    linux: applied('apt-get(8) or apk(8) in the jail, at create'),
    doc: 'File with names of packages, one a line, or the JSON of Python iocage; create installs them.',
    example: '/root/packages.txt',
    source: original,
  }),
  ...answers,
];
