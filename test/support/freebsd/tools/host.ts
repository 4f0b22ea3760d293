/** Small programs about the host: kernel modules, names, versions, services, DHCP. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Fail, findJail, flagsOf, getJail, known, usage, vnetOf, type Tool } from '../call.ts';
import type { Machine } from '../machine.ts';
import { nicsOf } from './ifconfig.ts';

/** Modules that come with another one (their MODULE_DEPEND). */
const depends: Readonly<Record<string, readonly string[]>> = {
  ipfw_nat: ['ipfw'],
  linux64: ['linux_common'],
  linux: ['linux_common'],
  linprocfs: ['linux_common'],
  linsysfs: ['linux_common'],
  if_bridge: ['bridgestp'],
};

export const kldload: Tool = (call) => {
  const { flags, rest } = flagsOf(call);
  if (rest.length === 0) throw usage('kldload');
  let status = 0;
  call.store.change((machine) => {
    for (const word of rest) {
      const name = word.replace(/\.ko$/, '').replace(/^.*\//, '');
      if (machine.klds.includes(name)) {
        if (flags.has('-n')) continue;
        call.err(`kldload: can't load ${word}: module already loaded or in kernel\n`);
        status = 1;
      } else if (!known(call, 'kldload', 'module', name)) {
        call.err(`kldload: can't load ${word}: No such file or directory\n`);
        status = 1;
      } else machine.klds = [...new Set([...machine.klds, ...(depends[name] ?? []), name])];
    }
  });
  return status;
};

export const kldstat: Tool = (call) => {
  const { flags } = flagsOf(call);
  const { klds } = call.store.read();
  const module = flags.get('-m')?.at(-1);
  const file = flags.get('-n')?.at(-1)?.replace(/\.ko$/, '');
  const name = module ?? file;
  if (name !== undefined && !klds.includes(name)) {
    if (flags.has('-q')) return 1;
    throw new Fail(
      `can't find ${module === undefined ? 'file' : 'module'} ${name}: No such file or directory`,
    );
  }
  if (flags.has('-q')) return 0;
  call.out('Id Refs Address                Size Name\n');
  klds.forEach((one, index) => {
    if (name === undefined || one === name)
      call.out(
        `${String(index + 1).padStart(2)}    1 0xffffffff80200000  1000 ${one === 'kernel' ? one : `${one}.ko`}\n`,
      );
  });
  return 0;
};

export const kldunload: Tool = (call) => {
  const { rest } = flagsOf(call);
  call.store.change((machine) => {
    for (const word of rest) {
      const name = word.replace(/\.ko$/, '');
      if (!machine.klds.includes(name)) throw new Fail(`can't find file ${word}: No such file or directory`);
      if (machine.mounts.some((mount) => mount.type === name))
        throw new Fail("can't unload file: Device busy");
      machine.klds = machine.klds.filter((one) => one !== name);
    }
  });
};

export const kenv: Tool = (call) => {
  const { flags, rest } = flagsOf(call);
  if (flags.has('-q')) return 1;
  throw new Fail(`unable to get ${rest[0] ?? ''}`);
};

export const hostname: Tool = (call) => {
  const { flags, rest } = flagsOf(call);
  return call.store.change((machine) => {
    const jail = machine.jails.find((one) => one.jid === call.jid);
    if (rest.length > 0) {
      if (jail === undefined) machine.hostname = rest[0]!;
      else if (jail.params['allow.set_hostname'] === 'false')
        throw new Fail('sethostname: Operation not permitted');
      else jail.hostname = rest[0]!;
      return;
    }
    const name =
      jail === undefined ? machine.hostname : (jail.hostname ?? jail.params['host.hostname'] ?? '');
    call.out(
      `${flags.has('-s') ? name.split('.')[0] : flags.has('-d') ? name.split('.').slice(1).join('.') : name}\n`,
    );
  });
};

const version = (release: string): string => {
  const [, major = '0', minor = '0'] = /^(\d+)(?:\.(\d+))?/.exec(release) ?? [];
  return String(Number(major) * 100_000 + Number(minor) * 1000);
};

export const uname: Tool = (call) => {
  const { flags } = flagsOf(call);
  const machine = call.store.read();
  const jail = machine.jails.find((one) => one.jid === call.jid);
  const release = jail?.params['osrelease'] ?? machine.release;
  const node = jail?.hostname ?? jail?.params['host.hostname'] ?? machine.hostname;
  const facts: readonly (readonly [string, string])[] = [
    ['-s', 'FreeBSD'],
    ['-n', node],
    ['-r', release],
    ['-v', `FreeBSD ${release} GENERIC`],
    ['-m', machine.arch],
    ['-p', machine.arch],
    ['-i', 'GENERIC'],
    ['-K', version(release)],
    ['-U', version(machine.userland ?? machine.release)],
    ['-b', 'cafe'],
  ];
  const names =
    flags.size === 0
      ? ['-s']
      : flags.has('-a')
        ? ['-s', '-n', '-r', '-v', '-m']
        : [...flags.keys()].map((flag) => (flag === '-o' ? '-s' : flag));
  call.out(
    `${facts
      .filter(([flag]) => names.includes(flag))
      .map(([, text]) => text)
      .join(' ')}\n`,
  );
};

/** The line `USERLAND_VERSION="…"` of a root's own freebsd-version(1), which is a script. */
export function userlandOf(root: string): string | undefined {
  const path = join(root, 'bin/freebsd-version');
  if (!existsSync(path)) return undefined;
  return /^USERLAND_VERSION="?([^"\n]+)"?/m.exec(readFileSync(path, 'utf8'))?.[1];
}

