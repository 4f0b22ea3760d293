/** rctl(8) and cpuset(1): limits, what is used, and the CPUs of a jail. Rules outlive their jail. */
import { wordsOf } from '../documented.ts';
import { parseRule } from '../grammar.ts';
import { Fail, flagsOf, getJail, known, usage, type Call, type Tool } from '../call.ts';
import type { Machine } from '../machine.ts';

const suffixes = 'kmgtpe';

/** expand_number(3): a whole number with a suffix of powers of 1024. */
function amountOf(text: string): number | undefined {
  const [, digits, suffix = ''] = /^(\d+)([kmgtpe])?b?$/i.exec(text) ?? [];
  if (digits === undefined) return undefined;
  return Number(digits) * 1024 ** (suffix === '' ? 0 : suffixes.indexOf(suffix.toLowerCase()) + 1);
}

/** humanize_number(3) as rctl calls it: five characters, powers of 1024, a decimal below ten. */
export function humanized(number: number): string {
  let value = number;
  let power = 0;
  while (Math.round(value) >= 10_000) {
    value /= 1024;
    power += 1;
  }
  const unit = power === 0 ? '' : suffixes[power - 1]!.toUpperCase();
  return power > 0 && value < 995 && value.toFixed(1).length + 1 <= 5
    ? `${value.toFixed(1)}${unit}`
    : `${Math.round(value)}${unit}`;
}

/** Not of the kind that can be refused to a process (rctl(8), ACTIONS). */
const notDeniable = new Set(['cputime', 'wallclock', 'readbps', 'writebps', 'readiops', 'writeiops']);
const throttled = new Set(['readbps', 'writebps', 'readiops', 'writeiops']);

function expand(call: Call, text: string): ReturnType<typeof parseRule> {
  const rule = parseRule(text);
  const whole = [...wordsOf('rctl', 'type').keys()].find(
    (word) => rule.subject !== '' && word.startsWith(rule.subject),
  );
  const check = (kind: 'resource' | 'action', word: string): boolean =>
    word === '' || known(call, 'rctl', kind, word);
  if (text.split(':').length > 4 || (rule.subject !== '' && whole === undefined))
    throw new Error('Invalid argument');
  if (!check('resource', rule.resource) || !check('action', rule.action)) throw new Error('Invalid argument');
  if (rule.per !== '' && !known(call, 'rctl', 'type', rule.per)) throw new Error('Invalid argument');
  return { ...rule, subject: whole ?? '' };
}

function canonical(call: Call, text: string): string {
  const { subject, id, resource, action, amount, per } = expand(call, text);
  const number = amountOf(amount);
  if ([subject, id, resource, action].includes('') || number === undefined)
    throw new Error('Invalid argument');
  if (action === 'deny' && notDeniable.has(resource)) throw new Error('Operation not supported');
  if ((action === 'throttle') !== throttled.has(resource) && action === 'throttle')
    throw new Error('Operation not supported');
  const end = per === '' || per === subject ? '' : `/${per}`;
  return `${subject}:${id}:${resource}:${action}=${number}${end}`;
}

function matching(call: Call, machine: Machine, filter: string): readonly string[] {
  const wanted = expand(call, filter);
  return machine.rctl.filter((rule) => {
    const have = parseRule(rule);
    return (Object.keys(wanted) as (keyof typeof wanted)[]).every(
      (part) =>
        wanted[part] === '' ||
        (part === 'amount' ? String(amountOf(wanted.amount)) === have.amount : wanted[part] === have[part]),
    );
  });
}

function usageOf(machine: Machine, name: string): readonly (readonly [string, number])[] {
  const used = machine.usage[name] ?? {};
  return [...wordsOf('rctl', 'resource').keys()].map((resource) => [resource, used[resource] ?? 0] as const);
}

const shown = (rule: string, human: boolean): string =>
  human ? rule.replace(/=(\d+)/, (_, number: string) => `=${humanized(Number(number))}`) : rule;

