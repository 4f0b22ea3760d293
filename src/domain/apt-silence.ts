/**
 * When a mirror has gone silent, told by the lines of apt-get(8) as they come. apt asks twice for a file, goes on with
 * the next one and later asks for each again: hours for the packages of a suite, though nothing will come. Pure.
 */

const file = /^(Get|Hit|Ign|Err):(\d+) (\S+(?: [^\s[]+){0,4})/;

/**
 * For each line in its turn, with the time: the file that is waited for in vain, else undefined. A file that the
 * mirror had begun to send may only have broken off, however long it took; then the next one tells.
 *
 * @param silenceMs apt's own limit for one request (`Acquire::http::Timeout`)
 */
export function watchSilence(silenceMs: number): (line: string, nowMs: number) => string | undefined {
  const begun = new Set<string>();
  let heardMs = Infinity;
  return (line, nowMs) => {
    const waitedMs = nowMs - heardMs;
    heardMs = nowMs;
    const [, what, number, name] = file.exec(line) ?? [];
    if (what === undefined) return undefined;
    if (what === 'Get' || what === 'Hit') {
      begun.add(number!);
      return undefined;
    }
    return !begun.delete(number!) && waitedMs > silenceMs ? name : undefined;
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
