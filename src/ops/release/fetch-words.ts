/** What may be said to `fetch`: its input, and the words and flags of both older lines that lead to it. */
import { resolve } from 'node:path';
import * as z from 'zod';
import type { Flag, Words } from '../operation.ts';
import { isMirror } from '../../domain/apt-sources.ts';
import { archiveEndings, compressionOf } from '../../domain/archive.ts';
import { failure } from '../../domain/errors.ts';
import { isSetName } from '../../domain/manifest.ts';
import { nearest } from '../../domain/nearest.ts';
import { getProperty } from '../../domain/properties/index.ts';
import { isSuiteName, serverUrl } from '../../domain/release.ts';

/** Of a jail's dataset and of a release's alike. */
const compressions = getProperty('compression').codec.choices!;

const packageName = /^[a-z0-9][a-z0-9.+-]{1,100}$/;

export const fetchInput = z
  .object({
    release: z.string().min(1).optional(),
    /** Absolute path of a directory that holds a root file system. */
    folder: z.string().startsWith('/').optional(),
    /** A stopped jail, or `JAIL@SNAPSHOT`, whose root becomes the release. */
    jail: z.string().min(1).optional(),
    /** Absolute path of a root file system archive. */
    file: z
      .string()
      .startsWith('/')
      .refine((path) => compressionOf(path) !== undefined, `must end in ${archiveEndings}`)
      .optional(),
    url: z
      .string()
      .refine(isMirror, 'must be an http: or https: address without user name and password')
      .optional(),
    /** Of the archive; of the MANIFEST for FreeBSD's sets. */
    sha256: z
      .string()
      .regex(/^[0-9a-fA-F]{64}$/, 'must be 64 hexadecimal digits')
      .transform((text) => text.toLowerCase())
      .optional(),
    /** Installed under the release's name. */
    suite: z.string().refine(isSuiteName, 'is no name of a suite, such as bookworm').optional(),
    mirror: z
      .string()
      .refine(isMirror, 'must be an http: or https: address without user name and password')
      .optional(),
    variant: z.enum(['minbase', 'buildd', 'essential', 'apt', 'important', 'standard']).optional(),
    include: z.array(z.string().regex(packageName, 'is no name of a package')).default([]),
    /** FreeBSD's server, `https://` unless another is written. */
    server: z.string().transform(serverUrl).pipe(z.string().refine(isMirror, 'is no server')).optional(),
    /** Directory on the server that holds the MANIFEST. */
    directory: z
      .string()
      .regex(/^\/?[A-Za-z0-9._~/-]+$/, 'is no path')
      .refine((path) => !path.split('/').includes('..'), `must not hold '..'`)
      .optional(),
    /** Directory of this machine that holds the sets, with MANIFEST, itself or in a directory named after the release. */
    localDirectory: z.string().startsWith('/').optional(),
    /** Where releases are looked for that have left the server; empty: nowhere. */
    archive: z
      .string()
      .transform((text) => (text === '' ? '' : serverUrl(text)))
      .pipe(z.string().refine((text) => text === '' || isMirror(text), 'is no server'))
      .optional(),
    /** Directory with MANIFESTs that this host trusts, `ARCH-ARCH-RELEASE`. */
    manifests: z.string().startsWith('/').optional(),
    sets: z.array(z.string().refine(isSetName, 'is no name of a distribution set')).optional(),
    /** FreeBSD's base system as packages in the place of sets. */
    pkgbase: z.boolean().default(false),
    /** Directory with the keys that those are verified with; default this host's. */
    keys: z.string().startsWith('/').optional(),
    verify: z.boolean().default(true),
    /** Of a release that is there already: true insists on it; default: where it has a package manager. */
    update: z.boolean().optional(),

    compression: z
      .string()
      .transform((text) => text.toLowerCase())
      .refine((text) => compressions.includes(text), `is none of ${compressions.join(', ')}`)
      .optional(),
  })
  .superRefine((input, context) => {
    const ways = (['file', 'url', 'folder', 'jail', 'suite', 'localDirectory', 'pkgbase'] as const).filter(
      (key) => input[key] !== undefined && input[key] !== false,
    );
    if (ways.length > 1)
      context.addIssue({ code: 'custom', path: [ways[1]!], message: `excludes ${ways[0]}` });
    if (!input.verify && input.localDirectory === undefined) {
      context.addIssue({
        code: 'custom',
        path: ['verify'],
        message: 'what comes from elsewhere is always verified; noverify is for a local directory',
      });
    }
    if (input.url?.startsWith('http:') && input.sha256 === undefined) {
      context.addIssue({
        code: 'custom',
        path: ['url'],
        message: 'http is not protected on its way: add sha256=DIGEST, or use https',
      });
    }
    if (
      input.server?.startsWith('http:') &&
      input.sha256 === undefined &&
      input.localDirectory === undefined
    ) {
      context.addIssue({
        code: 'custom',
        path: ['server'],
        message: 'http is not protected on its way: add sha256=DIGEST of the MANIFEST, or use https',
      });
    }
  });

export type FetchInput = z.output<typeof fetchInput>;

