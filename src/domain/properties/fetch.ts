/** Rows of the groups `sync`, `fetch` and `git`: arguments of fetch, and words kept from older lines. */
import { textWith, freeText, orNone, path, wordsOrNone } from '../codec/text.ts';
import { canonicalAddress } from '../address.ts';
import { hostNameProblem, nameProblem } from '../name.ts';
import type { Codec, Property } from '../property.ts';
import { destinationProblem } from '../transfer.ts';
import { applied, develop, not, original, property, python } from './row.ts';

/** A host name or address with an optional port. */
const mirror = textWith('mirror', (text) => {
  const host = text.replace(/:\d{1,5}$/, '');
  return canonicalAddress(host, 4) ? undefined : hostNameProblem(host);
});

const url = textWith('URL', (text) =>
  /^(?:https?|git|ssh|file):\/\/[^\s]+$/.test(text)
    ? undefined
    : 'it is no URL, for example https://example.org',
);

const fileName = (name: string): string | undefined =>
  /^[A-Za-z0-9_][A-Za-z0-9_.+-]*$/.test(name) && !name.includes('..') ? undefined : 'is no file name';

const neverUsed = 'no iocage line ever used it';

function replication(row: {
  key: string;
  codec: Codec<string>;
  fallback: string | null;
  what: string;
  doc: string;
  example: string;
}): Property {
  const { key, codec, fallback, what, doc, example } = row;
  return property('sync', {
    key,
    codec,
    default: fallback,
    freebsd: what,
    linux: applied(what),
    live: true,
    doc,
    example,
    source: original,
  });
}

export const sync: readonly Property[] = [
  replication({
    key: 'sync_stat',
    codec: freeText,
    fallback: null,
    what: 'written by send',
    doc: 'When and where the jail was sent last, and with which snapshot; every send writes it.',
    example: '2026-02-10T20:14:05Z backup:tank ioc-send-20260210T201405123',
  }),
  property('sync', {
    key: 'sync_state',
    codec: freeText,
    default: 'none',
    freebsd: neverUsed,
    linux: not(neverUsed),
    live: true,
    doc: 'Reserved for replication; stored only. iocage writes sync_stat.',
    example: 'none',
    source: python,
  }),
  replication({
    key: 'sync_target',
    codec: textOrNone('host', destinationProblem),
    fallback: 'none',
    what: 'where send sends the jail when no host is named',
    doc: 'Host that the jail is sent to, as ssh names it: HOST or USER@HOST.',
    example: 'backup.example.org',
  }),
  replication({
    key: 'sync_tgt_zpool',
    codec: textOrNone('pool', (text) => nameProblem('pool', text)),
    fallback: 'none',
    what: 'pool that send uses on sync_target; without it the one that is activated there',
    doc: 'Pool of the host in sync_target.',
    example: 'tank',
  }),
];

/** One word, or `none`. */
function textOrNone(kind: string, problem: (text: string) => string | undefined): Codec<string> {
  return textWith(kind, (text) => (text === 'none' ? undefined : problem(text)));
}

const argument = applied('argument of fetch, for distribution sets of FreeBSD');

export const fetch: readonly Property[] = [
  property('fetch', {
    key: 'ftphost',
    codec: mirror,
    default: 'download.freebsd.org',
    freebsd: 'argument of fetch',
    linux: argument,
    doc: 'Mirror that fetch takes distribution sets from; plain HTTP or HTTPS in spite of the name.',
    example: 'ftp.freebsd.org',
    source: original,
  }),
  property('fetch', {
    key: 'ftpdir',
    codec: path,
    default: null,
    freebsd: 'argument of fetch',
    linux: argument,
    doc: 'Directory on the mirror; made from the release when unset.',
    example: '/pub/FreeBSD/releases/amd64/14.1-RELEASE',
    source: original,
  }),
  property('fetch', {
    key: 'ftpfiles',
    codec: wordsOrNone('files', fileName),
    default: 'base.txz',
    freebsd: 'argument of fetch',
    linux: argument,
    doc: 'Distribution sets that fetch takes, blanks between.',
    example: 'base.txz lib32.txz src.txz',
    source: original,
  }),
  property('fetch', {
    key: 'ftplocaldir',
    codec: orNone(path),
    default: null,
    freebsd: 'argument of fetch',
    linux: argument,
    doc: 'Directory of the host that takes the place of the mirror.',
    example: '/media/cdrom/usr/freebsd-dist',
    source: develop,
  }),
];

export const git: readonly Property[] = [
  property('git', {
    key: 'gitlocation',
    codec: url,
    default: 'https://github.com',
    freebsd: 'no effect: a definition of a plugin names its repository whole',
    linux: not('a definition of a plugin names its repository whole'),
    doc: 'Where repositories of plugins are.',
    example: 'https://github.com',
    source: original,
  }),
  property('git', {
    key: 'branch',
    codec: textWith('branch', (text) =>
      /^[A-Za-z0-9_][A-Za-z0-9_./-]*$/.test(text) && !text.includes('..')
        ? undefined
        : 'it is no name of a git branch',
    ),
    default: null,
    freebsd: "no effect: a jail's provision.rev names the revision",
    linux: not("a jail's provision.rev names the revision"),
    doc: 'Branch of the repository of a plugin.',
    example: 'master',
    source: original,
  }),
];
