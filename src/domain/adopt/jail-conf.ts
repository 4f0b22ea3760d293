/**
 * jail.conf(5) as data: comments, quotes, escapes, `+=`, variables, wildcards and what is written outside of a jail,
 * in one pass over the text. Nothing is carried out, and an include is only named, in its place: whoever reads the
 * file decides. jail-conf-values.ts has what a jail's parameters are by it. Pure.
 * Source: jail.conf(5), FreeBSD 14, and what jail(8) takes beyond it.
 */

/** A file that cannot be read, with the line. */
export class JailConfProblem extends Error {
  override readonly name = 'JailConfProblem';
  readonly line: number;
  constructor(line: number, message: string) {
    super(message);
    this.line = line;
  }
}

type Piece = { readonly text: string } | { readonly variable: string };
/** A string, before its variables are known. */
export type Words = readonly Piece[];

interface Statement {
  /** Jail, or a wildcard: `*`, `foo.*`, `*.bar`; undefined for what stands outside of all. */
  readonly scope: string | undefined;
  /** Parameter, or `$variable`. */
  readonly key: string;
  readonly append: boolean;
  /** Empty for a parameter without a value, which is a switch. */
  readonly values: readonly Words[];
}

/** Another file, or a pattern of glob(3); relative to the file that names it. */
export interface Include {
  readonly scope: string | undefined;
  readonly include: string;
}

export interface JailConf {
  /** In order: of two that say the same, the later one counts. */
  readonly statements: readonly (Statement | Include)[];
  /** Jails that are defined, in order. */
  readonly jails: readonly string[];
}

export const maxConfCharacters = 1024 * 1024;
const maxStatements = 20_000;

