/**
 * The reference of the library as a page, from the declarations that the compiler writes: each name that
 * `index.d.ts` exports, with its comment and its members. Reads them line by line, in the compiler's own layout; no
 * other TypeScript is understood. Says too what has no comment.
 *
 * Types that these are made of are found by the imports of the files that name them.
 */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** `[{ name, file }]` in the order of the index. */
function exportsOf(directory) {
  const text = readFileSync(join(directory, 'index.d.ts'), 'utf8');
  return [...text.matchAll(/^export (?:type )?\{([^}]*)\} from '([^']+)';/gm)].flatMap(([, names, target]) =>
    names
      .split(',')
      .map((name) => name.replace(/^\s*type\s/, '').trim())
      .filter((name) => name !== '')
      .map((name) => ({ name, file: join(directory, target.replace(/\.(ts|js)$/, '.d.ts')) })),
  );
}

/** A comment without its stars; undefined where there is none. */
function plain(comment) {
  if (comment.length === 0) return undefined;
  return comment
    .join('\n')
    .replace(/^\s*\/\*\*\s?|\s*\*\/\s*$/g, '')
    .split('\n')
    .map((line) => line.replace(/^\s*\*\s?/, '').trimEnd())
    .join('\n')
    .trim();
}

/** Comment and text of the statements at one depth: the file's own, or the members of a class. */
function statements(lines, indent) {
  const found = [];
  let comment = [];
  let open;
  for (const line of lines) {
    const body = line.slice(indent.length);
    if (!line.startsWith(indent) || line.trim() === '') continue;
    if (open === undefined && comment.length > 0 && !comment.at(-1).trimEnd().endsWith('*/')) {
      comment.push(body);
    } else if (open === undefined && body.startsWith('/**')) {
      comment = [body];
    } else {
      open ??= [];
      open.push(body);
      const depth = [...open.join('\n')].reduce(
        (sum, character) => sum + ('{(['.includes(character) ? 1 : '})]'.includes(character) ? -1 : 0),
        0,
      );
      if (depth > 0 || !/[;}]$/.test(body)) continue;
      found.push({ comment: plain(comment), lines: open });
      comment = [];
      open = undefined;
    }
  }
  return found;
}

/** Comments as Markdown: examples as blocks, parameters and errors as lines. */
function prose(comment) {
  if (comment === undefined) return '';
  const [text, ...tags] = `\n${comment}`.split(/(?:^|\s)(?=@(?:example|param|throws|returns)\b)/);
  const said = tags.map((tag) => {
    const [, name, rest = ''] = /^@(\w+)\s*([\s\S]*)$/.exec(tag);
    if (name === 'example') return `\`\`\`ts\n${rest.trim()}\n\`\`\``;
    if (name === 'throws') return `Throws ${rest.trim()}.`.replace(/\.\.$/, '.');
    const [, key, about] = /^(\S+)\s*([\s\S]*)$/.exec(rest) ?? [undefined, '', rest];
    return `\`${key}\`: ${about.trim()}`;
  });
  const links = (part) => part.replace(/\{@link ([^}]+)\}/g, '`$1`');
  return [text.trim(), ...said]
    .filter((part) => part !== '')
    .map(links)
    .join('\n\n');
}

const declared = /^(?:export )?(?:declare )?(?:abstract )?(class|interface|type|function|const) (\w+)/;
const isShown = ({ comment, lines }) =>
  !/^(private|protected)\b/.test(lines[0]) && !comment?.startsWith('@internal');
const code = (lines) => ['```ts', ...lines, '```'].join('\n');

/** The language's own, parameters of types, and what a test alone hands over or gets. */
const explained = new Set(
  (
    'AbortSignal Access AsyncGenerator AsyncIterable AsyncIterator Date E Error Exclude Map Omit Parameters Pick Promise ' +
    'PromiseLike R Reaching Readonly ReadonlyMap ReadonlySet Record Set T Uint8Array Context EventSink'
  ).split(' '),
);

