/** Rows of `ioc` about the host: pools and releases. */
import type { Words } from '../../../ops/operation.ts';
import { isFreebsdRelease, isHardenedBsdRelease } from '../../../domain/release.ts';
import { poolActivate, poolDeactivate } from '../../../ops/host/pool.ts';
import { releaseAdopt, type Adopted } from '../../../ops/release/adopt.ts';
import { releaseFetch } from '../../../ops/release/fetch.ts';
import { toFetchInput } from '../../../ops/release/fetch-words.ts';
import { oneLine } from '../../print/text.ts';
import { exactly, usage, type IocRow, type Meaning } from '../row.ts';

const activate: IocRow = {
  name: 'activate',
  title: 'Use a pool for jails',
  usage: '[-m PATH] POOL',
  about: 'Other pools stay as they are.',
  flags: [{ key: 'mountpoint', flags: '-m, --mountpoint <path>', doc: 'where POOL/iocage is mounted' }],
  examples: [{ line: 'ioc activate tank', says: 'jails are made in tank/iocage' }],
  means(words) {
    const [pool] = exactly('activate', words, 'POOL');
    const { mountpoint } = words.flags;
    return {
      operation: poolActivate,
      inputs: () => [{ pool, ...(mountpoint === undefined ? {} : { mountpoint }) }],
      show: (result: { pool: string; root: string; mountpoint: string }) => [
        `${oneLine(result.pool)} activated: ${oneLine(result.root)} at ${oneLine(result.mountpoint)}`,
      ],
    };
  },
};

const deactivate: IocRow = {
  name: 'deactivate',
  title: 'Stop using a pool for jails',
  usage: 'POOL',
  about: 'Its jails stay. A pool with running jails is refused; one that is not in use is told.',
  examples: [{ line: 'ioc deactivate tank', says: 'tank is not in use any more' }],
  means(words) {
    const [pool] = exactly('deactivate', words, 'POOL');
    return {
      operation: poolDeactivate,
      async inputs(context) {
        const found = (await context.storage.pools()).find(({ name }) => name === pool);
        if (found === undefined || found.active) return [{ pool }];
        const text = `pool ${found.name} is not activated`;
        context.emit({ type: 'note', id: '', level: 'warning', text });
        return [];
      },
      show: (result: { pool: string }) => [`${oneLine(result.pool)} deactivated`],
    };
  },
};

/**
 * A mirror for a suite. For FreeBSD, as in libiocage, the directory in which those of the releases lie; that of the
 * release itself is taken too. HardenedBSD's builds have names of their own: there it is the directory itself.
 */
function fromUrl(release: string | undefined, text: string): object {
  const freebsd = release !== undefined && isFreebsdRelease(release);
  if (release === undefined || !(freebsd || isHardenedBsdRelease(release))) return { mirror: text };
  if (!URL.canParse(text)) throw usage('fetch', `-u takes a URL, not ${JSON.stringify(text)}`);
  const { origin, pathname } = new URL(text);
  const directory = pathname.replace(/\/+$/, '');
  const own = !freebsd || directory.endsWith(`/${release}`);
  return { server: origin, directory: own ? directory : `${directory}/${release}` };
}

const setName = (name: string): string => (name.includes('.') ? name : `${name}.txz`);

function fetchWords(words: Words): Meaning {
  const { flags, properties } = words;
  const [extra] = words.positionals;
  if (extra !== undefined)
    throw usage('fetch', `${JSON.stringify(extra)} is too much; did you mean -r ${extra}?`);
  const release = flags['release'] as string | undefined;
  if (flags['base'] === true) {
    if (release === undefined) throw usage('fetch', '-b needs -r RELEASE');
    if (properties.length > 0) throw usage('fetch', `-b takes no ${properties[0]!.join('=')}`);
    return {
      operation: releaseAdopt,
      inputs: () => [{ release }],
      show: ({ release: name, adopted, patch }: Adopted) => {
        if (patch === null) return [`${oneLine(name)} is as it was`];
        return [
          `${oneLine(name)} is ready for jails${adopted ? '' : `, with the files that it has now: ${patch}`}`,
        ];
      },
    };
  }
  const update = flags['update'] === false || flags['fetchUpdates'] === false ? { update: false } : {};
  return {
    operation: releaseFetch,
    inputs: () => [
      {
        ...toFetchInput({ positionals: [], properties, flags: {} }),
        ...(release === undefined ? {} : { release }),
        ...(flags['url'] === undefined ? {} : fromUrl(release, flags['url'] as string)),
        ...(flags['files'] === undefined ? {} : { sets: (flags['files'] as string[]).map(setName) }),
        ...update,
      },
    ],
    show: (result: { message: string }) => [oneLine(result.message)],
  };
}

const fetch: IocRow = {
  name: 'fetch',
  title: 'Fetch a release, or make one that was filled by hand ready for jails',
  usage: '[-r RELEASE] [-u URL] [-F FILE ...] [-NU] [KEY=VALUE ...] | -r RELEASE -b',
  about:
    'Without -r the release of this machine. One that is fetched already is updated, where it has a package manager. With -b nothing is fetched: the files are there, in the dataset releases/RELEASE/root; each state of them is kept as a snapshot, p0, p1, ... What iocage fetch knows besides is a KEY=VALUE, such as sha256 of the MANIFEST that comes by plain http.',
  spellings: { '-NU': '--no-update' },
  flags: [
    { key: 'release', flags: '-r, --release <release>', doc: 'such as bookworm or 14.1-RELEASE' },
    {
      key: 'url',
      flags: '-u, --url <url>',
      doc: 'mirror of a suite, or the directory with the releases of FreeBSD, or with the sets of one',
    },
    {
      key: 'files',
      flags: '-F, --file <name>',
      doc: 'set of FreeBSD, such as base; may be repeated',
      many: true,
    },
    { key: 'files', flags: '--files <name>', doc: 'the same', many: true },
    { key: 'update', flags: '-U, --update', doc: 'update one that is fetched already (the default)' },
    { key: 'update', flags: '--no-update', doc: 'leave it as it is; also -NU' },
    { key: 'fetchUpdates', flags: '--fetch-updates', doc: 'look for updates (the default)' },
    { key: 'fetchUpdates', flags: '--no-fetch-updates', doc: 'do not' },
    {
      key: 'base',
      flags: '-b, --copy-basejail-only',
      doc: 'a release that was filled or changed by hand: no download',
    },
    { key: 'asEver', flags: '-h, --http', doc: 'accepted and without effect: the URL says how' },
  ],
  examples: [
    { line: 'ioc fetch -r bookworm', says: 'Debian 12 from the configured mirror' },
    { line: 'ioc fetch -r custom -b', says: 'after make installworld DESTDIR=…/releases/custom/root' },
  ],
  means: fetchWords,
};

export const hostRows: readonly IocRow[] = [activate, deactivate, fetch];
