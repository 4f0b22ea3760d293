/** When a mirror counts as silent, by lines as apt-get(8) 2.6 wrote them for a server that said nothing. */
import { describe, expect, it } from 'vitest';
import { comingFile, watchSilence } from '../../../src/domain/apt-silence.ts';

const mirror = 'http://127.0.0.1:8077/debian';
const security = 'http://127.0.0.1:8077/debian-security';

/** Lines with the second in which they came; what is missed, and when. */
const inVain = '  Connection failed [IP: 127.0.0.1 8077]';
function told(lines: readonly (readonly [number, string])[], limitS = 5): [number, string] | undefined {
  const watch = watchSilence(limitS * 1000);
  for (const [second, line] of lines) {
    const missed = watch(line, second * 1000);
    if (missed !== undefined) return [second, missed];
  }
  return undefined;
}

describe('silence', () => {
  it('is told by the first file that was never begun', () => {
    const lines = [
      [78, 'I: running apt-get update...'],
      [78, `Get:1 ${mirror} bookworm InRelease [151 kB]`],
      [78, `Get:2 ${mirror} bookworm-updates InRelease [55.4 kB]`],
      [78, `Get:3 ${security} bookworm-security InRelease [34.8 kB]`],
      [88, `Ign:4 ${mirror} bookworm/main amd64 Packages`],
      [88, inVain],
      [98, `Ign:5 ${mirror} bookworm-updates/main amd64 Packages`],
    ] as const;
    expect(told(lines)).toEqual([88, `${mirror} bookworm/main amd64 Packages`]);
  });

  it('after a file that broke off is told by the next one', () => {
    const lines = [
      [0, `Get:4 ${mirror} bookworm/main amd64 libc6 amd64 2.36-9 [2757 kB]`],
      [200, `Ign:4 ${mirror} bookworm/main amd64 libc6 amd64 2.36-9`],
      [200, '  Connection timed out [IP: 127.0.0.1 8077]'],
      [210, `Ign:5 ${mirror} bookworm/main amd64 dash amd64 0.5.12-2`],
      [210, inVain],
    ] as const;
    expect(told(lines.slice(0, 3))).toBeUndefined();
    expect(told(lines)?.[0]).toBe(210);
  });

  it.each([
    inVain,
    '  Could not connect to 198.51.100.1:80 (198.51.100.1), connection timed out',
    "  Temporary failure resolving 'deb.debian.org'",
    '  Could not wait for server fd - select (11: Resource temporarily unavailable) [IP: 127.0.0.1 8077]',
    '  Reading from proxy failed - select (115: Operation now in progress) [IP: 127.0.0.1 8078]',
  ])('of %s', (reason) => {
    const lines = [
      [0, 'I: running apt-get update...'],
      [6, `Ign:1 ${mirror} bookworm InRelease`],
      [6, reason],
    ] as const;
    expect(told(lines)).toEqual([6, `${mirror} bookworm InRelease`]);
  });

  it('is not a long download that ended well, and then one quick error', () => {
    const get = [0, `Get:1 ${mirror} bookworm/main amd64 linux-image amd64 6.1 [69.6 MB]`] as const;
    for (const [what, reason] of [
      ['Err', '  404  Not Found [IP: 127.0.0.1 8077]'],
      ['Ign', '  Could not connect to 127.0.0.1:8077 (127.0.0.1). - connect (111: Connection refused)'],
    ] as const)
      expect(
        told([get, [900, `${what}:2 ${mirror} bookworm-updates InRelease`], [900, reason]]),
      ).toBeUndefined();
  });

  it('counts anew with the next apt-get, which numbers from one again', () => {
    const lines = [
      [0, `Get:1 ${mirror} bookworm InRelease [151 kB]`],
      [1, 'Reading package lists...'],
      [2, 'I: downloading packages with apt...'],
      [12, `Ign:1 ${mirror} bookworm/main amd64 libc6 amd64 2.36-9`],
      [12, inVain],
    ] as const;
    expect(told(lines)?.[0]).toBe(12);
  });

  it('is not what breaks off, is not there, or is slow', () => {
    const slow = [
      [0, 'I: running apt-get update...'],
      [1, `Ign:1 ${mirror} bookworm InRelease`],
      [1, '  404  Not Found [IP: 127.0.0.1 8077]'],
      [3, `Get:2 ${mirror} bookworm Release [151 kB]`],
      [400, `Get:3 ${mirror} bookworm/main amd64 Packages [8790 kB]`],
      [900, `Ign:3 ${mirror} bookworm/main amd64 Packages`],
      [900, inVain],
      [903, `Get:3 ${mirror} bookworm/main amd64 Packages [8790 kB]`],
      [1900, 'Fetched 8 MB in 30min'],
      [1901, `Err:4 ${mirror} bookworm/main amd64 dash amd64 0.5.12-2`],
      [1901, inVain],
    ] as const;
    expect(told(slow)).toBeUndefined();
  });
});

it.each([
  [`Get:1 ${mirror} bookworm InRelease [151 kB]`, 'InRelease'],
  [`Get:4 ${mirror} bookworm/main amd64 Packages [8790 kB]`, 'Packages'],
  [`Get:9 ${mirror} bookworm/main amd64 libgpg-error0 amd64 1.46-1 [76.4 kB]`, 'libgpg-error0'],
  [`Ign:4 ${mirror} bookworm/main amd64 Packages`, undefined],
  ['Unpacking libc6', undefined],
])('%s', (line, name) => expect(comingFile(line)).toBe(name));
