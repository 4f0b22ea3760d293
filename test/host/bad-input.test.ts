/**
 * What people type wrong, and what somebody types on purpose: each is refused with one clear line and
 * a hint, exit status 1 or 2, and leaves every dataset, mount, namespace, link and lock as it was.
 */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  commandForAll,
  commandIn,
  commandPath,
  comparable,
  type Command,
  type Ran,
} from '../support/command.ts';
import { hostTests, openLab, reason, type Lab } from '../support/lab.ts';
import { sh } from '../support/pool.ts';
import { tarOf } from '../support/tar-bytes.ts';

/** One line, and a hint; nothing else, and above all no stack. */
const oneLineAndHint = /^iocage: [^\n]+\n {2}hint: [^\n]+\n$/;

function expectRefused(ran: Ran, status: 1 | 2, says: RegExp, what: string): void {
  expect(ran.stderr, what).toMatch(says);
  expect(ran.stderr, what).toMatch(oneLineAndHint);
  expect(ran.stderr, what).not.toMatch(/\n\s+at |internal error|undefined|\[object/);
  // eslint-disable-next-line no-control-regex -- that none of them gets through is the point
  expect(ran.stderr, what).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f]/);
  expect(ran, what).toMatchObject({ status, stdout: '' });
}

describe.skipIf(!hostTests)(`bad input${reason}`, () => {
  let lab: Lab;
  let iocage: Command;

  beforeAll(async () => {
    lab = await openLab({ sizeMb: 512 });
    iocage = commandIn(lab.environment);
    for (const name of ['web', 'db', 'abcd0001', 'abcd0002']) {
      await lab.run('jail.create', {
        kind: 'clone',
        release: 'busybox',
        name,
        properties: [['ip4', 'disable']],
      });
    }
    await lab.run('jail.start', { jail: 'web' });
    await lab.run('snapshot.take', { jail: 'web', snapshot: 'taken' });
  });
  afterAll(() => lab.close());

  const state = (): readonly string[] => comparable(lab.state());
  const long = 'x'.repeat(10_000);
  const marker = (): string => join(lab.pool.directory, 'touched');

  type Row = readonly [words: readonly string[], status: 1 | 2, says: RegExp];
  /** All rows of a kind leave the state as it was; it is read once around them, since reading takes its time. */
  function refuses(name: string, rows: () => readonly Row[]): void {
    it(name, () => {
      const before = state();
      for (const [words, status, says] of rows()) {
        const shown = JSON.stringify(words.map((word) => word.slice(0, 60)));
        expectRefused(iocage(...words), status, says, shown);
      }
      expect(state()).toEqual(before);
      expect(existsSync(marker())).toBe(false);
    });
  }

  refuses('a jail that is not there, or that several names mean', () => [
    [['start', 'nobody'], 1, /jail "nobody" not found/],
    [['get', 'boot', 'nobody'], 1, /jail "nobody" not found/],
    [['set', 'notes=x', 'nobody'], 1, /jail "nobody" not found/],
    [['clone', 'nobody'], 1, /jail "nobody" not found/],
    [['destroy', '-f', 'nobody'], 1, /jail "nobody" not found/],
    [['exec', 'nobody', 'true'], 1, /jail "nobody" not found/],
    [['destroy', '-f', 'abcd'], 1, /"abcd".*abcd0001.*abcd0002/],
    [['start', 'abc'], 1, /jail "abc" not found/],
  ]);

  refuses('characters that mean something in a pattern', () =>
    ['.*', '^web$', 'w[e]b', 'we?', '*', 'we*', 'web|db', '(', '\\', 'WEB', 'web ', '%', '/', '.', '..'].map(
      (name): Row => [['stop', name], 1, /^iocage: jail ".*" not found/],
    ),
  );
  refuses('a jail of a source that is not there', () => [
    [['stop', 'web/root'], 1, /^iocage: there is no source "web"/],
  ]);

  refuses('names that are taken or not allowed', () => [
    [['create', '-c', 'release=busybox', 'tag=web'], 1, /tag "web" is already used by jail web/],
    [['create', '-c', '-r', 'busybox', '-n', 'db'], 1, /"db" is already used by jail db/],
    [['set', 'tag=db', 'web'], 1, /tag "db" is already used by jail db/],
    [['clone', 'db', 'tag=web'], 1, /tag "web" is already used/],
    [['create', '-e', 'tag=-x'], 2, /tag "-x" .*begins with '-'/],
    [['create', '-e', 'tag=a/b'], 2, /tag "a\/b" .*contains "\/"/],
    [['create', '-e', 'tag=..'], 2, /tag "\.\." .*contains '\.\.'/],
    [['create', '-e', 'tag=../../etc/x'], 2, /contains '\.\.'/],
    [['create', '-e', 'tag='], 2, /tag "" .*empty/],
    [['create', '-e', 'tag=a b'], 2, /tag "a b" .*contains " "/],
    [['create', '-e', 'tag=ALL'], 2, /reserved/],
    [['create', '-e', 'tag=default'], 2, /reserved/],
    [['create', '-e', `tag=${long}`], 2, /longer than 128 characters/],
    [['create', '-e', '-n', '../x'], 2, /jail name "\.\.\/x"/],
    [['create', '-e', '-n', 'a@b'], 2, /jail name "a@b"/],
    [['create', '-e', '-n', ''], 2, /jail name "" .*empty/],
    [['set', 'tag=x/y', 'db'], 2, /tag: it contains "\/"/],
    [['snapshot', 'db@a/b'], 2, /snapshot name "a\/b"/],
    [['snapshot', 'db@'], 2, /snapshot name "" .*empty/],
    [['snapshot', 'web@taken'], 1, /already has a snapshot "taken"/],
    [['snapshot', 'db@x', '-n', '-x'], 2, /.*/],
    [['snapremove', 'db@gone'], 1, /has no snapshot "gone"/],
    [['rollback', 'db@gone'], 1, /has no snapshot "gone"/],
    [['clone', 'db@gone'], 1, /has no snapshot "gone"/],
    [['snapremove', 'db'], 2, /missing snapshot/],
  ]);

  refuses('releases that are not there', () => [
    [['create', '-c', 'release=nosuch'], 1, /release "nosuch" not found locally; fetched are: busybox/],
    [['create', '-c', 'release=../jails'], 2, /release "\.\.\/jails"/],
    [['create', '-c', 'release='], 2, /release "" /],
    [['destroy', '-r', '-f', 'nosuch'], 1, /nosuch/],
    [['destroy', '-r', '-f', 'busybox'], 1, /still used by/],
  ]);

  refuses('properties that do not exist, or values that they do not take', () => [
    [['set', 'nosuch=1', 'db'], 2, /unsupported property: "nosuch"/],
    [['set', 'bot=on', 'db'], 2, /unsupported property: "bot"\n {2}hint: did you mean boot\?/],
    [['set', 'boot=perhaps', 'db'], 2, /boot: /],
    [['set', 'boot=perhaps', 'securelevel=9', 'db'], 2, /boot: .*; securelevel: /],
    [['set', 'quota=much', 'db'], 2, /quota: /],
    [['set', 'ip4_addr=300.1.1.1', 'db'], 2, /ip4_addr: /],
    [['set', 'host_hostname=-x', 'db'], 2, /host_hostname: /],
    [['set', 'host_hostuuid=other', 'db'], 2, /host_hostuuid cannot be set/],
    [['set', 'tag=one', 'db', 'web'], 2, /one tag cannot go to several jails/],
    [['set', 'db'], 2, /missing PROPERTY=VALUE/],
    [['set', 'notes', 'db'], 2, /notes has no value; write notes=VALUE/],
    [['clone', 'db', 'copy'], 2, /did you mean tag=copy/],
    [['set', 'notes=x'], 2, /missing UUID/],
    [['set', 'notes=x', 'default', 'db'], 2, /'default' stands alone/],
    [['create', '-c', 'release=busybox', 'boot=2'], 2, /boot: /],
    [['create', '-c', 'release=busybox', '__proto__=x'], 2, /unsupported property: "__proto__"/],
    [['create', '-c', 'release=busybox', 'constructor=x'], 2, /unsupported property: "constructor"/],
    [['get', 'toString', 'db'], 2, /unsupported property: "toString"/],
    [['get', 'nosuch', 'db'], 2, /unsupported property: "nosuch"/],
    [['get', '-r', 'nosuch'], 2, /unsupported property: "nosuch"/],
  ]);

  refuses('values with control characters', () =>
    ['a\nb', 'a\rb', 'a\tb', '\u0001', '\u001b[2J', '\u007f', 'a\nboot=on'].map((value): Row => [
      ['set', `notes=${value}`, 'db'],
      2,
      /notes: /,
    ]),
  );

  refuses('names with control characters', () => [
    [['create', '-e', 'tag=a\nb'], 2, /tag "a\\nb"/],
    [['create', '-e', '-n', 'a\u001b[2J'], 2, /jail name "a\\u001b\[2J"/],
    [['start', 'we\nb'], 1, /jail "we\\nb" not found/],
    [['\u001b]0;title\u0007'], 2, /unknown command/],
    [['set', 'no\u0007tes=x', 'db'], 2, /unsupported property/],
    [['--pool', 'a\nb', 'list'], 1, /pool "a\\nb" not found/],
  ]);

  refuses('words of the wrong kind or number', () => [
    [['strat', 'web'], 2, /unknown command "strat"\n {2}hint: did you mean 'iocage start'/],
    [[''], 2, /unknown command ""/],
    [['start'], 2, /missing UUID/],
    [['start', ''], 2, /jail/],
    [['start', '-x', 'web'], 2, /unknown option '-x'/],
    [['start', '--', '-x'], 1, /jail "-x" not found/],
    [['start', '-5'], 2, /unknown option '-5'/],
    [['start', 'ALL', 'web'], 2, /ALL stands alone/],
    [['destroy', 'ALL'], 2, /ALL is not taken here/],
    [['destroy', '-f'], 2, /missing UUID/],
    [['list', 'web'], 2, /"web" is too much/],
    [['get', 'all'], 2, /missing UUID or property/],
    [['console'], 2, /missing UUID/],
    [['console', 'web', 'db'], 2, /one jail, please/],
    [['exec', 'web'], 2, /missing command/],
    [['exec', '-U', '-x', 'web', 'id'], 2, /user "-x"|option/],
    [['exec', '-U', 'a:b', 'web', 'id'], 2, /user "a:b"/],
    [['create', '-c', '-e'], 2, /exclude each other/],
    [['create', 'count=0', '-e'], 2, /count/],
    [['create', 'count=1e3', '-e'], 2, /count takes a number/],
    [['create', 'count=99999', '-e'], 2, /count takes a number/],
    [['create', '--count', '-1', '-e'], 2, /count/],
    [['list', '-s', 'colour'], 2, /sort/],
    [['list', '--format', 'xml'], 2, /takes one of table, legacy, json/],
    [['deactivate'], 2, /one pool, please/],
    [['help', 'nosuch'], 2, /unknown command "nosuch"/],
  ]);

  refuses('ten thousand characters', () => [
    [[long], 2, /unknown command/],
    [['start', long], 1, /jail "x+…" not found/],
    [['set', `${long}=1`, 'db'], 2, /unsupported property/],
    [['set', `host_hostname=${long}`, 'db'], 2, /host_hostname: /],
    [['set', `notes=${long}`, 'db'], 2, /notes: /],
    [['snapshot', `db@${long}`], 2, /longer than 128 characters/],
    [['fetch', `release=${long}`, `file=/${long}.tar`], 2, /./],
  ]);

  refuses('what a shell would run', () => {
    const touch = `touch ${marker()}`;
    return [
      '$(TOUCH)',
      '`TOUCH`',
      '; TOUCH',
      '| TOUCH',
      '& TOUCH',
      "'; TOUCH; '",
      '"; TOUCH; "',
      '\nTOUCH\n',
    ].flatMap((text): readonly Row[] => {
      const word = text.replace('TOUCH', touch);
      return [
        [['start', word], 1, /not found/],
        [['create', '-e', `tag=${word}`], 2, /tag "/],
        [['snapshot', `db@${word}`], 2, /snapshot name "/],
      ];
    });
  });

  it('what a shell would run, as the value of a property, is text', () => {
    const before = state();
    const text = `$(touch ${marker()}); \`touch ${marker()}\` | & ' " \\ * ~ %s`;
    expect(iocage('set', `notes=${text}`, 'db')).toMatchObject({ status: 0, stderr: '' });
    expect(iocage('get', 'notes', 'db').stdout).toBe(`${text}\n`);
    expect(iocage('exec', 'web', 'echo', text).stdout).toBe(`${text}\n`);
    expect(existsSync(marker())).toBe(false);
    expect(iocage('set', 'notes=none', 'db').status).toBe(0);
    const without = (lines: readonly string[]) => lines.filter((line) => !line.includes('iocage:notes'));
    expect(without(state())).toEqual(without(before));
  });

  refuses('words that look like variables never become any', () => [
    [['create', '-c', 'release=busybox', 'PATH=/x'], 2, /unsupported property: "PATH"/],
    [['create', '-c', 'release=busybox', 'pool=x'], 2, /pool/],
    [['create', '-c', 'release=busybox', 'LD_PRELOAD=/x'], 2, /unsupported property: "LD_PRELOAD"/],
    [['set', 'PATH=/x', 'db'], 2, /unsupported property: "PATH"/],
    [['set', 'pool=x', 'db'], 2, /pool/],
    [['set', '=', 'db'], 2, /missing PROPERTY=VALUE/],
    [['set', '=x', 'db'], 2, /missing PROPERTY=VALUE/],
    [['set', 'notes=y', '=', 'db'], 1, /jail "=" not found/],
    [['start', 'PATH=/x', 'db'], 2, /start takes no properties: PATH=\/x/],
    [['start', '='], 1, /jail "=" not found/],
    [['fetch', 'PATH=/x'], 2, /unsupported property: "PATH"/],
    [['list', 'pool=x'], 2, /list takes no properties: pool=x/],
  ]);

  it('bytes that are no text are not stored', () => {
    const before = state();
    // node passes only text on; the fixed script makes the byte.
    const ran = spawnSync('sh', ['-c', 'exec "$0" set "notes=a$(printf "\\377")b" db', commandPath], {
      env: { PATH: process.env['PATH'], ...lab.environment },
      encoding: 'utf8',
    });
    expectRefused(ran as Ran, 2, /notes: /, 'the byte 377');
    expect(state()).toEqual(before);
  });

  refuses('a jail that runs, where it must not', () => [
    [['start', 'web'], 1, /web is already up/],
    [['destroy', 'web'], 1, /web.* is up and running; destroy needs it stopped/],
    [['rollback', 'web@taken'], 1, /web.* is up and running; rollback needs it stopped/],
    [['deactivate', lab.pool.name], 1, /still has running jails: web/],
    [['stop', 'db'], 1, /db is already down/],
    [['restart', '-s', 'db'], 1, /db is not running/],
    [['exec', 'db', 'true'], 1, /db is not running/],
    [['console', 'db'], 1, /db is not running/],
    [['runtime', 'db'], 1, /db is not running/],
  ]);

  refuses('pools that are not there', () => [
    [['--pool', 'nosuch', 'list'], 1, /pool "nosuch" not found/],
    [['--pool', '-x', 'list'], 1, /pool "-x" not found/],
    [['activate', 'nosuch'], 1, /pool "nosuch" not found/],
    [['activate', 'no/such'], 2, /pool "no\/such"/],
    [['activate', '../x'], 2, /pool "\.\.\/x"/],
    [['deactivate', 'nosuch'], 1, /pool "nosuch" not found/],
  ]);

  refuses('archives and mirrors that are no good', () => {
    const directory = lab.pool.directory;
    const file = (name: string, bytes: Buffer): string => {
      writeFileSync(join(directory, name), bytes);
      return `file=${join(directory, name)}`;
    };
    const busybox = `file=${join(directory, 'busybox.tar')}`;
    const root = { name: 'bin/', type: '5' };
    return [
      [['fetch', 'release=bad', busybox, `sha256=${'0'.repeat(64)}`], 1, /checksum mismatch/],
      [['fetch', 'release=bad', busybox, 'sha256=123'], 2, /sha256: must be 64 hexadecimal digits/],
      [
        ['fetch', 'release=bad', file('up.tar', tarOf(root, { name: '../escaped', content: 'x' }))],
        1,
        /is refused: member "\.\.\/escaped"/,
      ],
      [
        ['fetch', 'release=bad', file('abs.tar', tarOf(root, { name: '/etc/escaped', content: 'x' }))],
        1,
        /is refused: member "\/etc\/escaped"/,
      ],
      [
        [
          'fetch',
          'release=bad',
          file(
            'link.tar',
            tarOf({ name: 'etc', type: '2', link: '/etc' }, { name: 'etc/escaped', content: 'x' }),
          ),
        ],
        1,
        /is refused: member "etc\/escaped"/,
      ],
      [['fetch', 'release=bad', file('noise.tar', Buffer.from('no archive at all'))], 1, /cannot be used/],
      [['fetch', 'release=bad', file('empty.tar.gz', Buffer.alloc(0))], 1, /cannot be used/],
      [['fetch', 'release=bad', 'file=/nosuch/file.tar'], 1, /\/nosuch\/file\.tar/],
      [['fetch', 'release=bad', 'file=/etc/passwd'], 2, /file: must end in/],
      [['fetch', 'release=a/b', busybox], 2, /release "a\/b"/],
      [['fetch', 'release=-x', busybox], 2, /release "-x"/],
      [['fetch', 'release=..', busybox], 2, /release "\.\."/],
      [
        ['fetch', 'release=bad', 'url=http://127.0.0.1:1/x.tar', `sha256=${'0'.repeat(64)}`, '-q'],
        1,
        /failed fetching http:\/\/127\.0\.0\.1:1\/x\.tar/,
      ],
      [['fetch', 'release=bad', 'url=http://127.0.0.1:1/x.tar'], 2, /http is not protected/],
      [['fetch', 'release=bad', 'url=file:///etc/x.tar'], 2, /url: must be an http/],
      [
        ['fetch', 'release=13.2-RELEASE', 'server=http://127.0.0.1:1', `sha256=${'0'.repeat(64)}`, '-q'],
        1,
        /failed fetching http:\/\/127\.0\.0\.1:1\//,
      ],
      [['fetch', 'nosuchword'], 2, /did you mean release=nosuchword/],
    ];
  });

  it('a mirror of a suite that does not answer', () => {
    const before = state();
    const ran = iocage('fetch', 'release=bookworm', 'mirror=http://127.0.0.1:1/debian', '-q');
    expectRefused(ran, 1, /127\.0\.0\.1:1/, 'unreachable mirror');
    expect(state()).toEqual(before);
  });

  it('not root', () => {
    const before = state();
    // Everything on the way may be read, so that what is refused is the operation.
    chmodSync(lab.pool.directory, 0o755);
    const place = join(lab.pool.directory, 'command');
    mkdirSync(place, { mode: 0o755 });
    const command = commandForAll(place);
    const asNobody = (...words: readonly string[]): Ran =>
      spawnSync('setpriv', ['--reuid', '65534', '--regid', '65534', '--clear-groups', command, ...words], {
        env: { PATH: process.env['PATH'], ...lab.environment },
        encoding: 'utf8',
      }) as Ran;
    for (const words of [
      ['start', 'db'],
      ['stop', 'web'],
      ['create', '-c', 'release=busybox', 'tag=mine'],
      ['destroy', '-f', 'db'],
      ['set', 'notes=mine', 'db'],
      ['exec', 'web', 'id'],
      ['console', 'web'],
      ['chroot', 'db', '/bin/sh'],
      ['snapshot', 'db@mine'],
      ['doctor'],
      ['activate', lab.pool.name],
    ]) {
      expectRefused(asNobody(...words), 1, /needs root credentials/, words.join(' '));
    }
    expect(asNobody('version').status).toBe(0);
    expect(asNobody('help').status).toBe(0);
    expect(state()).toEqual(before);
  });

  it('a pool that is full', async () => {
    const small = await openLab({ sizeMb: 64 });
    try {
      const full = commandIn(small.environment);
      const mountpoint = join(small.pool.directory, 'pool');
      const filler = join(mountpoint, 'filler');
      expect(full('create', '-c', '-r', 'busybox', '-n', 'before').status).toBe(0);
      const file = openSync(filler, 'w');
      const block = Buffer.alloc(1 << 20, 7);
      expect(() => {
        for (let i = 0; i < 64; i += 1) writeSync(file, block);
      }).toThrow(/ENOSPC/);
      closeSync(file);
      const before = comparable(small.state());
      const ran = full('create', '-T', '-r', 'busybox', '-n', 'thick');
      expectRefused(ran, 1, /no space left for/, 'create on a full pool');
      expect(comparable(small.state())).toEqual(before);
      expect(readdirSync(join(mountpoint, 'iocage/jails'))).toEqual(['before']);
      unlinkSync(filler);
      sh('sync');
      expect(full('list', '-H')).toMatchObject({ status: 0, stderr: '' });
      expect(full('destroy', '-f', 'before').status).toBe(0);
    } finally {
      await small.close();
    }
  });
});
