/**
 * YAML or JSON (which is YAML) to plain values, with the line of every path for messages. Text from a
 * stranger is expected: depth, parts and aliases are bounded before anything is made of them, a key that is
 * given twice is refused. Pure; YAML 1.2 with the merge key `<<`.
 */
import type * as Yaml from 'yaml';
import type { Flaw } from '../errors.ts';

export type Path = readonly (string | number)[];

export interface Reading {
  /** Numbers are the text that was typed, so that `0644` and `1.10` stay what they are. */
  readonly value: unknown;
  readonly flaws: readonly Flaw[];
  /** Of what the path names, or of the nearest thing around it. */
  lineOf(path: Path): number | undefined;
}

/** More nodes by way of aliases make an attack and no description. */
const maxAliasCount = 100;

/** A description has five levels. Some of the parser's work grows by the square of this, or worse. */
const maxDepth = 32;

/** Words, marks and breaks; a jail has about fifty, and there may be a thousand jails. */
const maxParts = 200_000;

/** What is wrong with a broken text beyond this says nothing new. */
const mostFlaws = 20;

export async function readYaml(text: string): Promise<Reading> {
  // Loaded here: most commands never read YAML.
  const yaml = await import('yaml');
  const lines = new yaml.LineCounter();
  const broken = (flaws: readonly Flaw[]): Reading => ({ value: undefined, flaws, lineOf: () => undefined });
  const excess = excessOf(yaml, text);
  if (excess !== undefined) return broken([excess]);
  try {
    // Unique keys are looked for below, in one pass; the parser compares each with each.
    const options = { lineCounter: lines, uniqueKeys: false, prettyErrors: false, merge: true };
    const document = yaml.parseDocument(text, options);
    const at = (node: unknown): number | undefined =>
      yaml.isNode(node) && node.range ? lines.linePos(node.range[0]).line : undefined;
    const flaws: Flaw[] = [...document.errors, ...document.warnings]
      .slice(0, mostFlaws)
      .map(({ message, pos: [offset] }) => ({
        line: lines.linePos(offset).line,
        path: '',
        problem: message.split('\n')[0]!.replace(/ at line \d+, column \d+:?$/, ''),
      }));
    if (flaws.length > 0) return broken(flaws);
    const anchors = new Set<string | undefined>();
    let lastAlias: number | undefined;
    yaml.visit(document, {
      Seq: (_, { anchor }) => void anchors.add(anchor),
      Map(_, { items, anchor }) {
        anchors.add(anchor);
        const seen = new Set<string>();
        for (const { key } of items) {
          const name = yaml.isScalar(key) ? nameOf(key) : undefined;
          if (name !== undefined && seen.has(name) && flaws.length < mostFlaws)
            flaws.push({ line: at(key), path: '', problem: `Map keys must be unique: ${name}` });
          if (name !== undefined) seen.add(name);
        }
      },
      Alias(_, node) {
        lastAlias = at(node);
        if (anchors.has(node.source) || flaws.length >= mostFlaws) return;
        flaws.push({ line: lastAlias, path: '', problem: `there is no anchor &${node.source} before this` });
      },
      Scalar(key, node) {
        anchors.add(node.anchor);
        const typed = typeof node.value === 'number' || (key === 'key' && typeof node.value === 'boolean');
        if (typed) node.value = node.source ?? '';
        // JavaScript takes it for no key, and it would be passed over in silence.
        if (key === 'key' && node.value === '__proto__') {
          flaws.push({ line: at(node), path: '', problem: '__proto__ is no name for anything' });
        }
      },
    });
    if (flaws.length > 0) return broken(flaws);
    let value: unknown;
    try {
      value = document.toJS({ maxAliasCount });
    } catch (error) {
      if (!(error instanceof ReferenceError)) throw error;
      return broken([{ line: lastAlias, path: '', problem: error.message }]);
    }
    return { value, flaws: [], lineOf: (path) => lineOf(yaml, document, lines, path) };
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    return broken([{ line: undefined, path: '', problem }]);
  }
}

/** As it was typed, where that is another text than the value's own. */
function nameOf({ value, source }: Yaml.Scalar): string {
  return typeof value === 'string' ? value : (source ?? String(value));
}

/** The first thing that is too deep, or too much, by the parser's first stage alone, which takes one part after the other. */
function excessOf(yaml: typeof Yaml, text: string): Flaw | undefined {
  const parser = new yaml.Parser();
  let parts = 0;
  for (const lexeme of new yaml.Lexer().lex(text)) {
    // A generator: it works only while it is asked.
    for (const _ of parser.next(lexeme));
    parts += 1;
    const problem =
      parser.stack.length > maxDepth
        ? `nested more than ${maxDepth} levels deep`
        : parts > maxParts
          ? `more than ${maxParts} words and marks`
          : undefined;
    if (problem === undefined) continue;
    return { line: text.slice(0, parser.offset).split('\n').length, path: '', problem };
  }
  return undefined;
}

function lineOf(
  yaml: typeof Yaml,
  document: Yaml.Document,
  lines: Yaml.LineCounter,
  path: Path,
): number | undefined {
  let at: unknown = document.contents;
  let offset: number | undefined;
  for (const part of path) {
    if (yaml.isAlias(at)) at = at.resolve(document);
    const found = yaml.isMap(at)
      ? at.items.find(({ key }) => yaml.isScalar(key) && String(key.value) === String(part))
      : yaml.isSeq(at)
        ? at.items[Number(part)]
        : undefined;
    if (found === undefined) break;
    const named = yaml.isPair(found) ? found.key : found;
    offset = yaml.isNode(named) ? (named.range?.[0] ?? offset) : offset;
    at = yaml.isPair(found) ? found.value : found;
  }
  return offset === undefined ? undefined : lines.linePos(offset).line;
}
