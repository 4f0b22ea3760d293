import { describe, expect, it } from 'vitest';
import type { IocageError } from '../../../src/domain/errors.ts';
import {
  freebsdArch,
  freebsdDirectory,
  isFreebsdRelease,
  isSuiteName,
  serverUrl,
} from '../../../src/domain/release.ts';
import type { Context } from '../../../src/ops/context.ts';
import { pluginFetch } from '../../../src/ops/plugin/fetch.ts';
import { releaseFetch } from '../../../src/ops/release/fetch.ts';
import { fetchInput, toFetchInput } from '../../../src/ops/release/fetch-words.ts';
import { checkInput } from '../../../src/ops/run/input.ts';

const words = (
  properties: readonly (readonly [string, string])[],
  flags = {},
  positionals: readonly string[] = [],
) => toFetchInput({ properties, flags, positionals });

function problem(input: unknown): string {
  try {
    checkInput(fetchInput, input);
    return '';
  } catch (error) {
    return (error as IocageError).message;
  }
}

describe('the words of fetch', () => {
  it('takes those of the original', () => {
    const line = [
      ['release', '14.1-RELEASE'],
      ['ftphost', 'ftp.example.org'],
      ['ftpdir', '/pub/FreeBSD'],
      ['ftpfiles', 'base.txz  lib32.txz'],
    ] as const;
    expect(checkInput(fetchInput, words(line))).toMatchObject({
      release: '14.1-RELEASE',
      server: 'https://ftp.example.org',
      directory: '/pub/FreeBSD',
      sets: ['base.txz', 'lib32.txz'],
    });
  });

  it('takes the flags of Python iocage, with its stray word', () => {
    const flags = { release: '14.1-RELEASE', root: 'dir', local: true, sets: ['MANIFEST', 'base.txz'] };
    const input = checkInput(fetchInput, words([], flags, ['True']));
    expect(input).toMatchObject({ release: '14.1-RELEASE', sets: ['base.txz'] });
    expect(input.localDirectory).toMatch(/^\/.*\/dir$/);
    expect(words([], { release: 'x', root: 'pub/x' })).toEqual({ release: 'x', directory: 'pub/x' });
  });

  it('makes paths absolute and cuts lists', () => {
    expect(words([['file', 'r.tar.gz']]).file).toMatch(/^\/.*\/r\.tar\.gz$/);
    expect(words([['include', 'nginx,cron vim']]).include).toEqual(['nginx', 'cron', 'vim']);
  });

  it('refuses what it does not know, and says what was meant', () => {
    const attempt = (run: () => unknown): IocageError => {
      try {
        run();
      } catch (error) {
        return error as IocageError;
      }
      throw new Error('nothing was thrown');
    };
    expect(attempt(() => words([['relase', 'x']])).hint).toContain('release');
    expect(attempt(() => words([], {}, ['bookworm'])).message).toContain('did you mean release=bookworm');
    expect(attempt(() => words([], { local: true })).message).toContain('-d DIRECTORY');
  });
});

describe('the input of fetch', () => {
  it.each<[string, object, string]>([
    ['http without a digest', { release: 'x', url: 'http://a.example/x.tar' }, 'add sha256=DIGEST'],
    [
      'an http server without a digest',
      { release: '14.1-RELEASE', server: 'http://a.example' },
      'of the MANIFEST',
    ],
    ['a short digest', { file: '/x.tar', sha256: 'abc' }, '64 hexadecimal digits'],
    ['credentials in an address', { url: 'https://u:p@a.example/x.tar' }, 'without user name'],
    ['another scheme', { url: 'file:///etc/passwd' }, 'must be an http: or https:'],
    ['an ending that is no archive', { file: '/x.zip' }, 'must end in .tar'],
    ['two sources', { file: '/x.tar', url: 'https://a.example/x.tar' }, 'excludes file'],
    ['a path upwards on the server', { directory: 'a/../../b' }, `must not hold '..'`],
    ['a set with a path', { sets: ['../base.txz'] }, 'no name of a distribution set'],
    ['a package that is a flag', { include: ['--hook=x'] }, 'no name of a package'],
    ['a suite that is a flag', { suite: '-x' }, 'no name of a suite'],
    ['a mirror that is more', { mirror: 'http://a.example/ [trusted=yes]' }, 'must be an http'],
    ['a strange variant', { variant: 'custom' }, 'variant'],
    ['unverified downloads', { release: '14.1-RELEASE', verify: false }, 'always verified'],
  ])('refuses %s', (_what, input, message) => {
    expect(problem(input)).toContain(message);
  });

  it('never shows a password that was refused', () => {
    expect(problem({ url: 'https://user:hunter2@a.example/x.tar' })).not.toContain('hunter2');
  });

  it('takes https without a digest, and http with one', () => {
    expect(problem({ release: 'x', url: 'https://a.example/x.tar' })).toBe('');
    expect(problem({ release: 'x', url: 'http://a.example/x.tar', sha256: 'A'.repeat(64) })).toBe('');
  });
});

describe('releases by name', () => {
  it.each([
    ['14.1-RELEASE', true],
    ['9.3-RELEASE', true],
    ['15.0-CURRENT', true],
    ['14.2-RC1', true],
    ['14.1-RELEASE-p3', false],
    ['bookworm', false],
    ['14-RELEASE', false],
  ])('isFreebsdRelease(%s) is %s', (name, answer) => {
    expect(isFreebsdRelease(name)).toBe(answer);
  });

  it('finds them on the server', () => {
    expect(freebsdDirectory('14.1-RELEASE', 'amd64')).toBe('/ftp/releases/amd64/14.1-RELEASE');
    expect(freebsdDirectory('14.2-RC1', 'arm64')).toBe('/ftp/releases/arm64/14.2-RC1');
    expect(freebsdDirectory('15.0-CURRENT', 'amd64')).toBe('/ftp/snapshots/amd64/15.0-CURRENT');
    expect([freebsdArch('x86_64\n'), freebsdArch('aarch64'), freebsdArch('riscv64')]).toEqual([
      'amd64',
      'arm64',
      undefined,
    ]);
    expect(serverUrl('ftp.example.org/')).toBe('https://ftp.example.org');
  });

  it('knows a suite’s name', () => {
    expect([isSuiteName('bookworm'), isSuiteName('-x'), isSuiteName('Bookworm'), isSuiteName('a/b')]).toEqual(
      [true, false, false, false],
    );
  });
});

it('every example of the manual is a line that fetch takes', async () => {
  for (const { line } of releaseFetch.command.examples) {
    const properties = [...line.matchAll(/(\w+)=("[^"]*"|\S+)/g)].map(
      ([, key, value]) => [key!, value!.replaceAll('"', '')] as const,
    );
    const plugin = / -P (\S+)/.exec(line)?.[1];
    if (plugin === undefined) {
      expect(() => checkInput(fetchInput, words(properties))).not.toThrow();
      continue;
    }
    const asked = { positionals: [], properties, flags: { plugin } };
    expect(releaseFetch.command.instead?.(asked)).toBe(pluginFetch);
    const [input] = await pluginFetch.command.toInputs(asked, {} as Context);
    expect(checkInput(pluginFetch.input, input)).toMatchObject({ plugin, properties });
  }
});
