/** route(8) and netstat(1): the routing tables of the stack in which they run, as text and as libxo's JSON. */
import { isIP } from 'node:net';
import { findWord } from '../documented.ts';
import { Fail, flagsOf, getJail, known, usage, vnetOf, type Call, type Tool } from '../call.ts';
import type { Machine, Nic, Route } from '../machine.ts';
import { nicsOf } from './ifconfig.ts';

const numberOf = (address: string): bigint => {
  const plain = address.replace(/%.*/, '');
  if (isIP(plain) === 4) return plain.split('.').reduce((sum, part) => sum * 256n + BigInt(part), 0n);
  const [head = '', tail] = plain.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const middle = tail === undefined ? [] : Array.from({ length: 8 - left.length - right.length }, () => '0');
  return [...left, ...middle, ...right].reduce((sum, part) => sum * 65536n + BigInt(parseInt(part, 16)), 0n);
};

/** The interface through whose subnet an address is reached. */
function nicFor(machine: Machine, vnet: number, address: string): Nic | undefined {
  const family = isIP(address.replace(/%.*/, ''));
  const scope = /%(.*)$/.exec(address)?.[1];
  const nics = nicsOf(machine, vnet);
  if (scope !== undefined) return nics.find((nic) => nic.name === scope);
  const width = family === 4 ? 32 : 128;
  return nics.find((nic) =>
    (family === 4 ? nic.inet : nic.inet6).some((own) => {
      const shift = BigInt(width - own.prefix);
      return numberOf(own.address) >> shift === numberOf(address) >> shift;
    }),
  );
}

interface Order {
  verb: string;
  family: 4 | 6;
  fib: number;
  destination: string;
  gateway: string | undefined;
  byInterface: boolean;
}

function parse(call: Call, words: readonly string[], start: 4 | 6): Order {
  const [verb = '', ...rest] = words;
  if (!known(call, 'route', 'verb', verb)) throw usage('route', `route: bad keyword: ${verb}\n`);
  const order: Order = {
    verb,
    family: start,
    fib: 0,
    destination: '',
    gateway: undefined,
    byInterface: false,
  };
  const plain: string[] = [];
  let bits = '';
  for (let at = 0; at < rest.length; at += 1) {
    const word = rest[at]!;
    if (!word.startsWith('-')) {
      plain.push(word);
      continue;
    }
    const row = findWord('route', 'word', word, call.release);
    if (row === undefined) throw usage('route', `route: bad keyword: ${word.slice(1)}\n`);
    const value = row.value === undefined ? '' : (rest[(at += 1)] ?? '');
    if (row.value !== undefined && value === '') throw usage('route');
    if (word === '-fib') order.fib = Number(value);
    if (word === '-6' || word === '-inet6') order.family = 6;
    if (word === '-interface' || word === '-iface') order.byInterface = true;
    if (word === '-prefixlen') bits = `/${value}`;
    if (word === '-gateway') order.gateway = value;
  }
  order.destination = `${plain[0] ?? ''}${plain[0]?.includes('/') ? '' : bits}`;
  order.gateway ??= plain[1];
  return order;
}

function find(machine: Machine, vnet: number, order: Order): Route | undefined {
  return machine.routes.find(
    (route) =>
      route.vnet === vnet &&
      route.fib === order.fib &&
      route.family === order.family &&
      route.destination === order.destination,
  );
}

function change(call: Call, machine: Machine, vnet: number, order: Order, quiet: boolean): number {
  const { verb, destination, gateway, fib, family } = order;
  const kind = destination === 'default' || destination.includes('/') ? 'net' : 'host';
  const say = (text: string): void => {
    if (!quiet) call.out(text);
  };
  const [address = ''] = destination.split('/');
  if (destination !== 'default' && isIP(address) !== family)
    throw new Fail(`bad address: ${destination}`, 68);
  if (fib >= machine.fibs) throw new Fail(`fib number ${fib}: Invalid argument`, 64);
  const found = find(machine, vnet, order);
  if (verb === 'delete' || verb === 'del') {
    if (found === undefined) {
      call.err(`route: message indicates error: No such process\n`);
      say(`delete ${kind} ${destination} fib ${fib}: not in table\n`);
      return 1;
    }
    machine.routes = machine.routes.filter((route) => route !== found);
    say(`delete ${kind} ${destination}\n`);
    return 0;
  }
  if (gateway === undefined) throw usage('route');
  if (!order.byInterface && isIP(gateway.replace(/%.*/, '')) !== family)
    throw new Fail(`bad address: ${gateway}`, 68);
  const nic = order.byInterface
    ? nicsOf(machine, vnet).find((one) => one.name === gateway)
    : nicFor(machine, vnet, gateway);
  const failed = (why: string): number => {
    call.err(`route: message indicates error: ${why}\n`);
    say(`${verb} ${kind} ${destination}: gateway ${gateway} fib ${fib}: ${why}\n`);
    return 1;
  };
  if (verb === 'add' && found !== undefined) return failed('route already in table');
  if (verb === 'change' && found === undefined) return failed('not in table');
  if (nic === undefined || !nic.up) return failed('Network is unreachable');
  if (found === undefined) machine.routes.push({ vnet, fib, family, destination, gateway, nic: nic.name });
  else Object.assign(found, { gateway, nic: nic.name });
  say(`${verb} ${kind} ${destination}: gateway ${gateway}${fib === 0 ? '' : ` fib ${fib}`}\n`);
  return 0;
}