export const freebsdVersion: Tool = (call) => {
  const { flags } = flagsOf(call);
  const machine = call.store.read();
  const inside = flags.get('-j')?.at(-1);
  const jail =
    inside === undefined ? machine.jails.find((one) => one.jid === call.jid) : getJail(machine, inside);
  const own =
    jail === undefined ? (machine.userland ?? machine.release) : userlandOf(jail.params['path'] ?? '/');
  if (flags.has('-k')) call.out(`${machine.release}\n`);
  if (flags.has('-r')) call.out(`${jail?.params['osrelease'] ?? machine.release}\n`);
  if (flags.has('-u') || !(flags.has('-k') || flags.has('-r'))) call.out(`${own ?? machine.release}\n`);
};

const services = new Set([
  'cron',
  'devfs',
  'dhclient',
  'iocage',
  'ipfw',
  'local_unbound',
  'netif',
  'nginx',
  'pf',
  'routing',
  'sshd',
  'syslogd',
  'zfs',
]);
/** Those that do something and do not stay (rc(8): no process of theirs). */
const passing = new Set(['devfs', 'ipfw', 'netif', 'pf', 'routing', 'zfs']);

function serve(machine: Machine, key: string, name: string, verb: string): { status: number; text: string } {
  const running = machine.services[key] === true;
  const bare = verb.replace(/^(one|quiet|force|fast)/, '');
  if (bare === 'status')
    return {
      status: running ? 0 : 1,
      text: `${name} is ${running ? 'running as pid 4711' : 'not running'}.\n`,
    };
  if (bare === 'start' && running && !passing.has(name))
    return { status: 1, text: `${name} already running? (pid=4711).\n` };
  if (bare === 'stop' && !running && !passing.has(name))
    return { status: 1, text: `${name} not running? (check /var/run/${name}.pid).\n` };
  if (bare === 'start' || bare === 'restart') machine.services[key] = true;
  if (bare === 'stop') delete machine.services[key];
  if (name === 'pf' && key.startsWith('0/')) {
    if (bare !== 'stop') machine.klds = [...new Set([...machine.klds, 'pf'])];
    machine.pf.enabled = bare !== 'stop';
  }
  return { status: 0, text: bare === 'stop' ? `Stopping ${name}.\n` : `Starting ${name}.\n` };
}

