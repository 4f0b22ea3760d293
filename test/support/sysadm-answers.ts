/**
 * What the documents print as answers, to be compared byte by byte with what was read: `{{…}}` in them stands
 * for what only a server can know. The layouts are written here once more, not by the code that is tested.
 */

const quoted = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
const time = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?`;

/** Placeholders; the others stand for any text. In quotes: what stands in the place of the whole value. */
const known: Readonly<Record<string, string>> = {
  '"{{any}}"': String.raw`[\[{"][\s\S]*`,
  '"{{seconds}}"': '900',
  '{{token}}': '[A-Za-z0-9]{20}',
  '{{same token}}': '[A-Za-z0-9]{20}',
  '{{20 letters or digits}}': '[A-Za-z0-9]{20}',
  '{{local ISO time}}': time,
  '{{ISO time}}': time,
  '{{base64 of the MD5 of the PEM text of each registered public key}}': '[A-Za-z0-9+/]{22}==',
};

/** A text with placeholders as a pattern for all of a text. */
function pattern(text: string): RegExp {
  // A server need not have these.
  const bare = text.replace(/,\s*"\{\{other classes\}\}": ?"\{\{any\}\}"/, '');
  const source = bare.split(/("\{\{[^}]*\}\}"|\{\{[^}]*\}\})/).map((part, index) => {
    if (index % 2 === 0) return quoted(part);
    const inner = part.replace(/^"(.*)"$/, '$1');
    const meaning = known[inner] ?? '[^"]+?';
    return known[part] ?? (inner === part ? meaning : `"${meaning}"`);
  });
  return new RegExp(`^${source.join('')}$`);
}

/** In the order of the keys' characters, where JavaScript puts numbers first. */
const inOrder = (_key: string, value: unknown): unknown =>
  typeof value !== 'object' || value === null || Array.isArray(value)
    ? value
    : Object.fromEntries(
        Object.entries(value)
          .map(([key, inner]) => [`\u0001${key}`, inner] as const)
          .sort(([a], [b]) => (a < b ? -1 : 1)),
      );
const write = (value: unknown, indent?: number): string =>
  JSON.stringify(value, inOrder, indent).replaceAll('\\u0001', '');

/** The layout of WebSocket: no blanks. */
export const socketLayout = (value: unknown): string => write(value);

/** The layout of REST: four blanks, and an empty object in two lines. */
export function restLayout(value: unknown): string {
  const text = write(value, 4);
  return `${text.replace(/^( *)(.*)\{\}(,?)$/gm, '$1$2{\n$1}$3').replace(/^( *)(.*)\[\](,?)$/gm, '$1$2[\n$1]$3')}\n`;
}

/** Whether a text is the one that is printed; `printed` has the layout already. */
export function isPrinted(text: string, printed: string): boolean {
  return printed.includes('{{') ? pattern(printed).test(text) : text === printed;
}
