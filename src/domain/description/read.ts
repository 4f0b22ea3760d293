/**
 * YAML or JSON (which is YAML) to plain values, with the line of every path for messages. Text from a
 * stranger is expected: aliases are bounded, a key that is given twice is refused. Pure; YAML 1.2 with
 * the merge key `<<`.
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

/** What is wrong with a broken text beyond this says nothing new. */
const mostFlaws = 20;

export async function readYaml(text: string): Promise<Reading> {
  // Loaded here: most commands never read YAML.
  const yaml = await import('yaml');
  const lines = new yaml.LineCounter();
  const broken = (flaws: readonly Flaw[]): Reading => ({ value: undefined, flaws, lineOf: () => undefined });
  try {
    const document = yaml.parseDocument(text, { lineCounter: lines, uniqueKeys: true, merge: true });
    const flaws: Flaw[] = [...document.errors, ...document.warnings]
      .slice(0, mostFlaws)
      .map(({ message, pos: [offset] }) => ({
        line: lines.linePos(offset).line,
        path: '',
        problem: message.split('\n')[0]!.replace(/ at line \d+, column \d+:?$/, ''),
      }));
    if (flaws.length > 0) return broken(flaws);
    yaml.visit(document, {
      Scalar(key, node) {
        const typed = typeof node.value === 'number' || (key === 'key' && typeof node.value === 'boolean');
        if (typed) node.value = node.source ?? '';
        // JavaScript takes it for no key, and it would be passed over in silence.
        if (key === 'key' && node.value === '__proto__') {
          const line = lines.linePos(node.range?.[0] ?? 0).line;
          flaws.push({ line, path: '', problem: '__proto__ is no name for anything' });
        }
      },
    });
    if (flaws.length > 0) return broken(flaws);
    const value: unknown = document.toJS({ maxAliasCount });
    return { value, flaws: [], lineOf: (path) => lineOf(yaml, document, lines, path) };
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    return broken([{ line: undefined, path: '', problem }]);
  }
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
