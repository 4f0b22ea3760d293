/**
 * ifconfig(8) with epair(4), if_bridge(4), lo(4), vlan(4): each word of a command line takes effect by
 * itself, in order, and those before a failing one stay. A tool run in a jail with its own network stack
 * sees that stack's interfaces only.
 */
import { isIP } from 'node:net';
import { findWord } from '../documented.ts';
import { Fail, findJail, flagsOf, getJail, known, usage, vnetOf, type Call, type Tool } from '../call.ts';
import { releaseNumber, type Address, type Machine, type Nic } from '../machine.ts';
import { printNic } from './ifconfig-print.ts';

/** IFNAMSIZ of net/if.h, with its NUL. */
const longestName = 15;

export const nicsOf = (machine: Machine, vnet: number): readonly Nic[] =>
  machine.nics.filter((nic) => nic.vnet === vnet);

const findNic = (machine: Machine, vnet: number, name: string): Nic | undefined =>
  nicsOf(machine, vnet).find((nic) => nic.name === name);

export function addNic(
  machine: Machine,
  name: string,
  kind: string,
  vnet: number,
  more: Partial<Nic> = {},
): Nic {
  const id = (machine.nextNic += 1);
  const hex = id.toString(16).padStart(4, '0');
  const nic: Nic = {
    id,
    name,
    kind,
    cloned: true,
    vnet,
    home: vnet,
    mtu: kind === 'lo' ? 16384 : 1500,
    ...(kind === 'lo' || kind === 'gif' || kind === 'tun'
      ? {}
      : { ether: `02:00:00:00:${hex.slice(0, 2)}:${hex.slice(2)}` }),
    up: false,
    groups: [kind],
    inet: [],
    inet6: [],
    members: [],
    options: [],
    ...more,
  };
  machine.nics.push(nic);
  return nic;
}

/** A fitting name: the next free unit, or the one that was asked for. */
function unitFor(
  call: Call,
  machine: Machine,
  vnet: number,
  asked: string,
): { kind: string; unit: number; given: boolean } {
  const [, kind = '', digits = '', end = ''] = /^([a-z]+)(\d*)([ab]?)$/.exec(asked) ?? [];
  if (!known(call, 'ifconfig', 'module', kind) || end !== '')
    throw new Fail(`SIOCIFCREATE2 (${asked}): Invalid argument`);
  const taken = (unit: number): boolean => {
    const name = `${kind}${unit}`;
    return kind === 'epair'
      ? machine.nics.some((nic) => nic.kind === 'epair' && nic.options.includes(`unit=${unit}`))
      : nicsOf(machine, vnet).some((nic) => nic.name === name);
  };
  if (digits !== '') {
    if (taken(Number(digits))) throw new Fail(`SIOCIFCREATE2 (${asked}): File exists`);
    return { kind, unit: Number(digits), given: true };
  }
  let unit = 0;
  while (taken(unit)) unit += 1;
  return { kind, unit, given: false };
}

function create(call: Call, machine: Machine, vnet: number, asked: string): Nic {
  const { kind, unit } = unitFor(call, machine, vnet, asked);
  machine.klds = [...new Set([...machine.klds, `if_${kind}`])];
  if (kind !== 'epair') return addNic(machine, `${kind}${unit}`, kind, vnet);
  const near = addNic(machine, `epair${unit}a`, kind, vnet, { options: [`unit=${unit}`] });
  const far = addNic(machine, `epair${unit}b`, kind, vnet, { peer: near.id, options: [`unit=${unit}`] });
  Object.assign(near, { peer: far.id });
  return near;
}

function leaveBridges(machine: Machine, nic: Nic): void {
  for (const bridge of machine.nics) bridge.members = bridge.members.filter((id) => id !== nic.id);
}

export function destroyNic(machine: Machine, nic: Nic): void {
  if (!nic.cloned) throw new Fail('SIOCIFDESTROY: Invalid argument');
  const gone = [nic, ...machine.nics.filter((other) => other.id === nic.peer)];
  for (const one of gone) {
    leaveBridges(machine, one);
    machine.routes = machine.routes.filter((route) => !(route.vnet === one.vnet && route.nic === one.name));
  }
  machine.nics = machine.nics.filter((other) => !gone.includes(other));
}

/** Into another network stack: addresses, routes and bridges are left behind (vnet(9)). */
export function moveNic(machine: Machine, nic: Nic, vnet: number): void {
  leaveBridges(machine, nic);
  machine.routes = machine.routes.filter((route) => !(route.vnet === nic.vnet && route.nic === nic.name));
  nic.inet = [];
  nic.inet6 = [];
  nic.up = false;
  nic.vnet = vnet;
}

