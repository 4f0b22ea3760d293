/**
 * Flags of start and stop, reboot, and the host that a jail belongs to; run as a person runs them, on a real
 * pool, with real containers.
 */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandIn, type Command, type Ran } from '../support/command.ts';
import { hostTests, openLab, reason, type Lab } from '../support/lab.ts';
import { failEveryStep } from '../ops/every-step.ts';

describe.skipIf(!hostTests)(`start and stop${reason}`, () => {
  let lab: Lab;
  let iocage: Command;
  const ok = (...words: readonly string[]): string => {
    const ran = iocage(...words);
    expect(ran, words.join(' ')).toMatchObject({ status: 0 });
    return ran.stdout;
  };
  const both = ({ stdout, stderr }: Ran): string => stdout + stderr;
  const state = (name: string): string => ok('get', 'state', name).trim();
  const hostid = (name: string): string => ok('get', 'hostid', name).trim();

  beforeAll(async () => {
    lab = await openLab();
    iocage = commandIn(lab.environment);
    ok('create', '-c', '2', '-r', 'busybox', '-n', 'flag', 'ip4=disable');
  });
  afterAll(() => lab.close());

  it('reboot makes a new container', () => {
    ok('start', 'flag_1');
    const before = ok('get', 'jid', 'flag_1').trim();
    ok('reboot', 'flag_1');
    expect(ok('get', 'jid', 'flag_1').trim()).not.toBe(before);
    ok('stop', 'flag_1');
  });

  it('start -i and stop -i tell what failed and go on, with exit status 0', () => {
    const failed = iocage('start', 'flag_1', 'no-such', 'flag_2');
    expect(failed.status).toBe(1);
    ok('stop', 'flag_1', 'flag_2');
    const ignored = iocage('start', '-i', 'flag_1', 'no-such', 'flag_2');
    expect([ignored.status, both(ignored)]).toEqual([0, expect.stringContaining('no-such')]);
    expect([state('flag_1'), state('flag_2')]).toEqual(['up', 'up']);
    const stopped = iocage('stop', '--ignore', 'flag_1', 'no-such', 'flag_2');
    expect([stopped.status, both(stopped)]).toEqual([0, expect.stringContaining('no-such')]);
    expect([state('flag_1'), state('flag_2')]).toEqual(['down', 'down']);
    // A start that fails leaves nothing; the words of the command are still looked at.
    ok('set', 'exec_prestart=exit 1', 'flag_1');
    ok('start', '-i', 'flag_1', 'flag_2');
    expect([state('flag_1'), state('flag_2')]).toEqual(['down', 'up']);
    expect(iocage('start', '-i').status).toBe(2);
    ok('set', 'exec_prestart=/usr/bin/true', 'flag_1');
    ok('stop', '-i', 'flag_1', 'flag_2');
  });

  it('stop -f asks neither exec_prestop nor exec_stop, runs exec_poststop, and takes a jail that is down', () => {
    const marks = join(lab.pool.directory, 'marks');
    ok(
      'set',
      `exec_prestop=echo prestop >>${marks}`,
      `exec_poststop=echo poststop >>${marks}`,
      'exec_stop=/bin/sh -c sleep${IFS}1000',
      'stop_timeout=1',
      'flag_1',
    );
    ok('start', 'flag_1');
    const shown = ok('stop', '-f', 'flag_1');
    expect(shown).not.toMatch(/pre-stop|Stopping services/);
    expect(shown).toContain('Removing jail process');
    expect(readFileSync(marks, 'utf8')).toBe('poststop\n');
    expect(state('flag_1')).toBe('down');
    expect(iocage('stop', 'flag_1').status).toBe(1);
    ok('stop', '-f', 'flag_1');
    expect(readFileSync(marks, 'utf8')).toBe('poststop\n');
    rmSync(marks);
    expect(existsSync(marks)).toBe(false);
  });

  it('start -f starts a template that is named, and stop stops it', () => {
    ok('set', 'template=yes', 'flag_2');
    expect(both(iocage('start', 'flag_2'))).toMatch(/it is a template; .*-f/);
    ok('start', '-f', 'flag_2');
    expect(state('flag_2')).toBe('up');
    expect(ok('exec', 'flag_2', 'hostname')).toContain('flag-2');
    ok('stop', '-f', 'flag_2');
    ok('start', '-f', 'ALL');
    expect([state('flag_1'), state('flag_2')]).toEqual(['up', 'down']);
    ok('stop', 'flag_1');
    ok('set', 'template=no', 'flag_2');
  });

  it('with hostid_strict_check another host’s jail is refused; the first strict start writes the host down', () => {
    ok('create', '-c', '-r', 'busybox', '-n', 'bound', 'ip4=disable');
    const other = '1f3b6c0e-8d3e-11e5-9d70-feff819cdc9f';
    ok('set', `hostid=${other}`, 'bound');
    ok('start', 'bound');
    ok('stop', 'bound');
    ok('set', 'hostid_strict_check=1', 'bound');
    for (const words of [
      ['start', 'bound'],
      ['exec', '-f', 'bound', 'true'],
      ['start', '--rc'],
    ]) {
      if (words[1] === '--rc') ok('set', 'boot=on', 'bound');
      const refused = iocage(...words);
      expect(refused.status, words.join(' ')).toBe(1);
      expect(both(refused)).toContain(`the jail belongs to ${other}`);
      expect(state('bound')).toBe('down');
    }
    expect(iocage('start', '--rc', '-i').status).toBe(0);
    const [, mine] = /'iocage set hostid=(\S+) bound'/.exec(both(iocage('start', 'bound')))!;
    ok('set', `hostid=${mine!}`, 'bound');
    ok('start', 'bound');
    // A running jail is not stopped for a start that would be refused.
    ok('set', `hostid=${other}`, 'bound');
    expect(iocage('restart', 'bound').status).toBe(1);
    expect(state('bound')).toBe('up');
    ok('stop', 'bound');
    ok('destroy', '-f', 'bound');

    ok('create', '-c', '-r', 'busybox', '-n', 'fresh', 'ip4=disable', 'hostid_strict_check=1');
    expect(hostid('fresh')).not.toBe(mine);
    ok('start', 'fresh');
    expect(hostid('fresh')).toBe(mine);
    ok('stop', 'fresh');
    ok('destroy', '-f', 'fresh');
  });

  it('every step of a strict start, and of a forced stop, fails once', async () => {
    ok(
      'create',
      '-c',
      '-r',
      'busybox',
      '-n',
      'steps',
      'ip4=disable',
      'hostid_strict_check=1',
      'exec_created=true',
    );
    const world = {
      context: () => lab.context(),
      state: () => lab.state().replaceAll(/op\\t[^"]*/g, 'op'),
    };
    ok('start', 'steps');
    ok('stop', 'steps');
    const started = await failEveryStep(world, {
      operation: 'jail.start',
      input: () => ({ jail: 'steps' }),
      reset: () => lab.run('jail.stop', { jail: 'steps', force: true }),
    });
    const stopped = await failEveryStep(world, {
      operation: 'jail.stop',
      input: () => ({ jail: 'steps', force: true }),
      prepare: () => lab.run('jail.start', { jail: 'steps' }).catch(() => undefined),
      reset: () => Promise.resolve(),
    });
    expect([started > 5, stopped > 1]).toEqual([true, true]);
    ok('destroy', '-f', 'steps');
  }, 120_000);
});
