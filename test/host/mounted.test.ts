/**
 * Root datasets that are not mounted are never taken for empty ones, and what a rename unmounts for its time is
 * mounted again although it was killed in the middle of it: other jails' datasets, clones of its, too.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandIn, type Command } from '../support/command.ts';
import { hostTests, openLab, reason, sh, type Lab } from '../support/lab.ts';
import { busyboxTar } from '../support/release.ts';

describe.skipIf(!hostTests)(`mounts${reason}`, () => {
  let lab: Lab;
  let iocage: Command;
  let root: string;
  const mounted = (dataset: string): string =>
    sh('zfs', 'get', '-H', '-o', 'value', 'mounted', dataset).trim();
  const unmounted = (): readonly string[] =>
    sh('zfs', 'list', '-H', '-r', '-o', 'name,mounted', `${lab.pool.name}/iocage`)
      .split('\n')
      .filter((line) => line.endsWith('\tno'));

  beforeAll(async () => {
    lab = await openLab();
    iocage = commandIn(lab.environment);
    root = join(lab.pool.directory, 'pool/iocage');
    const tar = join(lab.pool.directory, 'next.tar');
    busyboxTar(tar);
    await lab.run('release.fetch', { release: 'next', file: tar });
    await lab.run('jail.create', { kind: 'thick', release: 'busybox', name: 'thick' });
    await lab.run('jail.create', { kind: 'clone', release: 'busybox', name: 'thin' });
    await lab.run('jail.create', { kind: 'base', release: 'busybox', name: 'based' });
  });
  afterAll(() => lab.close());

  describe('a release whose root is not mounted', () => {
    beforeAll(() => ['next', 'busybox'].forEach((name) => sh('zfs', 'unmount', release(name))));
    afterAll(() => ['next', 'busybox'].forEach((name) => sh('zfs', 'mount', release(name))));
    const release = (name: string): string => `${lab.pool.name}/iocage/releases/${name}/root`;

    it.each([
      ['upgrade', 'thick', 'release=next'],
      ['upgrade', '-n', 'thick', 'release=next'],
      ['upgrade', 'thin', 'release=next'],
      ['upgrade', 'based', 'release=next'],
      ['rebase', 'thin'],
      ['package', 'thin'],
      ['create', '-b', '-n', 'other', 'release=busybox'],
      ['start', 'based'],
      ['update', 'busybox'],
    ])('%s %s %s: refused, and nothing is touched', (...words) => {
      const before = lab.state();
      const files = readdirSync(join(root, 'jails/thick/root'), { recursive: true }).length;
      const { status, stderr } = iocage(...words);
      expect(stderr).toMatch(/dataset \S+\/root is not mounted/);
      expect(status).toBe(1);
      expect(lab.state()).toBe(before);
      expect(readdirSync(join(root, 'jails/thick/root'), { recursive: true }).length).toBe(files);
    });

    it('doctor tells of it', () => {
      const { stdout } = iocage('doctor');
      expect(stdout).toContain(`zfs mount ${release('next')}`);
      expect(stdout).toContain(`zfs mount ${release('busybox')}`);
    });
  });

  it('a jail whose root is not mounted: its files are not taken for deleted, and nothing is written below', () => {
    const dataset = `${lab.pool.name}/iocage/jails/thin/root`;
    sh('zfs', 'unmount', dataset);
    const { status, stderr } = iocage('upgrade', 'thin', 'release=next');
    expect(stderr).toContain(`dataset ${dataset} is not mounted`);
    expect(status).toBe(1);
    expect(iocage('doctor').stdout).toContain(`zfs mount ${dataset}`);
    sh('zfs', 'mount', dataset);
    expect(iocage('doctor').stdout).toContain('Nothing to mend');
  });

  it('a rename killed while everything is unmounted: doctor mounts it, and the clones of it', async () => {
    await lab.run('jail.clone', { jail: 'thick', name: 'child' });
    const before = lab.state();
    for (let round = 0; round < 3; round += 1) {
      const started = iocage.start('rename', 'thick', 'thicker');
      // zfs-fuse unmounts the clone first: the middle of the work.
      await expect
        .poll(() => mounted(`${lab.pool.name}/iocage/jails/child/root`), { interval: 5, timeout: 20_000 })
        .toBe('no');
      started.child.kill('SIGKILL');
      await started.ended;
      iocage('doctor');
      expect(unmounted()).toEqual([]);
      expect(iocage('doctor').stdout).toContain('Nothing to mend');
      expect(lab.state()).toBe(before);
    }
  });

  it('a clone that runs keeps its source from being renamed, and runs on', async () => {
    await lab.run('jail.start', { jail: 'child' });
    for (const words of [
      ['rename', 'thick', 'thicker'],
      ['set', 'template=yes', 'thick'],
    ]) {
      const before = lab.state();
      const { status, stderr } = iocage(...words);
      expect(stderr).toMatch(/jail child is up and running; .* of which it is a clone|thick has clones/);
      expect(status).toBe(1);
      expect(unmounted()).toEqual([]);
      expect(lab.state()).toBe(before);
    }
    expect(iocage('exec', '-U', 'www', 'child', 'id').stdout).toContain('www');
    await lab.run('jail.stop', { jail: 'child' });
    expect(iocage('rename', 'thick', 'thicker').status).toBe(0);
    expect(unmounted()).toEqual([]);
  });
});
