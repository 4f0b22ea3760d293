/**
 * Jails for the tests of the FreeBSD driver: the driver on the stand-in (test/support/freebsd), which holds a
 * pretended FreeBSD host, and roots of static busybox, in which programs really run by chroot(8).
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { freebsdHost } from '../../src/driver/freebsd/host.ts';
import { NodeFiles } from '../../src/driver/node/files.ts';
import type { HostUnderTest } from '../contract/host.ts';
import { standIn, type StandIn } from './freebsd/standin.ts';
import { below, busyboxJail, drivenIn, stepRun } from './driven.ts';

export interface FreebsdUnderTest extends HostUnderTest {
  readonly standIn: StandIn;
  readonly notes: string[];
  readonly paths: { readonly run: string; readonly state: string };
}

/** Of the pretended machine everything that a start could leave behind; numbers that only count on are left out. */
export function machineState(standIn: StandIn): unknown {
  const machine = standIn.machine();
  const { mounts, rulesets, rctl, pf, ipfw } = machine;
  const jailOf = (jid: number): string => machine.jails.find((jail) => jail.jid === jid)?.name ?? String(jid);
  // A variable that was set back has a value as before, and none in the machine's file.
  const sysctl = Object.entries(machine.sysctl).filter(
    ([key, value]) => !(key.endsWith('forwarding') && value === '0'),
  );
  return structuredClone({
    // Whether its services still run is no trace: what exec_stop did cannot be taken back.
    jails: machine.jails.map(({ jid: _, processes: __, params: { jid: ___, ...params }, ...jail }) => ({
      ...jail,
      params,
    })),
    links: machine.nics.map(({ id: _, peer: __, members, ...nic }) => ({
      ...nic,
      vnet: jailOf(nic.vnet),
      home: jailOf(nic.home),
      options: nic.options.filter((option) => !option.startsWith('unit=')),
      inet: nic.inet.map(({ address, prefix }) =>
        address.startsWith('203.0.113.') ? 'by DHCP' : `${address}/${prefix}`,
      ),
      members: members.map((id) => machine.nics.find((one) => one.id === id)?.name),
    })),
    routes: machine.routes.map((route) => ({ ...route, vnet: jailOf(route.vnet) })),
    datasets: Object.entries(machine.datasets).map(([dataset, jid]) => [dataset, jailOf(jid)]),
    sysctl,
    mounts,
    rulesets,
    rctl,
    pf,
    ipfw,
  });
}

/** @param root makes a jail's mount point; default a directory */
export function freebsdUnderTest(
  directory: string,
  given: Parameters<typeof standIn>[0] = {},
  pool = 'tank',
  root: (name: string) => string = (name) => join(directory, 'jails', name),
): FreebsdUnderTest {
  const machine = standIn({ racct: true, ...given });
  // Files are reached as where /proc tells nothing of descriptors.
  const driven = { ...drivenIn(directory), files: new NodeFiles(0, 'own-directory') };
  const { paths } = driven;
  const host = freebsdHost({ ...driven, exec: machine.exec });
  const { run, notes } = stepRun(driven, machine.exec, host);
  return {
    host,
    run,
    standIn: machine,
    notes,
    paths,
    jail: async (name, config = {}) => busyboxJail(directory, pool, root(name), name, config),
    async snapshot() {
      return { run: below(paths.run), machine: machineState(machine) };
    },
    async kill(jail) {
      // As an administrator who knows nothing of iocage would.
      await machine.exec.change(['jail', '-q', '-R', `ioc-${jail.uuid}`]);
    },
    async dispose() {
      // Whatever a test is about: no word was said that no manual page has.
      const words = machine.undocumented();
      machine.close();
      rmSync(directory, { recursive: true, force: true });
      expect(words).toEqual([]);
    },
  };
}
