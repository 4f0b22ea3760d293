/**
 * The reference of the library as a page, from the declarations that the compiler writes: each name that
 * `index.d.ts` exports, with its comment and its members. Reads them line by line, in the compiler's own layout; no
 * other TypeScript is understood. Says too what has no comment.
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

const heading = /^export (?:declare )?(?:abstract )?(class|interface|type|function|const) (\w+)/;
const code = (lines) => ['```ts', ...lines, '```'].join('\n');

/** @returns `{ page, undocumented }`: Markdown, and the names that have no comment, members as `Class.member`. */
export function libraryReference(directory) {
  const undocumented = [];
  const parts = exportsOf(directory).map(({ name, file }) => {
    const all = statements(readFileSync(file, 'utf8').split('\n'), '');
    const found = all.find(({ lines }) => heading.exec(lines[0])?.[2] === name);
    if (found === undefined) throw new Error(`${dirname(file)}: no declaration of ${name}`);
    const kind = heading.exec(found.lines[0])[1];
    if (found.comment === undefined) undocumented.push(name);
    const title = `## ${name}\n\n${prose(found.comment)}`;
    if (kind !== 'class')
      return `${title}\n\n${code(found.lines.map((line) => line.replace(/^export (declare )?/, '')))}`;
    const members = statements(found.lines.slice(1, -1), '    ')
      .filter(
        ({ comment, lines }) => !/^(private|protected)\b/.test(lines[0]) && !comment?.startsWith('@internal'),
      )
      .map(({ comment, lines }) => {
        const member = /^(?:(?:static|readonly|override|get|set)\s+)*(\[?[\w.]+\]?)/.exec(lines[0])[1];
        if (comment === undefined) undocumented.push(`${name}.${member}`);
        return `### ${name}: \`${member}\`\n\n${code(lines)}\n\n${prose(comment)}`;
      });
    return [title, ...members].join('\n\n');
  });
  const page = [
    '# The library: reference',
    'Made by `npm run docs` from the declarations; [library.md](library.md) is where to begin. Whatever answers an `Operation` does nothing until it is awaited or iterated.',
    ...parts,
  ].join('\n\n');
  return { page: `${page}\n`, undocumented };
}
