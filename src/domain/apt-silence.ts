/**
 * When a mirror has gone silent, told by the lines of apt-get(8) as they come. apt asks twice for a file, goes on with
 * the next one and later asks for each again: hours for the packages of a suite, though nothing will come. Pure.
 */

const file = /^(Get|Hit|Ign|Err):(\d+) (\S+(?: [^\s[]+){0,4})/;

/** How apt words that it waited in vain. Other reasons are answers (`404  Not Found`), or come at once. */
const inVain =
  /^ .*(timed out|Connection failed|Temporary failure resolving|Could not wait for|Reading from proxy failed)/;

/** Without it apt gives no reason for a file that it passes over. */
export const reasonsToo = 'Acquire::Progress::Ignore::ShowErrorText "true"';

/**
 * For each line in its turn, with the time: the file that is waited for in vain, else undefined. The time alone does not
 * tell, since nothing is said when a download ends well; the reason, on the line after that of the file, does. A file
 * that the mirror had begun to send may only have broken off, however long it took; then the next one tells.
 *
 * @param silenceMs apt's own limit for one request (`Acquire::http::Timeout`)
 */
export function watchSilence(silenceMs: number): (line: string, nowMs: number) => string | undefined {
  const begun = new Set<string>();
  let heardMs = Infinity;
  let late: string | undefined;
  return (line, nowMs) => {
    const missed = inVain.test(line) ? late : undefined;
    const waitedMs = nowMs - heardMs;
    heardMs = nowMs;
    late = undefined;
    const [, what, number, name] = file.exec(line) ?? [];
    if (what === 'Get' || what === 'Hit') begun.add(number!);
    else if (what !== undefined) late = !begun.delete(number!) && waitedMs > silenceMs ? name : undefined;
    // The next apt-get numbers its files from one again.
    else if (!line.startsWith(' ')) begun.clear();
    return missed;
  };
}

/** `libc6` of a line that tells that a file comes; undefined for other lines. */
export function comingFile(line: string): string | undefined {
  const [, what, , name] = file.exec(line) ?? [];
  if (what !== 'Get') return undefined;
  // ADDRESS SUITE/COMPONENT ARCHITECTURE FILE, or ADDRESS SUITE InRelease.
  const words = name!.split(' ');
  return words[3] ?? words.at(-1);
}
