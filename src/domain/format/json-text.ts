/**
 * JSON (RFC 8259) as text that is edited in place: key order, indentation, line ends, the newline at the end
 * and every member that nobody asked to change stay byte for byte. Pure.
 */
import {
  assertDepth,
  assertMembers,
  assertText,
  FormatProblem,
  placeOf,
  type Member,
  type MemberKind,
  type Scalar,
} from './members.ts';

const blanks = /[ \t\r\n]*/y;

function skipBlanks(text: string, at: number): number {
  blanks.lastIndex = at;
  blanks.exec(text);
  return blanks.lastIndex;
}

/** The text is known to be JSON, so a string ends where the first bare quote stands. */
function afterString(text: string, at: number): number {
  let next = at + 1;
  while (text[next] !== '"') next += text[next] === '\\' ? 2 : 1;
  return next + 1;
}

function afterValue(text: string, at: number): number {
  if (text[at] === '"') return afterString(text, at);
  if (text[at] !== '{' && text[at] !== '[') {
    let next = at;
    while (next < text.length && !/[,\]}\s]/.test(text[next]!)) next += 1;
    return next;
  }
  let depth = 0;
  for (let next = at; ; next += 1) {
    const character = text[next];
    if (character === '"') next = afterString(text, next) - 1;
    else if (character === '{' || character === '[') assertDepth((depth += 1));
    else if (character === '}' || character === ']') {
      depth -= 1;
      if (depth === 0) return next + 1;
    }
  }
}

function kindOf(first: string): MemberKind {
  if (first === '"') return 'string';
  if (first === '{') return 'object';
  if (first === '[') return 'list';
  if (first === 'n') return 'null';
  return first === 't' || first === 'f' ? 'boolean' : 'number';
}

function syntaxProblem(text: string, error: unknown): FormatProblem {
  const at = /position (\d+)/.exec((error as Error).message)?.[1];
  return new FormatProblem(
    at === undefined || Number(at) >= text.trimEnd().length
      ? 'it is no JSON: it ends in the middle, as if only half of it had been written'
      : `it is no JSON at ${placeOf(text, Number(at))}`,
  );
}

/** The members of the outermost object. @throws FormatProblem */
export function parseJson(text: string): readonly Member[] {
  assertText(text);
  try {
    JSON.parse(text);
  } catch (error) {
    throw syntaxProblem(text, error);
  }
  const open = skipBlanks(text, 0);
  if (text[open] !== '{') throw new FormatProblem('it holds no object of keys and values');
  const members: Member[] = [];
  let at = skipBlanks(text, open + 1);
  while (text[at] !== '}') {
    const afterKey = afterString(text, at);
    const value = skipBlanks(text, skipBlanks(text, afterKey) + 1);
    const after = afterValue(text, value);
    const kind = kindOf(text[value]!);
    const source = text.slice(value, after);
    members.push({
      key: JSON.parse(text.slice(at, afterKey)) as string,
      kind,
      text: kind === 'string' ? (JSON.parse(source) as string) : source,
      at: [at, afterKey, value, after],
      end: after,
    });
    at = skipBlanks(text, after);
    if (text[at] === ',') at = skipBlanks(text, at + 1);
  }
  return assertMembers(members);
}

function printScalar({ kind, text }: Scalar): string {
  return kind === 'string' ? JSON.stringify(text) : text;
}

/** Another value in the place of the member's. */
export function replaceInJson(text: string, { at }: Member, value: Scalar): string {
  return text.slice(0, at[2]) + printScalar(value) + text.slice(at[3]);
}

/** Before the first greater key where the keys are in order, as both tools write them; at the end otherwise. */
export function addToJson(text: string, members: readonly Member[], key: string, value: Scalar): string {
  const [first] = members;
  if (first === undefined) {
    const open = text.indexOf('{') + 1;
    return `${text.slice(0, open)}\n    ${JSON.stringify(key)}: ${printScalar(value)}\n${text.slice(text.indexOf('}', open))}`;
  }
  const colon = text.slice(first.at[1], first.at[2]);
  const member = JSON.stringify(key) + colon + printScalar(value);
  const gap = text.slice(text.indexOf('{') + 1, first.at[0]);
  const second = members[1];
  const comma =
    second === undefined ? `,${gap.includes('\n') ? gap : ' '}` : text.slice(first.end, second.at[0]);
  const inOrder = members.every((one, index) => index === 0 || members[index - 1]!.key < one.key);
  const next = inOrder ? members.find((one) => one.key > key) : undefined;
  const at = next === undefined ? members.at(-1)!.end : next.at[0];
  const [before, after] = next === undefined ? [comma, ''] : ['', comma];
  return text.slice(0, at) + before + member + after + text.slice(at);
}
