/** rtsol(8), rtsold(8): an address from a router's advertisement, for an interface that listens to them. */
import { Fail, flagsOf, usage, vnetOf, type Call, type Tool } from '../call.ts';
import { nicsOf } from './ifconfig.ts';

function solicit(call: Call, stays: boolean): void {
  const { rest } = flagsOf(call);
  const [name] = rest;
  if (name === undefined) throw usage(call.tool);
  call.store.change((machine) => {
    const nic = nicsOf(machine, vnetOf(machine, call.jid)).find((one) => one.name === name);
    if (nic === undefined) throw new Fail(`${name}: no such interface`);
    // nd6(4): without the flag the kernel does not look at an advertisement.
    if (!nic.options.includes('accept_rtadv')) throw new Fail(`${name} is not configured to accept RAs`);
    if (!nic.up) throw new Fail(`${name} is not up`);
    const address = `2001:db8:5::${nic.id.toString(16)}`;
    if (!nic.inet6.some((one) => one.address === address)) nic.inet6.push({ address, prefix: 64 });
    const jail = machine.jails.find((one) => one.jid === call.jid);
    if (stays && jail !== undefined) jail.processes = true;
  });
}

export const rtsol: Tool = (call) => solicit(call, false);
export const rtsold: Tool = (call) => solicit(call, true);
