/** jexec(8), setfib(1), lockf(1): programs that run another one. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Fail, findJail, flagsOf, getJail, usage, type Call, type Tool } from '../call.ts';
import type { Jail } from '../machine.ts';

function jailUser(jail: Jail, user: string): void {
  let text = '';
  try {
    text = readFileSync(join(jail.params['path'] ?? '/', 'etc/passwd'), 'utf8');
  } catch {
    // Without the file root is all there is: an empty jail has no users.
  }
  if (user !== 'root' && !text.split('\n').some((line) => line.startsWith(`${user}:`)))
    throw new Fail(`${user}: no such user`);
}

export const jexec: Tool = async (call) => {
  const { flags, rest } = flagsOf(call);
  const [word, ...command] = rest;
  if (word === undefined || (flags.has('-u') && flags.has('-U'))) throw usage('jexec');
  const machine = call.store.read();
  const hostUser = flags.get('-u')?.at(-1);
  if (hostUser !== undefined && !machine.users.includes(hostUser))
    throw new Fail(`${hostUser}: no such user`);
  const jail = getJail(machine, word);
  const user = flags.get('-U')?.at(-1);
  if (user !== undefined) jailUser(jail, user);
  const asWhom = user ?? hostUser;
  // jexec(8): only -l discards the environment.
  const kept = Object.entries(call.env).filter(
    (pair): pair is [string, string] => pair[1] !== undefined && !/^FREEBSD_STANDIN/.test(pair[0]),
  );
  return call.run(command.length > 0 ? command : ['/bin/sh'], {
    jid: jail.jid,
    ...(flags.has('-l') ? {} : { env: Object.fromEntries(kept) }),
    ...(asWhom === undefined ? {} : { user: asWhom }),
    ...(flags.has('-d') ? { cwd: flags.get('-d')!.at(-1)! } : {}),
  });
};

export const setfib: Tool = (call) => {
  const old = /^-\d+$/.test(call.words[0] ?? '');
  const { flags, rest } = old ? { flags: new Map<string, string[]>(), rest: call.words } : flagsOf(call);
  const [first = '', ...command] = flags.has('-F') ? [flags.get('-F')!.at(-1)!, ...rest] : rest;
  const fib = old ? first.slice(1) : first;
  if (!/^\d+$/.test(fib) || Number(fib) >= call.store.read().fibs)
    throw new Fail(`invalid FIB ${fib} (max ${call.store.read().fibs - 1})`);
  if (command.length === 0) throw usage('setfib');
  // vnet_rtables_init() gives a stack of its own one table, and jail_attach(2) keeps the process's number: the first
  // socket there looks past the end of the tables.
  if (fib !== '0' && command[0] === 'jexec') {
    const jail = findJail(call.store.read(), flagsOf(call, 'jexec', command.slice(1)).rest[0] ?? '');
    if (jail?.vnet === true)
      throw new Fail(`panic: page fault (FIB ${fib} in a vnet of one table)`, 139, true);
  }
  return call.run(command, { jid: call.jid });
};

/** lockf(1) with a real lock: the test's processes may hold each other up. */
export const lockf: Tool = (call: Call) => {
  const { flags, rest } = flagsOf(call);
  const [file, ...command] = rest;
  if (file === undefined || command.length === 0) throw usage('lockf');
  const wait = flags.get('-t')?.at(-1);
  const words = [
    'flock',
    ...(wait === '0' ? ['-n'] : wait === undefined ? [] : ['-w', wait]),
    '-E',
    '75',
    file,
    ...command,
  ];
  return call.real(words);
};
