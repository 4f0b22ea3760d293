/** pgrep(1), pkill(1), sockstat(1): the processes of a jail, and what they listen at. */
import { Fail, flagsOf, getJail, type Tool } from '../call.ts';
import type { Machine } from '../machine.ts';
import { killTree } from '../processes.ts';

/** What a jail's services count as: `/etc/rc` of a root without one leaves no real process. */
const services = (jid: number): number => 70_000 + jid;

function pidsOf(machine: Machine, jail: string): readonly number[] {
  const { jid, pids, processes } = getJail(machine, jail);
  return [...pids, ...(processes ? [services(jid)] : [])];
}

function jailOf(flags: ReadonlyMap<string, readonly string[]>): string {
  const jail = flags.get('-j')?.at(-1);
  // Without a jail it would be the host's own processes.
  if (jail === undefined) throw new Fail('the stand-in looks only into jails (-j)', 2);
  return jail;
}

export const pgrep: Tool = (call) => {
  const { flags, rest } = flagsOf(call);
  if (rest.length > 0) throw new Fail('the stand-in knows no names of processes', 2);
  const found = pidsOf(call.store.read(), jailOf(flags));
  for (const pid of found) call.out(`${pid}\n`);
  return found.length === 0 ? 1 : 0;
};

export const pkill: Tool = (call) => {
  const [first = ''] = call.words;
  const signal = /^-[A-Z0-9]+$/.test(first) && first !== '-j' ? first.slice(1) : undefined;
  if (signal !== undefined && !['TERM', 'KILL', 'HUP', 'INT'].includes(signal))
    throw new Fail(`${signal}: unknown signal; the stand-in knows TERM, KILL, HUP and INT`, 2);
  const { flags, rest } = flagsOf(call, 'pkill', signal === undefined ? call.words : call.words.slice(1));
  if (rest.length > 0) throw new Fail('the stand-in knows no names of processes', 2);
  return call.store.change((machine) => {
    const name = jailOf(flags);
    const found = pidsOf(machine, name);
    const jail = getJail(machine, name);
    if (signal !== 'KILL' && jail.stubborn === true) return found.length === 0 ? 1 : 0;
    for (const pid of jail.pids) killTree(pid);
    jail.pids = [];
    jail.processes = false;
    return found.length === 0 ? 1 : 0;
  });
};

/** The jail's services listen where the test said so: an answer of the machine's table for `sockstat`. */
export const sockstat: Tool = (call) => {
  const { flags } = flagsOf(call);
  const machine = call.store.read();
  getJail(machine, jailOf(flags));
  call.out('USER     COMMAND    PID   FD  PROTO  LOCAL ADDRESS         FOREIGN ADDRESS\n');
  const port = flags.get('-p')?.at(-1) ?? '';
  const answer = machine.programs.find(({ match }) => match === `sockstat ${port}`);
  if (answer?.stdout !== undefined) call.out(answer.stdout);
};
