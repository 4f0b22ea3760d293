/**
 * A real sshd on loopback that plays another host: its own keys, port and configuration in a directory
 * of the test, and an `iocage` with its own state, which works on a pool of its own. Started and ended by
 * its process id.
 */
import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { commandPath } from './command.ts';
import { sh } from './pool.ts';

export interface Sshd {
  /** For `ssh -F`; it knows the host `backup`. */
  readonly config: string;
  /** What `backup` runs as `iocage`; may be replaced. */
  readonly iocage: string;
  readonly pid: number;
  log(): string;
  close(): Promise<void>;
}

const program = '/usr/sbin/sshd';
/** Its unprivileged half lives in an empty directory that only root can write to. */
const privilege = '/run/sshd';

const slow = `
import { connect } from 'node:net';
const socket = connect(Number(process.argv[2]), '127.0.0.1');
socket.pipe(process.stdout);
socket.on('close', () => process.exit());
for await (const chunk of process.stdin) {
  socket.write(chunk);
  await new Promise((resolve) => setTimeout(resolve, chunk.length / 2000));
}
socket.end();
`;

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** @param environment of the other host's iocage */
export async function openSshd(
  directory: string,
  environment: Readonly<Record<string, string>>,
): Promise<Sshd> {
  if (!existsSync(program)) throw new Error(`${program} is missing: apt-get install openssh-server`);
  const at = (name: string): string => join(directory, name);
  mkdirSync(at('bin'), { recursive: true, mode: 0o700 });
  const made = !existsSync(privilege);
  if (made) mkdirSync(privilege, { mode: 0o755 });
  for (const key of ['host', 'user']) sh('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', at(key));
  const port = await freePort();
  const words = Object.entries(environment).map(([key, value]) => `${key}=${value}`);
  const iocage = at('bin/iocage');
  writeFileSync(iocage, `#!/bin/sh\nexec env ${words.join(' ')} ${commandPath} "$@"\n`);
  chmodSync(iocage, 0o755);
  writeFileSync(at('authorized_keys'), readFileSync(at('user.pub')));
  writeFileSync(at('known_hosts'), `[127.0.0.1]:${port} ${readFileSync(at('host.pub'), 'utf8')}`);
  writeFileSync(
    at('sshd_config'),
    [
      `Port ${port}`,
      'ListenAddress 127.0.0.1',
      `HostKey ${at('host')}`,
      `AuthorizedKeysFile ${at('authorized_keys')}`,
      `PidFile ${at('sshd.pid')}`,
      'PermitRootLogin prohibit-password',
      'PasswordAuthentication no',
      'KbdInteractiveAuthentication no',
      // The directory lies below /tmp.
      'StrictModes no',
      'UsePAM no',
      `SetEnv PATH=${at('bin')}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
      '',
    ].join('\n'),
  );
  writeFileSync(
    at('ssh_config'),
    [
      'Host backup',
      '  HostName 127.0.0.1',
      `  Port ${port}`,
      '  User root',
      `  IdentityFile ${at('user')}`,
      '  IdentitiesOnly yes',
      `  UserKnownHostsFile ${at('known_hosts')}`,
      '  StrictHostKeyChecking yes',
      // Two megabytes a second, so that a test can do something meanwhile.
      'Host slow',
      `  ProxyCommand ${process.execPath} ${at('slow.mjs')} ${port}`,
      `  HostKeyAlias [127.0.0.1]:${port}`,
      '  User root',
      `  IdentityFile ${at('user')}`,
      '  IdentitiesOnly yes',
      `  UserKnownHostsFile ${at('known_hosts')}`,
      '  StrictHostKeyChecking yes',
      'Host nowhere',
      '  HostName 127.0.0.1',
      '  Port 1',
      '',
    ].join('\n'),
  );
  writeFileSync(at('slow.mjs'), slow);
  const daemon = spawn(program, ['-D', '-E', at('sshd.log'), '-f', at('sshd_config')], { stdio: 'ignore' });
  const log = (): string => (existsSync(at('sshd.log')) ? readFileSync(at('sshd.log'), 'utf8') : '');
  for (let tries = 0; !(await answers(port)); tries += 1) {
    if (tries > 100 || daemon.exitCode !== null) throw new Error(`sshd does not start: ${log()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    config: at('ssh_config'),
    iocage,
    pid: daemon.pid!,
    log,
    async close() {
      const ended = new Promise((resolve) => daemon.once('exit', resolve));
      daemon.kill('SIGTERM');
      await ended;
      try {
        if (made) rmdirSync(privilege);
      } catch {
        // Another sshd of this machine uses it by now.
      }
    },
  };
}
