/**
 * sysctl(8): reading, and setting of what can be set at run time. `kern.racct.enable` and `kern.features.*`
 * are read-only there (a loader tunable, and what the kernel was made with).
 */
import { wordsOf } from '../documented.ts';
import { Fail, flagsOf, usage, vnetOf, type Call, type Tool } from '../call.ts';
import { releaseNumber, type Machine } from '../machine.ts';

const readOnly =
  /^(kern\.(features|osrel|ostype|racct|boottime|smp)|hw\.|security\.jail\.(jailed|vnet|param|env))/;

function osreldate(machine: Machine): number {
  const [major = 0, minor = 0] = String(releaseNumber(machine)).split('.').map(Number);
  return major * 100_000 + minor * 1000;
}

function valueOf(machine: Machine, name: string, jid: number): string | undefined {
  const jail = machine.jails.find((one) => one.jid === jid);
  const own = machine.sysctl[`${vnetOf(machine, jid)}/${name}`] ?? machine.sysctl[name];
  const facts: Readonly<Record<string, string | undefined>> = {
    'kern.hostname':
      jail === undefined ? machine.hostname : (jail.hostname ?? jail.params['host.hostname'] ?? ''),
    'kern.hostuuid': jail?.params['host.hostuuid'] ?? machine.hostuuid,
    'kern.hostid': jail?.params['host.hostid'] ?? '1234567890',
    'kern.ostype': 'FreeBSD',
    'kern.osrelease': jail?.params['osrelease'] ?? machine.release,
    'kern.osreldate': jail?.params['osreldate'] ?? String(osreldate(machine)),
    'kern.boottime': '{ sec = 1700000000, usec = 0 } Tue Nov 14 22:13:20 2023',
    'kern.securelevel': jail?.params['securelevel'] ?? '-1',
    'kern.racct.enable': machine.racct ? '1' : '0',
    'kern.features.vimage': machine.vimage ? '1' : undefined,
    'kern.features.racct': '1',
    'kern.features.rctl': '1',
    'kern.features.inet': '1',
    'kern.features.inet6': '1',
    'kern.smp.cpus': String(machine.cpus),
    'hw.ncpu': String(machine.cpus),
    'hw.physmem': String(machine.memoryBytes),
    'hw.machine': machine.arch,
    'hw.machine_arch': machine.arch,
    'hw.pagesize': '4096',
    'net.fibs': String(machine.fibs),
    'net.add_addr_allfibs': '0',
    'net.inet.ip.forwarding': '0',
    'net.inet6.ip6.forwarding': '0',
    'net.inet.ip.fw.enable': machine.klds.includes('ipfw') ? '1' : undefined,
    'net.inet.ip.fw.one_pass': machine.klds.includes('ipfw') ? '1' : undefined,
    'net.link.bridge.pfil_member': '1',
    'net.link.bridge.pfil_bridge': '1',
    'net.link.bridge.pfil_onlyip': '1',
    'net.link.bridge.inherit_mac': '0',
    'net.link.bridge.member_ifaddrs': releaseNumber(machine) >= 15 ? '0' : undefined,
    'net.inet6.ip6.dad_count': '1',
    'security.jail.jailed': jid === 0 ? '0' : '1',
    'security.jail.vnet': vnetOf(machine, jid) === 0 ? '0' : '1',
    'security.jail.jail_max_af_ips': '255',
    'security.jail.enforce_statfs': '2',
    'security.jail.set_hostname_allowed': '1',
    'security.jail.sysvipc_allowed': '0',
    'security.jail.allow_raw_sockets': '0',
    'security.jail.chflags_allowed': '0',
    'security.jail.mount_allowed': '0',
    'security.jail.children.max': jail?.params['children.max'] ?? '999999',
    'security.jail.children.cur': String(machine.jails.filter((one) => one.parent === jid).length),
    'security.jail.meta_maxbufsize': releaseNumber(machine) >= 15 ? '4096' : undefined,
    'security.jail.env': releaseNumber(machine) >= 15 ? (jail?.params['env'] ?? '') : undefined,
    'vfs.usermount': '0',
  };
  if (facts[name] === undefined) return undefined;
  return own ?? facts[name];
}

/** `security.jail.param.*`: one leaf per kernel parameter, described and without a value of its own. */
function parametersOf(machine: Machine): readonly string[] {
  const release = releaseNumber(machine);
  return [...wordsOf('jail', 'parameter').values()]
    .filter((row) => row.since <= release)
    .filter((row) => row.word !== 'allow.vmm' || machine.klds.includes('vmm'))
    .filter((row) => row.word !== 'vnet' || machine.vimage)
    .map((row) => `security.jail.param.${row.word}`);
}

function set(call: Call, machine: Machine, name: string, value: string): string {
  const before = valueOf(machine, name, call.jid);
  if (before === undefined) throw new Fail(`unknown oid '${name}'`);
  if (readOnly.test(name)) {
    const tunable =
      name === 'kern.racct.enable' ? '\nsysctl: Tunable values are set in /boot/loader.conf' : '';
    throw new Fail(`oid '${name}' is ${tunable === '' ? 'read only' : 'a read only tunable'}${tunable}`);
  }
  if (/^-?\d+$/.test(before) && !/^-?\d+$/.test(value)) throw new Fail(`invalid integer '${value}'`);
  const inVnet = /^net\./.test(name);
  machine.sysctl[inVnet ? `${vnetOf(machine, call.jid)}/${name}` : name] = value;
  if (name === 'kern.hostname') {
    const jail = machine.jails.find((one) => one.jid === call.jid);
    if (jail === undefined) machine.hostname = value;
    else jail.hostname = value;
  }
  return before;
}

export const sysctl: Tool = (call) => {
  const { flags, rest } = flagsOf(call);
  const all = flags.has('-a') || flags.has('-A');
  if (rest.length === 0 && !all) throw usage('sysctl');
  const has = (flag: string): boolean => flags.has(flag);
  let status = 0;
  call.store.locked(() => {
    for (const word of all ? [...wordsOf('sysctl', 'variable').keys()] : rest) {
      const [name = '', value] = word.split(/=(.*)/s);
      try {
        if (value !== undefined) {
          const before = call.store.change((machine) => set(call, machine, name, value));
          if (!has('-q'))
            call.out(has('-n') ? `${before} -> ${value}\n` : `${name}: ${before} -> ${value}\n`);
          continue;
        }
        const machine = call.store.read();
        const plain = name.replace(/\.$/, '');
        const leaves = parametersOf(machine).filter((leaf) => leaf === plain || leaf.startsWith(`${plain}.`));
        const shown = valueOf(machine, plain, call.jid);
        if (shown === undefined && leaves.length === 0) {
          if (all) continue;
          throw new Fail(`unknown oid '${name}'`);
        }
        for (const leaf of shown === undefined ? leaves : [plain]) {
          const text = shown ?? '0';
          if (has('-N')) call.out(`${leaf}\n`);
          else if (has('-d')) call.out(has('-n') ? `${leaf}\n` : `${leaf}: Jail parameter\n`);
          else call.out(has('-n') ? `${text}\n` : `${leaf}${has('-e') ? '=' : ': '}${text}\n`);
        }
      } catch (error) {
        if (!(error instanceof Fail)) throw error;
        if (has('-i') && error.message.startsWith('unknown oid')) continue;
        if (!has('-q')) call.err(`sysctl: ${error.message}\n`);
        status = 1;
      }
    }
  });
  return status;
};
