/**
 * UCL, as libucl and uclcmd(1) wrote it for jails: `key = "value";` with comments, bare words, nested
 * objects and lists. A subset: macros and includes are refused by name and never carried out, since a
 * configuration that is read must not choose other files. Edited in place like JSON. Pure.
 * Grammar: https://github.com/vstakhov/libucl#basic-structure
 */
import {
  assertDepth,
  assertMembers,
  assertText,
  FormatProblem,
  placeOf,
  quoted,
  type Member,
  type MemberKind,
  type Scalar,
} from './members.ts';

const bareKey = /[A-Za-z0-9_][A-Za-z0-9_.\-/]*/y;
const bareValue = /[^\s;,{}[\]"'#](?:(?!\/\*|[ \t]#)[^\n\r;,{}[\]])*/y;
/** What is read the same with and without quotes. */
const safeBare = /^[A-Za-z0-9_][A-Za-z0-9_./:|%@+-]*$/;

class Reader {
  at = 0;
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }

  fail(why: string): never {
    throw new FormatProblem(`it is no UCL at ${placeOf(this.text, this.at)}: ${why}`);
  }

  take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0];
    if (found !== undefined) this.at = pattern.lastIndex;
    return found;
  }

  /** Blanks and comments; `ends` also what ends a member. */
  skip(ends: string): void {
    for (;;) {
      const next = this.text[this.at];
      if (next === undefined) return;
      if (ends.includes(next)) this.at += 1;
      else if (next === '#') this.take(/[^\n]*/y);
      else if (this.text.startsWith('/*', this.at)) this.comment();
      else return;
    }
  }

  /** They nest in UCL. */
  comment(): void {
    const begin = this.at;
    let depth = 0;
    do {
      const mark = this.text.slice(this.at, this.at + 2);
      if (this.at >= this.text.length) {
        this.at = begin;
        this.fail('a comment has no end');
      }
      if (mark === '/*') depth += 1;
      if (mark === '*/') depth -= 1;
      this.at += mark === '/*' || mark === '*/' ? 2 : 1;
    } while (depth > 0);
  }

  key(): string {
    if (this.text[this.at] === '.') {
      const name = this.take(/\.[A-Za-z_]*/y)!;
      throw new FormatProblem(`it has the macro ${quoted(name)}, and macros are not carried out`);
    }
    if (this.text[this.at] === '"') return this.string();
    return this.take(bareKey) ?? this.fail('a key is expected');
  }

  string(): string {
    const source = this.take(/"(?:[^"\\\n\r]|\\[^\n\r])*"/y) ?? this.fail('a text in quotes has no end');
    try {
      return JSON.parse(source.replaceAll('\t', String.raw`\t`)) as string;
    } catch {
      return this.fail('a text in quotes holds an unknown escape');
    }
  }

  heredoc(): string {
    const word = this.take(/<<[A-Z]+\r?\n/y)!
      .slice(2)
      .trim();
    const lines = new RegExp(String.raw`([\s\S]*?)\r?\n?^${word}\r?$`, 'my');
    const body = this.take(lines) ?? this.fail(`the text up to ${word} has no end`);
    return body.slice(0, body.lastIndexOf(word)).replace(/\r?\n$/, '');
  }

  value(depth: number): { kind: MemberKind; text: string } {
    assertDepth(depth);
    const begin = this.at;
    const next = this.text[this.at];
    if (next === '{') {
      this.at += 1;
      this.members(depth + 1, '}');
      return { kind: 'object', text: this.text.slice(begin, this.at) };
    }
    if (next === '[') {
      this.at += 1;
      for (this.skip(' \t\r\n,;'); this.text[this.at] !== ']'; this.skip(' \t\r\n,;')) {
        if (this.at >= this.text.length) this.fail('a list has no end');
        this.value(depth + 1);
      }
      this.at += 1;
      return { kind: 'list', text: this.text.slice(begin, this.at) };
    }
    if (next === '"') return { kind: 'string', text: this.string() };
    if (next === "'") {
      const source = this.take(/'(?:[^'\\]|\\[\s\S])*'/y) ?? this.fail('a text in quotes has no end');
      return { kind: 'string', text: source.slice(1, -1).replaceAll(String.raw`\'`, "'") };
    }
    if (/^<<[A-Z]+\r?\n/.test(this.text.slice(begin, begin + 40)))
      return { kind: 'string', text: this.heredoc() };
    const bare = (this.take(bareValue) ?? this.fail('a value is expected')).trimEnd();
    this.at = begin + bare.length;
    const kind = bare === 'null' ? 'null' : /^-?\d+$/.test(bare) ? 'number' : 'string';
    return { kind, text: bare };
  }

  /** Up to `close`, or the end of the text where there is none. */
  members(depth: number, close: '}' | undefined): readonly Member[] {
    const found: Member[] = [];
    for (;;) {
      this.skip(' \t\r\n;,');
      if (this.at >= this.text.length) {
        if (close === undefined) return found;
        this.fail('it ends in the middle, as if only half of it had been written');
      }
      if (this.text[this.at] === '}') {
        if (close === undefined) this.fail('there is nothing that this closes');
        this.at += 1;
        return found;
      }
      const begin = this.at;
      const key = this.key();
      const afterKey = this.at;
      this.skip(' \t');
      if (this.take(/[=:]/y) !== undefined) this.skip(' \t');
      else if (this.at === afterKey && this.text[this.at] !== '{') this.fail('a value is expected');
      const value = this.at;
      const read = this.value(depth);
      const after = this.at;
      this.skip(' \t');
      const ended = this.take(/[;,]/y) !== undefined;
      if (
        !ended &&
        this.at < this.text.length &&
        !/[\r\n}]/.test(this.text[this.at]!) &&
        !this.newLine(after)
      )
        this.fail(`what ends the value of ${quoted(key)} is missing`);
      found.push({ key, ...read, at: [begin, afterKey, value, after], end: ended ? this.at : after });
    }
  }

  /** A comment may have taken the line to its end. */
  newLine(after: number): boolean {
    return this.text.slice(after, this.at).includes('\n') || this.text[after - 1] === '}';
  }
}

