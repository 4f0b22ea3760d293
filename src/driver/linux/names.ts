/**
 * Every name and path that a jail gets on a Linux host: container, cgroup, namespace, link, files.
 * Pure. Two pools may hold jails of one name, so what is global on the host carries the pool as a
 * directory or a hash of both; interface names may have 15 characters at most (netdevice(7)).
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Paths } from '../system.ts';
import { failure } from '../../domain/errors.ts';

export interface Places {
  readonly pool: string;
  readonly uuid: string;
  /** The container's id for the runtime. */
  readonly id: string;
  /** `crun --root`: apart from every other runtime's state on this host. */
  readonly runtimeRoot: string;
  /** The runtime's own record of the container. */
  readonly runtimeStatus: string;
  readonly bundle: string;
  /** Our record of the running jail. */
  readonly state: string;
  readonly cgroup: string;
  /** Directory for what DHCP clients of the jail's interfaces need. */
  readonly dhcp: string;
  /** Name of the network namespace, when the jail has addresses. */
  readonly netns: string;
  /** Our tables of the packet filter, one for each family that needs it. */
  readonly table: string;
  /** Name of the link's host end; a vnet jail has one for each interface, with a number behind. */
  readonly link: string;
}

const word = /^[A-Za-z0-9][A-Za-z0-9._:@+-]*$/;

/** These become path components and arguments; the layers above check them too. */
function assertWord(what: string, name: string): void {
  if (!word.test(name) || name.length > 200) {
    throw failure('INVALID_NAME', { what, name, problem: 'it cannot be used in a path' });
  }
}

export function placesOf(paths: Paths, pool: string, uuid: string): Places {
  assertWord('pool', pool);
  assertWord('jail name', uuid);
  const hash = createHash('sha256').update(`${pool}\0${uuid}`).digest('hex').slice(0, 8);
  const run = join(paths.run, pool);
  const id = `ioc-${uuid}`;
  return {
    pool,
    uuid,
    id,
    runtimeRoot: join(run, 'crun'),
    runtimeStatus: join(run, 'crun', id, 'status'),
    bundle: join(run, 'bundle', uuid),
    state: join(run, 'jail', `${uuid}.json`),
    dhcp: join(run, 'dhcp', uuid),
    cgroup: `/iocage/${pool}/${id}`,
    netns: `ioc-${uuid.slice(0, 8)}-${hash}`,
    table: `iocage-${hash}`,
    link: `ioc${hash}`,
  };
}
