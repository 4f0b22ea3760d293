/**
 * Real jails for the tests of the Linux driver: roots of static busybox on a dataset of a test pool
 * (or in a plain directory), a driver with directories of its own, and a look at everything on the
 * host that a jail could leave behind.
 */
import { existsSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { linuxHost } from '../../src/driver/linux/host.ts';
import { cgroupLayout } from '../../src/driver/linux/facts.ts';
import { NodeExec } from '../../src/driver/node/exec.ts';
import type { JailSpec } from '../../src/driver/host.ts';
import type { Exec, RunOptions } from '../../src/driver/system.ts';
import type { HostUnderTest } from '../contract/host.ts';
import { below, busyboxJail, drivenIn, stepRun } from './driven.ts';
import { sh } from './pool.ts';

/** Keeps what a session's program wrote: a test has no terminal to look at. */
export class SessionExec extends NodeExec implements Exec {
  output = '';
  override async session(argv: readonly string[], options?: RunOptions): Promise<number> {
    const result = await this.change(argv, { ...options, accept: 'any' });
    this.output = result.stdout + result.stderr;
    return result.status;
  }
}

export interface LinuxUnderTest extends HostUnderTest {
  readonly exec: SessionExec;
  readonly pool: string;
  readonly notes: string[];
  readonly runDirectory: string;
  readonly stateDirectory: string;
  /** Exit status and output of a program in the jail. */
  inside(jail: JailSpec, script: string): Promise<{ status: number; output: string }>;
}

/** Control groups of this pool's jails. */
function jailCgroups(pool: string): readonly string[] {
  const { trees } = cgroupLayout(readFileSync('/proc/self/mounts', 'utf8'));
  return trees.flatMap((tree) => {
    const top = join(tree, 'iocage', pool);
    if (!existsSync(top)) return [];
    return readdirSync(top)
      .filter((name) => name.startsWith('ioc-'))
      .map((name) => join(top, name));
  });
}

/** Without those that the kernel keeps for each address by itself, some of them with a delay. */
function routes(family: '-4' | '-6'): string {
  const lines = sh('ip', family, 'route', 'show', 'table', 'all').split('\n');
  return lines.filter((line) => !/^(local|broadcast|anycast|multicast) /.test(line)).join('\n');
}

function networkOf(): Record<string, string> {
  const sysctls = ['ipv4/ip_forward', 'ipv4/conf/all/forwarding', 'ipv6/conf/all/forwarding'];
  return {
    link: sh('ip', '-o', 'link').replace(/ state \w+| qlen \d+/g, ''),
    // Whether the kernel has yet looked for a second owner of an address is not what a jail did.
    addr: sh('ip', '-o', 'addr').replace(/ tentative\b/g, ''),
    route4: routes('-4'),
    route6: routes('-6'),
    proxy: sh('ip', 'neigh', 'show', 'proxy') + sh('ip', '-6', 'neigh', 'show', 'proxy'),
    netns: existsSync('/run/netns') ? readdirSync('/run/netns').sort().join(' ') : '',
    nft: sh('nft', 'list', 'ruleset'),
    sysctl: [...sysctls, ...perNic()]
      .map((key) => `${key}=${readFileSync(`/proc/sys/net/${key}`, 'utf8').trim()}`)
      .join(' '),
  };
}

/** Without names of network namespaces, which other hosts' worth of jails on this machine make, and which `netns` tells of. */
const mounts = (): string =>
  readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    // A ZFS daemon's own statistics come and go with other tests.
    .filter((line) => !/^(nsfs \/run\/netns\/|kstat )/.test(line))
    .join('\n');

const perNic = (): readonly string[] =>
  readdirSync('/proc/sys/net/ipv4/conf').flatMap((nic) => [
    `ipv4/conf/${nic}/forwarding`,
    `ipv4/conf/${nic}/proxy_arp`,
    `ipv6/conf/${nic}/proxy_ndp`,
    `ipv6/conf/${nic}/accept_ra`,
  ]);

/**
 * @param pool what jails' paths and control groups are named after.
 * @param directory for the driver's own files and the jails' mount points.
 * @param root makes a jail's root directory; default a busybox root in a plain directory.
 */
export function linuxUnderTest(
  pool: string,
  directory: string,
  root: (name: string) => string = (name) => join(directory, 'jails', name),
): LinuxUnderTest {
  const exec = new SessionExec();
  const driven = drivenIn(directory);
  const { clock, paths } = driven;
  const host = linuxHost({ ...driven, exec });
  const { run, notes } = stepRun(driven, exec, host);
  const made: JailSpec[] = [];
  return {
    host,
    run,
    exec,
    pool,
    notes,
    runDirectory: paths.run,
    stateDirectory: paths.state,
    async jail(name, config = {}) {
      const jail = busyboxJail(directory, pool, root(name), name, config);
      made.push(jail);
      return jail;
    },
    async snapshot() {
      return {
        run: below(paths.run),
        cgroups: jailCgroups(pool),
        network: networkOf(),
        mounts: mounts(),
      };
    },
    async kill(jail) {
      const { jid } = (await host.running(pool)).get(jail.uuid)!;
      process.kill(jid, 'SIGKILL');
      for (let tries = 0; tries < 200 && (await host.running(pool)).has(jail.uuid); tries += 1)
        await clock.sleep(10);
    },
    async inside(jail, script) {
      const status = await host.exec(jail, ['/bin/sh', '-c', script], {});
      return { status, output: exec.output };
    },
    async dispose() {
      for (const jail of made) {
        for (const step of await host.stopSteps(jail)) {
          const kind = host.kinds.find((known) => known.kind === step.kind)!;
          await Promise.resolve(kind.do(step.args as never, run)).catch((error: unknown) => {
            if (step.onError !== 'warn') throw error;
          });
        }
      }
      rmSync(directory, { recursive: true, force: true });
      // The driver leaves the pool's own, empty one: another start may be about to use it.
      for (const tree of cgroupLayout(readFileSync('/proc/self/mounts', 'utf8')).trees) {
        const top = join(tree, 'iocage', pool);
        if (existsSync(top)) rmdirSync(top);
      }
    },
  };
}