/** The outermost members. @throws FormatProblem */
export function parseUcl(text: string): readonly Member[] {
  assertText(text);
  const reader = new Reader(text);
  reader.skip(' \t\r\n');
  const wrapped = text[reader.at] === '{';
  if (wrapped) reader.at += 1;
  const members = reader.members(1, wrapped ? '}' : undefined);
  reader.skip(' \t\r\n;');
  if (reader.at < text.length) reader.fail('something stands behind the end');
  return assertMembers(members);
}

function printText(text: string): string {
  return JSON.stringify(text);
}

/** Another value in the place of the member's; without quotes where there were none and none are needed. */
export function replaceInUcl(text: string, { at }: Member, value: Scalar): string {
  const bare = !/["'<]/.test(text[at[2]]!) && safeBare.test(value.text);
  return text.slice(0, at[2]) + (bare ? value.text : printText(value.text)) + text.slice(at[3]);
}

/** On a line of its own behind the last one, written like the last simple one. */
export function addToUcl(text: string, members: readonly Member[], key: string, value: Scalar): string {
  const eol = text.includes('\r\n') ? '\r\n' : '\n';
  const model = members.findLast(({ kind }) => kind !== 'object' && kind !== 'list');
  const last = members.at(-1);
  const separator = model === undefined ? ' = ' : text.slice(model.at[1], model.at[2]);
  const end = model === undefined ? ';' : /[;,]?$/.exec(text.slice(model.at[3], model.end))![0];
  const line = (indent: string) => `${indent}${key}${separator}${printText(value.text)}${end}`;
  if (last === undefined) {
    const open = /^\s*\{/.exec(text)?.[0].length;
    if (open !== undefined) return `${text.slice(0, open)}${eol}${line('    ')}${text.slice(open)}`;
    return `${text}${text.endsWith('\n') ? '' : eol}${line('')}${eol}`;
  }
  const indent = /[ \t]*$/.exec(text.slice(0, last.at[0]))![0];
  const rest = /^[ \t]*(?:#[^\n\r]*)?(?=\r?\n|$)/.exec(text.slice(last.end))?.[0].length ?? 0;
  const at = last.end + rest;
  return `${text.slice(0, at)}${eol}${line(indent)}${text.slice(at)}`;
}
