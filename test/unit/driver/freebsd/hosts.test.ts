/** Names between jails of one bridge, on the stand-in: what each sees as /etc/hosts, and that nothing of it is left. */
import { mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { JailSpec } from '../../../../src/driver/host.ts';
import { asData, runSteps, start, stop } from '../../../contract/host.ts';
import { freebsdUnderTest, type FreebsdUnderTest } from '../../../support/freebsd-jails.ts';

let it_: FreebsdUnderTest;
const open = async (release: string): Promise<void> => {
  it_ = freebsdUnderTest(mkdtempSync(join(tmpdir(), 'iocage-names-')), { release });
  await it_.standIn.exec.change(['ifconfig', 'bridge0', 'create', 'up']);
};
beforeEach(() => open('14.2-RELEASE'));
afterEach(() => it_.dispose());

const jail = (name: string, last: number, more: Readonly<Record<string, string>> = {}): Promise<JailSpec> =>
  it_.jail(name, {
    vnet: 'on',
    interfaces: 'vnet0:bridge0',
    ip4_addr: `vnet0|10.0.0.${last}/24`,
    host_hostname: `${name}.example.org`,
    hosts: 'on',
    ...more,
  });

/** The mount that the jail sees there, and what it shows. */
function seen({ root }: JailSpec): {
  readonly file: string;
  readonly text: string;
  readonly options: unknown;
} {
  const found = it_.standIn.machine().mounts.find(({ on }) => on === `${root}/etc/hosts`)!;
  return { file: found.from, text: readFileSync(found.from, 'utf8'), options: found.options };
}
const lines = (of: JailSpec): readonly string[] =>
  seen(of)
    .text.split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));

it('jails of a bridge know each other by tag and host name, from start to stop', async () => {
  const [web, db, silent] = [
    await jail('web', 2),
    await jail('db', 3),
    await jail('dns', 4, { hosts: 'off' }),
  ];
  writeFileSync(join(web.root, 'etc/hosts'), '127.0.0.1\tlocalhost');
  const before = await it_.snapshot();
  for (const one of [web, db, silent]) {
    expect(await it_.host.check(one)).toEqual([]);
    await start(it_, one);
  }
  const both = ['10.0.0.3\tdb db.example.org', '10.0.0.2\tweb web.example.org'];
  expect(lines(web)).toEqual(['127.0.0.1\tlocalhost', ...both]);
  expect(lines(db)).toEqual(both);
  expect(seen(web).options).toEqual(['ro']);
  expect(it_.standIn.machine().mounts.some(({ on }) => on === `${silent.root}/etc/hosts`)).toBe(false);
  // A mount of a file shows the file that it was: it is written in place.
  const { ino } = statSync(seen(web).file);
  await stop(it_, db);
  expect(lines(web)).toEqual(['127.0.0.1\tlocalhost', both[1]]);
  expect(statSync(seen(web).file).ino).toBe(ino);
  await it_.kill(web);
  await runSteps(it_.host, asData(await it_.host.leftoverSteps!(web)), it_.run);
  await stop(it_, silent);
  expect(await it_.snapshot()).toEqual(before);
  expect(readFileSync(join(web.root, 'etc/hosts'), 'utf8')).toBe('127.0.0.1\tlocalhost');
});

it('a start that fails at any step takes the names back from the others', async () => {
  const [web, db] = [await jail('web', 2), await jail('db', 3)];
  await start(it_, web);
  const before = await it_.snapshot();
  const alone = seen(web).text;
  const { length } = await it_.host.startSteps(db);
  for (let failAt = 0; failAt < length; failAt += 1)
    for (const after of [false, true]) {
      const steps = await it_.host.startSteps(db);
      await expect(runSteps(it_.host, steps, it_.run, { failAt, after })).rejects.toThrow('made to fail');
      expect(await it_.snapshot(), `${steps[failAt]!.kind}, after: ${after}`).toEqual(before);
      expect(seen(web).text).toBe(alone);
    }
  expect(length).toBeGreaterThan(8);
  await stop(it_, web);
});

it('is refused where nullfs cannot show a file, and told where there is no network for it', async () => {
  it_.standIn.close();
  await open('13.4-RELEASE');
  expect(await it_.host.check(await jail('web', 2))).toEqual([
    { key: 'hosts', problem: 'nullfs shows single files since FreeBSD 14' },
  ]);
  const without = await it_.jail('alone', { hosts: 'on' });
  expect(await it_.host.check(without)).toEqual([]);
  expect(it_.host.notApplied(without).map(({ key }) => key)).toContain('hosts');
});