export const route: Tool = (call) => {
  const { flags, rest } = flagsOf(call);
  const inside = flags.get('-j')?.at(-1);
  const order = parse(call, rest, flags.has('-6') ? 6 : 4);
  return call.store.change((machine) => {
    const vnet = vnetOf(machine, inside === undefined ? call.jid : getJail(machine, inside).jid);
    if (order.verb === 'flush') {
      machine.routes = machine.routes.filter((one) => one.vnet !== vnet);
      return 0;
    }
    if (order.verb !== 'get' && order.verb !== 'show')
      return change(call, machine, vnet, order, flags.has('-q'));
    const found = find(machine, vnet, order) ?? find(machine, vnet, { ...order, destination: 'default' });
    if (found === undefined) throw new Fail('route has not been found');
    call.out(
      [
        `   route to: ${order.destination}`,
        `destination: ${found.destination}`,
        ...(found.destination === 'default' ? ['       mask: default'] : []),
        `    gateway: ${found.gateway}`,
        `        fib: ${found.fib}`,
        `  interface: ${found.nic}`,
        '      flags: <UP,GATEWAY,DONE,STATIC>',
        ' recvpipe  sendpipe  ssthresh  rtt,msec    mtu        weight    expire',
        '       0         0         0         0      1500         1         0 \n',
      ].join('\n'),
    );
    return 0;
  });
};

interface Entry {
  destination: string;
  gateway: string;
  flags: string;
  'interface-name': string;
}

function entries(machine: Machine, vnet: number, fib: number, family: 4 | 6): readonly Entry[] {
  const own = nicsOf(machine, vnet).flatMap((nic) =>
    (family === 4 ? nic.inet : nic.inet6).map(({ address }) => ({
      destination: address,
      gateway: 'link#1',
      flags: 'UHS',
      'interface-name': 'lo0',
    })),
  );
  const set = machine.routes
    .filter((one) => one.vnet === vnet && one.fib === fib && one.family === family)
    .map((one) => ({
      destination: one.destination,
      gateway: one.gateway,
      flags: 'UGS',
      'interface-name': one.nic,
    }));
  return [...set, ...own];
}

export const netstat: Tool = (call) => {
  const { flags } = flagsOf(call);
  const machine = call.store.read();
  const inside = flags.get('-j')?.at(-1);
  const vnet = vnetOf(machine, inside === undefined ? call.jid : getJail(machine, inside).jid);
  const json = /^(json|J)\b/.test(flags.get('--libxo')?.at(-1) ?? '');
  const only = flags.get('-f')?.at(-1);
  const families = ([4, 6] as const).filter(
    (family) => only === undefined || only === (family === 4 ? 'inet' : 'inet6'),
  );
  if (flags.has('-r')) {
    const fib = Number(flags.get('-F')?.at(-1) ?? 0);
    const tables = families
      .map((family) => ({ family, list: entries(machine, vnet, fib, family) }))
      .filter(({ list }) => list.length > 0);
    if (json) {
      const list = tables.map(({ family, list: rows }) => ({
        'address-family': family === 4 ? 'Internet' : 'Internet6',
        'rt-entry': rows,
      }));
      call.out(
        `${JSON.stringify({ statistics: { 'route-information': { 'route-table': { 'rt-family': list } } } })}\n`,
      );
      return;
    }
    call.out('Routing tables\n');
    for (const { family, list } of tables) {
      call.out(
        `\nInternet${family === 4 ? '' : '6'}:\nDestination        Gateway            Flags     Netif Expire\n`,
      );
      for (const row of list)
        call.out(
          `${row.destination.padEnd(18)} ${row.gateway.padEnd(18)} ${row.flags.padEnd(9)} ${row['interface-name']}\n`,
        );
    }
    return;
  }
  if (!flags.has('-i')) throw new Fail('the stand-in knows -r and -i only');
  const rows = nicsOf(machine, vnet).map((nic) => ({
    name: nic.name,
    mtu: nic.mtu,
    network: '<Link#1>',
    address: nic.ether ?? 'lo0',
  }));
  if (json) call.out(`${JSON.stringify({ statistics: { interface: rows } })}\n`);
  else for (const row of rows) call.out(`${row.name.padEnd(8)} ${row.mtu} ${row.network} ${row.address}\n`);
};
