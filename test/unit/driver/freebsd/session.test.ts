/** Sessions in a running jail on the stand-in: who somebody is there, what he has in his environment, and where he is. */
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { freebsdHost } from '../../../../src/driver/freebsd/host.ts';
import { NodeFiles } from '../../../../src/driver/node/files.ts';
import type { ExecOptions, Host, JailSpec } from '../../../../src/driver/host.ts';
import { start, stop } from '../../../contract/host.ts';
import { undocumented } from '../../../support/freebsd/grammar.ts';
import { freebsdUnderTest, type FreebsdUnderTest } from '../../../support/freebsd-jails.ts';

let it_: FreebsdUnderTest;
let jail: JailSpec;
let host: Host;
beforeEach(async () => {
  it_ = freebsdUnderTest(mkdtempSync(join(tmpdir(), 'iocage-session-')));
  const { exec, clock } = it_.run;
  const environment = { HTTP_PROXY: 'http://proxy:3128', SECRET: 'word' };
  const terminal = { interactive: true, term: 'xterm', environment };
  host = freebsdHost({ exec, files: new NodeFiles(), clock, paths: it_.paths, terminal });
  jail = await it_.jail('web');
  await start(it_, jail);
});
afterEach(async () => {
  await stop(it_, jail);
  await it_.dispose();
});

async function said(argv: readonly string[], options: ExecOptions = {}, of = jail): Promise<string> {
  let text = '';
  const status = await host.exec(of, argv, { ...options, onOutput: (more) => void (text += more) });
  return `${status}: ${text}`;
}

it('a user of the host, a directory, a program by name, and its status', async () => {
  expect(await said(['/bin/sh', '-c', 'echo $HOME $USER; exit 3'])).toBe('3: /root root\n');
  expect(await said(['pwd'], { cwd: '/etc' })).toBe('0: /etc\n');
  // jexec(8) becomes a user of the host (-u).
  await said(['/bin/true'], { hostUser: 'nobody' });
  const words = it_.standIn.calls().flatMap(({ tool, words }) => (tool === 'jexec' ? [words.join(' ')] : []));
  expect(words.at(-1)).toBe('-u nobody ioc-web /bin/true');
});

it('of the environment of whoever calls only what was asked for', async () => {
  const shown = ['/bin/sh', '-c', 'echo "$HTTP_PROXY|$SECRET|$GREETING"'];
  expect(await said(shown, { env: { GREETING: 'hello' } })).toBe('0: ||hello\n');
});

it('chroot runs in the root of a jail, up or down, and passes the status on', async () => {
  expect(await host.chroot(jail, ['/bin/sh', '-c', 'exit 5'])).toBe(5);
});

it('a console is a login on a terminal', async () => {
  mkdirSync(join(jail.root, 'usr/bin'), { recursive: true });
  writeFileSync(join(jail.root, 'usr/bin/login'), '#!/bin/sh\n', { mode: 0o755 });
  const flags = { ...jail, config: new Map([...jail.config, ['login_flags', '-f operator']]) };
  for (const each of [jail, flags]) await host.console(each);
  const words = it_.standIn.calls().flatMap(({ tool, words }) => (tool === 'jexec' ? [words] : []));
  expect(words.slice(-2)).toEqual([
    ['ioc-web', 'login', '-f', 'root'],
    ['ioc-web', 'login', '-f', 'operator'],
  ]);
});

it('what a report asks changes nothing and is documented', async () => {
  const before = await it_.snapshot();
  for (const argv of host.report!) {
    expect(undocumented(argv, 13), argv.join(' ')).toEqual([]);
    await it_.run.exec.read(argv);
  }
  expect(await it_.snapshot()).toEqual(before);
});
