/**
 * `exec_start` and `exec_stop`: which words bring a jail's services up and down, and as whom they are run in it.
 * COMPAT: the text is split at blanks; no shell reads it, in the jail or outside.
 */
import type { Files } from '../system.ts';
import type { JailSpec } from '../host.ts';
import { serviceUser } from './accounts.ts';
import { milliseconds } from './hook.ts';
import type { User } from './users.ts';

export type ServiceName = 'exec_start' | 'exec_stop';

/** Scripts that FreeBSD's base system brings and other roots may not have. */
const usualScript = { exec_start: '/etc/rc', exec_stop: '/etc/rc.shutdown' } as const;

/** A path through a link is left to the jail itself to follow. */
async function isMissing(files: Files, root: string, path: string): Promise<boolean> {
  return (await files.statBelow(root, path).catch(() => 'unknown' as const)) === undefined;
}

export interface Service {
  readonly words: readonly string[];
  readonly user: User;
  /** What a step keeps of it. */
  readonly how: {
    readonly timeoutMs?: number;
    /** exec_clean=0: what the caller's environment holds goes in too; at the moment it runs, so that no record keeps it. */
    readonly unclean?: true;
  };
}

/** A text says why there is nothing to run. */
export async function serviceOf(files: Files, jail: JailSpec, which: ServiceName): Promise<Service | string> {
  const words = (jail.config.get(which) ?? '').split(/\s+/).filter((word) => word !== '');
  if (words.length === 0 || words[0] === 'none') return `${which} is empty`;
  const script = usualScript[which];
  if (words.join(' ') === `/bin/sh ${script}` && (await isMissing(files, jail.root, script)))
    return `the jail has no ${script}; nothing to run for ${which}`;
  const user = await serviceUser(files, jail);
  // The check of a start tells it first; nothing runs as root in its place.
  if (typeof user === 'string') return `${which} is left out: ${user}`;
  const how = {
    ...(jail.config.get('exec_clean') === '0' ? { unclean: true as const } : {}),
    ...(which === 'exec_stop' ? { timeoutMs: milliseconds(jail.config, 'stop_timeout', 30) } : {}),
  };
  return { words, user, how };
}