function prefixOf(mask: string): number {
  const number = /^0x[0-9a-f]{1,8}$/i.test(mask)
    ? Number(mask)
    : isIP(mask) === 4
      ? mask.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)
      : Number.NaN;
  const bits = number.toString(2).padStart(32, '0');
  if (Number.isNaN(number) || !/^1*0*$/.test(bits)) throw new Fail(`${mask}: bad value`);
  return bits.replace(/0*$/, '').length;
}

interface Pending extends Partial<Address> {
  family: 4 | 6;
  remove: boolean;
  alias: boolean;
}

function applyAddress(machine: Machine, nic: Nic, pending: Pending): void {
  const { family, address } = pending;
  if (address === undefined) return;
  const list = family === 4 ? nic.inet : nic.inet6;
  const at = list.findIndex((one) => one.address === address);
  if (pending.remove) {
    if (at < 0)
      throw new Fail(
        `ioctl (${family === 4 ? 'SIOCDIFADDR' : 'SIOCDIFADDR_IN6'}): Can't assign requested address`,
      );
    list.splice(at, 1);
    return;
  }
  const elsewhere = nicsOf(machine, nic.vnet).some(
    (other) => other !== nic && [...other.inet, ...other.inet6].some((one) => one.address === address),
  );
  const member = machine.nics.some((bridge) => bridge.members.includes(nic.id));
  if (member && noMemberAddresses(machine, nic.vnet))
    throw new Fail(`ioctl (${family === 4 ? 'SIOCAIFADDR' : 'SIOCAIFADDR_IN6'}): Invalid argument`);
  if (elsewhere) throw new Fail(`ioctl (${family === 4 ? 'SIOCAIFADDR' : 'SIOCAIFADDR_IN6'}): File exists`);
  const prefix = pending.prefix ?? (family === 4 ? 24 : 64);
  if (at >= 0) list.splice(at, 1);
  // Without `alias` the new address takes the place of the first one.
  else if (!pending.alias && family === 4 && list.length > 0) list.splice(0, 1);
  list.push({ address, prefix });
  nic.up = true;
}

/** if_bridge(4): from 15 on an address belongs on the bridge and not on its members, unless a variable allows it. */
const noMemberAddresses = (machine: Machine, vnet: number): boolean =>
  releaseNumber(machine) >= 15 && (machine.sysctl[`${vnet}/net.link.bridge.member_ifaddrs`] ?? '0') === '0';

function addMember(machine: Machine, bridge: Nic, name: string, release: number): void {
  if (bridge.kind !== 'bridge') throw new Fail(`BRDGADD ${name}: Invalid argument`);
  const nic = findNic(machine, bridge.vnet, name);
  if (nic === undefined) throw new Fail(`BRDGADD ${name}: No such file or directory`);
  if (nic === bridge) throw new Fail(`BRDGADD ${name}: Invalid argument`);
  if (bridge.members.includes(nic.id)) throw new Fail(`BRDGADD ${name}: File exists`);
  if (machine.nics.some((other) => other.members.includes(nic.id)))
    throw new Fail(`BRDGADD ${name}: Device busy`);
  if (nic.ether === undefined) throw new Fail(`BRDGADD ${name}: Invalid argument`);
  if (noMemberAddresses(machine, bridge.vnet) && nic.inet.length + nic.inet6.length > 0)
    throw new Fail(`BRDGADD ${name}: Invalid argument`);
  if (bridge.members.length === 0) bridge.mtu = nic.mtu;
  // if_bridge(4): up to 13 all members must have the MTU of the bridge; later it is changed for them.
  else if (nic.mtu !== bridge.mtu && release < 14) throw new Fail(`BRDGADD ${name}: Invalid argument`);
  else nic.mtu = bridge.mtu;
  bridge.members.push(nic.id);
}

function rename(machine: Machine, nic: Nic, name: string): void {
  if (name === nic.name) return;
  if (name.length > longestName || name === '' || /[\s/]/.test(name))
    throw new Fail('ioctl SIOCSIFNAME (set name): Invalid argument');
  if (findNic(machine, nic.vnet, name)) throw new Fail('ioctl SIOCSIFNAME (set name): File exists');
  for (const route of machine.routes)
    if (route.vnet === nic.vnet && route.nic === nic.name) Object.assign(route, { nic: name });
  nic.name = name;
}

