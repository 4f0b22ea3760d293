/** What jail_set(2) and jail_remove(2) do: the checks of the kernel, in its words, and what a jail owns. */
import { Fail, findJail, type Call } from '../call.ts';
import { wordsOf } from '../documented.ts';
import { releaseNumber, type Jail, type Machine } from '../machine.ts';
import { lookAt } from '../paths.ts';
import { killTree } from '../processes.ts';
import { addNic, destroyNic, moveNic } from './ifconfig.ts';
import { useRuleset } from './mount.ts';

const within = (params: Record<string, string>, name: string, least: number, most: number): void => {
  const value = params[name];
  if (value !== undefined && (Number(value) < least || Number(value) > most))
    throw new Fail('jail_set: Invalid argument');
};

function checkNumbers(machine: Machine, params: Record<string, string>): void {
  within(params, 'enforce_statfs', 0, 2);
  within(params, 'securelevel', -1, 3);
  within(params, 'children.max', 0, 999_999);
  within(params, 'devfs_ruleset', 0, 65_535);
  if (params['devfs_ruleset'] !== undefined) useRuleset(machine, params['devfs_ruleset']);
  if ((params['host.hostname'] ?? '').length > 255 || (params['host.hostuuid'] ?? '').length > 63)
    throw new Fail('jail_set: File name too long');
}

/** jail(8), ip4.addr: several jails may share an address only when each has no other of that family. */
function checkAddresses(machine: Machine, params: Record<string, string>, self?: Jail): void {
  for (const name of ['ip4.addr', 'ip6.addr'] as const) {
    const mine = (params[name] ?? '').split(',').filter(Boolean);
    const family = name.slice(0, 3);
    if (mine.length > 0 && params['vnet'] === 'new')
      throw new Fail('vnet jails cannot have IP address restrictions');
    if (mine.length > 0 && params[family] !== 'new') throw new Fail('jail_set: Invalid argument');
    if (new Set(mine).size < mine.length) throw new Fail('jail_set: Invalid argument');
    for (const other of machine.jails.filter((jail) => jail !== self)) {
      const theirs = (other.params[name] ?? '').split(',').filter(Boolean);
      const shared = theirs.some((address) => mine.includes(address));
      if (shared && (mine.length > 1 || theirs.length > 1))
        throw new Fail('jail_set: Address already in use');
    }
  }
}

/** All kernel parameters of the release with the value a new jail has. */
function initial(machine: Machine): Record<string, string> {
  const release = releaseNumber(machine);
  return Object.fromEntries(
    [...wordsOf('jail', 'parameter').values()]
      .filter((row) => row.since <= release && row.initial !== undefined)
      .filter((row) => row.word !== 'vnet' || machine.vimage)
      .map((row) => [row.word, row.initial!]),
  );
}

export function createJail(machine: Machine, call: Call, params: Record<string, string>): number {
  const { name, path } = params;
  const parts = (name ?? '').split('.');
  const parent = parts.length > 1 ? findJail(machine, parts.slice(0, -1).join('.')) : undefined;
  if (parts.length > 1 && parent === undefined)
    throw new Fail(`jail "${parts.slice(0, -1).join('.')}" not found`);
  if (name !== undefined && /^\d+$/.test(parts.at(-1)!) && name !== params['jid'])
    throw new Fail('name cannot be numeric (unless it is the jid)');
  if (findJail(machine, params['jid'] ?? name ?? '') !== undefined)
    throw new Fail(`jail "${params['jid'] ?? name}" already exists`);
  // STRICTER than FreeBSD, which resolves it against the caller's directory.
  if (path !== undefined && !path.startsWith('/')) throw new Fail(`path ${path}: not an absolute pathname`);
  if (path !== undefined && lookAt(machine, path) !== 'directory')
    throw new Fail(
      `path ${path}: ${lookAt(machine, path) === 'file' ? 'Not a directory' : 'No such file or directory'}`,
    );
  if (params['persist'] !== 'true') throw new Fail('new jail must persist or attach');
  checkNumbers(machine, params);
  checkAddresses(machine, params);
  const above = machine.jails.find((jail) => jail.jid === (parent?.jid ?? call.jid));
  if (above !== undefined) {
    const children = machine.jails.filter((jail) => jail.parent === above.jid).length;
    if (Number(above.params['children.max'] ?? 0) <= children)
      throw new Fail('jail_set: Operation not permitted');
  }
  const jid = params['jid'] === undefined ? machine.nextJid : Number(params['jid']);
  machine.nextJid = Math.max(machine.nextJid, jid) + 1;
  const vnet = params['vnet'] === 'new';
  const own = { ...initial(machine), ...params };
  own['host.hostname'] ??= '';
  own['host.domainname'] ??= '';
  own['host.hostuuid'] ??= '00000000-0000-0000-0000-000000000000';
  own['host.hostid'] ??= '0';
  own['osrelease'] ??= machine.release;
  own['osreldate'] ??= '0';
  own['jid'] = String(jid);
  own['name'] = name ?? String(jid);
  own['path'] ??= '/';
  machine.jails.push({
    jid,
    name: own['name'],
    parent: above?.jid ?? 0,
    params: own,
    vnet,
    processes: false,
    pids: [],
  });
  if (vnet) addNic(machine, 'lo0', 'lo', jid);
  return jid;
}

const atCreationOnly = ['path', 'vnet', 'jid'];

export function modifyJail(machine: Machine, jid: number, params: Record<string, string>): void {
  const jail = machine.jails.find((one) => one.jid === jid);
  if (jail === undefined) throw new Fail(`jail ${jid} not found`);
  for (const name of atCreationOnly)
    if (params[name] !== undefined && params[name] !== jail.params[name])
      throw new Fail(`${name} cannot be changed after creation`);
  const level = params['securelevel'];
  if (level !== undefined && Number(level) < Number(jail.params['securelevel'] ?? -1))
    throw new Fail('jail_set: Operation not permitted');
  checkNumbers(machine, params);
  checkAddresses(machine, { ...jail.params, ...params }, jail);
  Object.assign(jail.params, params);
  jail.name = jail.params['name']!;
}

/** A network stack that nobody sees. */
const late = -1;

/** Ends its processes and its children, and gives back what was lent to it. */
export function removeJail(machine: Machine, jid: number): void {
  const jail = machine.jails.find((one) => one.jid === jid);
  if (jail === undefined) return;
  for (const child of machine.jails.filter((one) => one.parent === jid)) removeJail(machine, child.jid);
  for (const pid of jail.pids) killTree(pid);
  for (const nic of machine.nics.filter((one) => one.vnet === jid)) {
    if (!machine.nics.includes(nic)) continue;
    if (nic.home === jid) destroyNic(machine, nic);
    // STRICTER than FreeBSD: a device comes back by itself when the last process and socket of the jail are gone, some time
    // after jail_remove(2) has returned; who wants it at once takes it back before (jail(8), vnet.interface).
    else moveNic(machine, nic, nic.cloned ? nic.home : late);
  }
  machine.routes = machine.routes.filter((route) => route.vnet !== jid);
  for (const [dataset, owner] of Object.entries(machine.datasets))
    if (owner === jid) delete machine.datasets[dataset];
  for (const service of Object.keys(machine.services))
    if (service.startsWith(`${jid}/`)) delete machine.services[service];
  machine.jails = machine.jails.filter((one) => one !== jail);
}
