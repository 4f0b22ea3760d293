/**
 * Parameters of jail(8), as jail.conf(5) holds them, as properties of ours. One table; what has no equal is told. Pure.
 * Source: jail(8), FreeBSD 14.
 */
import { parseSwitch } from '../codec/choice.ts';
import { findProperty } from '../properties/index.ts';
import { Collected } from './found.ts';

type Parameters = ReadonlyMap<string, readonly string[]>;

/** Decided anew here, or of no meaning without jail(8). */
const silent = new Set(
  (
    'name path persist host host.hostuuid host.hostid osrelease osreldate exec.consolelog mount.fstab mount interface jid ' +
    'ip6.saddrsel.none parent allow.set_hostname.none'
  ).split(' '),
);

/** One value, under our name; all others are `a.b` there and `a_b` here. */
const renamed: Readonly<Record<string, string>> = {
  'children.max': 'children_max',
  'cpuset.id': 'cpuset_id',
  'exec.fib': 'exec_fib',
  'vnet.interface': 'vnet_interfaces',
  depend: 'depends',
};

/** Commands, of which there may be several: one after the other, as long as they succeed. */
const commands = new Set(
  'exec.start exec.stop exec.prestart exec.created exec.poststart exec.prestop exec.poststop'.split(' '),
);

/** Commands that wire a network which is made here from properties. */
const wiring = /\b(jib|jng|ifconfig|ngctl|epair\d*|bridge\d*)\b/;
/** Commands of the host that name the jail as its kernel knew it: it has another name there now. */
const naming = /\b(jexec|jls|jail|cpuset|rctl|zfs\s+(un)?jail)\b/;

/** Where one value is wanted, the last one counts. */
const isTrue = (values: readonly string[]): boolean => {
  const value = values.at(-1) ?? '';
  return parseSwitch(value) ?? Number.parseInt(value) > 0;
};

function addresses(collected: Collected, key: 'ip4.addr' | 'ip6.addr', parameters: Parameters): void {
  const iface = parameters.get('interface')?.at(-1);
  const items = (parameters.get(key) ?? [])
    .flatMap((value) => value.split(','))
    .flatMap((item) => {
      const [address = '', ...more] = item.trim().split(/\s+/);
      if (more.length > 0) collected.leave(`${key}: ${more.join(' ')}`, 'only addresses are taken over');
      if (address === '') return [];
      return [address.includes('|') || iface === undefined ? address : `${iface}|${address}`];
    });
  if (items.length > 0) collected.put(key.replace('.', '_'), items.join(','), key);
}

/** The kernel's word for whose network it is; `new` follows from the addresses. */
function family(collected: Collected, key: 'ip4' | 'ip6', values: readonly string[]): void {
  const value = values.at(-1)!;
  if (value === 'new' || isTrue(values)) return;
  collected.put(key, value === 'false' ? 'disable' : value);
}

/** @param vnet the jail has its own network stack, which the other tool wires by its hooks */
function command(collected: Collected, key: string, values: readonly string[], vnet: boolean): void {
  const kept = values.map((value) => value.trim()).filter((value) => value !== '');
  const inside = /^exec\.(start|stop)$/.test(key);
  const own = kept.filter((value) => {
    const why = inside
      ? undefined
      : vnet && wiring.test(value)
        ? 'it wires the network of the other tool; set interfaces and ip4_addr'
        : naming.test(value)
          ? 'it names the jail, which has another name for the kernel here'
          : undefined;
    if (why !== undefined) collected.leave(`${key}=${value}`, why);
    return why === undefined;
  });
  if (own.length > 0) collected.put(key.replace('.', '_'), own.join(' && '), key);
}

export function collectParameters(parameters: Parameters): Collected {
  const collected = new Collected();
  const vnet =
    parameters.has('vnet') && parameters.get('vnet')!.at(-1) !== 'inherit' && isTrue(vnetWord(parameters));
  for (const [key, values] of parameters) {
    const last = values.at(-1) ?? '';
    const ours = renamed[key] ?? key.replaceAll('.', '_');
    if (silent.has(key)) continue;
    if (key === 'ip4.addr' || key === 'ip6.addr') addresses(collected, key, parameters);
    else if (key === 'ip4' || key === 'ip6') family(collected, key, values);
    else if (key === 'vnet') collected.put('vnet', vnet ? 'on' : 'off');
    else if (commands.has(key)) command(collected, key, values, vnet);
    else if (key === 'depend') collected.put('depends', values.join(' '), key);
    else if (key === 'allow.set_hostname' || key.startsWith('allow.') || key.startsWith('mount.'))
      collected.put(ours, isTrue(values) ? '1' : '0', key);
    else if (findProperty(ours) === undefined)
      collected.leave(`${key}=${values.join(',')}`, 'there is no such property');
    else collected.put(ours, key === 'vnet.interface' ? values.join(' ') : last, key);
  }
  if (vnet && collected.values.has('vnet_interfaces')) {
    // Made by the other tool's hooks for each start; ours come from `interfaces`.
    const made = collected.values.get('vnet_interfaces')!;
    collected.values.delete('vnet_interfaces');
    collected.leave(`vnet.interface=${made}`, 'the interface is made here; set interfaces and ip4_addr');
  }
  return collected;
}

function vnetWord(parameters: Parameters): readonly string[] {
  const word = parameters.get('vnet')!.at(-1) ?? '';
  return word === 'new' ? ['true'] : [word];
}
