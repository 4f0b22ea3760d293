/**
 * JSON as the API writes it, to the byte: keys sorted by UTF-16 code unit, compact on WebSocket,
 * indented by four on REST, where empty containers break the line too. Reading is strict and bounded in
 * depth, so that nothing behind it meets a structure that is deeper than its stack. Pure.
 */

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

const maxDepth = 64;

type JsonObject = { readonly [key: string]: Json };

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A member that the object itself has; nothing that every object has by birth. */
export function member(object: JsonObject, key: string): Json | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

/** How deep brackets go; those inside strings do not count. */
function isTooDeep(text: string): boolean {
  let depth = 0;
  let inString = false;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (inString) {
      if (code === 0x5c) index += 1;
      else if (code === 0x22) inString = false;
    } else if (code === 0x22) inString = true;
    else if (code === 0x7b || code === 0x5b) {
      depth += 1;
      if (depth > maxDepth) return true;
    } else if (code === 0x7d || code === 0x5d) depth -= 1;
  }
  return false;
}

/** Undefined: not JSON, or too deep. A repeated key keeps its last value. */
export function parseJson(text: string): Json | undefined {
  if (isTooDeep(text)) return undefined;
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

/** Texts of values that many answers hold, by layout: `compact`, or the indentation that they stand at. */
const keptTexts = new WeakMap<object, Map<string, string>>();

/** Says that a value never changes and will be answered often: its text is made once for each layout. */
export function keepText<T extends JsonObject>(value: T): T {
  keptTexts.set(value, new Map());
  return value;
}

function textOnce(value: Json, layout: string, print: () => string): string {
  const texts = isObject(value) ? keptTexts.get(value) : undefined;
  if (texts === undefined) return print();
  const text = texts.get(layout) ?? print();
  texts.set(layout, text);
  return text;
}

export const isKept = (value: Json): boolean => isObject(value) && keptTexts.has(value);

const keptBytes = new WeakMap<object, Map<string, Buffer>>();

/** What is sent of a value: of one whose text is kept, the bytes are made once for each `name` too. */
export function bytesOnce(value: Json, name: string, print: () => string): string | Buffer {
  if (!isObject(value) || !isKept(value)) return print();
  const known = keptBytes.get(value) ?? new Map<string, Buffer>();
  keptBytes.set(value, known);
  const bytes = known.get(name) ?? Buffer.from(print());
  known.set(name, bytes);
  return bytes;
}

const sortedKeys = (value: JsonObject): readonly string[] => Object.keys(value).sort();

export function printCompact(value: Json): string {
  return textOnce(value, 'compact', () => compact(value));
}

function compact(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(printCompact).join(',')}]`;
  if (!isObject(value)) return JSON.stringify(value);
  return `{${sortedKeys(value)
    .map((key) => `${JSON.stringify(key)}:${printCompact(value[key]!)}`)
    .join(',')}}`;
}

function printBelow(value: Json, indent: string): string {
  return textOnce(value, indent, () => indented(value, indent));
}

function indented(value: Json, indent: string): string {
  const inner = `${indent}    `;
  if (Array.isArray(value)) {
    const lines = value.map((item) => `${inner}${printBelow(item, inner)}`);
    return lines.length === 0 ? `[\n${indent}]` : `[\n${lines.join(',\n')}\n${indent}]`;
  }
  if (!isObject(value)) return JSON.stringify(value);
  const lines = sortedKeys(value).map(
    (key) => `${inner}${JSON.stringify(key)}: ${printBelow(value[key]!, inner)}`,
  );
  return lines.length === 0 ? `{\n${indent}}` : `{\n${lines.join(',\n')}\n${indent}}`;
}

export const printIndented = (value: Json): string => `${printBelow(value, '')}\n`;
