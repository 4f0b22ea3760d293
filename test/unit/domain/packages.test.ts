/** Lists of packages, translated verbs and data bases of installed packages, as tables and properties. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  mostListed,
  packageChanges,
  packageManagers,
  parsePackageList,
  pkgCommands,
} from '../../../src/domain/packages.ts';

const [apt, apk, pkg] = packageManagers as [
  (typeof packageManagers)[0],
  (typeof packageManagers)[0],
  (typeof packageManagers)[0],
];

describe('packages of a mirror', () => {
  const { prepare, fetch, install } = apt.mirror!;
  const options = (argv: readonly string[]): readonly string[] =>
    argv.filter((_, at) => argv[at - 1] === '-o' && argv[at]!.startsWith('Dir::'));

  it('lie in one place for the catalogue, the fetch and the installation', () => {
    const [directories, refresh] = prepare;
    const [wanted, ...others] = [refresh!, fetch, install].map(({ argv }) => options(argv));
    expect(wanted).toContain('Dir::State::lists=/.ioc-pkg/lists');
    expect(wanted).toContain('Dir::Cache::archives=/.ioc-pkg/archives');
    expect(others).toEqual([wanted, wanted]);
    // apt-get(8) wants them there before.
    expect(directories!.argv.slice(2)).toEqual(['/.ioc-pkg/lists/partial', '/.ioc-pkg/archives/partial']);
  });

  it('are fetched and not installed, then installed and not fetched; names are never options', () => {
    expect(fetch.argv).toContain('--download-only');
    expect(install.argv).toContain('--no-download');
    for (const { argv } of [fetch, install]) expect(argv.slice(-2)).toEqual(['install', '--']);
    // Nothing goes around the signatures.
    for (const { argv } of [...prepare, fetch, install])
      expect(argv.join(' ')).not.toMatch(/allow|trusted|unauthenticated/i);
  });

  it('are a repository of pkg’s own, fetched by those of the release and then the only one', () => {
    const { prepare: made, fetch: fetched, finish, check, install: installed } = pkg.mirror!;
    expect(fetched.argv).toEqual(['pkg', 'fetch', '-y', '-d', '-o', '/.ioc-pkg/repo', 'pkg']);
    expect(finish!.at(-1)!.argv).toEqual(['pkg', 'repo', '/.ioc-pkg/repo']);
    for (const { env } of [...made, fetched, ...finish!]) expect(env).toBeUndefined();
    for (const { env } of [check!, installed]) expect(env).toEqual({ REPOS_DIR: '/.ioc-pkg/conf' });
    expect(made[0]!.argv.at(-1)).toContain('url: "file:///.ioc-pkg/repo"');
    // Nothing goes around the signatures, or the version of the system, of what is fetched.
    for (const { argv } of [made[1]!, fetched])
      expect(argv.join(' ')).not.toMatch(/signature|osversion|abi|force/i);
  });

  it('are of apt and pkg', () => {
    expect(packageManagers.filter(({ mirror }) => mirror).map(({ name }) => name)).toEqual(['apt', 'pkg']);
  });
});

describe('parsePackageList', () => {
  it.each([
    ['nginx\n', ['nginx']],
    ['nginx curl\tvim\r\n\n  g++\n', ['nginx', 'curl', 'vim', 'g++']],
    ['# all of it\nnginx # the server\n', ['nginx']],
    ['nginx nginx', ['nginx']],
    ['nginx=1.22.1-9+deb12u2 libc6=2:1~rc', ['nginx=1.22.1-9+deb12u2', 'libc6=2:1~rc']],
    [
      'www/nginx py311-pip databases/postgresql15-server',
      ['www/nginx', 'py311-pip', 'databases/postgresql15-server'],
    ],
    ['{ "pkgs": ["nginx", "vim"], "more": 1 }', ['nginx', 'vim']],
  ])('%j', (text, names) => {
    expect(parsePackageList(text)).toEqual({ names });
  });

  it.each([
    '',
    '# nothing\n',
    '-y',
    '--reinstall nginx',
    'nginx-',
    'nginx -y',
    'a;b',
    '$(id)',
    '../../etc/passwd',
    '/etc/passwd',
    'a/b/c',
    'nginx=',
    'x'.repeat(129),
    '{"pkgs": "nginx"}',
    '{"pkgs": [1]}',
    '{"pkgs": ["-y"]}',
    '{"pkgs": []}',
    '{pkgs}',
    'na\u0000me',
    Array.from({ length: mostListed + 1 }, (_, n) => `p${n}`).join('\n'),
  ])('refuses %j', (text) => {
    expect(parsePackageList(text)).toHaveProperty('problem');
  });

  it('lets no word through that a program could take for a flag, a path or two words', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[a-z=+./~: -]{0,30}$/)), (text) => {
        const parsed = parsePackageList(text);
        if ('problem' in parsed) return;
        for (const name of parsed.names) {
          expect(name).toMatch(/^[A-Za-z0-9][A-Za-z0-9_.+/=~:-]*$/);
          expect(name.split('=')[0]).not.toMatch(/-$|\.\./);
        }
      }),
    );
  });
});

describe('pkgCommands', () => {
  const patience = ['Retries=0', 'http::Timeout=15', 'https::Timeout=15'].flatMap((word) => [
    '-o',
    `Acquire::${word}`,
  ]);

  it.each([
    [
      apt,
      ['install', '-y', 'nginx'],
      [
        ['apt-get', 'update', '-qq', ...patience],
        ['apt-get', 'install', '-y', 'nginx'],
      ],
    ],
    [apt, ['delete', 'nginx'], [['apt-get', 'remove', 'nginx']]],
    [apt, ['info'], [['dpkg-query', '--list']]],
    [apt, ['dist-upgrade', '-s'], [['apt-get', 'dist-upgrade', '-s']]],
    [apt, ['constructor'], [['apt-get', 'constructor']]],
    [apk, ['install', '-y', 'nginx'], [['apk', 'add', '--update-cache', 'nginx']]],
    [apk, ['remove', 'nginx'], [['apk', 'del', 'nginx']]],
    [apk, ['fix'], [['apk', 'fix']]],
  ] as const)('%#: %j', (manager, words, lines) => {
    expect(pkgCommands(manager, words as unknown as [string])).toEqual(lines);
  });
});

describe('what is installed', () => {
  const status = [
    'Package: hello\nStatus: install ok installed\nVersion: 2.10-3\nDescription: x\n Version: 9\n',
    'Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n',
    'Package: half\nStatus: install ok half-configured\nVersion: 1\n',
    'Package: libc6\nArchitecture: amd64\nStatus: hold ok installed\nVersion: 2.36-9\n',
  ].join('\n');
  it('is read from the data base of dpkg', () => {
    expect(Object.fromEntries(apt.parse!(status))).toEqual({ hello: '2.10-3', libc6: '2.36-9' });
    expect(apt.parse!('').size).toBe(0);
  });
  it('is read from the data base of apk', () => {
    const text = 'C:Q1x=\nP:musl\nV:1.2.4-r2\nA:x86_64\n\nP:busybox\nV:1.36.1-r5\nF:bin\n';
    expect(Object.fromEntries(apk.parse!(text))).toEqual({ musl: '1.2.4-r2', busybox: '1.36.1-r5' });
  });
  it('differs by name', () => {
    const before = new Map([
      ['a', '1'],
      ['b', '1'],
      ['c', '1'],
    ]);
    const after = new Map([
      ['a', '2'],
      ['c', '1'],
      ['d', '1'],
    ]);
    expect(packageChanges(before, after)).toEqual([
      { name: 'a', from: '1', to: '2' },
      { name: 'b', from: '1', to: null },
      { name: 'd', from: null, to: '1' },
    ]);
    expect(packageChanges(after, after)).toEqual([]);
    expect(packageChanges(undefined, after)).toBeNull();
  });
});
