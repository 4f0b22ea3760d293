/**
 * Which releases of FreeBSD there are, and until when each is supported. The dates are those of
 * https://www.freebsd.org/security/ as far as they were known; whoever can reach that page reads newer ones
 * from it, and a page that cannot be had or read is no failure. Pure.
 */
import { compareNatural } from './order.ts';
import { freebsdDirectory, isFreebsdRelease } from './release.ts';

/** Where FreeBSD keeps releases that have left the mirrors. */
export const freebsdArchive = 'https://archive.freebsd.org/old-releases';

/** The pages with the dates: supported releases, and all others. */
export const endOfLifePages: readonly string[] = [
  'https://www.freebsd.org/security/',
  'https://www.freebsd.org/security/unsupported/',
];

/** When {@link endOfLife} was written down. */
export const endOfLifeKnown = '2026-03';

/** Release to its last day of support; that of a release that is still supported may be put off. */
export const endOfLife: ReadonlyMap<string, string> = new Map(
  Object.entries({
    '9.3': '2016-12-31',
    '10.0': '2015-02-28',
    '10.1': '2016-12-31',
    '10.2': '2016-12-31',
    '10.3': '2018-04-30',
    '10.4': '2018-10-31',
    '11.0': '2017-11-30',
    '11.1': '2018-09-30',
    '11.2': '2019-10-31',
    '11.3': '2020-09-30',
    '11.4': '2021-09-30',
    '12.0': '2020-02-29',
    '12.1': '2021-01-31',
    '12.2': '2022-03-31',
    '12.3': '2023-03-31',
    '12.4': '2023-12-31',
    '13.0': '2022-08-31',
    '13.1': '2023-07-31',
    '13.2': '2024-06-30',
    '13.3': '2024-12-31',
    '13.4': '2025-06-30',
    '13.5': '2026-04-30',
    '14.0': '2024-09-30',
    '14.1': '2025-03-31',
    '14.2': '2025-09-30',
    '14.3': '2026-06-30',
    '15.0': '2026-09-30',
  }).map(([version, day]) => [`${version}-RELEASE`, day]),
);

const months = [
  ...['january', 'february', 'march', 'april', 'may', 'june', 'july', 'august', 'september'],
  ...['october', 'november', 'december'],
];

/** @example parseDay('November 30, 2028') === '2028-11-30' */
function parseDay(text: string): string | undefined {
  const found = /^([A-Za-z]+) (\d{1,2}), (\d{4})$/.exec(text);
  const month = months.indexOf(found?.[1]?.toLowerCase() ?? '') + 1;
  if (found === null || month === 0) return undefined;
  return `${found[3]}-${String(month).padStart(2, '0')}-${found[2]!.padStart(2, '0')}`;
}

/**
 * The dates in one of {@link endOfLifePages}: rows of a table with a release among their cells, and the day
 * in the last one. Whatever else is on the page is passed over.
 */
export function parseEndOfLife(html: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const row of html.split(/<tr\b/i).slice(1)) {
    const cells = row
      .split(/<t[dh]\b[^>]*>/i)
      .slice(1)
      .map((cell) => cell.split(/<\/t/i)[0]!.replaceAll(/<[^>]*>/g, ' '))
      .map((cell) => cell.replaceAll(/&nbsp;|\s+/g, ' ').trim());
    const release = cells.find((cell) => /^\d+\.\d+-RELEASE$/.test(cell));
    const day = parseDay(cells.at(-1) ?? '');
    if (release !== undefined && day !== undefined) found.set(release, day);
  }
  return found;
}

/** Names of releases in a web server's list of a directory. */
export function parseIndex(html: string): readonly string[] {
  const names = [...html.matchAll(/href="(?:\.\/|[^"?#]*\/)?([^"/?#]+)\/"/gi)].map((match) => match[1]!);
  return [...new Set(names)].filter(isFreebsdRelease).sort(compareNatural);
}

export type Support = 'supported' | 'end of life' | 'unknown';

/** @param today ISO date */
export function supportOf(release: string, days: ReadonlyMap<string, string>, today: string): Support {
  const day = days.get(release);
  if (day !== undefined) return day < today ? 'end of life' : 'supported';
  const oldest = [...days.keys()].sort(compareNatural)[0];
  return oldest !== undefined && compareNatural(release, oldest) < 0 ? 'end of life' : 'unknown';
}

/** Addresses that a release's sets may be found at, the first one first. `server` has no archive of its own. */
export function releaseAddresses(
  name: string,
  arch: string,
  { server, archive }: { readonly server: string; readonly archive: string | undefined },
): readonly string[] {
  return [
    server + freebsdDirectory(name, arch),
    ...(archive === undefined ? [] : [`${archive}/${arch}/${name}`]),
  ];
}
