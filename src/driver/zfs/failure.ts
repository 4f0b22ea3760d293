/**
 * What zfs(8) says on standard error, in the words of zfs-fuse 0.7 and of OpenZFS 2.x (libzfs_util.c,
 * libzfs_mount.c), to our failure codes; pure. What is not known stays COMMAND_FAILED with the text.
 * Patterns stand at the end of a line, after the `: ` that follows the quoted name, so that a name or a
 * value in the message cannot pass for the reason.
 */
import { failure, type IocageError } from '../../domain/errors.ts';
import { parseNamesAfter } from './parse.ts';
import { parentOf, poolOf } from './name.ts';

export interface Refusal {
  readonly argv: readonly string[];
  /** `exit status 1`, or how else the command ended. */
  readonly status: string;
  readonly stderr: string;
}

const busyPattern =
  /: ((pool or )?dataset is busy|mountpoint or dataset is busy|target is busy\.?|device( or resource)? busy)$/im;
const absent =
  /: (dataset does not exist|no such pool( or dataset)?( '[^']*')?|snapshot does not exist|does not exist)$|^could not find any snapshots to destroy/m;
const otherType = /: operation not applicable to datasets of this type$/;
const present =
  /: (dataset already exists|pool or dataset exists|destination '[^']*' exists)$|^snapshot already exists/m;
const full =
  /: (out of space|no space left on device|disc quota exceeded|disk quota exceeded|size is greater than available space)$|space quota exceeded/im;
const noDaemon =
  /failed to initialize (the )?(ZFS|libzfs) library|ZFS modules? (is|are) not loaded|ZFS modules? cannot be auto-loaded|zfs-fuse daemon is running|\/dev\/zfs and \/proc\/self\/mounts are required|^internal error: (Connection reset|Broken pipe|Transport)/im;
const noPermission =
  /: (permission denied|insufficient privileges|operation not permitted)$|utilities must be run as root/im;
const suspended = /: pool I\/O is currently suspended$|pool is (unavailable|suspended)/im;
const dependents =
  /(has dependent clones|snapshot is cloned|has clones|clones of previous snapshots exist)$/m;
const newer = /: more recent snapshots( or bookmarks)? exist$/m;

export function isBusy(stderr: string): boolean {
  return busyPattern.test(stderr);
}
export function isAbsent(stderr: string): boolean {
  return absent.test(stderr);
}
/** What else is wrong, where of several filesystems that were asked for some are absent, or are none. */
export function besidesAbsent(stderr: string): string {
  const lines = stderr.split('\n').filter((line) => line !== '');
  return lines.filter((line) => !absent.test(line) && !otherType.test(line)).join('\n');
}
export function isUnknownProperty(stderr: string): string | undefined {
  return /^bad property list: invalid property '([^']+)'$/m.exec(stderr)?.[1];
}

/** The command asked for is not in this ZFS: it prints its usage. */
export function isUnknownVerb(stderr: string): boolean {
  return /^unrecognized command /m.test(stderr);
}

/** The thing that the message names, when it names one in our words. */
function named(stderr: string): string | undefined {
  const quoted =
    /^cannot [a-z ]+ '([^']+)'/m.exec(stderr)?.[1] ?? /destination '([^']+)' exists/.exec(stderr)?.[1];
  return quoted === undefined || quoted.startsWith('/') ? undefined : quoted;
}

/** Lines that say something, without the usage that follows a wrong word. */
function essence(stderr: string): string {
  const lines = stderr.split('\n').map((line) => line.trim());
  const usage = lines.findIndex((line) => /^usage:/.test(line));
  const said = (usage < 0 ? lines : lines.slice(0, usage)).filter((line) => line !== '');
  return said.slice(0, 4).join('; ');
}

/** The failure for a command that ended badly. `subject`: the dataset or snapshot it was meant for. */
export function zfsFailure({ argv, status, stderr }: Refusal, subject: string, tries = 1): IocageError {
  const cause = failure('COMMAND_FAILED', { argv, status, stderr: essence(stderr) });
  const dataset = named(stderr) ?? subject;
  if (/^(connect|open|unable to open \S+): permission denied/im.test(stderr)) {
    return failure('NOT_ROOT', { command: argv.slice(0, 2).join(' ') }, { cause });
  }
  // Before the daemon's silence: zfs-fuse hangs up on a receiver when the pool is full.
  if (full.test(stderr)) return failure('POOL_FULL', { dataset: subject, why: essence(stderr) }, { cause });
  if (noDaemon.test(stderr)) return failure('NO_ZFS', { why: essence(stderr) }, { cause });
  if (suspended.test(stderr)) {
    return failure('POOL_UNHEALTHY', { pool: poolOf(subject), health: 'SUSPENDED' }, { cause });
  }
  if (dependents.test(stderr)) {
    const names = parseNamesAfter(stderr, /^use '-R' to (destroy|force deletion of) the following/);
    return failure('HAS_DEPENDENTS', { what: subject, dependents: names }, { cause });
  }
  if (newer.test(stderr)) {
    const names = parseNamesAfter(stderr, /^use '-r' to force deletion of the following/);
    return failure('NEWER_SNAPSHOTS', { snapshot: subject, newer: names }, { cause });
  }
  if (isBusy(stderr)) return failure('DATASET_BUSY', { dataset, tries }, { cause });
  if (/: parent does not exist$/m.test(stderr)) {
    return failure('DATASET_NOT_FOUND', { dataset: parentOf(dataset) ?? dataset }, { cause });
  }
  if (present.test(stderr))
    return failure('DATASET_EXISTS', { dataset: existing(argv, stderr, dataset) }, { cause });
  if (absent.test(stderr)) return failure('DATASET_NOT_FOUND', { dataset }, { cause });
  if (noPermission.test(stderr))
    return failure('NOT_ROOT', { command: argv.slice(0, 2).join(' ') }, { cause });
  return cause;
}

/** `rename` names the source where the target is what exists. */
function existing(argv: readonly string[], stderr: string, dataset: string): string {
  return /^cannot rename /m.test(stderr) ? (argv.at(-1) ?? dataset) : dataset;
}
