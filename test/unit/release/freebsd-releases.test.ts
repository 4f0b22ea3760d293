import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  endOfLife,
  parseEndOfLife,
  parseIndex,
  releaseAddresses,
  supportOf,
} from '../../../src/domain/freebsd-releases.ts';
import { parseUserland } from '../../../src/domain/userland.ts';

/** In the form of https://www.freebsd.org/security/. */
const page = `<h2>Supported</h2><table class="tblbasic"><thead><tr><th class="a">Branch</th><th>Release</th>
<th>Release Date</th><th>Expected EoL</th></tr></thead><tbody>
<tr><td class="tableblock"><p class="tableblock">stable/14</p></td><td><p>n/a</p></td><td>n/a</td><td><p>November 30, 2028</p></td></tr>
<tr><td><p>releng/14.2</p></td><td><p>14.2-RELEASE</p></td><td><p>December 3, 2024</p></td><td><p>September 30, 2025</p></td></tr>
<tr><td>releng/13.5<td>13.5-RELEASE<td>March 11, 2025<td>April&nbsp;30, 2026
</tbody></table><p>More about 12.0-RELEASE, January 1, 2020</p>`;

describe('the dates of support', () => {
  it('are read from the tables of FreeBSD, with and without closing tags', () => {
    expect([...parseEndOfLife(page)]).toEqual([
      ['14.2-RELEASE', '2025-09-30'],
      ['13.5-RELEASE', '2026-04-30'],
    ]);
  });

  it('never fail, whatever the page is', () => {
    expect(parseEndOfLife('<html>moved</html>').size).toBe(0);
    fc.assert(
      fc.property(
        fc.string(),
        fc.constantFrom('', '<tr><td>', '<tr><td>13.1-RELEASE<td>'),
        (text, before) => {
          for (const [release, day] of parseEndOfLife(before + text)) {
            expect(release).toMatch(/^\d+\.\d+-RELEASE$/);
            expect(day).toMatch(/^\d{4}-\d\d-\d\d$/);
          }
        },
      ),
    );
  });

  it('decide about support; what is older than every date is at its end', () => {
    const today = '2026-01-15';
    expect(supportOf('13.1-RELEASE', endOfLife, today)).toBe('end of life');
    expect(supportOf('13.5-RELEASE', endOfLife, today)).toBe('supported');
    expect(supportOf('13.5-RELEASE', endOfLife, '2026-04-30')).toBe('supported');
    expect(supportOf('13.5-RELEASE', endOfLife, '2026-05-01')).toBe('end of life');
    expect(supportOf('8.4-RELEASE', endOfLife, today)).toBe('end of life');
    expect(supportOf('16.0-RELEASE', endOfLife, today)).toBe('unknown');
    expect(supportOf('15.0-RC1', endOfLife, today)).toBe('unknown');
  });
});

describe('where releases are', () => {
  it('is read from the lists of web servers', () => {
    const index = `<a href="../">..</a><a href="13.1-RELEASE/">13.1-RELEASE/</a><a href="./14.2-RELEASE/">x</a>
      <a href="ISO-IMAGES/">ISO</a> <A HREF="/pub/FreeBSD/releases/amd64/14.10-RELEASE/">y</A> <a href="14.3-RELEASE">no directory</a>
      <a href="15.0-RC1/">z</a><a href="13.1-RELEASE/">again</a><a href="?C=N;O=D">Name</a>`;
    expect(parseIndex(index)).toEqual(['13.1-RELEASE', '14.2-RELEASE', '14.10-RELEASE', '15.0-RC1']);
  });

  it('is the server first, and then the archive', () => {
    expect(
      releaseAddresses('13.1-RELEASE', 'amd64', { server: 'https://a', archive: 'https://b/old' }),
    ).toEqual(['https://a/ftp/releases/amd64/13.1-RELEASE', 'https://b/old/amd64/13.1-RELEASE']);
    expect(releaseAddresses('x', 'arm64', { server: 'https://a', archive: undefined })).toHaveLength(1);
  });
});

describe('the patch level', () => {
  it.each([
    ['#!/bin/sh\nUSERLAND_VERSION="14.2-RELEASE-p1"\n', '14.2-RELEASE-p1'],
    ['USERLAND_VERSION="13.5-RELEASE"', '13.5-RELEASE'],
    ['USERLAND_VERSION="14.0-RC1-p2"', '14.0-RC1-p2'],
    ['USERLAND_VERSION="15.0-CURRENT"', '15.0-CURRENT'],
    ['USERLAND_VERSION="14.2-RELEASE-p1; rm -rf /"', undefined],
    ['# USERLAND_VERSION="14.2-RELEASE"', undefined],
    ['', undefined],
  ])('of %j is %s', (script, level) => expect(parseUserland(script)).toBe(level));
});