function changeVnet(machine: Machine, nic: Nic, vnet: number, word: 'vnet' | '-vnet', jail: string): void {
  const target = getJail(machine, jail);
  if (word === '-vnet') {
    const inside = findNic(machine, vnetOf(machine, target.jid), nic.name);
    if (inside === undefined || inside.vnet === vnet)
      throw new Fail(`SIOCSIFRVNET(${target.jid}, ${nic.name}): Device not configured`);
    if (findNic(machine, vnet, nic.name))
      throw new Fail(`SIOCSIFRVNET(${target.jid}, ${nic.name}): File exists`);
    moveNic(machine, inside, vnet);
    return;
  }
  const into = vnetOf(machine, target.jid);
  // A jail that shares the host's network stack already has it.
  if (into === nic.vnet || findNic(machine, into, nic.name))
    throw new Fail(`SIOCSIFVNET(${target.jid}, ${nic.name}): File exists`);
  if (nic.kind === 'lo') throw new Fail(`SIOCSIFVNET(${target.jid}, ${nic.name}): Invalid argument`);
  moveNic(machine, nic, into);
}

const addressWord = (word: string): { family: 4 | 6; address: string; prefix?: number } | undefined => {
  const [address = '', bits] = word.split('/');
  const family = isIP(address.replace(/%.*/, ''));
  if (family === 0 || (bits !== undefined && !/^\d+$/.test(bits))) return undefined;
  if (Number(bits ?? 0) > (family === 4 ? 32 : 128)) throw new Fail(`${word}: bad value`);
  return { family: family as 4 | 6, address, ...(bits === undefined ? {} : { prefix: Number(bits) }) };
};

const macPattern = /^([0-9a-f]{1,2}:){5}[0-9a-f]{1,2}$/i;

function setEther(nic: Nic, value: string): void {
  if (!macPattern.test(value)) throw new Fail(`${value}: bad value`);
  const bytes = value.split(':').map((part) => part.padStart(2, '0').toLowerCase());
  // The lowest bit of the first byte means a group address.
  if (parseInt(bytes[0]!, 16) % 2 === 1 || nic.ether === undefined)
    throw new Fail('ioctl (set lladdr): Invalid argument');
  nic.ether = bytes.join(':');
}

/** All words after the interface's name. */
function configure(call: Call, machine: Machine, nic: Nic, vnet: number, words: readonly string[]): void {
  const pending: Pending = { family: 4, remove: false, alias: false };
  let family: string | undefined;
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at]!;
    if (findWord('ifconfig', 'type', word, call.release) !== undefined) {
      family = word;
      if (word === 'inet6') pending.family = 6;
      if (['ether', 'link', 'lladdr'].includes(word)) {
        const value = words[(at += 1)];
        if (value === undefined) throw usage('ifconfig');
        setEther(nic, value);
      }
      continue;
    }
    const row = findWord('ifconfig', 'word', word, call.release);
    if (row === undefined) {
      const found = addressWord(word);
      if (found === undefined || (family === 'inet' && found.family === 6))
        throw new Fail(`${word}: bad value`);
      // Without `inet6` an address is taken for one of IPv4 (ifconfig(8), address_family).
      if (found.family === 6 && family !== 'inet6') throw new Fail(`${word}: bad value`);
      Object.assign(pending, found);
      continue;
    }
    const value = row.value === undefined ? '' : words[(at += 1)];
    if (value === undefined) throw new Fail(`'${word}' requires argument`);
    one(call, machine, nic, vnet, word, value, pending);
    // What follows may name it anew; the machine's list does not have it any more.
    if (word === 'destroy' || word === 'unplumb') return;
  }
  applyAddress(machine, nic, pending);
}

