import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { commitOf, readDefinition, readSource, revisionProblem } from '../../../src/domain/provision.ts';

describe('sources', () => {
  it.each([
    ['/srv/setup', { kind: 'path', path: '/srv/setup' }],
    ['/srv//setup/#web.sh', { kind: 'path', path: '/srv/setup', member: 'web.sh' }],
    ['https://example.org/a.git', { kind: 'url', url: 'https://example.org/a.git', scheme: 'https' }],
    [
      'ssh://git@example.org:2222/a.git#b/c.sh',
      { kind: 'url', url: 'ssh://git@example.org:2222/a.git', scheme: 'ssh', member: 'b/c.sh' },
    ],
    ['git@example.org:a/b.git', { kind: 'url', url: 'git@example.org:a/b.git', scheme: 'ssh' }],
    ['git://[::1]:9418/a.git', { kind: 'url', url: 'git://[::1]:9418/a.git', scheme: 'git' }],
    ['file:///srv/a.git', { kind: 'url', url: 'file:///srv/a.git', scheme: 'file', path: '/srv/a.git' }],
  ])('%s', (text, source) => expect(readSource(text)).toEqual(source));

  it.each([
    'setup.sh',
    '../setup',
    '/srv/../etc',
    '-x',
    '--upload-pack=x',
    'ext::sh -c x',
    'fd::17/x',
    'transport::address',
    'ftp://example.org/x',
    'https://user@example.org/x',
    'https://user:word@example.org/x',
    'ssh://-oProxyCommand=x/y',
    'ssh://-l@example.org/y',
    'ssh://git:word@example.org/y',
    '-x@example.org:y',
    'git@-example.org:y',
    'git@example.org:-y',
    'file://example.org/x',
    'file:///srv/../x',
    'file:///srv/a%2e%2e/x',
    'https://exa mple.org/x',
    'https://',
    '/srv#',
    '/srv#../x',
    '/srv#/x',
    '/srv#-x',
    '/srv#a//b',
    '/srv#.git/config',
  ])('%s is none', (text) => expect(readSource(text)).toBeTypeOf('string'));

  it('no text becomes a word that could be a flag, or a transport that runs programs', () => {
    const seeds = fc.constantFrom(
      'https://',
      'ssh://',
      'git://',
      'file:///',
      '/',
      'ext::',
      'a@b:',
      '-',
      '#',
      '',
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(seeds, fc.string({ maxLength: 6 })), { maxLength: 5 }), (parts) => {
        const source = readSource(parts.join(''));
        if (typeof source === 'string') return;
        const word = source.kind === 'path' ? source.path : source.url;
        expect(word).toMatch(/^(?:\/|(?:https?|ssh|git|file):\/\/|[A-Za-z0-9_][\w.@-]*:)/);
        expect(word).not.toContain('::sh');
        expect(source.member ?? '').not.toMatch(/^[-/]|(?:^|\/)\.\.(?:\/|$)/);
      }),
    );
  });
});

describe('revisions', () => {
  it.each(['main', 'v1.2', 'release/13.2-RELEASE', 'a'.repeat(40)])('%s', (text) =>
    expect(revisionProblem(text)).toBeUndefined(),
  );
  it.each(['-x', '--upload-pack=x', 'a..b', 'a b', 'a^{}', 'a:b', '*', 'a//b', 'a/', 'a.'])(
    '%s is none',
    (text) => expect(revisionProblem(text)).toBeTypeOf('string'),
  );

  it('a branch before a tag, what a tag points to before the tag, and a commit as it is', () => {
    const [one, two, three] = ['1', '2', '3'].map((digit) => digit.repeat(40));
    const listing = (...rows: readonly (readonly [string | undefined, string])[]): string =>
      rows.map((row) => row.join('\t')).join('\n');
    const tag = [
      [one, 'refs/tags/v1'],
      [two, 'refs/tags/v1^{}'],
    ] as const;
    expect(commitOf(listing(...tag), 'v1')).toBe(two);
    expect(commitOf(listing(...tag, [three, 'refs/heads/v1']), 'v1')).toBe(three);
    expect(commitOf(listing([one, 'HEAD'], [two, 'refs/heads/main']), undefined)).toBe(one);
    // Patterns of ls-remote fit the end of a name.
    expect(commitOf(listing([one, 'refs/remotes/x/refs/heads/main']), 'main')).toBeUndefined();
    expect(commitOf('', one)).toBe(one);
    expect(commitOf('', one!.slice(1))).toBeUndefined();
  });
});

describe('definitions', () => {
  const sample = {
    name: 'Sample',
    plugin_schema: '2',
    release: '13.2-RELEASE',
    artifact: 'https://example.org/sample.git',
    pkgs: ['www/nginx', 'curl'],
    properties: { nat: 1 },
    official: false,
  };
  it('has what is read of it, and keeps silent about other keys', () => {
    expect(readDefinition(JSON.stringify(sample), 'sample')).toEqual({
      name: 'Sample',
      description: undefined,
      release: '13.2-RELEASE',
      artifact: 'https://example.org/sample.git',
      pkgs: ['www/nginx', 'curl'],
    });
    expect(readDefinition('{"pkgs":["curl"]}', 'sample')).toMatchObject({
      name: 'sample',
      artifact: undefined,
    });
  });
  it.each([
    '',
    '[]',
    'null',
    '{}',
    '{"pkgs":"curl"}',
    '{"pkgs":["-y"]}',
    '{"pkgs":["a b;c"]}',
    '{"artifact":1}',
  ])('%s is none', (text) => expect(readDefinition(text, 'x')).toBeTypeOf('string'));
});
