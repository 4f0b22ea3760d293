/** packages of a description, with a real apt in real containers; the packages are made here. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandIn, comparable, type Command, type Ran } from '../support/command.ts';
import { layDebs } from '../support/debs.ts';
import { hostTests, openLab, reason, type Lab } from '../support/lab.ts';

const codename = /^VERSION_CODENAME=(\S+)$/m.exec(
  existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '',
)?.[1];
const missing = codename === undefined || !existsSync('/usr/bin/mmdebstrap');
const why = reason || (missing ? ' (skipped: not Debian, or no mmdebstrap)' : '');

describe.skipIf(!hostTests || missing)(`packages of a description${why}`, { timeout: 240_000 }, () => {
  let lab: Lab;
  let iocage: Command;

  const root = (jail: string): string => join(lab.pool.directory, 'pool/iocage/jails', jail, 'root');
  const has = (program: string): boolean => existsSync(join(root('web'), 'usr/bin', program));
  const command = (name: string, text: string, ...flags: readonly string[]): Ran => {
    const file = join(lab.pool.directory, 'jails.yaml');
    writeFileSync(file, text);
    return iocage(name, file, ...flags);
  };
  const jail = (packages: string, state: string): string =>
    `jails: {web: {release: bookworm, type: clone, properties: {ip4: disable, exec_start: none, exec_stop: none}, packages: ${packages}, state: ${state}}}`;
  const ok = (ran: Ran): string => {
    expect(ran.status, ran.stdout + ran.stderr).toBe(0);
    return ran.stdout;
  };

  beforeAll(async () => {
    lab = await openLab({ sizeMb: 3072, release: false });
    iocage = commandIn(lab.environment);
    await lab.run('release.fetch', { release: 'bookworm', suite: codename, variant: 'apt' });
    const release = join(lab.pool.directory, 'pool/iocage/releases/bookworm/root');
    layDebs(
      release,
      ['first', 'second', 'third'].map((name) => ({ name, version: '1', program: `echo ${name}` })),
    );
  }, 400_000);
  afterAll(() => lab?.close());

  it('are there after create, are added to jails that are there, up or down, and are no difference then', () => {
    expect(ok(command('plan', jail('[first]', 'down')))).toContain('    + packages: first\n');
    ok(command('apply', jail('[first]', 'down')));
    expect([has('first'), has('second')]).toEqual([true, false]);
    expect(ok(command('plan', jail('[first]', 'down')))).toContain('1 as wanted');

    expect(ok(command('apply', jail('[first, second]', 'down')))).toContain('web: changed (second)');
    expect(has('second')).toBe(true);
    expect(iocage('get', 'state', 'web').stdout).toBe('down\n');
    expect(ok(command('apply', jail('[first, second]', 'up')))).toContain('web: changed (started)');
    expect(ok(command('apply', jail('[third=1]', 'up')))).toContain('web: changed (third=1)');
    expect(iocage('get', 'state', 'web').stdout).toBe('up\n');
    expect(iocage('exec', 'web', 'third').stdout).toBe('third\n');
    // What is not named any more is left alone.
    expect(ok(command('apply', jail('[third]', 'up')))).toContain('1 as wanted');
    expect(has('first')).toBe(true);
  });

  it('one that cannot be had leaves the jail as it was', () => {
    const before = comparable(lab.state());
    const ran = command('apply', jail('[first, nosuch]', 'up'));
    expect(ran.status).toBe(1);
    expect(ran.stdout).toContain('web: failed');
    expect(ran.stdout).toContain('nosuch');
    expect(comparable(lab.state())).toEqual(before);
    const none = command('apply', jail('[nosuch]', 'down').replace('web:', 'new:'));
    expect(none.status).toBe(1);
    expect(iocage('list', '-H').stdout).not.toContain('new');
    const wrong = command('plan', jail('["-o", "a b", good]', 'up'));
    expect(wrong.status).toBe(2);
    expect(wrong.stderr).toContain('no name of a package');
    expect(wrong.stderr).toContain('one package, please');
  });
});
