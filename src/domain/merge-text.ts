/**
 * One text file that the jail and its new release both changed since the old release: merged line by line,
 * where the two changed different places (diff3(1)). Accounts and installed packages are merged one by one,
 * because both sides add theirs at the end. Pure.
 */
import { diff3Merge } from 'node-diff3';

import { packageManagers } from './packages.ts';

/** Larger ones are no files that people edit. */
const maxMergeBytes = 256 * 1024;

/** Text that can be merged: lines, without what stands in no text file. */
function isMergeable(text: string): boolean {
  return text.length <= maxMergeBytes && !/[\u0000\ufffd]/.test(text);
}

/**
 * The merged text; undefined when both sides changed the same place in different ways.
 *
 * @param path below the root, such as `etc/passwd`.
 */
export function mergeText(path: string, old: string, mine: string, now: string): string | undefined {
  if (mine === now || now === old) return mine;
  if (mine === old) return now;
  if (isPackageData(path)) return mergeStanzas(old, mine, now);
  if (![old, mine, now].every(isMergeable)) return undefined;
  return keyed.has(path) ? mergeAccounts(path, old, mine, now) : mergeLines(old, mine, now);
}

const packageData: ReadonlySet<string> = new Set([
  ...packageManagers.map(({ database }) => database),
  'var/lib/apt/extended_states',
]);

/** What says which packages are installed: paragraphs of lines, one for each package. */
export function isPackageData(path: string): boolean {
  return packageData.has(path);
}

/** By name and architecture; undefined when one comes twice, or has no name. */
function byPackage(text: string): ReadonlyMap<string, string> | undefined {
  const stanzas = text.split(/\n\n+/).filter((stanza) => stanza.trim() !== '');
  const map = new Map<string, string>();
  for (const stanza of stanzas) {
    const name = /^(?:Package: |P:)(\S+)$/m.exec(stanza)?.[1];
    const architecture = /^(?:Architecture: |A:)(\S+)$/m.exec(stanza)?.[1] ?? '';
    if (name === undefined || map.has(`${name}:${architecture}`)) return undefined;
    map.set(`${name}:${architecture}`, stanza.replace(/\n+$/, ''));
  }
  return map;
}

/** Each package as the side has it that changed it; undefined when both changed one in different ways. */
function mergeStanzas(old: string, mine: string, now: string): string | undefined {
  const merged = mergeKeyed(byPackage(old), byPackage(mine), byPackage(now));
  return merged && `${merged.lines.join('\n\n')}\n\n`;
}

interface Keyed {
  /** The jail's in their order, then those that the release added. */
  readonly lines: readonly string[];
  readonly added: readonly string[];
}

function mergeKeyed(
  before: ReadonlyMap<string, string> | undefined,
  own: ReadonlyMap<string, string> | undefined,
  release: ReadonlyMap<string, string> | undefined,
): Keyed | undefined {
  if (before === undefined || own === undefined || release === undefined) return undefined;
  const lines: string[] = [];
  const added: string[] = [];
  for (const name of new Set([...own.keys(), ...release.keys()])) {
    const [o, m, n] = [before.get(name), own.get(name), release.get(name)];
    if (m !== n && o !== m && o !== n) return undefined;
    const line = m === o ? n : m;
    if (line === undefined) continue;
    lines.push(line);
    if (m === undefined) added.push(line);
  }
  return { lines, added };
}

function mergeLines(old: string, mine: string, now: string): string | undefined {
  const lines = (text: string): string[] => text.split('\n');
  const regions = diff3Merge(lines(mine), lines(old), lines(now), { excludeFalseConflicts: true });
  const merged: string[] = [];
  for (const region of regions) {
    if (region.ok === undefined) return undefined;
    merged.push(...region.ok);
  }
  return merged.join('\n');
}

/** passwd(5), group(5), shadow(5), master.passwd(5): a line for each name. True: with a number that is its own. */
const keyed: ReadonlyMap<string, boolean> = new Map([
  ['etc/passwd', true],
  ['etc/group', true],
  ['etc/master.passwd', true],
  ['etc/shadow', false],
  ['etc/gshadow', false],
]);

function byName(text: string): ReadonlyMap<string, string> | undefined {
  const lines = text.split('\n').filter((line) => line !== '');
  const map = new Map(lines.map((line) => [line.startsWith('#') ? line : line.split(':', 1)[0]!, line]));
  return map.size === lines.length ? map : undefined;
}

function mergeAccounts(path: string, old: string, mine: string, now: string): string | undefined {
  const [own, release] = [byName(mine), byName(now)];
  const merged = mergeKeyed(byName(old), own, release);
  if (merged === undefined) return undefined;
  if (keyed.get(path) && merged.added.some((line) => isTaken(line, own!, release!))) return undefined;
  return `${merged.lines.join('\n')}\n`;
}

/** The number of an account of the release belongs to another name in the jail, and to none like that in the release. */
function isTaken(
  line: string,
  own: ReadonlyMap<string, string>,
  release: ReadonlyMap<string, string>,
): boolean {
  const number = (text: string): string | undefined => text.split(':')[2];
  return [...own].some(([name, other]) => number(other) === number(line) && release.get(name) !== other);
}
