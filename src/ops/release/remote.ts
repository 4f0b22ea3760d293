/**
 * `list -R`: the releases of FreeBSD that can be fetched, with what is known of their support. The lists of the
 * server and of the archive are read now; the dates are those of FreeBSD's pages, and where those cannot
 * be had the ones that this version was made with. Changes nothing, and needs no pool.
 */
import * as z from 'zod';
import { defineRead } from '../operation.ts';
import type { Context } from '../context.ts';
import { isMirror } from '../../domain/apt-sources.ts';
import { asIocageError, failure } from '../../domain/errors.ts';
import {
  endOfLife,
  endOfLifeKnown,
  endOfLifePages,
  freebsdArchive,
  parseEndOfLife,
  parseIndex,
  supportOf,
  type Support,
} from '../../domain/freebsd-releases.ts';
import { compareNatural } from '../../domain/order.ts';
import { freebsdArch, freebsdIndex, freebsdServer, serverUrl } from '../../domain/release.ts';
import { readWorld } from '../world/read.ts';

const address = z
  .string()
  .transform(serverUrl)
  .pipe(z.string().refine(isMirror, 'is no http: or https: address'));

const remoteInput = z.object({
  server: address.optional(),
  /** Directory of releases that left the server, without the processor; empty: none is looked at. */
  archive: address.or(z.literal('')).optional(),
  /** A page with the last days of support; empty: none is read. */
  dates: address.or(z.literal('')).optional(),
});

export interface RemoteRelease {
  readonly name: string;
  readonly support: Support;
  /** Last day of support, ISO date; null when it is not known. */
  readonly endOfLife: string | null;
  readonly from: 'server' | 'archive';
  readonly fetched: boolean;
  /** A jail of it may need what this host's kernel has not. */
  readonly newerThanHost: boolean;
}

export interface RemoteReleases {
  readonly releases: readonly RemoteRelease[];
  /** What could not be reached, in words. */
  readonly notes: readonly string[];
}

/** What a Linux host fetches in their place. */
const elsewhere = `suites of Debian and Ubuntu are fetched by their names, as in 'iocage fetch release=bookworm'`;

/** Until a page is given up that is of use but not needed. */
const pageTimeoutMs = 10_000;

type Told = { readonly text: string } | { readonly why: string };

async function look({ downloads, signal }: Context, url: string): Promise<Told> {
  const bounded = AbortSignal.any([signal, AbortSignal.timeout(pageTimeoutMs)]);
  try {
    return await downloads.text(url, { signal: bounded });
  } catch (error) {
    if (signal.aborted) throw error;
    return { why: bounded.aborted ? `${url} did not answer in time` : asIocageError(error).message };
  }
}

/** Newer dates count over those that this version knows. */
async function readDates(
  context: Context,
  pages: readonly string[],
): Promise<{ days: ReadonlyMap<string, string>; notes: readonly string[] }> {
  const told = await Promise.all(pages.map((page) => look(context, page)));
  const found = told.map((each) => ('text' in each ? parseEndOfLife(each.text) : undefined));
  const lacking = found.some((days) => days === undefined || days.size === 0);
  return {
    days: new Map([endOfLife, ...found].flatMap((days) => [...(days ?? [])])),
    notes: lacking
      ? [`the dates of support could not be read anew: those known in ${endOfLifeKnown} are shown`]
      : [],
  };
}

async function namesFetched(context: Context): Promise<ReadonlySet<string>> {
  // A host that has no pool yet may want to know all the same.
  const world = await readWorld(context).catch(() => undefined);
  return new Set(world?.releases.map(({ name }) => name));
}

export const releaseRemote = defineRead<typeof remoteInput, RemoteReleases>({
  id: 'release.remote',
  title: 'List the releases of FreeBSD that can be fetched',
  input: remoteInput,
  async read(context, input) {
    const arch = freebsdArch((await context.exec.read(['uname', '-m'])).stdout);
    if (arch === undefined)
      throw failure('UNSUPPORTED', {
        what: 'listing releases of FreeBSD',
        why: 'there is none for this processor',
      });
    const archive = input.archive ?? (input.server === undefined ? freebsdArchive : '');
    const pages = input.dates === undefined ? endOfLifePages : input.dates === '' ? [] : [input.dates];
    const [index, old, { days, notes }, fetched, host] = await Promise.all([
      context.downloads.text((input.server ?? freebsdServer) + freebsdIndex(arch), {
        signal: context.signal,
      }),
      archive === '' ? undefined : look(context, `${archive}/${arch}/`),
      readDates(context, pages),
      namesFetched(context),
      context.host.kernel === 'freebsd' ? context.host.defaultRelease() : undefined,
    ]);
    const current = parseIndex(index.text);
    const archived = old !== undefined && 'text' in old ? parseIndex(old.text) : [];
    const today = context.clock.now().toISOString().slice(0, 10);
    const releases = [...new Set([...current, ...archived])]
      .sort(compareNatural)
      .map((name): RemoteRelease => ({
        name,
        support: supportOf(name, days, today),
        endOfLife: days.get(name) ?? null,
        from: current.includes(name) ? 'server' : 'archive',
        fetched: fetched.has(name),
        newerThanHost: host !== undefined && compareNatural(versionOf(name), versionOf(host)) > 0,
      }));
    return {
      releases,
      notes: [
        ...(context.host.kernel === 'freebsd' ? [] : [`no jail of this host runs them: ${elsewhere}`]),
        ...notes,
        ...(old !== undefined && 'why' in old ? [old.why] : []),
      ],
    };
  },
  command: {
    names: ['list'],
    group: 'releases',
    usage: '-R [server=URL] [archive=URL] [dates=URL]',
    examples: [
      { line: 'iocage list -R', says: 'what fetch can get from FreeBSD, and until when it is supported' },
    ],
    toInputs({ positionals, properties }) {
      const words = Object.fromEntries(properties);
      const strange = [...positionals, ...Object.keys(words).filter((key) => !(key in remoteInput.shape))][0];
      if (strange !== undefined)
        throw failure('USAGE', {
          problem: `list -R does not know ${JSON.stringify(strange)}`,
          command: 'list',
        });
      return [words];
    },
  },
});

const versionOf = (release: string): string => release.replace(/-.*/, '');
