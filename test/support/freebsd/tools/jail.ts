/**
 * jail(8): creates, changes and removes jails with everything around them in the page's order: prepare,
 * addresses, mounts, prestart, the jail, created, interfaces, datasets, start, poststart; and the way back
 * with what was done so far when one of them fails.
 */
import { readFileSync } from 'node:fs';
import { Fail, findJail, flagsOf, usage, type Call, type Tool } from '../call.ts';
import type { Machine } from '../machine.ts';
import {
  addParameter,
  isOn,
  kernelParameters,
  last,
  parseConf,
  splitAddress,
  type Given,
} from './jail-params.ts';
import { createJail, modifyJail, removeJail } from './jail-kernel.ts';
import { fstab, unescapeField } from './mount.ts';

/** Commands with a shell's signs go to sh(1), others are split at blanks (command.c of the program). */
const commandOf = (line: string): readonly string[] =>
  /[!"$&'()*;<>?[\\\]`{|}~]/.test(line) ? ['/bin/sh', '-c', line] : line.trim().split(/\s+/);

class Plan {
  private readonly call: Call;
  private readonly given: Given;
  private readonly label: string;
  private done: (() => Promise<void>)[] = [];
  jid = 0;

  constructor(call: Call, given: Given, label: string) {
    this.call = call;
    this.given = given;
    this.label = label;
  }

  private warn(text: string): void {
    this.call.err(`jail: ${this.label}${text}\n`);
  }

  private async must(argv: readonly string[], jid: number, log?: string): Promise<void> {
    const timeout = Number(last(this.given, 'exec.timeout') ?? 0);
    const fib = Number(last(this.given, 'exec.fib') ?? 0);
    if (jid !== 0 && fib >= this.call.store.read().fibs) throw new Fail('setfib: Invalid argument');
    const user = last(this.given, jid === 0 ? 'exec.system_user' : 'exec.jail_user');
    const status = await this.call.run(argv, {
      jid,
      ...(log === undefined ? {} : { log }),
      ...(user === undefined ? {} : { user }),
      ...(timeout > 0 ? { timeoutMs: timeout * 1000 } : {}),
    });
    if (status === 0) return;
    throw new Fail(`${argv.join(' ')}: ${status === 124 && timeout > 0 ? 'timed out' : 'failed'}`);
  }

  /** Commands of a parameter, in the host or in the jail. */
  private async commands(name: string, inJail: boolean): Promise<void> {
    const log = inJail ? last(this.given, 'exec.consolelog') : undefined;
    const lines = name === 'command' ? [] : (this.given.get(name) ?? []);
    for (const line of lines.filter((text) => text !== ''))
      await this.must(commandOf(line), inJail ? this.jid : 0, log);
    const words = name === 'command' ? (this.given.get('command') ?? []) : [];
    if (words.length > 0) await this.must(words, this.jid, log);
  }

  private addresses(): readonly (readonly string[])[] {
    return (['ip4.addr', 'ip6.addr'] as const).flatMap((name) =>
      (this.given.get(name) ?? [])
        .filter((text) => text !== '' && text !== '-')
        .map((text) => ({ ...splitAddress(text), family: name === 'ip4.addr' ? 'inet' : 'inet6' }))
        .flatMap(({ nic = last(this.given, 'interface'), family, address, mask, words }) => {
          if (nic === undefined || nic === '') return [];
          const narrow = family === 'inet' ? ['netmask', '255.255.255.255'] : ['prefixlen', '128'];
          const place =
            mask === undefined
              ? [address, ...narrow]
              : mask.includes('.')
                ? [address, 'netmask', mask]
                : [`${address}/${mask}`];
          return [['ifconfig', nic, family, ...place, ...words]];
        }),
    );
  }

  /** `mount` and `umount` command lines of all file systems of the jail. */
  private mounts(): readonly { up: readonly string[]; down: readonly string[] }[] {
    const path = last(this.given, 'path') ?? '/';
    const line = (from: string, on: string, type: string, options: string) => {
      if (!on.startsWith('/')) throw new Fail(`mount.fstab: ${on}: not an absolute pathname`);
      return {
        up: ['mount', '-t', type, ...(options === '' ? [] : ['-o', options]), from, on],
        down: ['umount', '-t', type, on],
      };
    };
    const table = last(this.given, 'mount.fstab');
    const fixed = (name: string, type: string, where: string, from: string, options = '') =>
      isOn(this.given, name) ? [line(from, `${path}/${where}`, type, options)] : [];
    const ruleset = Number(last(this.given, 'devfs_ruleset') ?? 0) || 4;
    return [
      ...(this.given.get('mount') ?? []).map((text) => {
        const [from = '', on = '', type, options = ''] = text.trim().split(/\s+/).map(unescapeField);
        if (type === undefined) throw new Fail(`mount: ${text}: missing information`);
        return line(from, on, type, options);
      }),
      ...(table === undefined || table === ''
        ? []
        : fstab(table).map((one) => line(one.from, one.on, one.type, one.options.join(',')))),
      ...fixed('mount.devfs', 'devfs', 'dev', '.', `ruleset=${ruleset}`),
      ...fixed('mount.fdescfs', 'fdescfs', 'dev/fd', '.'),
      ...fixed('mount.procfs', 'procfs', 'proc', '.'),
    ];
  }

  private async step(up: () => Promise<void>, down?: () => Promise<void>): Promise<void> {
    await up();
    if (down !== undefined) this.done.unshift(down);
  }

  private async quietly(argv: readonly string[]): Promise<void> {
    if ((await this.call.run(argv, { jid: 0 })) !== 0) this.warn(`${argv.join(' ')}: failed`);
  }

  private remove(): void {
    this.call.store.change((machine) => removeJail(machine, this.jid));
  }

  async start(params: Record<string, string>): Promise<boolean> {
    try {
      await this.commands('exec.prepare', false);
      for (const alias of this.addresses())
        await this.step(
          () => this.must([...alias, 'alias'], 0),
          () => this.quietly([...alias, '-alias']),
        );
      for (const { up, down } of this.mounts())
        await this.step(
          () => this.must(up, 0),
          () => this.quietly(down),
        );
      await this.commands('exec.prestart', false);
      const lasting = isOn(this.given, 'persist');
      const commands = ['exec.start', 'command', 'exec.poststart'].some(
        (name) => (this.given.get(name)?.length ?? 0) > 0,
      );
      await this.step(
        async () => {
          this.jid = this.call.store.change((machine) =>
            createJail(machine, this.call, {
              ...params,
              ...(lasting || commands ? { persist: 'true' } : {}),
            }),
          );
        },
        async () => this.remove(),
      );
      await this.commands('exec.created', false);
      // Each as it stands: of the command line jail(8) takes only ip4.addr and ip6.addr apart at commas.
      for (const nic of this.given.get('vnet.interface') ?? [])
        await this.step(
          () => this.must(['ifconfig', nic, 'vnet', String(this.jid)], 0),
          () => this.quietly(['ifconfig', nic, '-vnet', String(this.jid)]),
        );
      for (const dataset of this.given.get('zfs.dataset') ?? [])
        await this.must(['zfs', 'jail', String(this.jid), dataset], 0);
      await this.commands('exec.start', true);
      await this.commands('command', true);
      await this.commands('exec.poststart', false);
      this.clearPersist(lasting);
      return true;
    } catch (error) {
      if (!(error instanceof Fail)) throw error;
      this.warn(error.message);
      for (const back of this.done) await back();
      return false;
    }
  }

  /** A jail that was kept only for its commands goes when nothing of it runs any more. */
  private clearPersist(lasting: boolean): void {
    if (lasting) return;
    this.call.store.change((machine) => {
      const jail = machine.jails.find((one) => one.jid === this.jid)!;
      jail.params['persist'] = 'false';
      if (!jail.processes) removeJail(machine, this.jid);
    });
  }

  async stop(jid: number): Promise<boolean> {
    this.jid = jid;
    try {
      await this.commands('exec.prestop', false);
      await this.commands('exec.stop', true);
    } catch (error) {
      if (!(error instanceof Fail)) throw error;
      this.warn(error.message);
      return false;
    }
    this.remove();
    try {
      await this.commands('exec.poststop', false);
      for (const { down } of this.mounts().toReversed()) await this.must(down, 0);
      for (const alias of this.addresses().toReversed()) await this.must([...alias, '-alias'], 0);
      await this.commands('exec.release', false);
    } catch (error) {
      if (!(error instanceof Fail)) throw error;
      this.warn(error.message);
      return false;
    }
    return true;
  }
}

function collect(machine: Machine, words: readonly (readonly [string, string | undefined])[]): Given {
  const given: Given = new Map();
  for (const [name, value] of words) addParameter(machine, given, name, value);
  return given;
}

/** `name=value` words; `command` takes all that follows. */
function fromWords(machine: Machine, words: readonly string[]): Given {
  const at = words.findIndex((word) => /^command(=|$)/.test(word));
  const plain = at < 0 ? words : words.slice(0, at);
  const given = collect(
    machine,
    plain.map((word) => {
      const [name = '', value] = word.split(/=(.*)/s);
      return [name, value] as const;
    }),
  );
  if (at >= 0) {
    const first = words[at]!.includes('=') ? [words[at]!.slice('command='.length)] : [];
    given.set('command', [...first, ...words.slice(at + 1)]);
  }
  return given;
}

function quoted(given: Given, message: string): Fail {
  const name = last(given, 'jid') ?? last(given, 'name');
  return new Fail(name === undefined ? 'no jail specified' : `"${name}" ${message}`);
}

export const jail: Tool = async (call) => {
  const { flags, rest } = flagsOf(call);
  const has = (flag: string): boolean => flags.has(flag);
  const machine = call.store.read();
  const file = flags.get('-f')?.at(-1);
  const conf =
    file === undefined ? undefined : parseConf(file === '-' ? call.input() : readFileSync(file, 'utf8'));
  if (has('-r') || has('-R')) {
    if (has('-c') || has('-m')) throw new Fail('-rc, -mr and -cmr are not for the stand-in');
    if (rest.length === 0 || rest.some((word) => word.includes('='))) throw usage('jail');
    let status = 0;
    for (const word of rest) {
      const found = findJail(call.store.read(), word);
      if (found === undefined) {
        if (!has('-q')) call.err(`jail: "${word}" not found\n`);
        status = 1;
        continue;
      }
      const words = has('-R') ? undefined : conf?.get(found.name);
      const label = words === undefined ? '' : `${found.name}: `;
      const given = words === undefined ? new Map<string, string[]>() : collect(machine, words);
      if (!(await new Plan(call, given, label).stop(found.jid))) status = 1;
      else if (words !== undefined && !has('-q')) call.out(`${found.name}: removed\n`);
    }
    return status;
  }
  if (!has('-c') && !has('-m')) throw usage('jail');
  const named = rest.length === 1 && !rest[0]!.includes('=') ? rest[0]! : undefined;
  if (rest.length === 0) throw usage('jail');
  if (named !== undefined && conf?.has(named) !== true) throw new Fail(`"${named}" not found`);
  const label = named === undefined ? '' : `${named}: `;
  let given: Given;
  let params: Record<string, string>;
  try {
    given =
      named === undefined
        ? fromWords(machine, rest)
        : collect(machine, [['name', named], ...conf!.get(named)!]);
    const name = flags.get('-n')?.at(-1);
    if (name !== undefined) addParameter(machine, given, 'name', name);
    params = kernelParameters(machine, given);
  } catch (error) {
    if (error instanceof Fail) throw new Fail(`${label}${error.message}`);
    throw error;
  }
  const existing = findJail(machine, last(given, 'jid') ?? last(given, 'name') ?? '');
  if (existing === undefined && !has('-c')) throw quoted(given, 'not found');
  if (existing !== undefined && !has('-m')) throw quoted(given, 'already exists');
  if (existing !== undefined) {
    call.store.change((now) => modifyJail(now, existing.jid, params));
    if (named !== undefined && !has('-q')) call.out(`${named}: updated\n`);
    return 0;
  }
  const plan = new Plan(call, given, label);
  if (!(await plan.start(params))) return 1;
  if (has('-i')) call.out(`${plan.jid}\n`);
  else if (named !== undefined && !has('-q')) call.out(`${named}: created\n`);
  return 0;
};
