/**
 * The run directory is emptied while a jail runs, and a jail's first process is killed from outside:
 * nothing that lives is taken for stopped, and what is left goes with the next stop or doctor.
 */
import { existsSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hostTests, openLab, reason, sh, type Lab } from '../support/lab.ts';

describe.skipIf(!hostTests)(`lost records${reason}`, () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await openLab();
    await lab.run('jail.create', { kind: 'clone', release: 'busybox', name: 'lost' });
    await lab.run('snapshot.take', { jail: 'lost', snapshot: 'before' });
  });
  afterAll(() => lab.close());

  const stateOf = async (): Promise<string | undefined> => {
    const { jails } = await lab.run<{ jails: { uuid: string; state: string }[] }>('jail.list', {});
    return jails.find((jail) => jail.uuid === 'lost')?.state;
  };

  it('a jail without a record is still up, is not rolled back, started or destroyed, and can be stopped', async () => {
    const before = lab.state();
    await lab.run('jail.start', { jail: 'lost' });
    renameSync(lab.paths.run, join(lab.pool.directory, 'elsewhere'));

    expect(await stateOf()).toBe('up');
    for (const [operation, input] of [
      ['snapshot.rollback', { jail: 'lost', snapshot: 'before' }],
      ['jail.destroy', { jail: 'lost' }],
      ['pool.deactivate', { pool: lab.pool.name }],
    ] as const) {
      await expect(lab.run(operation, input), operation).rejects.toMatchObject({
        code: expect.stringMatching(/JAIL_RUNNING|POOL_IN_USE/),
      });
    }
    await expect(lab.run('jail.start', { jail: 'lost' })).rejects.toMatchObject({ code: 'ALREADY_UP' });

    await lab.run('jail.stop', { jail: 'lost' });
    expect(await stateOf()).toBe('down');
    expect(lab.state().split('\n')).toEqual(before.split('\n'));
    await lab.run('jail.start', { jail: 'lost' });
    await lab.run('jail.stop', { jail: 'lost' });
  });

  it('doctor sweeps what a jail left whose first process was killed', async () => {
    const before = lab.state();
    const { jid } = await lab.run<{ jid: number }>('jail.start', { jail: 'lost' });
    process.kill(jid, 'SIGKILL');
    await expect.poll(() => stateOf(), { timeout: 5000 }).toBe('down');
    const { findings } = await lab.run<{ findings: { id: string; state: string }[] }>('host.doctor', {});
    expect(findings).toMatchObject([{ id: 'lost', state: 'mended' }]);
    expect(lab.state().split('\n')).toEqual(before.split('\n'));
    expect(await lab.run('host.doctor', {})).toEqual({ findings: [] });
  });

  it('doctor leaves the tag link of a jail that cannot be used just now', async () => {
    const root = sh('zfs', 'get', '-H', '-o', 'value', 'mountpoint', `${lab.pool.name}/iocage`).trim();
    sh('zfs', 'set', `org.freebsd.iocage:notes=a\tb`, `${lab.pool.name}/iocage/jails/lost`);
    expect(await stateOf()).toBe('corrupt');
    await lab.run('host.doctor', {});
    expect(existsSync(join(root, 'tags/lost'))).toBe(true);
    sh('zfs', 'inherit', 'org.freebsd.iocage:notes', `${lab.pool.name}/iocage/jails/lost`);
    expect(await stateOf()).toBe('down');
  });

  it('a fifo is no archive', async () => {
    const fifo = join(lab.pool.directory, 'a.tar');
    sh('mkfifo', fifo);
    await expect(lab.run('release.fetch', { release: 'fifo', file: fifo })).rejects.toMatchObject({
      code: 'FILE_FAILED',
      message: expect.stringContaining('not a plain file'),
    });
  });
});
