/**
 * What is taken away when a jail stops, and what never is: root of a jail may have moved its directories, put links in
 * their place, and mounted file systems itself. The host's own mounts stay, whatever the names below the jail's root lead to.
 */
import { mkdirSync, mkdtempSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { start, stop } from '../../../contract/host.ts';
import { freebsdUnderTest, type FreebsdUnderTest } from '../../../support/freebsd-jails.ts';

let directory: string;
let it_: FreebsdUnderTest;
let home: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'iocage-unmount-'));
  it_ = freebsdUnderTest(directory);
  home = join(directory, 'home');
  mkdirSync(home);
  it_.standIn.change(
    ({ mounts }) => void mounts.push({ type: 'zfs', from: 'host/home', on: home, options: [] }),
  );
});
afterEach(() => it_.dispose());

const places = (): readonly string[] => it_.standIn.machine().mounts.map(({ on }) => on);
const mountInJail = (on: string): void =>
  it_.standIn.change(({ mounts }) => void mounts.push({ type: 'tmpfs', from: 'tmpfs', on, options: [] }));

async function withShared(target: string, config: Readonly<Record<string, string>> = {}) {
  const jail = await it_.jail('web', config);
  const srv = join(directory, 'srv');
  mkdirSync(srv);
  const field = (path: string): string => path.replaceAll(' ', '\\040');
  writeFileSync(
    join(jail.mountpoint, 'fstab'),
    `${srv}\t${field(join(jail.root, target))}\tnullfs\tro\t0\t0\n`,
  );
  return jail;
}

it('a place with blanks in its name is found again, however often the jail starts', async () => {
  const jail = await withShared('/mnt/my photos');
  for (let round = 0; round < 2; round += 1) {
    await start(it_, jail);
    expect(places().filter((on) => on.endsWith('/mnt/my photos'))).toHaveLength(1);
    await stop(it_, jail);
    expect(places()).toEqual([home]);
  }
});

it('what root of the jail mounted goes with the jail', async () => {
  const jail = await withShared('/mnt/data', {
    allow_mount: '1',
    allow_mount_tmpfs: '1',
    enforce_statfs: '1',
  });
  await start(it_, jail);
  mkdirSync(join(jail.root, 'work/inner'), { recursive: true });
  for (const place of ['work', 'work/inner']) mountInJail(join(jail.root, place));
  await stop(it_, jail);
  expect(places()).toEqual([home]);
});

it("without allow_mount a mount below the root is the administrator's, and stays", async () => {
  const jail = await withShared('/mnt/data');
  await start(it_, jail);
  const own = join(jail.root, 'own');
  mkdirSync(own);
  mountInJail(own);
  await stop(it_, jail);
  expect(places()).toEqual([home, own]);
});

it('a directory that was moved away, with a link to the host in its place, leads nowhere', async () => {
  const jail = await withShared('/mnt/home', {
    allow_mount: '1',
    allow_mount_tmpfs: '1',
    enforce_statfs: '1',
  });
  await start(it_, jail);
  // Twice at one place, so that umount(8) asks by path; and a place of its own under a link.
  mountInJail(join(jail.root, 'mnt/home'));
  mkdirSync(join(jail.root, 'tmp/home'), { recursive: true });
  mountInJail(join(jail.root, 'tmp/home'));
  mountInJail(join(jail.root, 'tmp/home'));
  for (const name of ['mnt', 'tmp']) {
    renameSync(join(jail.root, name), join(jail.root, `${name}.moved`));
    symlinkSync(directory, join(jail.root, name));
  }
  await stop(it_, jail);
  expect(places()).toContain(home);
  expect(it_.notes.filter((note) => note.includes('leads over a link'))).not.toEqual([]);
});

it("a device that was handed over is the host's again at once, and up", async () => {
  it_.standIn.change(({ nics }) => {
    const [, em0] = nics;
    nics.push({ ...structuredClone(em0!), id: 99, name: 'em1', inet: [], ether: '58:9c:fc:00:00:99' });
  });
  const jail = await it_.jail('web', { vnet: 'on', interfaces: 'none', vnet_interfaces: 'em1' });
  const before = await it_.snapshot();
  await start(it_, jail);
  await stop(it_, jail);
  expect(await it_.snapshot()).toEqual(before);
  expect(it_.standIn.machine().nics.find(({ name }) => name === 'em1')).toMatchObject({ vnet: 0, up: true });
});

it('rules of ipfw that the host has under a number of ours stay, and no jail gets it', async () => {
  it_.standIn.change((machine) => {
    machine.klds.push('ipfw', 'ipfw_nat');
    machine.ipfw.enabled = true;
    machine.sysctl['0/net.inet.ip.fw.one_pass'] = '0';
    const rule = 'nat 123 ip4 from any to any via em0';
    // All but one, which a jail may have.
    for (let number = 20; number < 80; number += 1)
      if (number !== 50 && number !== 61) machine.ipfw.rules.push({ number, set: 0, rule });
    machine.ipfw.nat['123'] = 'if em0';
  });
  const jail = await it_.jail('web', { nat: '1', nat_backend: 'ipfw' });
  const { ipfw } = it_.standIn.machine();
  expect(await it_.host.check(jail)).toEqual([]);
  await start(it_, jail);
  expect(it_.standIn.machine().ipfw.nat).toHaveProperty('61');
  // The administrator loads the rules anew: ours are gone, and one of theirs has the number.
  it_.standIn.change((machine) => {
    machine.ipfw.rules = [...ipfw.rules, { number: 61, set: 0, rule: 'allow ip from any to any' }];
  });
  await stop(it_, jail);
  expect(it_.standIn.machine().ipfw.rules).toHaveLength(ipfw.rules.length + 1);
  expect((await it_.host.check(jail)).map(({ problem }) => problem)).toEqual([
    expect.stringContaining('ipfw has no number from 20 to 79 left'),
  ]);
});

it('what the kernel has no parameter for is told before anything is done', async () => {
  const jail = await it_.jail('web', { allow_vmm: '1', allow_nfsd: '1' });
  it_.standIn.change((machine) => void (machine.release = '13.5-RELEASE'));
  expect((await it_.host.check(jail)).map(({ key }) => key)).toEqual(['allow_vmm', 'allow_nfsd']);
});
