/** CPUs a jail may use: `off`, `all` or the list of cpuset(1) `-l`, e.g. `0,2,4-7`. */
import type { Codec } from '../property.ts';
import { ValueProblem } from '../property.ts';

/** Inclusive ranges in the order given, without a CPU in two of them; `from === to` for one CPU. */
export type CpuList = readonly { readonly from: number; readonly to: number }[];
export type Cpuset = 'off' | 'all' | CpuList;

/** Kernels count CPUs far below this; it keeps a typing error from making a huge list. */
const highestPossible = 4095;

function parseList(text: string): CpuList {
  const list: { from: number; to: number }[] = [];
  for (const item of text.split(',')) {
    const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(item.trim());
    if (!match)
      throw new ValueProblem(
        `${JSON.stringify(item.trim())} is no CPU; a list is written 0,2,4-7 (or off, all)`,
      );
    const from = Number(match[1]);
    const to = Number(match[2] ?? match[1]);
    if (to < from) throw new ValueProblem(`the range ${from}-${to} runs backwards`);
    if (to > highestPossible) throw new ValueProblem(`there is no CPU ${to}`);
    const twice = list.find((other) => from <= other.to && other.from <= to);
    if (twice) throw new ValueProblem(`CPU ${Math.max(from, twice.from)} is named twice`);
    list.push({ from, to });
  }
  return list;
}

export const cpuset: Codec<Cpuset> = {
  kind: 'CPU list',
  choices: ['off', 'all'],
  parse(text) {
    const value = text.trim().toLowerCase();
    if (value === 'off' || value === 'none') return 'off';
    return value === 'all' ? 'all' : parseList(value);
  },
  print: (value) =>
    typeof value === 'string'
      ? value
      : value.map(({ from, to }) => (from === to ? `${from}` : `${from}-${to}`)).join(','),
};

/**
 * What keeps this machine from using the list, in words: a CPU above `highest`, the number of the
 * machine's last CPU, or that number being unknown.
 */
export function cpusetProblem(value: Cpuset, highest: number | undefined): string | undefined {
  if (typeof value === 'string') return undefined;
  if (highest === undefined) return 'the number of CPUs of this machine is unknown';
  const top = Math.max(...value.map(({ to }) => to));
  return top > highest ? `there is no CPU ${top}; the last one is ${highest}` : undefined;
}