export const fetchFlags: readonly Flag[] = [
  { key: 'release', flags: '-r, --release <release>', doc: 'same as release=RELEASE' },
  { key: 'server', flags: '-s, --server <server>', doc: 'FreeBSD server, same as ftphost=' },
  {
    key: 'sets',
    flags: '-F, --files <name>',
    doc: 'distribution set, same as ftpfiles=; may be repeated',
    many: true,
  },
  {
    key: 'root',
    flags: '-d, --root-dir <directory>',
    doc: 'directory on the server; with -f, of this machine',
  },
  { key: 'local', flags: '-f, --file', doc: 'take the sets from the local directory given with -d' },
  {
    key: 'pkgbase',
    flags: '--pkgbase',
    doc: 'on FreeBSD, from 15 on: the base system as packages; -F and ftpfiles= name those',
  },
  {
    key: 'noverify',
    flags: '--noverify',
    doc: 'with -f: take sets without a MANIFEST; never for what is downloaded',
  },
  {
    key: 'update',
    flags: '-U, --update',
    doc: 'a release that is fetched already is updated; an error when it has no package manager',
  },
  {
    key: 'noupdate',
    flags: '--noupdate',
    doc: 'a release that is fetched already is left as it is; also -NU',
  },
  {
    key: 'plugin',
    flags: '-P, --plugin-name <plugin>',
    doc: 'a new jail with this plugin; PROPERTY=VALUE are its own',
  },
  { key: 'name', flags: '-n, --name <name>', doc: 'with -P: the name of the jail' },
  // COMPAT: Python iocage's words for what fetch does anyway.
  { key: 'asEver', flags: '--http', doc: 'accepted and without effect' },
  { key: 'asEver', flags: '-V, --verify', doc: 'accepted: what is fetched is always verified' },
  { key: 'asEver', flags: '--noeol', doc: 'accepted and without effect' },
  { key: 'asEver', flags: '-E, --eol', doc: 'accepted and without effect' },
];

const list = (text: string): readonly string[] => text.split(/[\s,]+/).filter((word) => word !== '');
const path = (text: string): string => resolve(text);

/** Words of the original and ours: key of the input, and the text as it wants it. */
const wordKeys: Readonly<Record<string, readonly [keyof FetchInput, (text: string) => unknown]>> = {
  release: ['release', String],
  file: ['file', path],
  folder: ['folder', path],
  jail: ['jail', String],
  url: ['url', String],
  sha256: ['sha256', String],
  suite: ['suite', String],
  mirror: ['mirror', String],
  variant: ['variant', String],
  include: ['include', list],
  server: ['server', String],
  ftphost: ['server', String],
  ftpdir: ['directory', String],
  ftpfiles: ['sets', list],
  ftplocaldir: ['localDirectory', path],
  archive: ['archive', String],
  manifests: ['manifests', path],
  keys: ['keys', path],
  compression: ['compression', String],
};

/** @example toFetchInput({ positionals: [], properties: [['release', 'bookworm']], flags: {} }) */
export function toFetchInput({ positionals, properties, flags }: Words): z.input<typeof fetchInput> {
  const input: Record<string, unknown> = {};
  for (const [key, text] of properties) {
    const word = wordKeys[key];
    if (word === undefined) {
      const near = nearest(key, Object.keys(wordKeys));
      throw failure('UNKNOWN_PROPERTY', { key, ...(near === undefined ? {} : { near }) });
    }
    // An empty word is as good as none: `ftpdir=""` was the default of the original.
    if (text !== '') input[word[0]] = word[1](text);
  }
  const { release, server, sets, root } = flags as Partial<Record<string, string>> & {
    sets?: readonly string[];
  };
  if (release !== undefined) input['release'] = release;
  if (server !== undefined) input['server'] = server;
  // COMPAT: `-F MANIFEST` named the list itself among the sets.
  if (sets !== undefined) input['sets'] = sets.filter((name) => name !== 'MANIFEST');
  if (flags['pkgbase'] === true) input['pkgbase'] = true;
  if (flags['noverify'] === true) input['verify'] = false;
  if (flags['update'] === true) input['update'] = true;
  if (flags['noupdate'] === true) input['update'] = false;
  if (flags['name'] !== undefined)
    throw failure('USAGE', { problem: '-n names the jail of a plugin: -P PLUGIN', command: 'fetch' });
  if (flags['local'] === true) {
    if (root === undefined)
      throw failure('USAGE', { problem: '-f needs the directory: -d DIRECTORY', command: 'fetch' });
    input['localDirectory'] = path(root);
  } else if (root !== undefined) input['directory'] = root;
  // COMPAT: scripts for Python iocage pass a stray `True` after --file.
  const names = positionals.filter((word) => word !== 'True');
  if (names.length > 0) {
    const hint =
      input['release'] === undefined && names.length === 1 ? `; did you mean release=${names[0]}?` : '';
    throw failure('USAGE', {
      problem: `${JSON.stringify(names[0])} is no property=value${hint}`,
      command: 'fetch',
    });
  }
  return input as z.input<typeof fetchInput>;
}
