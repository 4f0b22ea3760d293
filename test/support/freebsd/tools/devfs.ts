/** devfs(8): rule sets, and which of them a devfs mount has. Set 0 is empty and stays so. */
import { ruleProblems } from '../grammar.ts';
import { Fail, flagsOf, known, usage, type Call, type Tool } from '../call.ts';
import type { Machine } from '../machine.ts';
import { clean } from '../paths.ts';

function mountPoint(machine: Machine, given: string | undefined): string {
  const path = clean(given ?? '/dev');
  if (machine.devfs[path] === undefined) throw new Fail(`open: ${path}: not a devfs mount`);
  return path;
}

function setNumber(word: string): string {
  // eatoi() of the program: a number, or the name of a set, which only rc(8) knows.
  if (!/^\d+$/.test(word) || Number(word) > 65535) throw new Fail(`invalid ruleset number: ${word}`);
  return String(Number(word));
}

function checkRule(call: Call, machine: Machine, words: readonly string[], own: string): void {
  if (words.length === 0) throw usage('devfs');
  const [problem] = ruleProblems(words, call.release);
  if (problem !== undefined) throw new Fail(`unknown argument: ${problem}`);
  let acting = false;
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at]!;
    const value =
      known(call, 'devfs rule', 'condition', word) || !['hide', 'unhide'].includes(word)
        ? words[(at += 1)]!
        : '';
    if (known(call, 'devfs rule', 'condition', word)) {
      if (acting) throw new Fail('conditions and actions may not be intermixed');
      if (word === 'type' && !['disk', 'mem', 'tape', 'tty'].includes(value))
        throw new Fail(`unknown type: ${value}`);
    } else acting = true;
    if (word === 'mode' && !/^[0-7]{1,4}$/.test(value)) throw new Fail(`mode: ${value}: not octal`);
    if (word === 'include') {
      const number = setNumber(value);
      if (number === own || machine.rulesets[number] === undefined)
        throw new Fail('ioctl DEVFSIO_RADD: Invalid argument');
    }
    if (word === 'user' && !/^\d+$/.test(value) && !machine.users.includes(value))
      throw new Fail(`unknown user: ${value}`);
  }
  if (!acting) throw new Fail('rule has no action');
}

/** `100 path null unhide`: the number may be missing. */
function numbered(words: readonly string[]): { number: number | undefined; rule: readonly string[] } {
  const has = /^\d+$/.test(words[0] ?? '');
  return { number: has ? Number(words[0]) : undefined, rule: has ? words.slice(1) : words };
}

function addRule(call: Call, machine: Machine, set: string, text: readonly string[]): void {
  if (set === '0') throw new Fail('ioctl DEVFSIO_RADD: Invalid argument');
  const { number, rule } = numbered(text);
  checkRule(call, machine, rule, set);
  const rules = (machine.rulesets[set] ??= {});
  const last = Math.max(0, ...Object.keys(rules).map(Number));
  const at = number ?? last + 100;
  if (rules[at] !== undefined) throw new Fail('ioctl DEVFSIO_RADD: File exists');
  rules[at] = rule.join(' ');
}

export const devfs: Tool = (call) => {
  const { flags, rest } = flagsOf(call);
  const [verb = '', ...words] = rest;
  if (!known(call, 'devfs', 'verb', verb)) throw usage('devfs');
  const given = flags.get('-m')?.at(-1);
  if (verb === 'ruleset')
    return call.store.change((machine) => {
      if (words.length !== 1) throw usage('devfs');
      const number = setNumber(words[0]!);
      const path = mountPoint(machine, given);
      machine.devfs[path] = Number(number);
      machine.rulesets[number] ??= {};
    });
  const inner = flagsOf(call, 'devfs rule', words);
  const [action = '', ...spec] = inner.rest;
  if (!known(call, 'devfs rule', 'verb', action)) throw usage('devfs');
  return call.store.change((machine) => {
    const named = inner.flags.get('-s')?.at(-1) ?? flags.get('-s')?.at(-1);
    const set = named === undefined ? String(machine.devfs[mountPoint(machine, given)]) : setNumber(named);
    const rules = machine.rulesets[set];
    const lines = (): string[] =>
      Object.entries(rules ?? {})
        .sort(([a], [b]) => Number(a) - Number(b))
        .map(([number, rule]) => `${number} ${rule}\n`);
    switch (action) {
      case 'add':
        if (spec.length === 1 && spec[0] === '-')
          for (const line of call
            .input()
            .split('\n')
            .filter((text) => text.trim() !== ''))
            addRule(call, machine, set, line.trim().split(/\s+/));
        else addRule(call, machine, set, spec);
        break;
      case 'apply':
        mountPoint(machine, given);
        if (/^\d+$/.test(spec[0] ?? '') && spec.length === 1) {
          if (rules?.[spec[0]!] === undefined) throw new Fail('ioctl DEVFSIO_RAPPLYID: No such process');
        } else checkRule(call, machine, spec, set);
        break;
      case 'applyset':
        mountPoint(machine, given);
        if (rules === undefined) throw new Fail('ioctl DEVFSIO_SAPPLY: No such process');
        break;
      case 'del':
        if (rules?.[spec[0] ?? ''] === undefined)
          throw new Fail('ioctl DEVFSIO_RDEL: No such file or directory');
        delete rules[spec[0]!];
        if (Object.keys(rules).length === 0) delete machine.rulesets[set];
        break;
      case 'delset': {
        const inUse = Object.values(machine.devfs).includes(Number(set));
        const included = Object.values(machine.rulesets).some((other) =>
          Object.values(other).includes(`include ${set}`),
        );
        // Deleting what is not there is nothing; the kernel walks an empty list.
        if (inUse || included) machine.rulesets[set] = {};
        else delete machine.rulesets[set];
        break;
      }
      case 'show':
        call.out(
          lines()
            .filter((line) => spec.length === 0 || line.startsWith(`${spec[0]} `))
            .join(''),
        );
        break;
      default:
        call.out(
          Object.keys(machine.rulesets)
            .map(Number)
            .sort((a, b) => a - b)
            .map((number) => `${number}\n`)
            .join(''),
        );
    }
  });
};
