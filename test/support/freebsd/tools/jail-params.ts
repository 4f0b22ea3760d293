/**
 * Parameters of jail(8) as they come from the command line or a jail.conf(5): known or not, of the right
 * type or not, in the words of libjail. Nothing here touches a machine.
 */
import { isIP } from 'node:net';
import { findParameter } from '../grammar.ts';
import { Fail } from '../call.ts';
import type { Machine } from '../machine.ts';
import { releaseNumber } from '../machine.ts';

/** Values by the parameter's positive name; an empty list stands for a bare word. */
export type Given = Map<string, string[]>;

const listed = new Set(['ip4.addr', 'ip6.addr']);

/** Modules without which the kernel has no such parameter, and jail(8) does not load them. */
const needsModule: Readonly<Record<string, string>> = { 'allow.vmm': 'vmm' };

export function addParameter(machine: Machine, given: Given, name: string, value: string | undefined): void {
  const found = findParameter(name, releaseNumber(machine));
  const module = needsModule[found?.row.word ?? ''];
  const missing =
    (module !== undefined && !machine.klds.includes(module)) ||
    (found?.row.word === 'vnet' && !machine.vimage);
  if (found === undefined || missing) throw new Fail(`unknown parameter: ${name}`);
  const { row, negated } = found;
  const word = /^(meta|env)\./.test(name) ? name : row.word;
  const before = given.get(word);
  if (before !== undefined && (word === 'jid' || word === 'name'))
    throw new Fail(`cannot redefine parameter "${word}".`);
  if (row.value === 'bool') given.set(word, [booleanOf(name, value, negated)]);
  else {
    const values = value === undefined ? [] : listed.has(word) ? value.split(',') : [value];
    given.set(word, values.length === 0 ? [] : [...(before ?? []), ...values]);
  }
}

function booleanOf(name: string, value: string | undefined, negated: boolean): string {
  if (value === undefined) return String(!negated);
  const text = value.toLowerCase();
  if (text !== 'true' && text !== 'false' && !/^-?\d+$/.test(text))
    throw new Fail(`${name}: unknown boolean value "${value}"`);
  const on = text === 'true' || (text !== 'false' && Number(text) !== 0);
  return String(on !== negated);
}

export const last = (given: Given, name: string): string | undefined => given.get(name)?.at(-1);
export const isOn = (given: Given, name: string): boolean => last(given, name) === 'true';

/** `[NIC|]ADDRESS[/MASK][ WORDS]`: what the kernel gets of it is the address. */
export function splitAddress(text: string): {
  nic?: string;
  address: string;
  mask?: string;
  words: readonly string[];
} {
  const [, nic, rest = ''] = /^(?:([^|]*)\|)?(.*)$/.exec(text) ?? [];
  const [where = '', ...words] = rest.trim().split(/\s+/);
  const [address = '', mask] = where.split('/');
  return {
    ...(nic === undefined || nic === '' ? {} : { nic }),
    address,
    ...(mask === undefined ? {} : { mask }),
    words,
  };
}

const integer = /^-?\d+$/;
const jailsys = new Set(['disable', 'new', 'inherit', '0', '1', '2']);

/** Texts for the kernel, each checked for its type; pseudo-parameters are left out. */
export function kernelParameters(machine: Machine, given: Given): Record<string, string> {
  const params: Record<string, string> = {};
  for (const [name, values] of given) {
    const { row } = findParameter(name, releaseNumber(machine))!;
    const value = values.at(-1) ?? '';
    if (row.kind === 'pseudo-parameter') {
      if (row.value === 'int' && !integer.test(value))
        throw new Fail(`${name}: non-integer value "${value}"`);
      continue;
    }
    if (row.value === 'int' || row.value === 'uint') {
      if (!integer.test(value)) throw new Fail(`${name}: non-integer value "${value}"`);
      params[name] = value;
    } else if (row.value === 'jailsys') {
      const text = value === '' ? 'new' : value.toLowerCase();
      if (!jailsys.has(text)) throw new Fail(`${name}: unknown jailsys value "${value}"`);
      params[name] = text;
    } else if (row.value === 'addresses4' || row.value === 'addresses6') {
      const family = row.value === 'addresses4' ? 4 : 6;
      const addresses = values
        .filter((one) => one !== '' && one !== '-')
        .map((one) => splitAddress(one).address);
      for (const address of addresses)
        if (isIP(address) !== family) throw new Fail(`${name}: not an IPv${family} address: ${address}`);
      params[name] = addresses.join(',');
      const control = `ip${family}`;
      if (addresses.length > 0) params[control] ??= 'new';
    } else params[name] = value;
  }
  return params;
}

/**
 * Jails of a jail.conf(5): `NAME { PARAM; PARAM = VALUE, VALUE; PARAM += VALUE; }`, with quotes and
 * comments. Variables, includes and wildcards are not for the stand-in.
 */
export function parseConf(
  text: string,
): ReadonlyMap<string, readonly (readonly [string, string | undefined])[]> {
  const tokens = [
    ...text.matchAll(
      /\/\*[\s\S]*?\*\/|(?:#|\/\/)[^\n]*|"((?:[^"\\]|\\.)*)"|'([^']*)'|(\+=|[{};,=])|([^\s{};,="']+)/g,
    ),
  ]
    .filter((match) => !/^(\/\*|#|\/\/)/.test(match[0]))
    .map((match) => ({
      sign: match[3],
      text: match[1]?.replace(/\\(.)/g, '$1') ?? match[2] ?? match[4] ?? '',
    }));
  const jails = new Map<string, (readonly [string, string | undefined])[]>();
  const common: (readonly [string, string | undefined])[] = [];
  let at = 0;
  const statement = (into: (readonly [string, string | undefined])[], name: string): void => {
    const sign = tokens[at]?.sign;
    if (sign === ';') into.push([name, undefined]);
    else {
      if (sign !== '=' && sign !== '+=') throw new Fail(`jail.conf: syntax error near ${name}`);
      do {
        at += 1;
        into.push([name, tokens[at]?.text ?? '']);
        at += 1;
      } while (tokens[at]?.sign === ',');
      if (tokens[at]?.sign !== ';') throw new Fail(`jail.conf: syntax error near ${name}`);
    }
    at += 1;
  };
  while (at < tokens.length) {
    const name = tokens[at]!.text;
    at += 1;
    if (tokens[at]?.sign !== '{') {
      statement(common, name);
      continue;
    }
    at += 1;
    const into = [...common];
    while (tokens[at] !== undefined && tokens[at]!.sign !== '}') {
      const parameter = tokens[at]!.text;
      at += 1;
      statement(into, parameter);
    }
    at += 1;
    jails.set(name, into);
  }
  return jails;
}
