/**
 * The file systems of a jail besides its root, in the order in which they are mounted. Pure. See mount(8),
 * mount_nullfs(8), devfs(5), fdescfs(5), procfs(5), linprocfs(5), tmpfs(5).
 */
import { join } from 'node:path';
import type { JailSpec } from '../host.ts';
import { isOn } from '../../domain/config.ts';
import { fstabKind, type FstabEntry } from '../../domain/format/fstab.ts';

export interface Mount {
  readonly type: string;
  readonly source: string;
  /** Path in the jail. */
  readonly target: string;
  readonly options: readonly string[];
  /** Of a file; nullfs(5) shows one since FreeBSD 14. */
  readonly file?: true;
  /** Of the base of a basejail. */
  readonly base?: true;
}

/** What an fstab line says to mount(8); the rest of its words is for whoever reads the whole file. */
const spoken = /^(ro|nosuid|noexec|noatime|size=.*|mode=.*)$/;

export function fstabMount(entry: FstabEntry, target: string, file = false): Mount {
  const type = fstabKind(entry) === 'bind' ? 'nullfs' : entry.type;
  return {
    type,
    source: type === 'nullfs' ? entry.source : type,
    target,
    options: entry.options.filter((option) => spoken.test(option)),
    ...(file ? { file: true } : {}),
  };
}

export function baseMount(release: string, path: string): Mount {
  // With its set-user-ID programs: su and ping of the jail are among them.
  return { type: 'nullfs', source: join(release, path), target: `/${path}`, options: ['ro'], base: true };
}

/** Those that properties turn on. `ruleset`: 0 shows every device. */
export function systemMounts(config: JailSpec['config'], ruleset: number): readonly Mount[] {
  const asked = (key: string, fallback: boolean): boolean => (config.has(key) ? isOn(config, key) : fallback);
  const one = (type: string, target: string, ...options: string[]): Mount => ({
    type,
    source: type,
    target,
    options,
  });
  return [
    ...(asked('mount_devfs', true)
      ? [one('devfs', '/dev', ...(ruleset === 0 ? [] : [`ruleset=${ruleset}`]))]
      : []),
    ...(asked('mount_fdescfs', true) ? [one('fdescfs', '/dev/fd')] : []),
    ...(asked('mount_procfs', false) ? [one('procfs', '/proc')] : []),
    ...(asked('mount_linprocfs', false) ? [one('linprocfs', '/compat/linux/proc')] : []),
  ];
}

export function mountCommand(root: string, { type, source, target, options }: Mount): readonly string[] {
  const words = options.length === 0 ? [] : ['-o', options.join(',')];
  return ['mount', '-t', type, ...words, source, `${root}${target}`];
}

export interface Mounted {
  readonly from: string;
  readonly at: string;
  readonly type: string;
}

/**
 * Of `mount -p`: what is mounted, newest last. A blank in a name is written as it is, and one blank may be all that
 * is between two fields: what follows the place has none, and the place begins with `/`.
 */
export function parseMountTable(text: string): readonly Mounted[] {
  const line = /^(.*?)[\t ]+(\/.*?)[\t ]+(\S+)[\t ]+(\S+)[\t ]+\d+ \d+$/;
  const decode = (field: string): string =>
    field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));
  return text.split('\n').flatMap((row) => {
    const found = line.exec(row);
    return found === null ? [] : [{ from: decode(found[1]!), at: decode(found[2]!), type: found[3]! }];
  });
}
