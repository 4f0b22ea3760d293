/** Descriptions: what is read, and that everything wrong in one is told at once, with its place. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  maxTextBytes,
  parseDescription,
  printDescription,
} from '../../../src/domain/description/description.ts';

const read = async (text: string) => {
  const { description, flaws } = await parseDescription(text);
  expect(flaws).toEqual([]);
  return description!;
};
const flawsOf = async (text: string): Promise<readonly string[]> =>
  (await parseDescription(text)).flaws.map(({ line, path, problem }) => `${line} ${path}: ${problem}`);

describe('a description', () => {
  it('names what JavaScript would pass over, and bounds what it says of a broken text', async () => {
    expect(await flawsOf('jails:\n  __proto__: {absent: true}\n')).toEqual([
      '2 : __proto__ is no name for anything',
    ]);
    expect(await flawsOf('jails: {web: {properties: {"__proto__": {}}}}')).toHaveLength(1);
    expect((await flawsOf(`jails:\n  a: {b: [}\n`)).length).toBeGreaterThan(0);
    expect((await flawsOf('a: &a &b &c &d 1\n'.repeat(50))).length).toBeLessThanOrEqual(20);
  });

  it('is read in canonical spelling; numbers stay as they were typed', async () => {
    const { jails } = await read(`
jails:
  web:
    release: bookworm
    type: clone
    properties: {boot: true, priority: 05, notes: 1.10, quota: 10240M, exec_stop: null}
    depends: [db, cache]
    packages: [nginx, nginx, curl=8.1-2]
    fstab: ['/srv/www /mnt/www nullfs ro 0 0']
    files:
      /etc/motd: |
        hello
      /etc//./app.conf: {text: "a=1", mode: 0600}
      /etc/key: {from: keys/web, mode: '0o400'}
    state: up
  db:
`);
    expect(jails).toEqual([
      {
        name: 'web',
        absent: false,
        release: 'bookworm',
        type: 'clone',
        properties: [
          ['boot', 'on'],
          ['priority', '5'],
          ['notes', '1.10'],
          ['quota', '10G'],
          ['exec_stop', null],
          ['depends', 'db cache'],
        ],
        fstab: ['/srv/www /mnt/www nullfs ro 0 0'],
        packages: ['nginx', 'curl=8.1-2'],
        files: [
          { path: '/etc/motd', text: 'hello\n' },
          { path: '/etc/app.conf', text: 'a=1', mode: 0o600 },
          { path: '/etc/key', from: 'keys/web', mode: 0o400 },
        ],
        state: 'up',
      },
      { name: 'db', absent: false, properties: [], files: [] },
    ]);
  });

  it('may be JSON, and may use anchors and merge keys', async () => {
    expect((await read('{"jails": {"a": {"properties": {"priority": 5}}}}')).jails[0]!.properties).toEqual([
      ['priority', '5'],
    ]);
    const { jails } = await read(
      'jails:\n  a: &common {release: r, state: up}\n  b: {<<: *common, state: down}\n',
    );
    expect(jails.map(({ release, state }) => [release, state])).toEqual([
      ['r', 'up'],
      ['r', 'down'],
    ]);
  });

  it('printed and read again is the same', async () => {
    const text =
      'jails: {a: {release: r, properties: {notes: "x y", boot: null}, depends: [], fstab: [], files: {/a: {text: "", mode: 0644}}}, b: {absent: true}}';
    const description = await read(text);
    const expected = { ...description, expect: 'ab'.repeat(32) };
    expect(await read(printDescription(expected))).toEqual(expected);
  });

  it('tells all that is wrong at once, each with its line', async () => {
    expect(
      await flawsOf(`jails:
  -web: {}
  web:
    relase: bookworm
    properties:
      bot: on
      quota: lots
      tag: other
      host_hostname: null
    state: running
  db:
    absent: true
    state: up
    properties:
      boot: maybe
  mail:
    template: golden
    release: bookworm
    fstab:
      - /srv /mnt nullfs ro 0 0
      - /srv mnt nullfs ro 0 0
      - nonsense
    files:
      etc/motd: x
      /etc/../shadow: x
      /etc/x: {text: a, mode: 999}
extra: 1
`),
    ).toEqual([
      `2 jails.-web: no name for a jail: it begins with '-', which would be taken for a flag`,
      `4 jails.web.relase: there is no such key here; known are absent, release, template, type, properties, depends, fstab, files, packages, state`,
      `6 jails.web.properties.bot: unsupported property: "bot"; did you mean boot?`,
      `7 jails.web.properties.quota: a size is a number with B, K, M, G, T or P behind it, for example 10G`,
      `8 jails.web.properties.tag: the tag is the name of the jail here`,
      `9 jails.web.properties.host_hostname: null (back to the default) is not for this property; give a value`,
      `10 jails.web.state: it is up or down`,
      `12 jails.db.absent: nothing else can be said of a jail that is not to be there`,
      `15 jails.db.properties.boot: "maybe" is neither on nor off`,
      `17 jails.mail.template: a template brings its own release and type`,
      `21 jails.mail.fstab.1: target "mnt" is no absolute path`,
      `22 jails.mail.fstab.2: a line of fstab has six fields: SOURCE TARGET TYPE OPTIONS DUMP PASS`,
      `24 jails.mail.files.etc/motd: it is no absolute path of a file`,
      `25 jails.mail.files./etc/../shadow: it holds '..'`,
      `26 jails.mail.files./etc/x.mode: a mode is three or four octal digits, such as 0644`,
      `27 extra: there is no such key here; known are expect, jails`,
    ]);
  });

  it('bounds what a stranger may write', async () => {
    expect(await flawsOf('jails: {a: {}, a: {}}')).toEqual([
      expect.stringContaining('Map keys must be unique'),
    ]);
    expect(await flawsOf('{"jails": {"a": {}, "a": {}}}')).toEqual([
      expect.stringContaining('Map keys must be unique'),
    ]);
    const bomb = ['a: &a [x,x,x,x,x,x,x,x,x]'];
    for (const [name, of] of ['ba', 'cb', 'dc', 'ed', 'fe'])
      bomb.push(`${name}: &${name} [${Array(9).fill(`*${of}`).join(',')}]`);
    expect(await flawsOf(`${bomb.join('\n')}\njails: {}\n`)).toEqual([
      expect.stringContaining('Excessive alias count'),
    ]);
    expect(await flawsOf('jails: !!js/function "x"')).toEqual([expect.stringContaining('Unresolved tag')]);
    expect(await flawsOf('x'.repeat(maxTextBytes + 1))).toEqual(['undefined : it is longer than 1 MiB']);
    const many = Array.from({ length: 1001 }, (_, index) => `  j${index}:\n`).join('');
    expect(await flawsOf(`jails:\n${many}`)).toEqual(['1 jails: more than 1000 jails']);
    expect(await flawsOf('jails: &j {a: *j}')).not.toEqual([]);
  });

  it('says where: keys given twice, aliases to nothing, too many of them', async () => {
    expect(await flawsOf('jails:\n  a:\n  "a":\n')).toEqual(['3 : Map keys must be unique: a']);
    expect(await flawsOf('jails:\n  1: {}\n  1: {}\n')).toEqual(['3 : Map keys must be unique: 1']);
    expect(await flawsOf('jails:\n  a: *b\n')).toEqual(['2 : there is no anchor &b before this']);
    const many = Array.from({ length: 200 }, (_, index) => `  j${index}: *a\n`).join('');
    expect(await flawsOf(`jails:\n  j: &a {state: up}\n${many}`)).toEqual([
      expect.stringMatching(/^202 : Excessive alias count/),
    ]);
  });

  it.each(['[', '{', '- ', '? ', 'a: {', '- {'])(
    'refuses a tower of %j at once, and names the line',
    async (storey) => {
      const started = Date.now();
      const tall = storey.repeat((maxTextBytes / storey.length - 10) | 0);
      expect(await flawsOf(`jails:\n\n${tall}`)).toEqual(['3 : nested more than 32 levels deep']);
      expect(Date.now() - started).toBeLessThan(2000);
    },
  );

  it('a megabyte of anything is read or refused in seconds', { timeout: 120_000 }, async () => {
    const fill = (make: (index: number) => string): string => {
      let text = '';
      for (let index = 0; text.length < maxTextBytes - 40; index += 1) text += make(index);
      return text;
    };
    for (const make of [
      () => ']',
      () => '&a ',
      () => '- |\n',
      () => '- *a\n',
      () => '? a\n',
      () => '--- \n',
      () => '%a\n',
      (index: number) => `k${index}:\n`,
      (index: number) => `- &a${index} 1\n`,
    ]) {
      const started = Date.now();
      const flaws = await flawsOf(fill(make));
      expect(flaws, make(1)).not.toEqual([]);
      expect(Date.now() - started, make(1)).toBeLessThan(20_000);
    }
  });

  it('never throws, whatever the text', async () => {
    const piece = fc.constantFrom(
      'jails',
      ':',
      ' ',
      '\n',
      '  ',
      '{',
      '}',
      '[',
      ']',
      '&a',
      '*a',
      '"',
      "'",
      '- ',
      'web',
      '<<',
      '|',
      '#',
      '\t',
      '!!',
      '~',
      '%',
      '1',
    );
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.string(),
          fc.array(piece).map((parts) => parts.join('')),
        ),
        async (text) => {
          const { description, flaws } = await parseDescription(text);
          expect(description === undefined).toBe(flaws.length > 0);
        },
      ),
    );
  });
});