const blanks = /(?:[ \t\r\n]+|#[^\n]*|\/\/[^\n]*|\/\*[^*]*\*+(?:[^/*][^*]*\*+)*\/)*/y;
const bare = /(?:[A-Za-z0-9_!%&()\-.:<>?@[\]^`|~*+\u0080-\uffff]|\/(?![/*]))+/y;
const escape = /\\(?:([0-7]{1,3})|x([0-9A-Fa-f]{1,2})|([\s\S]))/y;
const variable = /\$(?:([A-Za-z_][A-Za-z_0-9]*)|\{([^\n{}"]+)\})/y;
const controls: Readonly<Record<string, string>> = {
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\n': '',
};

class Reader {
  at = 0;
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }

  fail(why: string): never {
    throw new JailConfProblem(this.text.slice(0, this.at).split('\n').length, why);
  }

  take(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text) ?? undefined;
    if (found !== undefined) this.at = pattern.lastIndex;
    return found;
  }

  skip(): void {
    this.take(blanks);
    if (this.text.startsWith('/*', this.at)) this.fail('a comment has no end');
  }

  /** The next mark of punctuation, when it is this one. */
  mark(word: string): boolean {
    this.skip();
    if (!this.text.startsWith(word, this.at)) return false;
    this.at += word.length;
    return true;
  }

  escaped(): string {
    const [, octal, hex, other] = this.take(escape) ?? this.fail('it ends in the middle of a string');
    if (octal !== undefined) return String.fromCharCode(parseInt(octal, 8) & 0xff);
    if (hex !== undefined) return String.fromCharCode(parseInt(hex, 16));
    return Object.hasOwn(controls, other!) ? controls[other!]! : other!;
  }

  /** A dollar sign that begins no name is one: `$1`, `$(id)`. */
  reference(): Piece {
    const found = this.take(variable);
    if (found !== undefined) return { variable: found[1] ?? found[2]! };
    if (this.text.startsWith('${', this.at)) this.fail('a variable has no name, or no end');
    this.at += 1;
    return { text: '$' };
  }

  quoted(quote: '"' | "'", pieces: Piece[]): void {
    const plain = quote === '"' ? /[^"\\$]+/y : /[^'\\]+/y;
    const begin = this.at;
    this.at += 1;
    for (;;) {
      const next = this.text[this.at];
      if (next === undefined) {
        this.at = begin;
        this.fail('a string has no end');
      } else if (next === quote) {
        this.at += 1;
        return;
      } else if (next === '\\') pieces.push({ text: this.escaped() });
      else if (next === '$' && quote === '"') pieces.push(this.reference());
      else pieces.push({ text: this.take(plain)![0] });
    }
  }

  /** Quoted and bare parts that touch are one string. */
  words(): Words {
    this.skip();
    const pieces: Piece[] = [];
    const begin = this.at;
    for (;;) {
      const next = this.text[this.at];
      // `+=` ends a bare word, a plus alone does not.
      if (next === '"' || next === "'") this.quoted(next, pieces);
      else if (next === '\\') pieces.push({ text: this.escaped() });
      else if (next === '$') pieces.push(this.reference());
      else {
        const found = next === undefined || this.text.startsWith('+=', this.at) ? undefined : this.take(bare);
        if (found === undefined) break;
        const plus = found[0].endsWith('+') && this.text[this.at] === '=';
        if (plus) this.at -= 1;
        const text = plus ? found[0].slice(0, -1) : found[0];
        if (text !== '') pieces.push({ text });
        if (plus) break;
      }
    }
    if (this.at === begin) this.fail('a word is expected');
    return pieces;
  }
}

function literal(words: Words, reader: Reader): string {
  return words
    .map((piece) => ('text' in piece ? piece.text : reader.fail('a name holds a variable')))
    .join('');
}

/** A statement from behind its name to its end; an include of several files is as many. */
function restOf(
  reader: Reader,
  scope: string | undefined,
  name: string,
  isVariable: boolean,
): readonly (Statement | Include)[] {
  const append = reader.mark('+=');
  const values: Words[] = [];
  // The equals sign may be left out.
  reader.skip();
  if (append || reader.mark('=') || !/[;}]/.test(reader.text[reader.at] ?? ';'))
    do values.push(reader.words());
    while (reader.mark(','));
  const found =
    !isVariable && name === '.include'
      ? values.map((value) => ({ scope, include: literal(value, reader) }))
      : [{ scope, key: (isVariable ? '$' : '') + name, append, values }];
  reader.skip();
  if (!reader.mark(';') && reader.text[reader.at] !== '}') reader.fail(`';' is expected behind ${name}`);
  return found;
}

/** @throws JailConfProblem */
export function parseJailConf(text: string): JailConf {
  const reader = new Reader(text);
  if (text.length > maxConfCharacters) reader.fail(`it is larger than ${maxConfCharacters} characters`);
  if (text.includes('\0')) reader.fail('it holds a NUL byte');
  const statements: (Statement | Include)[] = [];
  const jails = new Set<string>();
  let scope: string | undefined;
  for (reader.skip(); reader.at < text.length; reader.skip()) {
    if (reader.mark(';')) continue;
    if (reader.mark('}')) {
      if (scope === undefined) reader.fail('there is nothing that this closes');
      scope = undefined;
      continue;
    }
    // A name of a variable is one word with its mark, not what the variable holds.
    const defined = reader.take(variable);
    const name = defined?.[1] ?? defined?.[2] ?? literal(reader.words(), reader);
    if (defined === undefined && reader.mark('{')) {
      if (scope !== undefined) reader.fail('a jail is defined inside of another');
      scope = name;
      if (!isWild(name)) jails.add(name);
      continue;
    }
    statements.push(...restOf(reader, scope, name, defined !== undefined));
    if (statements.length > maxStatements) reader.fail(`it has more than ${maxStatements} statements`);
  }
  if (scope !== undefined) reader.fail(`the definition of ${scope} has no end`);
  return { statements, jails: [...jails] };
}

/** Included files in the place of their names. What stands outside of all jails there belongs to where it is included. */
export function joinJailConf(conf: JailConf, included: (file: Include) => readonly JailConf[]): JailConf {
  const jails = new Set(conf.jails);
  const statements = conf.statements.flatMap((one) => {
    if (!('include' in one)) return [one];
    return included(one).flatMap((other) => {
      for (const jail of other.jails) jails.add(jail);
      return other.statements.map((theirs) => ({ ...theirs, scope: theirs.scope ?? one.scope }));
    });
  });
  return { statements, jails: [...jails] };
}

/** A part that is `*` alone makes a wildcard. */
export const isWild = (name: string): boolean => name.split('.').includes('*');
