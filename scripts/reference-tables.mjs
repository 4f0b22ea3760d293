/**
 * The tables at the end of the library's reference, from the program's own: the codes of errors with their messages,
 * and the operations that `Host.run` takes, each with the shape of its input.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The types of the details of each code, as the compiler wrote them: `CODE` to `[[key, type]]`. */
function detailsOf(directory) {
  const text = readFileSync(join(directory, 'domain/errors.d.ts'), 'utf8');
  const table = /const errorTable: \{\n([\s\S]*?)\n\};/.exec(text)[1];
  const codes = [...table.matchAll(/^ {4}readonly (\w+): Row<([\s\S]*?)>;$/gm)];
  return new Map(
    codes.map(([, code, details]) => [
      code,
      [...details.matchAll(/^ {8}(\w+\??): (.*);$/gm)].map(([, key, type]) => [key, type]),
    ]),
  );
}

const word = (key) => key.replaceAll(/(?<=[a-z])[A-Z]/g, '_$&').toUpperCase();
const samples = {
  'readonly Issue[]': [{ path: 'PATH', problem: 'PROBLEM' }],
  'readonly Flaw[]': [{ line: undefined, path: 'PATH', problem: 'PROBLEM' }],
  number: 2,
  boolean: true,
};

/** What stands for a value of this type in a message; what may be absent is. */
function sampleOf(key, type) {
  if (type === 'string') return word(key);
  if (type === 'readonly string[]') return [word(key)];
  if (!Object.hasOwn(samples, type))
    throw new Error(`an error's detail ${key} of a type without a sample: ${type}`);
  return samples[type];
}

const cell = (text) => text.replaceAll('|', '\\|').replaceAll(/[<*_]/g, '\\$&');

/** @param errorTable rows by code; @param directory with the declarations */
export function errorReference(errorTable, directory) {
  const details = detailsOf(directory);
  const rows = Object.entries(errorTable)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([code, { exit, http, message }]) => {
      const given = details.get(code) ?? [];
      const wanted = given.filter(([key]) => !key.endsWith('?'));
      const text = message(Object.fromEntries(wanted.map(([key, type]) => [key, sampleOf(key, type)])));
      const keys = given.map(([key]) => `\`${key}\``).join(', ');
      return `| \`${code}\` | ${exit} | ${http} | ${cell(text)} | ${keys} |`;
    });
  return [
    '## Codes of errors',
    'An `IocageError` has one of these `code`s; words in capitals stand for what its `details` hold. `exit` is the status of the command: 1 the state of the machine does not allow it, 2 the words are wrong.',
    ['| code | exit | http | message | details |', '| --- | --- | --- | --- | --- |', ...rows].join('\n'),
  ].join('\n\n');
}

/** A JSON schema as TypeScript would write it. */
function shapeOf(schema) {
  if (schema.enum !== undefined) return schema.enum.map((each) => JSON.stringify(each)).join(' | ');
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  const several = schema.anyOf ?? schema.oneOf;
  if (several !== undefined) return several.map(shapeOf).join(' | ');
  if (Array.isArray(schema.prefixItems)) return `[${schema.prefixItems.map(shapeOf).join(', ')}]`;
  if (schema.type === 'array') {
    const inner = shapeOf(schema.items ?? {});
    return / \| /.test(inner) && !/^[{[]/.test(inner) ? `(${inner})[]` : `${inner}[]`;
  }
  if (schema.type === 'object' && schema.properties !== undefined) {
    const required = new Set(schema.required ?? []);
    const members = Object.entries(schema.properties).map(
      ([key, value]) =>
        `${key}${required.has(key) && value.default === undefined ? '' : '?'}: ${shapeOf(value)}`,
    );
    return members.length === 0 ? '{}' : `{ ${members.join('; ')} }`;
  }
  if (schema.type === 'object') return `Record<string, ${shapeOf(schema.additionalProperties ?? {})}>`;
  return (
    { integer: 'number', number: 'number', string: 'string', boolean: 'boolean', null: 'null' }[
      schema.type
    ] ?? 'unknown'
  );
}

/** @param toJsonSchema zod's; what JSON has no word for, such as a date, is told as unknown */
export function operationReference(operations, toJsonSchema) {
  const rows = [...operations]
    .sort((one, other) => (one.id < other.id ? -1 : 1))
    .map(({ id, title, input }) => {
      const schema = toJsonSchema(input, { io: 'input', unrepresentable: 'any' });
      return `- \`${id}\`: ${title}. \`${shapeOf(schema)}\``;
    });
  return [
    '## Operations by their ids',
    'What `Host.run` takes, and what `Host.history` calls what was done. Each with its input; an unknown key is refused.',
    rows.join('\n'),
  ].join('\n\n');
}
