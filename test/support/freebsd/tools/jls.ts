/**
 * jls(8): the running jails as text or, by libxo(3), as JSON. In JSON numbers are numbers only in the
 * listings without parameters; what is asked for by name comes as text, booleans excepted.
 */
import { wordsOf } from '../documented.ts';
import { findParameter } from '../grammar.ts';
import { Fail, findJail, flagsOf, type Tool } from '../call.ts';
import { releaseNumber, type Jail, type Machine } from '../machine.ts';

const addresses = (jail: Jail, name: string): readonly string[] =>
  (jail.params[name] ?? '').split(',').filter(Boolean);

/** `jls` puts the names without a dot first (sort_param of the program). */
function allNames(machine: Machine): readonly string[] {
  const release = releaseNumber(machine);
  const names = [...wordsOf('jail', 'parameter').values()]
    .filter((row) => row.since <= release && (row.word !== 'vnet' || machine.vimage))
    .filter((row) => row.word !== 'allow.vmm' || machine.klds.includes('vmm'))
    .map((row) => row.word);
  const readOnly = ['cpuset.id', 'dying', 'parent', 'children.cur'];
  const rank = (name: string): string => `${name.includes('.') ? 1 : 0}${name}`;
  return [...names, ...readOnly].sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
}

function valueOf(machine: Machine, jail: Jail, name: string): string {
  switch (name) {
    case 'dying':
      return 'false';
    case 'parent':
      return String(jail.parent);
    case 'cpuset.id':
      return String(jail.jid + 1);
    case 'children.cur':
      return String(machine.jails.filter((one) => one.parent === jail.jid).length);
    case 'host.hostname':
      return jail.hostname ?? jail.params[name] ?? '';
    default:
      return jail.params[name] ?? '';
  }
}

const isBoolean = (machine: Machine, name: string): boolean =>
  name === 'dying' || findParameter(name, releaseNumber(machine))?.row.value === 'bool';

const negated = (name: string): string => name.replace(/([^.]+)$/, 'no$1');

function named(machine: Machine, jail: Jail, names: readonly string[], flags: ReadonlySet<string>): string {
  const quote = (value: string): string => {
    if (value === '') return flags.has('-q') || flags.has('-s') ? '""' : flags.has('-n') ? '' : '-';
    const sign = value.includes("'") ? '"' : value.includes('"') ? "'" : /[ \t]/.test(value) ? '"' : '';
    return flags.has('-q') || flags.has('-s') ? `${sign}${value}${sign}` : value;
  };
  return names
    .map((name) => {
      const value = valueOf(machine, jail, name);
      if (!flags.has('-n') && !flags.has('-s')) return quote(value);
      if (isBoolean(machine, name)) return value === 'true' ? name : negated(name);
      return `${name}=${quote(value)}`;
    })
    .join(' ');
}

function json(machine: Machine, jail: Jail, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(
    names.map((name) => {
      if (name === 'ip4.addr' || name === 'ip6.addr') return [name, addresses(jail, name)];
      const value = valueOf(machine, jail, name);
      return [name, isBoolean(machine, name) ? value === 'true' : value];
    }),
  );
}

const pad = (text: string | number, width: number): string => String(text).padEnd(width).slice(0, width);

export const jls: Tool = (call) => {
  const { flags, rest } = flagsOf(call);
  const machine = call.store.read();
  const asked = flags.get('-j')?.at(-1);
  const own = machine.jails.find((jail) => jail.jid === call.jid);
  const visible = machine.jails.filter((jail) => own === undefined || jail.parent === own.jid);
  const jails = asked === undefined ? visible : visible.filter((jail) => jail === findJail(machine, asked));
  if (asked !== undefined && jails.length === 0)
    throw new Fail(/^\d+$/.test(asked) ? `jail ${asked} not found` : `jail "${asked}" not found`);
  if (flags.has('-c')) return 0;
  for (const name of rest)
    if (!allNames(machine).includes(name) && name !== 'all') throw new Fail(`unknown parameter: ${name}`);
  const given = new Set(flags.keys());
  const plain = ['-n', '-h', '-s'].some((flag) => given.has(flag));
  const names =
    rest.length > 0
      ? rest.flatMap((name) => (name === 'all' ? allNames(machine) : [name]))
      : plain
        ? allNames(machine)
        : undefined;
  const style = flags.get('--libxo')?.at(-1);
  if (style !== undefined) {
    if (!/^(json|J)\b/.test(style)) throw new Fail(`the stand-in knows libxo's json only, not ${style}`);
    const list = jails.map((jail) => {
      if (names !== undefined) return json(machine, jail, names);
      const hostname = valueOf(machine, jail, 'host.hostname');
      const path = jail.params['path'];
      if (given.has('-v'))
        return {
          jid: jail.jid,
          hostname,
          path,
          name: jail.name,
          state: 'ACTIVE',
          cpusetid: jail.jid + 1,
          ipv4_addrs: addresses(jail, 'ip4.addr'),
          ipv6_addrs: addresses(jail, 'ip6.addr'),
        };
      const first = given.has('-N') ? { name: jail.name } : { jid: jail.jid };
      return { ...first, ipv4: addresses(jail, 'ip4.addr')[0] ?? '', hostname, path };
    });
    const answer = { __version: '2', 'jail-information': { jail: list } };
    call.out(`${/pretty|,p/.test(style) ? JSON.stringify(answer, null, 2) : JSON.stringify(answer)}\n`);
    return 0;
  }
  if (names !== undefined) {
    if (given.has('-h')) call.out(`${names.join(' ')}\n`);
    for (const jail of jails) call.out(`${named(machine, jail, names, given)}\n`);
    return 0;
  }
  if (given.has('-v')) {
    call.out(
      '   JID  Hostname                      Path\n        Name                          State\n        CPUSetID\n        IP Address(es)\n',
    );
    for (const jail of jails) {
      call.out(
        `${String(jail.jid).padStart(6)}  ${pad(valueOf(machine, jail, 'host.hostname'), 29)} ${jail.params['path']}\n`,
      );
      call.out(`        ${pad(jail.name, 29)} ACTIVE\n        ${jail.jid + 1}\n`);
      for (const address of [...addresses(jail, 'ip4.addr'), ...addresses(jail, 'ip6.addr')])
        call.out(`        ${address}\n`);
    }
    return 0;
  }
  const byName = given.has('-N');
  call.out(
    byName
      ? ' JID             IP Address      Hostname                      Path\n'
      : '   JID  IP Address      Hostname                      Path\n',
  );
  for (const jail of jails) {
    const first = byName ? ` ${jail.name.padEnd(15)} ` : `${String(jail.jid).padStart(6)}  `;
    call.out(
      `${first}${pad(addresses(jail, 'ip4.addr')[0] ?? '', 15)} ${pad(valueOf(machine, jail, 'host.hostname'), 29)} ${jail.params['path']}\n`,
    );
  }
  return 0;
};
