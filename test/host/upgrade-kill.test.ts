/**
 * An upgrade that is killed: at every mark of its journal, and in the middle of its longest step. Doctor
 * puts the jail back, files and all, and it runs when it ran before.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandIn, type Command } from '../support/command.ts';
import { killingIn, type Killing } from '../support/killing.ts';
import { hostTests, openLab, reason, type Lab } from '../support/lab.ts';
import { layBusyboxRoot } from '../support/release.ts';

describe.skipIf(!hostTests)(`upgrade, killed${reason}`, { timeout: 500_000 }, () => {
  let lab: Lab;
  let iocage: Command;
  let killed: Killing;

  beforeAll(async () => {
    lab = await openLab({ sizeMb: 2048 });
    iocage = commandIn(lab.environment);
    killed = await killingIn(lab);
    const folder = join(lab.pool.directory, 'next');
    layBusyboxRoot(folder);
    writeFileSync(join(folder, 'etc/hosts'), '127.0.0.1 localhost next\n');
    writeFileSync(join(folder, 'usr/bin/more'), 'more\n');
    await lab.run('release.fetch', { release: 'next', folder });
    for (const [kind, name] of [
      ['clone', 'thin'],
      ['thick', 'web'],
    ]) {
      await lab.run('jail.create', { kind, release: 'busybox', name, properties: [['ip4', 'disable']] });
      writeFileSync(join(rootOf(name!), 'root/mine'), 'mine\n');
    }
  });
  afterAll(() => lab.close());

  const rootOf = (jail: string): string => join(lab.pool.directory, 'pool/iocage/jails', jail, 'root');
  const treeOf = (jail: string): readonly string[] =>
    execFileSync('find', [rootOf(jail), '-printf', '%P %y %m %s %l\n'], { encoding: 'utf8' })
      .split('\n')
      .sort();
  const state = (): readonly string[] =>
    lab
      .state()
      .replaceAll(/op\\t[^"]*/g, 'op')
      .split('\n');
  const doctor = async (): Promise<void> => {
    const { findings } = await lab.run<{ findings: { state: string }[] }>('host.doctor', {});
    expect(findings.filter((finding) => finding.state !== 'mended')).toEqual([]);
  };
  const running = async (jail: string): Promise<boolean> => {
    const { jails } = await lab.run<{ jails: { uuid: string; state: string }[] }>('jail.list', {});
    return jails.some(({ uuid, state }) => uuid === jail && state === 'up');
  };

  it.each(['thin', 'web'])('%s: at every mark, with a health check, from a running jail', async (jail) => {
    await lab.run('jail.start', { jail });
    const before = { state: state(), tree: treeOf(jail) };
    const input = { jail, release: 'next', health: 'true' };
    let at = 0;
    for (; ; at += 1) {
      const ran = killed('jail.upgrade', input, at, 'after');
      expect(ran.signal, `mark ${at}: ${ran.stderr}`).toBe('SIGKILL');
      await doctor();
      expect(await running(jail), `mark ${at}`).toBe(true);
      if ((await lab.run<{ value: string }>('property.get', { jail, key: 'release' })).value === 'next')
        break;
      expect(state(), `mark ${at}`).toEqual(before.state);
      // A stop leaves its mark, and nothing else is other than before.
      const shutdown = /^var\/log\/rc-shutdown-ran /;
      expect(
        treeOf(jail).filter((line) => !shutdown.test(line)),
        `mark ${at}`,
      ).toEqual(before.tree.filter((line) => !shutdown.test(line)));
    }
    // The last mark ends it.
    expect(at).toBeGreaterThan(8);
    await lab.run('jail.stop', { jail });
    await lab.run('jail.upgrade-back', { jail });
    expect(treeOf(jail).filter((line) => /mine|hosts|more/.test(line))).toEqual(
      before.tree.filter((line) => /mine|hosts|more/.test(line)),
    );
  });

  it('in the middle of copying', async () => {
    mkdirSync(join(rootOf('thin'), 'srv'));
    for (let file = 0; file < 60; file += 1)
      writeFileSync(join(rootOf('thin'), `srv/${file}`), Buffer.alloc(4 * 1024 * 1024, file));
    const before = { state: state(), tree: treeOf('thin') };
    const fresh = join(rootOf('thin'), '../root.new/srv/3');
    for (const pauseMs of [0, 150, 400]) {
      const run = iocage.start('upgrade', 'thin', 'release=next');
      for (let tries = 0; tries < 3000 && !existsSync(fresh); tries += 1) await setTimeout(10);
      expect(existsSync(fresh)).toBe(true);
      await setTimeout(pauseMs);
      run.child.kill('SIGKILL');
      await run.ended;
      await doctor();
      expect(state()).toEqual(before.state);
      expect(treeOf('thin')).toEqual(before.tree);
    }
    // Ended by Ctrl-C it goes back by itself.
    const run = iocage.start('upgrade', 'thin', 'release=next');
    for (let tries = 0; tries < 3000 && !existsSync(fresh); tries += 1) await setTimeout(10);
    run.child.kill('SIGINT');
    expect((await run.ended).status).not.toBe(0);
    expect(state()).toEqual(before.state);
    expect(treeOf('thin')).toEqual(before.tree);
    await lab.run('jail.upgrade', { jail: 'thin', release: 'next' });
    expect(treeOf('thin').filter((line) => line.startsWith('srv/'))).toEqual(
      before.tree.filter((line) => line.startsWith('srv/')),
    );
  });

  it('a pool without room: refused as that, and the jail is as before', async () => {
    await lab.run('jail.upgrade-done', { jail: 'thin' });
    await lab.run('property.set', { jails: ['thin'], properties: [['quota', '300M']] });
    const before = { state: state(), tree: treeOf('thin') };
    await expect(lab.run('jail.rebase', { jail: 'thin' })).rejects.toMatchObject({
      code: 'POOL_FULL',
      undoFailures: [],
    });
    expect(state()).toEqual(before.state);
    expect(treeOf('thin')).toEqual(before.tree);
  });
});
