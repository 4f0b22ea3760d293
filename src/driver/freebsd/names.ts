/**
 * Every name and number that a jail gets on a FreeBSD host: of the jail, of its interfaces, of its rules in
 * the packet filter, and our record. Pure. A jail's name may hold no dot (jail(8)), an interface's has 15
 * characters at most (ifnet(9)); two pools may hold jails of one name, so what is global on the host is made
 * from a hash of both, and the kernel lets only one of two jails of one name run.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Paths } from '../system.ts';
import { failure } from '../../domain/errors.ts';

export interface Places {
  readonly pool: string;
  readonly uuid: string;
  /** Name of the jail for the kernel. */
  readonly name: string;
  /** Our record of the running jail. */
  readonly state: string;
  /** Directory for what its console needs. */
  readonly console: string;
  /** Directory of the file that it sees as /etc/hosts. */
  readonly hosts: string;
  /** Of eight hexadecimal digits; the same at every start. */
  readonly hash: string;
  /** Our anchor in pf(4). */
  readonly anchor: string;
}

const word = /^[A-Za-z0-9][A-Za-z0-9._:@+-]*$/;

/** These become path components and arguments; the layers above check them too. */
function assertWord(what: string, name: string): void {
  if (!word.test(name) || name.length > 200) {
    throw failure('INVALID_NAME', { what, name, problem: 'it cannot be used in a path' });
  }
}

/** COMPAT: `ioc-` and the name, as every line of iocage calls a jail; the Python line turned dots into `_`. */
export const jailName = (uuid: string): string => `ioc-${uuid.replaceAll('.', '_')}`;

export function placesOf(paths: Paths, pool: string, uuid: string): Places {
  assertWord('pool', pool);
  assertWord('jail name', uuid);
  const hash = createHash('sha256').update(`${pool}\0${uuid}`).digest('hex').slice(0, 8);
  return {
    pool,
    uuid,
    name: jailName(uuid),
    state: join(paths.run, pool, 'jail', `${uuid}.json`),
    console: join(paths.run, pool, 'console', uuid),
    hosts: join(paths.run, pool, 'hosts', uuid),
    hash,
    anchor: `iocage/${hash}`,
  };
}

/** The two ends of the pair for a vnet jail's interface, on the host; the second gets another name in the jail. */
export function pairEnds(hash: string, number: number): { readonly host: string; readonly jail: string } {
  return { host: `ioc${hash}v${number}a`, jail: `ioc${hash}v${number}b` };
}

/** A place to begin to look for a free number, so that jails that start at once do not all want the first. */
export function firstTried(hash: string, count: number): number {
  return Number.parseInt(hash, 16) % count;
}
