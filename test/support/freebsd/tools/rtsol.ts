/** rtsol(8), rtsold(8): an address from a router's advertisement, for an interface that listens to them. */
import { Fail, flagsOf, usage, vnetOf, type Call, type Tool } from '../call.ts';
import type { Machine } from '../machine.ts';
import { nicsOf } from './ifconfig.ts';

function solicit(call: Call, stays: boolean): void {
  const { rest } = flagsOf(call);
  if (rest.length === 0) throw usage(call.tool);
  call.store.change((machine) => {
    const jail = machine.jails.find((one) => one.jid === call.jid);
    // pidfile_open(3) in main() of rtsold.c: /var/run/rtsold.pid is one for all interfaces.
    if (stays && jail?.solicits === true) throw new Fail('failed to open pidfile: File exists');
    for (const name of rest) solicitOne(call, machine, name);
    if (stays && jail !== undefined) Object.assign(jail, { processes: true, solicits: true });
  });
}

function solicitOne(call: Call, machine: Machine, name: string): void {
  const nic = nicsOf(machine, vnetOf(machine, call.jid)).find((one) => one.name === name);
  if (nic === undefined) throw new Fail(`${name}: no such interface`);
  // nd6(4): without the flag the kernel does not look at an advertisement.
  if (!nic.options.includes('accept_rtadv')) throw new Fail(`${name} is not configured to accept RAs`);
  if (!nic.up) throw new Fail(`${name} is not up`);
  const address = `2001:db8:5::${nic.id.toString(16)}`;
  if (!nic.inet6.some((one) => one.address === address)) nic.inet6.push({ address, prefix: 64 });
}

export const rtsol: Tool = (call) => solicit(call, false);
export const rtsold: Tool = (call) => solicit(call, true);