export const rctl: Tool = (call) => {
  const { flags, rest } = flagsOf(call);
  const verbs = ['-a', '-l', '-r', '-u'].filter((flag) => flags.has(flag));
  if (verbs.length > 1) throw new Fail('at most one of -a, -l, -r, or -u may be specified');
  if (rest.length === 0 && verbs.length > 0) throw usage('rctl');
  const human = flags.has('-h');
  let failed = 0;
  call.store.change((machine) => {
    if (!machine.racct)
      throw new Fail('RACCT/RCTL present, but disabled; enable using kern.racct.enable=1 tunable');
    for (const text of rest.length === 0 ? ['::'] : rest) {
      const doing = {
        '-a': 'add rule',
        '-r': 'remove rule',
        '-l': 'get limits for',
        '-u': 'show resource consumption for',
      };
      const verb = verbs[0] as keyof typeof doing | undefined;
      try {
        if (verb === '-a') {
          const rule = canonical(call, text);
          // rctl_rule_add() of kern_rctl.c: the same rule once, and of those that deny one amount.
          const replaced = (old: string): boolean =>
            old === rule || (/:deny=/.test(rule) && old.replace(/=\d+/, '=') === rule.replace(/=\d+/, '='));
          machine.rctl = [...machine.rctl.filter((old) => !replaced(old)), rule];
        } else if (verb === '-u') {
          const { subject, id } = expand(call, text);
          if (subject !== 'jail' || id === '') throw new Error('Invalid argument');
          for (const [resource, used] of usageOf(machine, id))
            call.out(`${resource}=${human ? humanized(used) : used}\n`);
        } else {
          const found = matching(call, machine, text);
          if (verb === '-r' && found.length === 0) throw new Error('No such process');
          if (verb === '-r') machine.rctl = machine.rctl.filter((rule) => !found.includes(rule));
          else for (const rule of found) call.out(`${shown(rule, human)}\n`);
        }
      } catch (error) {
        if (error instanceof Fail) throw error;
        call.err(
          `rctl: failed to ${verb === undefined ? 'show rules for' : doing[verb]} '${text}': ${(error as Error).message}\n`,
        );
        failed += 1;
      }
    }
  });
  return failed;
};

/** CPUs of a list such as `0-3,6` (cpuset_parselist(3)). */
function cpuList(text: string, count: number): readonly number[] {
  if (text === 'all') return Array.from({ length: count }, (_, cpu) => cpu);
  if (!/^\d+(-\d+)?(,\d+(-\d+)?)*$/.test(text)) throw new Fail(`Malformed cpu-list ${text}`);
  const cpus = text.split(',').flatMap((part) => {
    const [from = 0, to = from] = part.split('-').map(Number);
    return Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index);
  });
  return [...new Set(cpus)].sort((a, b) => a - b);
}

export const cpuset: Tool = (call) => {
  const { flags, rest } = flagsOf(call);
  const list = flags.get('-l')?.at(-1);
  const word = flags.get('-j')?.at(-1);
  if (word === undefined) {
    if (list === undefined || rest.length === 0) throw usage('cpuset');
    return call.run(rest, { jid: call.jid });
  }
  return call.store.change((machine) => {
    const jail = getJail(machine, word);
    if (flags.has('-g')) {
      const cpus = cpuList(jail.cpus ?? 'all', machine.cpus).join(', ');
      if (flags.has('-i')) call.out(`jail ${jail.jid} cpuset id: ${jail.jid + 1}\n`);
      else call.out(`jail ${jail.jid} mask: ${cpus}\njail ${jail.jid} domain policy: first-touch mask: 0\n`);
      return 0;
    }
    if (list === undefined) throw usage('cpuset');
    const cpus = cpuList(list, machine.cpus);
    if (cpus.some((cpu) => cpu >= machine.cpus)) throw new Fail('setaffinity: Resource deadlock avoided');
    jail.cpus = cpus.join(',');
    return 0;
  });
};
