/** What `activate` makes: the layout, closed to the host's other users. */
import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hostTests, openLab, reason, sh } from '../support/lab.ts';
import type { Lab } from '../support/lab.ts';

describe.skipIf(!hostTests)(`activate${reason}`, () => {
  let lab: Lab;
  let root: string;
  beforeAll(async () => {
    lab = await openLab();
    root = sh('zfs', 'get', '-H', '-o', 'value', 'mountpoint', `${lab.pool.name}/iocage`).trim();
    // The pool of a test lies in a private directory; a user's does not.
    sh('chmod', '755', lab.pool.directory);
  });
  afterAll(() => lab.close());

  it('closes what holds files of jails and releases to other users of the host', () => {
    for (const name of ['jails', 'releases', 'templates', 'download', '.defaults', 'log']) {
      expect(statSync(join(root, name)).mode & 0o777, name).toBe(0o700);
    }
  });

  it('keeps a setuid program that a jail made out of reach of a user of the host', async () => {
    await lab.run('jail.create', { kind: 'clone', release: 'busybox', name: 'trap' });
    const program = join(root, 'jails/trap/root/bin/busybox');
    sh('chmod', '4755', program);
    // setpriv(1) itself still holds root's capabilities when it executes a program; what that starts has none.
    const asNobody = spawnSync(
      'setpriv',
      ['--reuid', '65534', '--regid', '65534', '--clear-groups', 'env', program, 'id'],
      { encoding: 'utf8' },
    );
    expect(asNobody.status).not.toBe(0);
    expect(asNobody.stderr).toMatch(/Permission denied/);
    await lab.run('jail.destroy', { jail: 'trap' });
  });

  it('without a pool tells which one is in use', async () => {
    expect(await lab.run('pool.show', {})).toEqual({ pool: lab.pool.name });
  });

  it('changes nothing when it is repeated', async () => {
    const before = lab.state();
    await lab.run('pool.activate', { pool: lab.pool.name });
    expect(lab.state().split('\n')).toEqual(before.split('\n'));
  });
});