function one(
  call: Call,
  machine: Machine,
  nic: Nic,
  vnet: number,
  word: string,
  value: string,
  pending: Pending,
): void {
  const number = (least: number, most: number, what: string): number => {
    if (!/^\d+$/.test(value) || Number(value) < least || Number(value) > most) throw new Fail(what);
    return Number(value);
  };
  switch (word) {
    case 'up':
    case 'down':
      nic.up = word === 'up';
      break;
    case 'name':
      rename(machine, nic, value);
      break;
    case 'mtu': {
      const mtu = number(72, 65535, 'ioctl SIOCSIFMTU (set mtu): Invalid argument');
      const bridge = machine.nics.find((other) => other.members.includes(nic.id));
      if (bridge !== undefined && bridge.mtu !== mtu)
        throw new Fail('ioctl SIOCSIFMTU (set mtu): Invalid argument');
      nic.mtu = mtu;
      for (const id of nic.members)
        Object.assign(
          machine.nics.find((other) => other.id === id)!,
          { mtu },
        );
      break;
    }
    case 'alias':
    case 'add':
      pending.alias = true;
      break;
    case '-alias':
    case 'delete':
    case 'remove':
      pending.remove = true;
      break;
    case 'netmask':
      pending.prefix = prefixOf(value);
      break;
    case 'prefixlen':
      pending.prefix = number(0, 128, `${value}: bad value`);
      break;
    case 'description':
    case 'descr':
      nic.description = value;
      break;
    case '-description':
    case '-descr':
      delete nic.description;
      break;
    case 'group':
      if (/\d$/.test(value)) throw new Fail('setifgroup: group names may not end in a digit');
      if (nic.groups.includes(value)) throw new Fail(' SIOCAIFGROUP: File exists');
      nic.groups.push(value);
      break;
    case '-group':
      nic.groups = nic.groups.filter((group) => group !== value);
      break;
    case 'fib':
    case 'tunnelfib':
      number(0, machine.fibs - 1, `ioctl (SIOCSIFFIB): Invalid argument`);
      nic.options = [...nic.options.filter((option) => !option.startsWith(`${word}=`)), `${word}=${value}`];
      break;
    case 'vnet':
    case '-vnet':
      changeVnet(machine, nic, vnet, word, value);
      break;
    case 'addm':
      addMember(machine, nic, value, call.release);
      break;
    case 'deletem': {
      const member = findNic(machine, nic.vnet, value);
      if (member === undefined || !nic.members.includes(member.id))
        throw new Fail(`BRDGDEL ${value}: No such file or directory`);
      nic.members = nic.members.filter((id) => id !== member.id);
      break;
    }
    case 'private':
    case '-private':
    case 'stp':
    case '-stp':
    case 'edge':
    case '-edge':
    case 'learn':
    case '-learn':
    case 'discover':
    case '-discover':
    case 'sticky':
    case '-sticky': {
      const member = findNic(machine, nic.vnet, value);
      if (member === undefined || !nic.members.includes(member.id))
        throw new Fail('unable to get bridge flags: No such file or directory');
      break;
    }
    case 'destroy':
    case 'unplumb':
      destroyNic(machine, nic);
      break;
    case 'create':
    case 'plumb':
      throw new Fail(`SIOCIFCREATE2 (${nic.name}): File exists`);
    case '-ifdisabled':
      nic.options = nic.options.filter((option) => option !== 'ifdisabled');
      break;
    // carp(4): they belong to the address, and go with it.
    case 'vhid':
    case 'advskew':
    case 'pass':
      break;
    default:
      nic.options = [...new Set([...nic.options, value === '' ? word : `${word}=${value}`])];
  }
}

function list(
  call: Call,
  machine: Machine,
  nics: readonly Nic[],
  flags: ReadonlyMap<string, readonly string[]>,
): void {
  const shown = nics.filter((nic) => (flags.has('-u') ? nic.up : flags.has('-d') ? !nic.up : true));
  if (flags.has('-l')) call.out(`${shown.map((nic) => nic.name).join(' ')}\n`);
  else for (const nic of shown) call.out(printNic(machine, nic, flags.get('-f')?.at(-1) ?? ''));
}

export const ifconfig: Tool = (call) => {
  const { flags, rest } = flagsOf(call);
  const inside = flags.get('-j')?.at(-1);
  call.store.change((machine) => {
    const jid = inside === undefined ? call.jid : getJail(machine, inside).jid;
    if (call.jid !== 0 && findJail(machine, String(call.jid)) === undefined) throw new Fail('jail is gone');
    const vnet = vnetOf(machine, jid);
    const nics = nicsOf(machine, vnet);
    const group = flags.get('-g')?.at(-1);
    if (group !== undefined) {
      call.out(
        nics
          .filter((nic) => nic.groups.includes(group))
          .map((nic) => `${nic.name}\n`)
          .join(''),
      );
      return;
    }
    if (flags.has('-a') || flags.has('-l') || rest.length === 0) {
      if (rest.length > 0 && !known(call, 'ifconfig', 'type', rest[0]!)) throw usage('ifconfig');
      list(call, machine, nics, flags);
      return;
    }
    const [name = '', ...words] = rest;
    if (words[0] === 'create' || words[0] === 'plumb') {
      const before = name;
      const nic = create(call, machine, vnet, name);
      const first = nic.name;
      configure(call, machine, nic, vnet, words.slice(1));
      // Its name is printed when the caller could not know it (ifconfig(8), create).
      if (first !== before && nic.name === first && machine.nics.includes(nic)) call.out(`${first}\n`);
      return;
    }
    const nic = findNic(machine, vnet, name);
    if (nic === undefined) {
      // `-vnet` names one that is not here but in the jail.
      const back =
        words[0] === '-vnet'
          ? findNic(machine, vnetOf(machine, getJail(machine, words[1] ?? '').jid), name)
          : undefined;
      if (back === undefined) throw new Fail(`interface ${name} does not exist`);
      changeVnet(machine, back, vnet, '-vnet', words[1] ?? '');
      configure(call, machine, back, vnet, words.slice(2));
      return;
    }
    if (words.length === 0 || (words.length === 1 && known(call, 'ifconfig', 'type', words[0]!))) {
      call.out(printNic(machine, nic, flags.get('-f')?.at(-1) ?? ''));
      return;
    }
    configure(call, machine, nic, vnet, words);
  });
};
