/**
 * rc.conf(5): the variables that it assigns. It is a program for sh(1), of which only the assignments are read:
 * quotes, `\` and comments as the shell takes them, several on a line, a value over several lines. Nothing is
 * expanded and nothing is ever written: comments and order are the administrator's. Pure.
 */

export interface RcVariable {
  /** Undefined: only a shell could tell (`$x`, a command in backticks, a quote without its end). */
  readonly value: string | undefined;
  /** Of the assignment that counts, counted from 1. */
  readonly line: number;
}

/** One word from `at` on, with its quotes resolved. */
function readWord(text: string, at: number): { value: string | undefined; end: number } {
  let value: string | undefined = '';
  const add = (more: string): void => void (value = value === undefined ? undefined : value + more);
  let quote = '';
  let index = at;
  for (; index < text.length; index += 1) {
    const character = text[index]!;
    if (quote === '' && /[\s;&|]/.test(character)) break;
    if (quote === "'" && character !== "'") add(character);
    else if (character === quote) quote = '';
    else if (quote === '' && (character === '"' || character === "'")) quote = character;
    else if (character === '\\') {
      const next = text[(index += 1)] ?? '';
      // Between double quotes it is itself before anything that means nothing there.
      if (next !== '\n') add(quote === '"' && !/["\\$`]/.test(next) ? `\\${next}` : next);
    } else if (character === '$' || character === '`') value = undefined;
    else add(character);
  }
  return { value: quote === '' ? value : undefined, end: index };
}

/**
 * The variables in the order in which they first appear; of several assignments to one the last counts.
 *
 * @example [...readRcConf('a="1" # one\nb=2\na=3')] // [['a', { value: '3', line: 3 }], ['b', { value: '2', line: 2 }]]
 */
export function readRcConf(text: string): ReadonlyMap<string, RcVariable> {
  const found = new Map<string, RcVariable>();
  let pending: (readonly [string, RcVariable])[] = [];
  const settle = (): void => {
    for (const [name, variable] of pending) found.set(name, variable);
    pending = [];
  };
  let isCommand = false;
  const take = (pattern: RegExp): string => {
    pattern.lastIndex = at;
    return pattern.exec(text)?.[0] ?? '';
  };
  let at = 0;
  let line = 1;
  for (let counted = 0; at < text.length;) {
    for (; counted < at; counted += 1) if (text[counted] === '\n') line += 1;
    const blank = take(/(?:[ \t\r]|\\\n)+/y).length;
    const end = take(/[\n;&|]+/y).length;
    if (blank > 0) at += blank;
    else if (end > 0) {
      settle();
      isCommand = false;
      at += end;
    } else if (text[at] === '#') at += take(/[^\n]*/y).length;
    else {
      const name = isCommand ? undefined : take(/[A-Za-z_][A-Za-z0-9_]*=/y).slice(0, -1) || undefined;
      const start = name === undefined ? at : at + name.length + 1;
      const word = readWord(text, start);
      if (name === undefined) {
        // `a=1 command`: only that command would see it.
        isCommand = true;
        pending = [];
      } else pending.push([name, { value: word.value, line }]);
      at = Math.max(word.end, at + 1);
    }
  }
  settle();
  return found;
}
