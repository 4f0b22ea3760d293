/** rcboot, rcshutdown, depends, wait_for and start=on through the real command, on real ZFS with real containers. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandIn, comparable, type Command } from '../support/command.ts';
import { hostTests, openLab, reason, sh, type Lab } from '../support/lab.ts';

describe.skipIf(!hostTests)(`boot${reason}`, () => {
  let lab: Lab;
  let iocage: Command;

  beforeAll(async () => {
    lab = await openLab();
    iocage = commandIn(lab.environment);
  });
  afterAll(() => lab.close());

  const create = (name: string, ...words: readonly string[]): void => {
    const made = iocage('create', '-c', '-n', name, 'release=busybox', 'ip4=disable', ...words);
    expect(made, made.stderr).toMatchObject({ status: 0 });
  };
  const destroy = (...names: readonly string[]): void => {
    iocage('rcshutdown');
    for (const name of names) expect(iocage('destroy', '-f', name)).toMatchObject({ status: 0 });
  };
  const up = (): string[] =>
    (JSON.parse(iocage('list', '--json').stdout) as { jails: { tag: string; state: string }[] }).jails
      .filter(({ state }) => state === 'up')
      .map(({ tag }) => tag);
  const log = (name: string): string =>
    readFileSync(join(lab.pool.directory, 'pool/iocage/log', `${name}-console.log`), 'utf8');

  it('rcboot starts boot=on jails in order with what they depend on, rcshutdown stops all in reverse; nothing is left', () => {
    create('web', 'boot=on', 'priority=5', 'depends=db');
    create('db');
    create('dns', 'boot=on', 'priority=1');
    create('idle');
    const before = comparable(lab.state());
    const booted = iocage('rcboot', '-j', '1');
    expect(booted, booted.stderr).toMatchObject({ status: 0 });
    expect(booted.stdout).toMatch(
      /^\* \[I\|O\|C\] booting jails\.\.\.\n\* Starting dns\n[^*]*\* Starting db\n[^*]*\* Starting web\n[^*]*\* 3 started\n$/,
    );
    expect(up()).toEqual(['db', 'dns', 'web']);
    expect(iocage('rcboot').stdout).toContain('* 3 already up');
    expect(iocage('start', 'idle').status).toBe(0);

    const stopped = iocage('rcshutdown', '-j', '1');
    expect(stopped).toMatchObject({ status: 0 });
    expect(stopped.stdout).toMatch(/^\* \[I\|O\|C\] shutting down jails\.\.\.\n/);
    const order = [...stopped.stdout.matchAll(/^\* Stopping (\S+)$/gm)].map(([, name]) => name);
    expect(order).toEqual(['idle', 'web', 'db', 'dns']);
    expect(up()).toEqual([]);
    expect(comparable(lab.state())).toEqual(before);
    expect(iocage('rcshutdown')).toMatchObject({ status: 0 });
    expect(iocage('start', '--rc').stdout).toContain('* 3 started');
    expect(iocage('stop', '--rc').stdout).toContain('* 3 stopped');
    destroy('web', 'db', 'dns', 'idle');
  });

  it('several at once: each jail keeps its lines together, and all are up', () => {
    const names = ['a1', 'a2', 'a3', 'a4', 'a5'];
    for (const name of names) create(name, 'boot=on');
    const booted = iocage('rcboot', '--parallel', '4');
    expect(booted, booted.stderr).toMatchObject({ status: 0 });
    const blocks = booted.stdout.split(/^\* /m).filter((block) => block.startsWith('Starting '));
    expect(blocks).toHaveLength(5);
    for (const block of blocks) expect(block).toMatch(/^Starting \S+\n {2}\+ Started[^\n]*OK\n[^*]*$/);
    expect(up()).toEqual(names);
    destroy(...names);
  });

  it('a failure, a circle and a missing dependency are named, exit 1, and the rest starts', () => {
    create('bad', 'boot=on', 'exec_prestart=false');
    create('needs-bad', 'boot=on', 'depends=bad');
    create('c1', 'boot=on', 'depends=c2');
    create('c2', 'depends=c1');
    create('lost', 'boot=on', 'depends=nowhere');
    create('good', 'boot=on');
    const booted = iocage('rcboot');
    expect(booted.status).toBe(1);
    expect(booted.stdout).toContain('* 1 started, 4 failed, 1 skipped\n');
    expect(booted.stdout).toMatch(/^ {2}FAILED {3}bad: .*false/m);
    expect(booted.stdout).toContain('  SKIPPED  needs-bad: it depends on bad\n');
    expect(booted.stdout).toMatch(/^ {2}FAILED {3}c1: depends: jails need each other in a circle: c1, c2$/m);
    expect(booted.stdout).toMatch(/^ {2}FAILED {3}lost: .*"nowhere" not found$/m);
    expect(up()).toEqual(['good']);
    const told = JSON.parse(iocage('rcboot', '--json').stdout) as { result: { jails: { tag: string }[] } };
    expect(told).toMatchObject({ operation: 'host.boot' });
    expect(told.result.jails.map(({ tag }) => tag).sort()).toEqual(
      ['bad', 'c1', 'c2', 'good', 'lost', 'needs-bad'].sort(),
    );
    destroy('bad', 'needs-bad', 'c1', 'c2', 'lost', 'good');
  });

  it('rcboot --dry-run shows the commands and starts nothing', () => {
    create('web', 'boot=on', 'depends=db');
    create('db');
    const before = comparable(lab.state());
    const shown = iocage('rcboot', '--dry-run');
    expect(shown, shown.stderr).toMatchObject({ status: 0 });
    expect(shown.stdout.match(/^.*crun .*run --detach .*$/gm)).toHaveLength(2);
    expect(comparable(lab.state())).toEqual(before);
    destroy('web', 'db');
  });

  it('start brings up what the jail depends on; restart too', () => {
    create('web', 'depends=db');
    create('db');
    const started = iocage('start', 'web');
    expect(started, started.stderr).toMatchObject({ status: 0 });
    expect(started.stdout).toMatch(/\* Starting db\n[^*]*\* Starting web\n/);
    expect(iocage('stop', 'db').status).toBe(0);
    const restarted = iocage('restart', 'web');
    expect(restarted.stdout).toMatch(/\* Starting db\n[^*]*\* Stopping web\n[^*]*\* Starting web\n/);
    expect(up()).toEqual(['db', 'web']);
    destroy('web', 'db');
  });

  describe('wait_for', () => {
    it('port: the start lasts until something listens', () => {
      create('db', 'wait_for=port:5432', 'wait_timeout=20');
      // busybox has no shell between: a small script of the jail listens after a while.
      const root = join(lab.pool.directory, 'pool/iocage/jails/db/root');
      sh(
        'sh',
        '-c',
        `printf '%s\\n' '#!/bin/sh' '(sleep 1; exec nc -l -p 5432) &' > "$1"`,
        'sh',
        `${root}/serve`,
      );
      sh('chmod', '755', `${root}/serve`);
      iocage('set', 'exec_start=/serve', 'db');
      const begun = Date.now();
      const started = iocage('start', 'db');
      expect(started, started.stderr).toMatchObject({ status: 0 });
      expect(Date.now() - begun).toBeGreaterThan(900);
      destroy('db');
    });

    it('command: it runs in the jail until it succeeds', () => {
      create('db', 'wait_for=command:/bin/test -e /tmp/up', 'exec_start=/bin/touch /tmp/up');
      expect(iocage('start', 'db')).toMatchObject({ status: 0 });
      expect(iocage('exec', 'db', 'test', '-e', '/tmp/up').status).toBe(0);
      destroy('db');
    });

    it('log: only what was written since this start counts', () => {
      create('db', 'wait_for=log:ready to serve', 'wait_timeout=1', 'exec_start=/bin/echo ready to serve');
      expect(iocage('start', 'db')).toMatchObject({ status: 0 });
      expect(log('db')).toContain('ready to serve');
      expect(iocage('stop', 'db').status).toBe(0);
      iocage('set', 'exec_start=/bin/echo nothing', 'db');
      const again = iocage('start', 'db');
      expect(again.status).toBe(1);
      expect(again.stderr).toContain('not ready after 1 s: the console log says nothing of "ready to serve"');
      destroy('db');
    });

    it('a jail that is not ready in time is stopped again, and what depends on it does not start', () => {
      create('db', 'boot=on', 'wait_for=port:5432', 'wait_timeout=1');
      create('web', 'boot=on', 'depends=db');
      const before = comparable(lab.state());
      const booted = iocage('rcboot');
      expect(booted.status).toBe(1);
      expect(booted.stdout).toContain('not ready after 1 s: nothing listens at port 5432');
      expect(booted.stdout).toContain('  SKIPPED  web: it depends on db\n');
      expect(up()).toEqual([]);
      expect(comparable(lab.state())).toEqual(before);
      destroy('db', 'web');
    });
  });

  it('create and clone with start=on leave a running jail; one that does not start stays and is told', () => {
    const made = iocage('create', '-c', '-n', 'now', 'release=busybox', 'ip4=disable', 'start=on');
    expect(made, made.stderr).toMatchObject({ status: 0 });
    expect(made.stdout).toContain('Successfully created: now (now)\n');
    const cloned = iocage('clone', 'now', 'tag=again', 'start=yes');
    expect(cloned, cloned.stderr).toMatchObject({ status: 0 });
    expect(up()).toEqual(['again', 'now'].sort());
    const failed = iocage('create', '-e', '-n', 'hollow', 'exec_prestart=false', 'start=on');
    expect(failed.status).toBe(1);
    expect(failed.stdout).toContain('Successfully created: hollow');
    expect(failed.stderr).toContain('ERROR: ');
    expect(existsSync(join(lab.pool.directory, 'pool/iocage/jails/hollow/root'))).toBe(true);
    destroy('again', 'now', 'hollow');
  });
});
