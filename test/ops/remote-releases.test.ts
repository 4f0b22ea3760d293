/** `list -R` on the fakes, with a server, an archive and a page of dates on 127.0.0.1. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RemoteReleases } from '../../src/ops/release/remote.ts';
import { openFakeWorld, type FakeWorld } from '../support/fake-world.ts';
import { serve, type SmallServer } from '../support/sets-server.ts';

const anchors = (...names: readonly string[]): string =>
  names.map((name) => `<a href="${name}/">${name}/</a>`).join('\n');

describe('the releases that can be fetched', () => {
  let world: FakeWorld;
  let server: SmallServer;
  const pages = new Map<string, string>();
  beforeAll(async () => {
    world = await openFakeWorld({ releases: ['14.3-RELEASE'] });
    server = await serve((request, response) => {
      const text = pages.get((request.url ?? '').replace(/amd64|arm64/, 'ARCH'));
      response.writeHead(text === undefined ? 404 : 200).end(text ?? 'not here');
    });
  });
  afterAll(async () => {
    await server.close();
    world.close();
  });
  const list = (more: object = {}) =>
    world.run<RemoteReleases>('release.remote', {
      server: server.url,
      archive: `${server.url}/old`,
      dates: `${server.url}/dates`,
      ...more,
    });

  it('come from the server and the archive, with their support and what is fetched', async () => {
    pages.set('/ftp/releases/ARCH/', anchors('ISO-IMAGES', '14.3-RELEASE', '99.0-RELEASE'));
    pages.set('/old/ARCH/', anchors('13.1-RELEASE', '14.3-RELEASE'));
    pages.set('/dates', '<tr><td>releng/99.0<td>99.0-RELEASE<td>May 1, 2098<td>June 2, 2099');
    const { releases, notes } = await list();
    expect(notes).toEqual([expect.stringContaining('no jail of this host runs them')]);
    expect(releases.map(({ name, from, fetched }) => [name, from, fetched])).toEqual([
      ['13.1-RELEASE', 'archive', false],
      ['14.3-RELEASE', 'server', true],
      ['99.0-RELEASE', 'server', false],
    ]);
    expect(releases[0]).toMatchObject({ support: 'end of life', endOfLife: '2023-07-31' });
    expect(releases[2]).toMatchObject({ support: 'supported', endOfLife: '2099-06-02' });
  });

  it('are told without the archive and with the dates that are known, when those cannot be had', async () => {
    pages.set('/ftp/releases/ARCH/', anchors('13.5-RELEASE'));
    pages.delete('/old/ARCH/');
    pages.set('/dates', 'moved');
    const { releases, notes } = await list();
    expect(releases).toMatchObject([{ name: '13.5-RELEASE', endOfLife: '2026-04-30' }]);
    expect(notes.slice(1)).toEqual([
      expect.stringContaining('dates of support could not be read anew'),
      expect.stringMatching(/failed fetching .*\/old\/.*404/),
    ]);
  });

  it('are a failure without the server itself', async () => {
    pages.clear();
    await expect(list()).rejects.toMatchObject({ code: 'DOWNLOAD_FAILED' });
    await expect(list({ server: 'https://user:secret@x' })).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  });
});
