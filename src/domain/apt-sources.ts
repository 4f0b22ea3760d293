/**
 * Where this machine gets its packages from, so that a release comes from the same mirror: reads
 * sources.list(5) in both its forms and picks what a suite is installed from.
 *
 * Only `http:` and `https:` without credentials are taken over, and never `[trusted=yes]`: a release
 * is verified by the archive's keyring whatever the machine itself does.
 */

export interface AptSource {
  readonly uri: string;
  readonly suite: string;
  readonly components: readonly string[];
  /** Keyring file, when the source names one. */
  readonly signedBy: string | undefined;
}

/** `deb [signed-by=FILE] URI SUITE COMPONENT ...`, one to a line. Lines that are something else are passed over. */
export function parseSourcesList(text: string): readonly AptSource[] {
  const sources: AptSource[] = [];
  for (const line of text.split('\n')) {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s*)?(\S+)\s+(\S+)\s*([^#]*)/.exec(line);
    if (!match) continue;
    const [, options = '', uri, suite, rest] = match;
    const signedBy = /(?:^|\s)signed-by=(?:"([^"]*)"|(\S+))/i.exec(options);
    sources.push({
      uri: uri!,
      suite: suite!,
      components: words(rest!),
      signedBy: keyring(signedBy?.[1] ?? signedBy?.[2]),
    });
  }
  return sources;
}

/** Stanzas of `Types:`, `URIs:`, `Suites:`, `Components:`, `Signed-By:` (deb822). */
export function parseSourcesStanzas(text: string): readonly AptSource[] {
  const sources: AptSource[] = [];
  const withoutComments = text.replace(/^#.*\n?/gm, '');
  for (const stanza of withoutComments.split(/\n[ \t]*\n/)) {
    const fields = stanzaFields(stanza);
    if (!words(fields.get('types')).includes('deb') || /^(no|false|0)$/i.test(fields.get('enabled') ?? 'yes'))
      continue;
    for (const uri of words(fields.get('uris'))) {
      for (const suite of words(fields.get('suites'))) {
        sources.push({
          uri,
          suite,
          components: words(fields.get('components')),
          signedBy: keyring(fields.get('signed-by')),
        });
      }
    }
  }
  return sources;
}

function stanzaFields(stanza: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  let key = '';
  for (const line of stanza.split('\n')) {
    const match = /^([A-Za-z][A-Za-z0-9-]*):\s*(.*)$/.exec(line);
    if (match) {
      key = match[1]!.toLowerCase();
      fields.set(key, match[2]!);
    } else if (/^\s/.test(line) && key !== '') fields.set(key, `${fields.get(key)} ${line.trim()}`);
  }
  return fields;
}

function words(text: string | undefined): readonly string[] {
  return (text ?? '').split(/\s+/).filter((word) => word !== '');
}

/** A keyring is taken as a file; fingerprints and keys inside the stanza are not. */
function keyring(text: string | undefined): string | undefined {
  return text?.split(/[\s,]+/).find((word) => /^\/[A-Za-z0-9._/+-]+\.(gpg|asc|pgp)$/.test(word));
}

export type Family = 'debian' | 'ubuntu';

const ubuntuSuites = new Set(
  (
    'trusty xenial bionic focal groovy hirsute impish jammy kinetic lunar mantic noble oracular plucky questing ' +
    'resolute devel'
  ).split(' '),
);
const debianSuites = new Set(
  'jessie stretch buster bullseye bookworm trixie forky duke sid stable oldstable testing unstable'.split(
    ' ',
  ),
);
/** Suites whose security archive is known to exist; for others only the machine's own sources tell. */
const securitySuites = new Set(['bullseye', 'bookworm', 'trixie']);

/** Which distribution a suite belongs to; undefined for names that neither has. */
export function familyOf(suite: string): Family | undefined {
  const base = suite.split(/[-/]/)[0]!;
  return ubuntuSuites.has(base) ? 'ubuntu' : debianSuites.has(base) ? 'debian' : undefined;
}

const defaults: Readonly<
  Record<Family, { uri: string; components: readonly string[]; keyrings: readonly string[] }>
> = {
  debian: {
    uri: 'http://deb.debian.org/debian',
    components: ['main'],
    keyrings: [
      '/usr/share/keyrings/debian-archive-keyring.gpg',
      '/usr/share/keyrings/debian-archive-keyring.pgp',
    ],
  },
  ubuntu: {
    uri: 'http://archive.ubuntu.com/ubuntu',
    components: ['main', 'universe'],
    keyrings: ['/usr/share/keyrings/ubuntu-archive-keyring.gpg'],
  },
};

/** Keyring files of a distribution, the first that exists is used. */
export function keyringsOf(family: Family): readonly string[] {
  return defaults[family].keyrings;
}

/** An address that may be handed to a bootstrap program: http or https, no credentials, no white space. */
export function isMirror(uri: string): boolean {
  if (!/^https?:\/\/[^\s"'[\]\\]+$/.test(uri) || !URL.canParse(uri)) return false;
  const { username, password } = new URL(uri);
  return username === '' && password === '';
}

/**
 * The sources to install `suite` from: what the machine has configured for it with its updates and
 * security fixes, else the machine's mirror of that distribution, else the distribution's own.
 * Empty when nobody knows where the suite is.
 */
export function chooseSources(
  configured: readonly AptSource[],
  suite: string,
  mirror: string | undefined,
): readonly AptSource[] {
  const family = familyOf(suite);
  const components = family ? defaults[family].components : ['main'];
  if (mirror !== undefined) return [{ uri: mirror, suite, components, signedBy: undefined }];
  const usable = configured.filter((source) => isMirror(source.uri) && isPlain(source));
  const main = usable.find((source) => source.suite === suite);
  if (main) {
    const wanted = [`${suite}-updates`, `${suite}-security`, `${suite}/updates`];
    return [main, ...usable.filter((source) => wanted.includes(source.suite))];
  }
  if (family === undefined) return [];
  const near = usable.find((source) => lastPart(source.uri) === family);
  const first: AptSource = near
    ? { uri: near.uri, suite, components, signedBy: near.signedBy }
    : { uri: defaults[family].uri, suite, components, signedBy: undefined };
  const security = usable.find((source) => lastPart(source.uri) === 'debian-security');
  if (!security || !securitySuites.has(suite)) return [first];
  return [first, { ...security, suite: `${suite}-security`, components }];
}

/** Suites and components become words of a line; odd ones are passed over. */
function isPlain(source: AptSource): boolean {
  return [source.suite, ...source.components].every((word) => /^[A-Za-z0-9][A-Za-z0-9._/+-]*$/.test(word));
}

function lastPart(uri: string): string {
  return new URL(uri).pathname.split('/').findLast((part) => part !== '') ?? '';
}

/** The line of sources.list(5) for a source. */
export function sourceLine(source: AptSource, keyringFile: string | undefined): string {
  const signed = source.signedBy ?? keyringFile;
  return [
    'deb',
    ...(signed ? [`[signed-by=${signed}]`] : []),
    source.uri,
    source.suite,
    ...source.components,
  ].join(' ');
}