export const service: Tool = (call) => {
  const { flags, rest } = flagsOf(call);
  if (flags.has('-l')) {
    call.out([...services].map((name) => `${name}\n`).join(''));
    return 0;
  }
  const [name, verb] = rest;
  if (name === undefined || verb === undefined) throw usage('service');
  return call.store.change((machine) => {
    const inside = flags.get('-j')?.at(-1);
    const jid = inside === undefined ? call.jid : getJail(machine, inside).jid;
    const jail = findJail(machine, String(jid));
    const script =
      jail === undefined
        ? undefined
        : ['etc/rc.d', 'usr/local/etc/rc.d'].map((folder) => join(jail.params['path']!, folder, name));
    if (!services.has(name) && script?.some((path) => existsSync(path)) !== true)
      throw new Fail(
        `${name} does not exist in /etc/rc.d or the local startup\ndirectories (/usr/local/etc/rc.d), or is not executable`,
        1,
        true,
      );
    if (!known(call, 'service', 'verb', verb))
      throw new Fail(
        `/etc/rc.d/${name}: unknown directive '${verb}'.\nUsage: /etc/rc.d/${name} [fast|force|one|quiet](start|stop|restart|rcvar|enabled|describe|extracommands)`,
        1,
        true,
      );
    const { status, text } = serve(machine, `${jid}/${name}`, name, verb);
    call.out(text);
    if (jail !== undefined && status === 0 && verb.endsWith('start')) jail.processes = true;
    return status;
  });
};

/** Whether a devfs rule set shows the device, by the last of its rules that is about it. */
function unhides(machine: Machine, set: number, device: string): boolean | undefined {
  let shown: boolean | undefined;
  const rules = Object.entries(machine.rulesets[set] ?? {}).sort(([a], [b]) => Number(a) - Number(b));
  for (const [, rule] of rules) {
    const words = rule.split(' ');
    const path = words[words.indexOf('path') + 1];
    const about =
      !words.includes('path') ||
      path === device ||
      (path!.endsWith('*') && device.startsWith(path!.slice(0, -1)));
    if (!about) continue;
    if (words.includes('include'))
      shown = unhides(machine, Number(words[words.indexOf('include') + 1]), device) ?? shown;
    if (words.includes('hide')) shown = false;
    if (words.includes('unhide')) shown = true;
  }
  return shown;
}

/** Needs an interface of the jail's own stack and bpf(4) in its /dev; gets an address and a default route. */
export const dhclient: Tool = (call) => {
  const { rest } = flagsOf(call);
  const [name] = rest;
  if (name === undefined) throw usage('dhclient');
  call.store.change((machine) => {
    const vnet = vnetOf(machine, call.jid);
    const nic = nicsOf(machine, vnet).find((one) => one.name === name);
    if (nic === undefined)
      throw new Fail(`ifconfig: interface ${name} does not exist\ndhclient: ${name}: not found`, 1, true);
    const jail = machine.jails.find((one) => one.jid === call.jid);
    if (jail !== undefined) {
      const dev = machine.devfs[join(jail.params['path'] ?? '/', 'dev')];
      if (dev === undefined || (dev !== 0 && unhides(machine, dev, 'bpf0') !== true))
        throw new Fail('no bpf: No such file or directory', 1);
      jail.processes = true;
    }
    nic.up = true;
    nic.inet = [{ address: `203.0.113.${100 + nic.id}`, prefix: 24 }];
    machine.routes = machine.routes.filter(
      (one) => !(one.vnet === vnet && one.destination === 'default' && one.family === 4),
    );
    machine.routes.push({
      vnet,
      fib: 0,
      family: 4,
      destination: 'default',
      gateway: '203.0.113.1',
      nic: name,
    });
    call.out(
      `DHCPREQUEST on ${name} to 255.255.255.255 port 67\nbound to ${nic.inet[0]!.address} -- renewal in 1800 seconds.\n`,
    );
  });
};

/** A session ends at once: there is nobody to type. */
export const login: Tool = (call) => {
  const { rest } = flagsOf(call);
  const machine = call.store.read();
  const jail = machine.jails.find((one) => one.jid === call.jid);
  const user = rest[0] ?? 'root';
  const file = jail === undefined ? undefined : join(jail.params['path'] ?? '/', 'etc/passwd');
  const there =
    file !== undefined && existsSync(file)
      ? readFileSync(file, 'utf8')
          .split('\n')
          .some((line) => line.startsWith(`${user}:`))
      : machine.users.includes(user);
  if (!there) throw new Fail('Login incorrect');
  call.out(`login: ${user}\n`);
};