/** Names of types in code, in their order; texts and comments hold none. */
function typesIn(lines) {
  const bare = lines
    .join('\n')
    .replaceAll(/\/\*[\s\S]*?\*\//g, '')
    .replaceAll(/'[^'\n]*'/g, '');
  return [...bare.matchAll(/(?<![\w.$])[A-Z]\w*/g)].map(([name]) => name);
}

/** `(typeof kinds)[number]` as the words that the list `kinds` of the same file has. */
function withWords(lines, all) {
  return lines.map((line) =>
    line.replaceAll(/\(typeof (\w+)\)\[number\]/g, (whole, list) => {
      const found = all.find((each) => declared.exec(each.lines[0])?.[2] === list);
      const words = /: readonly \[(.*)\];$/.exec(found?.lines.join(' ') ?? '')?.[1];
      return words?.replaceAll(', ', ' | ') ?? whole;
    }),
  );
}

/** The file that declares what a file names, itself or the one that it is imported from; undefined for neither. */
function homeOf(name, file) {
  const text = readFileSync(file, 'utf8');
  if (statements(text.split('\n'), '').some(({ lines }) => declared.exec(lines[0])?.[2] === name))
    return file;
  for (const [, names, target] of text.matchAll(/^import (?:type )?\{([^}]*)\} from '(\.[^']+)';/gm))
    if (names.split(',').some((each) => each.replace(/^\s*type\s/, '').trim() === name))
      return join(dirname(file), target.replace(/\.(ts|js)$/, '.d.ts'));
  return undefined;
}

/** @returns `{ page, undocumented }`: Markdown, and the names that have no comment, members as `Class.member`. */
export function libraryReference(directory, tables = []) {
  const undocumented = [];
  const exported = exportsOf(directory);
  const shown = new Set(exported.map(({ name }) => name));
  const behind = [];
  const describe = ({ name, file }) => {
    const all = statements(readFileSync(file, 'utf8').split('\n'), '');
    const found = all.find(({ lines }) => declared.exec(lines[0])?.[2] === name);
    if (found === undefined) throw new Error(`${dirname(file)}: no declaration of ${name}`);
    const visible = /\bclass\b/.test(found.lines[0])
      ? statements(found.lines.slice(1, -1), '    ')
          .filter(isShown)
          .flatMap(({ lines }) => lines)
      : found.lines;
    for (const type of typesIn(visible)) {
      if (type === name || explained.has(type) || shown.has(type)) continue;
      const home = homeOf(type, file);
      if (home === undefined) continue;
      shown.add(type);
      behind.push({ name: type, file: home });
    }
    const kind = declared.exec(found.lines[0])[1];
    if (found.comment === undefined) undocumented.push(name);
    const title = `## ${name}\n\n${prose(found.comment)}`;
    if (kind !== 'class')
      return `${title}\n\n${code(withWords(found.lines, all).map((line) => line.replace(/^(export )?(declare )?/, '')))}`;
    const members = statements(found.lines.slice(1, -1), '    ')
      .filter(isShown)
      .map(({ comment, lines }) => {
        const member = /^(?:(?:static|readonly|override|get|set)\s+)*(\[?[\w.]+\]?)/.exec(lines[0])[1];
        if (comment === undefined) undocumented.push(`${name}.${member}`);
        return `### ${name}: \`${member}\`\n\n${code(lines)}\n\n${prose(comment)}`;
      });
    return [title, ...members].join('\n\n');
  };
  const parts = exported.map(describe);
  const further = [];
  // Each may name others.
  for (const type of behind) further.push(describe(type));
  const page = [
    '# The library: reference',
    'Made by `npm run docs` from the declarations; [library.md](library.md) is where to begin. Whatever answers an `Operation` does nothing until it is awaited or iterated.',
    ...parts,
    '## What these are made of',
    'No program has to name these types, and the package does not export them.',
    ...further.map((part) => `#${part}`),
    ...tables,
  ].join('\n\n');
  return { page: `${page}\n`, undocumented };
}
