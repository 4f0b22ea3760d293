/**
 * One text file that the jail and its new release both changed since the old release: merged line by line,
 * where the two changed different places (diff3(1)). Files of accounts are merged by account, because both
 * sides add theirs at the end. Pure.
 */
import { diff3Merge } from 'node-diff3';

/** Larger ones are no files that people edit. */
export const maxMergeBytes = 256 * 1024;

/** Text that can be merged: lines, without what stands in no text file. */
export function isMergeable(text: string): boolean {
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
  if (![old, mine, now].every(isMergeable)) return undefined;
  return keyed.has(path) ? mergeAccounts(path, old, mine, now) : mergeLines(old, mine, now);
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

/** The jail's lines in their order, then those that the release added. */
function mergeAccounts(path: string, old: string, mine: string, now: string): string | undefined {
  const [before, own, release] = [byName(old), byName(mine), byName(now)];
  if (before === undefined || own === undefined || release === undefined) return undefined;
  const merged: string[] = [];
  const added: string[] = [];
  for (const name of new Set([...own.keys(), ...release.keys()])) {
    const [o, m, n] = [before.get(name), own.get(name), release.get(name)];
    if (m !== n && o !== m && o !== n) return undefined;
    const line = m === o ? n : m;
    if (line === undefined) continue;
    merged.push(line);
    if (m === undefined) added.push(line);
  }
  if (keyed.get(path) && added.some((line) => isTaken(line, own, release))) return undefined;
  return `${merged.join('\n')}\n`;
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
