/** Which zone a host's clock is set to, as /etc/localtime says it: a link, or a copy that tzsetup(8) made. */
import { describe, expect, it } from 'vitest';
import type { JailSpec } from '../../../../src/driver/host.ts';
import type { Files } from '../../../../src/driver/system.ts';
import { localTimeKind, localTimeSteps } from '../../../../src/driver/both/local-time.ts';

const file = { type: 'file' };
const kind = localTimeKind('test.local-time');
const jail = { root: '/jail', config: new Map([['host_time', 'yes']]) } as unknown as JailSpec;

/** @param host link or text by path; the jail has every zone and no /etc/localtime */
function steps(host: { readonly link?: string; readonly copy?: boolean; readonly zoneinfo?: string }) {
  const files = {
    readlink: async () => host.link,
    stat: async () => (host.copy ? file : undefined),
    read: async (path: string) => (path === '/var/db/zoneinfo' ? host.zoneinfo : undefined),
    statBelow: async (_root: string, path: string) => (path === 'etc/localtime' ? undefined : file),
    readlinkBelow: async () => undefined,
  } as unknown as Files;
  return localTimeSteps(kind, files, jail);
}

describe('the zone of the host', () => {
  const berlin = '/usr/share/zoneinfo/Europe/Berlin';
  it.each([
    ['a link', { link: berlin }, berlin],
    ['a copy, and what tzsetup(8) wrote down', { copy: true, zoneinfo: 'Europe/Berlin\n' }, berlin],
    ['a copy of nobody knows what', { copy: true }, undefined],
    ['a copy, and no name of a zone', { copy: true, zoneinfo: '../../../etc/passwd\n' }, undefined],
    ['UTC, with a name that is no longer true', { zoneinfo: 'Europe/Berlin\n' }, undefined],
  ])('is known from %s', async (_from, host, target) => {
    const [step] = await steps(host);
    expect((step?.args as { target?: string } | undefined)?.target).toBe(target);
  });
});
