/**
 * A pool without a byte left: what cannot be done is refused before anything is touched, jails start and stop, and
 * what makes room works.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandIn, type Command } from '../support/command.ts';
import { hostTests, openLab, reason, sh, type Lab } from '../support/lab.ts';

describe.skipIf(!hostTests)(`a full pool${reason}`, { timeout: 120_000 }, () => {
  let lab: Lab;
  let iocage: Command;
  beforeAll(async () => {
    lab = await openLab({ sizeMb: 160 });
    iocage = commandIn(lab.environment);
    await lab.run('jail.create', { kind: 'thick', release: 'busybox', name: 'thick' });
    await lab.run('jail.create', { kind: 'clone', release: 'busybox', name: 'thin' });
    await lab.run('snapshot.take', { jail: 'thick', snapshot: 'before' });
    await lab.run('jail.start', { jail: 'thin' });
    await lab.run('jail.stop', { jail: 'thin' });
    // Until ZFS has written all of it: what it frees meanwhile is filled again.
    for (let round = 0; round < 12; round += 1) {
      const part = join(lab.pool.directory, `pool/fill${round}`);
      spawnSync('dd', ['if=/dev/urandom', `of=${part}`, `bs=${round === 0 ? '1M' : '4k'}`, 'status=none']);
      await new Promise((done) => setTimeout(done, 1000));
      if (round > 2 && available() === 0) break;
    }
    expect(available()).toBe(0);
  }, 120_000);
  afterAll(() => lab.close());

  const available = (): number =>
    Number(sh('zfs', 'get', '-Hp', '-o', 'value', 'available', lab.pool.name).trim());

  it.each([
    'rename thin other',
    'set template=yes thick',
    'set notes=x thick',
    'rollback -f thick@before',
    'snapshot thick@other',
    'clone thick -n other',
    'create -c release=busybox -n other',
    'export thick',
    'promote thin',
    'record start thick',
  ])('%s: no space left, and nothing is touched', (line) => {
    const before = lab.state();
    const { status, stderr } = iocage(...line.split(' '));
    expect(stderr).toMatch(/no space left|out of space/);
    expect(status).toBe(1);
    expect(iocage('doctor').stdout).toContain('Nothing to mend');
    expect(lab.state()).toBe(before);
  });

  it('jails start and stop', () => {
    const started = iocage('start', 'thin');
    expect(started.stderr).toContain('last_started');
    expect(started.status).toBe(0);
    expect(iocage('exec', 'thin', 'true').status).toBe(0);
    expect(iocage('restart', 'thin').status).toBe(0);
    expect(iocage('stop', 'thin').status).toBe(0);
  });

  it('what makes room works', () => {
    for (const line of ['snapremove thick@before', 'destroy -f thick', 'clean -j -f'])
      expect(iocage(...line.split(' ')), line).toMatchObject({ status: 0 });
    expect(iocage('doctor').stdout).toContain('Nothing to mend');
  });
});
