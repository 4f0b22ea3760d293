/** `listreleases`: what the servers of FreeBSD offer stands beside what is here, and keeps nobody waiting. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { failure } from '../../../src/domain/errors.ts';
import { ApiHost } from '../../../src/server/api-host.ts';
import type { Runner } from '../../../src/server/runner.ts';
import { releaseActions } from '../../../src/server/sysadm/releases.ts';

describe('listreleases', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  const remote = [
    { name: '9.3-RELEASE', support: 'end of life' },
    { name: '14.3-RELEASE', support: 'supported' },
    { name: '99.0-RELEASE', support: 'unknown' },
  ];
  let asked: string[] = [];
  const hostOf = (kernel: 'linux' | 'freebsd', offered: () => Promise<unknown>): ApiHost => {
    asked = [];
    const runner: Runner = {
      ask: async (_question, words) => {
        const { operation } = words as unknown as { operation: string };
        asked.push(operation);
        const result =
          operation === 'release.list' ? { releases: [{ name: '14.2-RELEASE' }] } : await offered();
        return { id: undefined, result } as never;
      },
      close: async () => undefined,
    };
    return new ApiHost({ runner, kernel: { kernel, notApplied: () => [] } });
  };
  const list = (host: ApiHost) => releaseActions['listreleases']!.run(host, undefined as never);

  it('on FreeBSD has both halves, and asks the servers once for all', async () => {
    const host = hostOf('freebsd', () => Promise.resolve({ releases: remote, notes: [] }));
    const both = {
      local: ['14.2-RELEASE'],
      remote: ['9.3-RELEASE (EOL)', '14.3-RELEASE', '99.0-RELEASE'],
    };
    expect(await Promise.all([list(host), list(host)])).toEqual([both, both]);
    vi.advanceTimersByTime(9 * 60_000);
    expect(await list(host)).toEqual(both);
    expect(asked.filter((operation) => operation === 'release.remote').length).toBe(1);
    vi.advanceTimersByTime(2 * 60_000);
    await list(host);
    expect(asked.filter((operation) => operation === 'release.remote').length).toBe(2);
  });

  it('leaves out the half that fails, and asks again soon', async () => {
    let works = false;
    const host = hostOf('freebsd', () =>
      works
        ? Promise.resolve({ releases: remote.slice(1, 2), notes: [] })
        : Promise.reject(failure('DOWNLOAD_FAILED', { url: 'https://x', why: 'no route' })),
    );
    expect(await list(host)).toEqual({ local: ['14.2-RELEASE'] });
    works = true;
    vi.advanceTimersByTime(61_000);
    expect(await list(host)).toEqual({ local: ['14.2-RELEASE'], remote: ['14.3-RELEASE'] });
  });

  it('does not wait for a server that does not answer', async () => {
    const host = hostOf('freebsd', () => new Promise(() => undefined));
    const answer = list(host);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(await answer).toEqual({ local: ['14.2-RELEASE'] });
  });

  it('on Linux asks no server of FreeBSD', async () => {
    const host = hostOf('linux', () => Promise.resolve({ releases: remote, notes: [] }));
    expect(await list(host)).toEqual({ local: ['14.2-RELEASE'] });
    expect(asked).toEqual(['release.list']);
  });
});
