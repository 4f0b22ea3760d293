/** JSON to the byte, and what is not read. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Json } from '../../../src/server/sysadm/json.ts';
import { parseJson, printCompact, printIndented } from '../../../src/server/sysadm/json.ts';

const anyJson = fc.jsonValue().filter((value) => !Object.is(value, -0)) as fc.Arbitrary<Json>;

describe('printing', () => {
  it('sorts keys by UTF-16 code unit, those that look like numbers too', () => {
    const object = JSON.parse('{"é":1,"a":1,"_":1,"B":1,"9":1,"10":1,"":1}') as Json;
    expect(printCompact(object)).toBe('{"":1,"10":1,"9":1,"B":1,"_":1,"a":1,"é":1}');
  });

  it('indents by four, and breaks the line in empty containers', () => {
    expect(printIndented({ args: {} })).toBe('{\n    "args": {\n    }\n}\n');
    expect(printIndented({ args: {} })).toHaveLength(24);
    expect(printIndented({ b: [], a: ['x', { y: '1' }] })).toBe(
      '{\n    "a": [\n        "x",\n        {\n            "y": "1"\n        }\n    ],\n    "b": [\n    ]\n}\n',
    );
  });

  it('escapes as JSON.stringify does', () => {
    expect(printCompact('"\\\b\f\n\r\t\u0001\u001f/\u007fé')).toBe(
      '"\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u001f/\u007fé"',
    );
  });

  it('says what it was told, in both layouts', () => {
    fc.assert(
      fc.property(anyJson, (value) => {
        const said = JSON.parse(JSON.stringify(value)) as Json;
        expect(JSON.parse(printCompact(value))).toEqual(said);
        expect(JSON.parse(printIndented(value))).toEqual(said);
        // The indented layout is the compact one and blanks.
        expect(printCompact(JSON.parse(printIndented(value)) as Json)).toBe(printCompact(value));
      }),
    );
  });
});

describe('reading', () => {
  it.each(['{"a":1,}', "{'a':1}", '{"a":1} x', '{a:1}', '', '{"a":01}', '[1,]', '\ufeff{}'])(
    'refuses %j',
    (text) => {
      expect(parseJson(text)).toBeUndefined();
    },
  );

  it('keeps the last of a repeated key, and takes __proto__ for a word', () => {
    expect(parseJson('{"a":1,"a":2}')).toEqual({ a: 2 });
    expect(printCompact(parseJson('{"__proto__":{"x":1}}')!)).toBe('{"__proto__":{"x":1}}');
    expect(({} as { x?: number }).x).toBeUndefined();
  });

  it('takes 64 levels and no more, whatever stands in strings', () => {
    const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
    expect(parseJson(nested(64))).toBeDefined();
    expect(parseJson(nested(65))).toBeUndefined();
    expect(parseJson(nested(500_000))).toBeUndefined();
    expect(parseJson('{"a":'.repeat(100_000))).toBeUndefined();
    expect(parseJson(JSON.stringify(`\\"${'['.repeat(100)}`))).toBe(`\\"${'['.repeat(100)}`);
  });
});
