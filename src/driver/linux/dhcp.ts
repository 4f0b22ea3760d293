/**
 * DHCP for the interfaces of a vnet jail: the host's udhcpc, in the jail's network and outside of
 * everything else of the jail, so that neither the client nor its capabilities are in the reach of the
 * jail's root. It stays for as long as the jail runs and renews the lease. See BusyBox, udhcpc.
 */
import type { Problem } from '../host.ts';
import { join } from 'node:path';
import { stepKind, type StepRun } from '../step.ts';
import type { Exec, Files, Paths } from '../system.ts';
import { failure } from '../../domain/errors.ts';
import { forgetConsole, programConsole, toFile } from '../both/console.ts';
import { into, settleConsole } from './console.ts';
import { placesOf, type Places } from './names.ts';
import { dhcpNics } from './planned.ts';
import { signalAll } from './processes.ts';
import type { JailState } from './state.ts';

export interface DhcpArgs {
  readonly pool: string;
  readonly uuid: string;
  readonly netns: string;
  readonly nics: readonly string[];
  readonly consoleLog: string;
}

/**
 * What the client runs at each event, with the lease in its environment. The lease's text is the address
 * and the length of its network; `list` reads it.
 */
const script = `#!/bin/sh
# Written by iocage; gone with the jail.
lease="\${0%/*}/$interface.lease"
case "$1" in
deconfig)
  rm -f "$lease"
  ip -4 addr flush dev "$interface"
  ip link set dev "$interface" up
  ;;
bound | renew)
  [ "$1" = bound ] || exec >/dev/null 2>&1
  ip -4 addr replace "$ip/\${mask:-24}" dev "$interface"
  for gateway in $router; do
    ip -4 route replace default via "$gateway" dev "$interface"
    break
  done
  echo "$ip/\${mask:-24}" >"$lease.new" && mv "$lease.new" "$lease"
  ;;
esac
exit 0
`;

const seconds = { tries: 5, pause: 2 };

/** Why no jail of this host can have DHCP. */
export async function dhcpProblem(exec: Exec): Promise<readonly Problem[]> {
  const missing = { key: 'ip4_addr', problem: 'DHCP needs the client udhcpc; apt-get install busybox' };
  try {
    const { stdout } = await exec.read(['busybox', '--list'], { accept: 'any' });
    return stdout.split('\n').includes('udhcpc') ? [] : [missing];
  } catch {
    return [missing];
  }
}

const file = (directory: string, nic: string, what: 'pid' | 'lease' | 'said'): string =>
  join(directory, `${nic}.${what}`);

/** The lease that a jail's interfaces hold just now, as `NIC|ADDRESS/PREFIX`. */
export async function leasesOf(files: Files, paths: Paths, state: JailState): Promise<readonly string[]> {
  const nics = typeof state.network === 'object' ? dhcpNics(state.network) : [];
  const directory = placesOf(paths, state.pool, state.uuid).dhcp;
  const found = nics.map(async (nic) => {
    const text = (await files.read(file(directory, nic, 'lease')))?.trim() ?? '';
    return /^\d+\.\d+\.\d+\.\d+\/\d+$/.test(text) ? [`${nic}|${text}`] : [];
  });
  return (await Promise.all(found)).flat();
}

async function ask({ nics, netns, consoleLog }: DhcpArgs, places: Places, run: StepRun): Promise<void> {
  const directory = places.dhcp;
  await run.files.mkdir(directory, { mode: 0o700 });
  const program = join(directory, 'event');
  await run.files.write(program, script, { mode: 0o700 });
  for (const nic of nics) {
    run.progress(`asking for an address of ${nic}`);
    const argv = [
      ...['nsenter', `--net=/run/netns/${netns}`, 'busybox', 'udhcpc', '-n', '-R', '-i', nic, '-s', program],
      ...['-p', file(directory, nic, 'pid'), '-t', String(seconds.tries), '-T', String(seconds.pause)],
    ];
    // A client that stays keeps it open, and says nothing any more.
    const said = file(directory, nic, 'said');
    const { status } = await run.exec.change(argv, {
      via: toFile(said),
      accept: 'any',
      signal: run.signal,
    });
    if (!run.dry) await toConsole(said, consoleLog, places, run);
    if (status !== 0)
      throw failure('START_FAILED', {
        jail: directory.split('/').at(-1)!,
        why: `${nic} got no address by DHCP within ${seconds.tries * seconds.pause} seconds; is a server on its bridge?`,
      });
  }
}

async function toConsole(said: string, log: string, places: Places, run: StepRun): Promise<void> {
  const console = programConsole(places.bundle, log);
  await run.exec.change(['cat', said], { via: await into(run.files, console), accept: 'any' });
  await settleConsole(run, console);
  await forgetConsole(run.files, console);
  await run.files.remove(said);
}

/** The client of an interface, when it still is the process that wrote the file. */
async function clientOf(directory: string, nic: string, files: Files): Promise<number | undefined> {
  const path = file(directory, nic, 'pid');
  const pid = Number((await files.read(path))?.trim() ?? 0);
  if (!Number.isInteger(pid) || pid <= 1) return undefined;
  const words = (await files.read(`/proc/${pid}/cmdline`).catch(() => undefined))?.split('\0') ?? [];
  return words.includes(path) ? pid : undefined;
}

async function end({ nics }: DhcpArgs, directory: string, run: StepRun): Promise<void> {
  const clients = async (): Promise<readonly number[]> =>
    (await Promise.all(nics.map((nic) => clientOf(directory, nic, run.files)))).filter(
      (pid) => pid !== undefined,
    );
  await signalAll(run, 'TERM', await clients());
  if (run.dry) return;
  for (let tries = 0; tries < 100 && (await clients()).length > 0; tries += 1) await run.clock.sleep(20);
  await signalAll(run, 'KILL', await clients());
  for (const name of await run.files.list(directory)) await run.files.remove(join(directory, name));
  await run.files.rmdir(directory);
}

export function dhcpSteps(paths: Paths) {
  const at = ({ pool, uuid }: DhcpArgs): Places => placesOf(paths, pool, uuid);
  const nics = (args: DhcpArgs): string => args.nics.join(', ');
  return {
    lease: stepKind<DhcpArgs>('linux.dhcp', {
      title: (args) => `ask for addresses of ${nics(args)} by DHCP`,
      do: (args, run) => ask(args, at(args), run),
      undo: (args, run) => end(args, at(args).dhcp, run),
    }),
    endLease: stepKind<DhcpArgs>('linux.dhcp-end', {
      title: (args) => `end the DHCP clients of ${nics(args)}`,
      do: (args, run) => end(args, at(args).dhcp, run),
    }),
  };
}
