import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  chooseSources,
  familyOf,
  isMirror,
  parseSourcesList,
  parseSourcesStanzas,
  sourceLine,
} from '../../../src/domain/apt-sources.ts';

const debianSources = `# from the image
Types: deb
# http://snapshot.example.org/
URIs: http://deb.debian.org/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb deb-src
URIs: http://deb.debian.org/debian-security
Suites: bookworm-security
Components: main
Signed-By:
 /usr/share/keyrings/debian-archive-keyring.gpg

Enabled: no
Types: deb
URIs: https://example.org/off
Suites: bookworm
Components: main
`;

const oneLine = `
# deb http://old.example.org/debian bookworm main
deb-src http://deb.debian.org/debian bookworm main
deb [arch=amd64 signed-by=/etc/apt/keyrings/x.asc] https://x.example.org/apt stable main extra # note
deb http://ftp.example.org/debian/ trixie main contrib
deb [trusted=yes] http://evil.example.org/debian sid main
deb cdrom:[Debian 12]/ bookworm main
`;

describe('sources.list', () => {
  it('reads the one-line form', () => {
    expect(parseSourcesList(oneLine).filter((source) => source.uri.startsWith('http'))).toEqual([
      {
        uri: 'https://x.example.org/apt',
        suite: 'stable',
        components: ['main', 'extra'],
        signedBy: '/etc/apt/keyrings/x.asc',
      },
      {
        uri: 'http://ftp.example.org/debian/',
        suite: 'trixie',
        components: ['main', 'contrib'],
        signedBy: undefined,
      },
      { uri: 'http://evil.example.org/debian', suite: 'sid', components: ['main'], signedBy: undefined },
    ]);
  });

  it('reads stanzas, not those that are switched off', () => {
    const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';
    expect(parseSourcesStanzas(debianSources)).toEqual([
      {
        uri: 'http://deb.debian.org/debian',
        suite: 'bookworm',
        components: ['main', 'contrib'],
        signedBy: keyring,
      },
      {
        uri: 'http://deb.debian.org/debian',
        suite: 'bookworm-updates',
        components: ['main', 'contrib'],
        signedBy: keyring,
      },
      {
        uri: 'http://deb.debian.org/debian-security',
        suite: 'bookworm-security',
        components: ['main'],
        signedBy: keyring,
      },
    ]);
  });

  it('takes any text', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(Array.isArray(parseSourcesList(text))).toBe(true);
        expect(Array.isArray(parseSourcesStanzas(text))).toBe(true);
      }),
    );
  });
});

describe('chooseSources', () => {
  const configured = parseSourcesStanzas(debianSources);
  const places = (suite: string, mirror?: string): string[] =>
    chooseSources(configured, suite, mirror).map((source) => `${source.uri} ${source.suite}`);

  it('takes the configured suite with its updates and security fixes', () => {
    expect(places('bookworm')).toEqual([
      'http://deb.debian.org/debian bookworm',
      'http://deb.debian.org/debian bookworm-updates',
      'http://deb.debian.org/debian-security bookworm-security',
    ]);
  });

  it('takes the same mirror for another suite of the distribution', () => {
    expect(places('trixie')).toEqual([
      'http://deb.debian.org/debian trixie',
      'http://deb.debian.org/debian-security trixie-security',
    ]);
    expect(places('sid')).toEqual(['http://deb.debian.org/debian sid']);
  });

  it('takes the distribution’s own server for the other distribution', () => {
    expect(places('noble')).toEqual(['http://archive.ubuntu.com/ubuntu noble']);
    expect(chooseSources(configured, 'noble', undefined)[0]!.components).toEqual(['main', 'universe']);
  });

  it('knows nothing of an unknown suite, unless a mirror is named', () => {
    expect(places('nosuch')).toEqual([]);
    expect(places('nosuch', 'https://m.example.org/x')).toEqual(['https://m.example.org/x nosuch']);
  });

  it('never carries credentials, options or odd words over', () => {
    const sources = parseSourcesList(
      'deb http://user:pass@m.example.org/debian bookworm main\n' +
        'deb [trusted=yes] http://plain.example.org/debian bookworm main\n' +
        'deb http://odd.example.org/debian bookworm ma$in\n',
    );
    const lines = chooseSources(sources, 'bookworm', undefined).map((source) => sourceLine(source, '/k.gpg'));
    expect(lines).toEqual(['deb [signed-by=/k.gpg] http://plain.example.org/debian bookworm main']);
  });
});

describe('words', () => {
  it.each([
    ['http://deb.debian.org/debian', true],
    ['https://m.example.org:8080/x/', true],
    ['http://user@m.example.org/', false],
    ['ftp://m.example.org/', false],
    ['file:///etc', false],
    ['http://m.example.org/a b', false],
    ['http://m.example.org/] [trusted=yes', false],
    ['-x', false],
  ])('isMirror(%s) is %s', (uri, answer) => {
    expect(isMirror(uri)).toBe(answer);
  });

  it('knows the distributions', () => {
    expect([
      familyOf('bookworm'),
      familyOf('noble'),
      familyOf('bookworm-backports'),
      familyOf('arch'),
    ]).toEqual(['debian', 'ubuntu', 'debian', undefined]);
  });
});
