/**
 * Every single call of ifconfig and route in the start of a vnet jail fails once, before its work and after it, as when
 * somebody is killed there: what a step has begun is known to whoever undoes it, an epair without our name too.
 */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { start, stop } from '../../../contract/host.ts';
import { freebsdUnderTest, type FreebsdUnderTest } from '../../../support/freebsd-jails.ts';

let it_: FreebsdUnderTest;
beforeEach(async () => {
  it_ = freebsdUnderTest(mkdtempSync(join(tmpdir(), 'iocage-faults-')));
  for (const bridge of ['bridge0', 'bridge1'])
    await it_.standIn.exec.change(['ifconfig', bridge, 'create', 'up']);
});
afterEach(() => it_.dispose());

it.each(['ifconfig', 'route'])(
  '%s',
  async (tool) => {
    const jail = await it_.jail('web', {
      vnet: 'on',
      interfaces: 'vnet0:bridge0,vnet1:bridge1',
      ip4_addr: 'vnet0|10.0.0.2/24,vnet1|10.1.0.2/24',
      defaultrouter: '10.0.0.1',
    });
    // Another jail's of the same moment, which is not ours to take.
    const other = ['ifconfig', 'epair', 'create', 'description', 'associated with jail: db as nic: vnet0'];
    await it_.standIn.exec.change(other);
    const before = await it_.snapshot();
    const callsBefore = it_.standIn.calls().length;
    await start(it_, jail);
    const calls = it_.standIn.calls().slice(callsBefore);
    await stop(it_, jail);
    // Not what only looks, and not what jail(8) runs itself.
    const changes = calls.filter(
      (call) => call.tool === tool && !call.words.includes('-a') && call.words[1] !== 'vnet',
    );
    expect(changes.length).toBeGreaterThan(tool === 'route' ? 0 : 20);
    for (const when of ['before', 'after'] as const)
      for (const [index, { words }] of changes.entries()) {
        const same = changes.slice(0, index + 1).filter((call) => call.words.join(' ') === words.join(' '));
        it_.standIn.fail({ tool, match: [tool, ...words].join(' '), nth: same.length, when });
        const failed = await start(it_, jail).catch(String);
        expect(`${words.join(' ')}: ${failed}`).toContain('made to fail');
        it_.standIn.mend();
        expect(await it_.snapshot(), `${when} ${words.join(' ')}`).toEqual(before);
      }
  },
  120_000,
);
