/**
 * Settings that a tool keeps as assignments of sh(1), `[export] NAME="value"`: read as data, line by line. What the shell
 * would have to work out (a variable, a command) is not a value and is named instead. Pure.
 */
export interface Settings {
  readonly values: ReadonlyMap<string, string>;
  /** Names whose value only a shell could tell, and lines that are no assignment. */
  readonly unread: readonly string[];
}

const assignment = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_.-]*)=(.*)$/;

/** Parts in quotes and bare parts, up to a blank or a comment. */
function valueOf(text: string): string | undefined {
  let rest = text;
  let value = '';
  while (rest !== '' && !/^[ \t;]/.test(rest)) {
    const found =
      /^'([^']*)'/.exec(rest) ??
      /^"((?:[^"\\$`]|\\.)*)"/.exec(rest) ??
      /^((?:[^\s"'\\$`;&|<>()]|\\.)+)/.exec(rest);
    if (found === null) return undefined;
    value += rest.startsWith("'") ? found[1]! : found[1]!.replaceAll(/\\(.)/g, '$1');
    rest = rest.slice(found[0].length);
  }
  return /^[ \t;]*(#.*)?$/.test(rest) ? value : undefined;
}

export function parseSettings(text: string): Settings {
  const values = new Map<string, string>();
  const unread: string[] = [];
  for (const line of text.split('\n')) {
    if (/^\s*(#.*)?$/.test(line)) continue;
    const [, name, rest = ''] = assignment.exec(line) ?? [];
    const value = name === undefined ? undefined : valueOf(rest.trimEnd());
    if (value === undefined) unread.push(name ?? line.trim().slice(0, 60));
    else values.set(name!, value);
  }
  return { values, unread };
}

/** The same of pot(8): `name=value` to the end of the line, quotes around the whole only. */
export function parsePlainSettings(text: string): ReadonlyMap<string, readonly string[]> {
  const values = new Map<string, readonly string[]>();
  for (const line of text.split('\n')) {
    const [, name, rest = ''] = /^([A-Za-z][A-Za-z0-9._-]*)=(.*)$/.exec(line.trim()) ?? [];
    if (name === undefined) continue;
    values.set(name, [...(values.get(name) ?? []), /^"(.*)"$/.exec(rest)?.[1] ?? rest]);
  }
  return values;
}
