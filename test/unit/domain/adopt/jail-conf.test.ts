/** jail.conf(5) as its manual page describes it; whatever the text, it is read in one pass or refused with its line. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JailConfProblem, joinJailConf, parseJailConf } from '../../../../src/domain/adopt/jail-conf.ts';
import { parametersOf } from '../../../../src/domain/adopt/jail-conf-values.ts';

const of = (text: string, jail = 'a') =>
  Object.fromEntries(
    [...parametersOf(parseJailConf(text), jail)].map(([key, values]) => [key, values.join('|')]),
  );

describe('jail.conf', () => {
  it.each<[string, string, Record<string, string>]>([
    ['bare, single, double', `a { x = b; y = 'c d'; z = "e f"; }`, { x: 'b', y: 'c d', z: 'e f' }],
    [
      'switches',
      'a { persist; allow.nomount; nopersist2; }',
      { persist: 'true', 'allow.mount': 'false', persist2: 'false' },
    ],
    ['the last one counts', 'a { allow.mount; allow.nomount; }', { 'allow.mount': 'false' }],
    [
      'lists',
      'a { ip4.addr = 1.1.1.1, 1.1.1.2; ip4.addr += 1.1.1.3; }',
      { 'ip4.addr': '1.1.1.1|1.1.1.2|1.1.1.3' },
    ],
    ['comments', '/* x = 1; ** */ a { # y\n x = 1; // z = 2;\n }', { x: '1' }],
    [
      'escapes',
      String.raw`a { x = "a\tb\x41\101\"\
c"; y = a\ b; z = '\$name'; }`,
      { x: 'a\tbAA"c', y: 'a b', z: '$name' },
    ],
    [
      'variables',
      '$d = "/j"; a { path = "$d/$name"; y = ${path}/x; z = \'$d\'; }',
      { path: '/j/a', y: '/j/a/x', z: '$d' },
    ],
    ['parts that touch are one', `a { x = "b"'c'd$name; }`, { x: 'bcda' }],
    ['outside of a jail, before and behind', 'x = 1; y = 1; a { x = 2; } y = 3;', { x: '2', y: '3' }],
    ['wildcards', '* { x = 1; } b { x = 9; } b.* { x = 8; } a { y = 2; }', { x: '1', y: '2' }],
    ['quoted names', `"a" { "x" = 1; }`, { x: '1' }],
    ['no last semicolon', 'a { x = 1 }', { x: '1' }],
    // jail(8) takes them so.
    [
      'without an equals sign',
      'a { x 1; host.hostname "b c"; y 1, 2; }',
      { x: '1', 'host.hostname': 'b c', y: '1|2' },
    ],
    [
      'a dollar sign that begins no name',
      `a { x = "awk '{print $1}' $(id -u) $"; y = $1; z = "s/b$/c/"; }`,
      { x: "awk '{print $1}' $(id -u) $", y: '$1', z: 's/b$/c/' },
    ],
    ['a variable of several values', '$c = "b c", d; a { x = $c; x += e; }', { x: 'b c|d|e' }],
    ['a variable in braces is set', '${d} = 1; a { x = $d; }', { x: '1' }],
    [
      'no in any place, with a value and without',
      'a { allow.nomount.devfs; allow.mount.nozfs = 1; noexec.clean = false; allow.nosuser = $name; }',
      {
        'allow.mount.devfs': 'false',
        'allow.mount.zfs': 'false',
        'exec.clean': 'true',
        'allow.nosuser': 'a',
      },
    ],
    ['a plus in a word', 'a { x = a+b; }', { x: 'a+b' }],
    ['append without blanks', 'a { x=1; x+=2; }', { x: '1|2' }],
    [
      'paths and bars',
      'a { x = em0|192.0.2.1/24; y = /usr/jails/a; }',
      { x: 'em0|192.0.2.1/24', y: '/usr/jails/a' },
    ],
  ])('%s', (_, text, expected) => expect(of(text)).toMatchObject(expected));

  it('jails in order, includes by name, partial wildcards for their own only', () => {
    const conf = parseJailConf('.include "/etc/jail.conf.d/*.conf";\nb { } a { } foo.* { x = 1; } * { }');
    expect(conf.jails).toEqual(['b', 'a']);
    expect(conf.statements[0]).toEqual({ scope: undefined, include: '/etc/jail.conf.d/*.conf' });
    expect(parametersOf(conf, 'foo.bar').get('x')).toEqual(['1']);
    expect(parametersOf(conf, 'food').has('x')).toBe(false);
  });

  it('an included file counts in its place; its own jails, and what it says of all', () => {
    const main = parseJailConf('x = 1; y = 1; .include "b", "c"; y = 3; a { .include d; x = 5; }');
    const others: Record<string, string> = {
      b: 'x = 2; y = 2; z = 2; b { x = 9; }',
      c: 'z = 4;',
      d: 'x = 4; w = 4;',
    };
    const conf = joinJailConf(main, ({ include }) => [parseJailConf(others[include]!)]);
    const all = (jail: string) =>
      Object.fromEntries([...parametersOf(conf, jail)].map(([key, [value]]) => [key, value]));
    expect(conf.jails).toEqual(['a', 'b']);
    expect(all('a')).toEqual({ name: 'a', x: '5', y: '3', z: '4', w: '4' });
    expect(all('b')).toEqual({ name: 'b', x: '9', y: '3', z: '4' });
  });

  it.each([
    ['*.bar', ['foo.bar'], ['foo', 'bar', 'foo.bar.x', 'foo.baz']],
    ['foo.*', ['foo.bar', 'foo.bar.x'], ['foo', 'food.x']],
    ['foo.*.x', ['foo.bar.x'], ['foo.bar', 'foo.bar.y']],
    ['fo*', [], ['foo', 'fo']],
  ])('wildcard %s', (scope, yes, no) => {
    const conf = parseJailConf(`"${scope}" { x = 1; }`);
    for (const jail of yes) expect(parametersOf(conf, jail).has('x'), jail).toBe(true);
    for (const jail of no) expect(parametersOf(conf, jail).has('x'), jail).toBe(false);
  });

  it.each<[string, number, RegExp]>([
    ['a {\n x = "b;\n}', 2, /string has no end/],
    ['a { x = 1;', 1, /definition of a has no end/],
    ['}\n', 1, /nothing that this closes/],
    ['a {\n\n b { } }', 3, /inside of another/],
    ['a { x = ; }', 1, /word is expected/],
    ['a { x = 1 y = 2; }', 1, /';' is expected behind x/],
    ['/* x', 1, /comment has no end/],
    ['a { x = ${y', 1, /variable has no name/],
    ['a { x = "\\', 1, /middle of a string/],
    ['a\0', 1, /NUL/],
  ])('%j: line %i', (text, line, why) => {
    expect(() => parseJailConf(text)).toThrow(why);
    try {
      parseJailConf(text);
    } catch (error) {
      expect((error as JailConfProblem).line).toBe(line);
    }
  });

  it.each([
    ['a { x = $y; }', /\$y, which is not defined/],
    ['a { $x = $y; $y = $x; z = $x; }', /means itself/],
    [
      `$v0 = "${'x'.repeat(60)}"; ${Array.from({ length: 14 }, (_, n) => `$v${n + 1} = "${`$v${n}`.repeat(8)}";`).join('')} a { x = $v14; }`,
      /too long/,
    ],
    [
      `$v0 = ""; ${Array.from({ length: 14 }, (_, n) => `$v${n + 1} = "${`$v${n}`.repeat(8)}";`).join('')} a { x = $v14; }`,
      /too long/,
    ],
  ])('%.40j is refused when its jail is read', (text, why) => expect(() => of(text)).toThrow(why));

  it('any text is read or refused, never more, and quickly', () => {
    const word = fc.constantFrom(
      'a',
      ' ',
      '{',
      '}',
      ';',
      '=',
      '+=',
      ',',
      '"',
      "'",
      '\\',
      '$',
      '${',
      '/*',
      '*/',
      '//',
      '#',
      '\n',
      '*',
      '.include',
    );
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(word, { maxLength: 60 }).map((words) => words.join('')),
    );
    fc.assert(
      fc.property(text, (any) => {
        try {
          const conf = parseJailConf(any);
          for (const jail of conf.jails) parametersOf(conf, jail);
        } catch (error) {
          expect(error).toBeInstanceOf(JailConfProblem);
        }
      }),
      { numRuns: 1000 },
    );
    for (const long of [
      '/*'.repeat(300_000),
      '"'.repeat(300_001),
      `a { x = ${'\\ '.repeat(200_000)}`,
      '}'.repeat(900_000),
    ]) {
      const begin = performance.now();
      expect(() => parseJailConf(`${long}{`)).toThrow(JailConfProblem);
      expect(performance.now() - begin).toBeLessThan(2000);
    }
  });

  it('what is printed in quotes comes back', () => {
    const quote = (value: string) => `"${value.replaceAll(/["\\$]/g, '\\$&')}"`;
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.stringMatching(/^[a-m][a-m.]{0,8}[a-m]$/),
          fc.string().filter((one) => !one.includes('\0')),
        ),
        (values) => {
          const text = Object.entries(values).map(([key, value]) => `${key} = ${quote(value)};`);
          const read = parametersOf(parseJailConf(`jail { ${text.join('\n')} }`), 'jail');
          for (const [key, value] of Object.entries(values)) expect(read.get(key)).toEqual([value]);
        },
      ),
    );
  });
});
