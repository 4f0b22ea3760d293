/** `iocage serve` and `iocage user` as a person runs them: the built command, its files, its end. No pool is needed. */
import {
  appendFileSync,
  chmodSync,
  chownSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  existsSync,
} from 'node:fs';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { commandIn, commandPath, type Command, type Started } from '../support/command.ts';
import { hostTests, reason } from '../support/lab.ts';

describe.skipIf(!hostTests)(`serve${reason}`, () => {
  let place: string;
  let iocage: Command;
  let env: Record<string, string>;
  const running: Started[] = [];
  beforeEach(() => {
    place = mkdtempSync(join(tmpdir(), 'iocage-serve-'));
    env = { IOCAGE_STATE_DIR: join(place, 'state'), IOCAGE_RUN_DIR: join(place, 'run') };
    iocage = commandIn(env);
    writeFileSync(
      join(place, 'serve.conf'),
      `# ports of the kernel's choice\nrestPort = 0\nwebsocketPort = 0\nsystemAccounts = off\nlogDirectory = ${join(place, 'log')}\n`,
    );
  });
  afterEach(async () => {
    for (const { child, ended } of running.splice(0)) {
      child.kill('SIGKILL');
      await ended;
    }
    rmSync(place, { recursive: true, force: true });
  });

  const serve = async (...words: string[]): Promise<{ started: Started; url: string }> => {
    const started = iocage.start('serve', '--config', join(place, 'serve.conf'), ...words);
    running.push(started);
    await started.says(/SHA-256 is/);
    return { started, url: /REST on (\S+),/.exec(started.output())![1]! };
  };
  /** curl(1), as the documents show it. */
  const curl = (url: string, body: string, ...words: string[]): { status: string; body: string } => {
    const { stdout } = spawnSync(
      'curl',
      ['-sk', '-w', '\n%{http_code}', '-X', 'PUT', url, '-d', body, ...words],
      { encoding: 'utf8' },
    );
    const at = stdout.lastIndexOf('\n');
    return { status: stdout.slice(at + 1), body: stdout.slice(0, at) };
  };
  const user = (password: string, ...words: string[]) =>
    spawnSync(commandPath, ['user', ...words], {
      env: { PATH: process.env['PATH'], ...env },
      input: `${password}\n`,
      encoding: 'utf8',
    });

  it('a second server on the same state is refused in one line, and the first goes on; a killed one is no other', async () => {
    const { started, url } = await serve();
    const second = iocage.start('serve', '--config', join(place, 'serve.conf'));
    expect(await second.ended).toMatchObject({ status: 1 });
    const [line, ...hint] = second.output().trim().split('\n');
    expect(line).toMatch(
      new RegExp(
        `^iocage: ${place}/state/serve is in use by iocage serve \\(process ${started.child.pid}, since `,
      ),
    );
    expect(hint.join('\n')).toMatch(/^ {2}hint: [^\n]*$/);
    expect(curl(`${url}/rpc/identify`, '{}').status).toBe('200');
    started.child.kill('SIGKILL');
    await started.ended;
    const { url: again } = await serve();
    expect(curl(`${again}/rpc/identify`, '{}').status).toBe('200');
  });

  it('accounts are made, listed, changed and removed, while it runs', async () => {
    expect(user('correct horse', 'add', 'ann')).toMatchObject({
      status: 0,
      stdout: 'account ann (admin) was made\n',
    });
    const { started, url } = await serve();
    expect(started.output()).not.toContain('token');
    const status = (name: string, password: string): string =>
      curl(`${url}/rpc/query`, '{}', '-u', `${name}:${password}`).status;
    expect(status('ann', 'correct horse')).toBe('200');
    expect(status('bob', 'battery staple')).toBe('401');
    expect(user('battery staple', 'add', 'bob', '--role', 'operator').status).toBe(0);
    expect(status('bob', 'battery staple')).toBe('200');
    expect(JSON.parse(iocage('user', 'list', '--json').stdout)).toEqual([
      { name: 'ann', role: 'admin', password: true, certificates: [] },
      { name: 'bob', role: 'operator', password: true, certificates: [] },
    ]);
    expect(user('another one', 'passwd', 'ann').status).toBe(0);
    expect([status('ann', 'correct horse'), status('ann', 'another one')]).toEqual(['401', '200']);
    expect(user('', 'remove', 'ann').status).toBe(0);
    expect(status('ann', 'another one')).toBe('401');
    const kept = readFileSync(join(place, 'state/serve/accounts.json'), 'utf8');
    expect(kept).toContain('scrypt$32768$8$3$');
    expect(kept).not.toContain('battery');

    for (const [words, says] of [
      [['add', 'bob'], 'account "bob" exists already'],
      [['remove', 'eve'], 'account "eve" not found'],
      [['passwd', 'eve'], 'account "eve" not found'],
      [['add', 'a b'], 'is not valid'],
      [['add', '../x'], 'is not valid'],
      [['add', 'short', '--role', 'king'], 'role'],
      [['frobnicate', 'x'], 'user takes one of add, list, passwd, remove'],
      [['add'], 'user add takes a name'],
    ] as const) {
      const ran = user('long enough', ...words);
      expect(ran.status).toBeGreaterThan(0);
      expect(ran.stderr).toContain(says);
    }
    expect(user('short', 'add', 'eve').stderr).toContain('from 8 to 1024 characters');
    expect(readFileSync(join(place, 'state/serve/accounts.json'), 'utf8')).toBe(kept);
    started.child.kill('SIGTERM');
    await started.says(/stopping; /);
    // A terminal that goes, a service manager that is told twice: no reason to break off.
    for (const name of ['SIGTERM', 'SIGHUP'] as const) started.child.kill(name);
    expect(await started.ended).toMatchObject({ status: 0 });
    expect(started.output()).toMatch(/stopping; .*\n.*stopped\n$/s);
  });

  it('on a terminal the password is asked for twice, and not shown', async () => {
    const asked = iocage.onTerminal('user', 'add', 'zoe');
    await asked.says(/password of zoe: /);
    asked.child.stdin!.write('correct hoarse\x7f\x7f\x7f\x7frse\r');
    await asked.says(/once more: /);
    asked.child.stdin!.write('correct hoarse\r');
    const { status, stdout } = await asked.ended;
    expect(status).toBe(2);
    expect(stdout).toContain('the two are not the same');
    expect(stdout).not.toContain('correct');
    const again = iocage.onTerminal('user', 'add', 'zoe');
    for (const question of [/password of zoe: /, /once more: /]) {
      await again.says(question);
      again.child.stdin!.write('correct horse\r');
    }
    expect(await again.ended).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('account zoe (admin) was made'),
    });
  });

  it('an account may have a TLS certificate instead of a password', async () => {
    const made = spawnSync(
      'openssl',
      [
        'req',
        '-x509',
        '-newkey',
        'rsa:2048',
        '-nodes',
        '-days',
        '2',
        '-subj',
        '/CN=backup',
        '-keyout',
        'k.pem',
        '-out',
        'c.pem',
      ],
      { cwd: place, encoding: 'utf8' },
    );
    expect(made.status, made.stderr).toBe(0);
    const [certificate, key] = [join(place, 'c.pem'), join(place, 'k.pem')];
    appendFileSync(join(place, 'serve.conf'), 'clientCertificates = on\n');
    const { url } = await serve();
    const ask = () => curl(`${url}/rpc/query`, '{}', '--cert', certificate, '--key', key);
    expect(ask().status).toBe('401');
    expect(iocage('user', 'add', 'backup', '--role', 'operator', '--certificate', key)).toMatchObject({
      status: 1,
    });
    expect(iocage('user', 'add', 'backup', '--role', 'operator', '--certificate', certificate)).toMatchObject(
      {
        status: 0,
        stdout: 'account backup (operator) was made\n',
      },
    );
    const { status, body } = ask();
    expect([status, JSON.parse(body)]).toEqual([
      '200',
      { args: expect.objectContaining({ 'sysadm/iocage': 'read' }) },
    ]);
    expect(iocage('user', 'list').stdout).toMatch(/backup \| operator \| certificate [0-9a-f]{64}/);
    expect(curl(`${url}/rpc/query`, '{}', '-u', 'backup:').status).toBe('401');
  });

  it('an authority that the settings do not name vouches for nobody, whoever else trusts it', async () => {
    const openssl = (...words: string[]): void => {
      const { status, stderr } = spawnSync('openssl', words, { cwd: place, encoding: 'utf8' });
      expect(status, stderr).toBe(0);
    };
    const pair = (name: string) => ['-subj', `/CN=${name}`, '-keyout', `${name}.key`];
    openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', ...pair('ca'), '-out', 'ca.crt');
    openssl('req', '-new', '-newkey', 'rsa:2048', '-nodes', ...pair('ann'), '-out', 'ann.csr');
    const by = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2'];
    openssl('x509', '-req', '-in', 'ann.csr', ...by, '-out', 'ann.crt');
    expect(user('correct horse', 'add', 'ann').status).toBe(0);
    appendFileSync(join(place, 'serve.conf'), 'clientCertificates = on\n');
    // Stands for the authorities that Node trusts out of the box.
    iocage = commandIn({ ...env, NODE_EXTRA_CA_CERTS: join(place, 'ca.crt') });
    const ask = (url: string): string =>
      curl(`${url}/rpc/query`, '{}', '--cert', join(place, 'ann.crt'), '--key', join(place, 'ann.key'))
        .status;
    const { started, url } = await serve();
    expect(ask(url)).toBe('401');
    started.child.kill('SIGTERM');
    await started.ended;
    appendFileSync(join(place, 'serve.conf'), `clientCa = ${join(place, 'ca.crt')}\n`);
    expect(ask((await serve()).url)).toBe('200');
  });

  it('the first start prints a token for one login; the certificate is kept; logs are for root alone', async () => {
    const first = await serve();
    await first.started.says(/within an hour: [A-Za-z0-9]{20}\n/);
    const token = /within an hour: (\w+)\n/.exec(first.started.output())![1]!;
    const enter = (): string => curl(`${first.url}/rpc/auth_token`, JSON.stringify({ token })).status;
    expect([enter(), enter()]).toEqual(['200', '401']);
    const certificate = readFileSync(join(place, 'state/serve/tls.crt'), 'utf8');
    first.started.child.kill('SIGINT');
    expect(await first.started.ended).toMatchObject({ status: 0 });

    const second = await serve();
    expect(second.started.output()).not.toContain('token');
    expect(second.started.output()).not.toContain('was made');
    expect(readFileSync(join(place, 'state/serve/tls.crt'), 'utf8')).toBe(certificate);
    expect(statSync(join(place, 'state/serve/tls.key')).mode & 0o777).toBe(0o600);
    second.started.child.kill('SIGTERM');
    await second.started.ended;
    const logs = readdirSync(join(place, 'log'));
    expect(logs.map((name) => name.replace(/-\d.*/, '')).sort()).toEqual(['audit', 'hostinfo']);
    for (const name of logs) expect(statSync(join(place, 'log', name)).mode & 0o777).toBe(0o600);
  });

  it('under systemd the token is in a file for root alone, and goes with the server', async () => {
    iocage = commandIn({ ...env, JOURNAL_STREAM: '8:12345' });
    const { started } = await serve();
    await started.says(/it is in/);
    const file = join(place, 'state/serve/first-token');
    expect(started.output()).toContain(`it is in ${file}\n`);
    expect(started.output()).not.toContain(readFileSync(file, 'utf8').trim());
    expect(statSync(file).mode & 0o777).toBe(0o600);
    started.child.kill('SIGTERM');
    await started.ended;
    expect(existsSync(file)).toBe(false);
  });

  it('settings: all of them are printed, as a file that is taken; what is wrong is told with its line', async () => {
    const printed = iocage('serve', '--print-config', '--listen', '::1').stdout;
    expect(printed).toContain('\nlisten = ::1\n');
    writeFileSync(join(place, 'all.conf'), printed);
    expect(iocage('serve', '--config', join(place, 'all.conf'), '--print-config').stdout).toBe(printed);
    writeFileSync(join(place, 'bad.conf'), 'restPort = 12151\nrestport = 1\n');
    const bad = iocage('serve', '--config', join(place, 'bad.conf'));
    expect(bad).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('bad.conf, line 2: no setting is called restport'),
    });
    expect(iocage('serve', '--config', join(place, 'none.conf'))).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('there is no such file'),
    });
    expect(iocage('serve', 'more')).toMatchObject({ status: 2 });
  });

  it('a file that others may write decides nothing, and a key that everybody may read is none', async () => {
    const config = join(place, 'serve.conf');
    const refused = (why: string): void => {
      expect(iocage('serve', '--config', config).stderr).toContain(why);
      expect(iocage('serve', '--config', config).status).not.toBe(0);
    };
    chmodSync(config, 0o666);
    refused(`others than its owner may write ${config}`);
    chmodSync(config, 0o644);
    chownSync(config, 65534, 65534);
    refused(`${config} belongs to another user`);
    chownSync(config, 0, 0);
    const made = join(place, 'state/serve/tls');
    const { started } = await serve();
    started.child.kill('SIGTERM');
    await started.ended;
    // As certbot has it: links to the files.
    for (const end of ['crt', 'key']) symlinkSync(`${made}.${end}`, join(place, `link.${end}`));
    const pair = `certificate = ${join(place, 'link.crt')}\ncertificateKey = ${join(place, 'link.key')}\n`;
    appendFileSync(config, pair);
    const { started: linked } = await serve();
    linked.child.kill('SIGTERM');
    await linked.ended;
    chmodSync(join(made, '..'), 0o777);
    refused(`others may write ${join(made, '..')}, on the way to it`);
    chmodSync(join(made, '..'), 0o700);
    chmodSync(`${made}.key`, 0o644);
    refused(`everybody may read ${join(place, 'link.key')}`);
    chmodSync(`${made}.key`, 0o620);
    refused(`others than its owner may write ${join(place, 'link.key')}`);
  });

  it('a port that is taken, and a certificate that is none, are errors with a reason', async () => {
    const { url } = await serve();
    const port = new URL(url).port;
    writeFileSync(
      join(place, 'taken.conf'),
      `restPort = ${port}\nwebsocketPort = 0\nlogDirectory = ${join(place, 'log')}\n`,
    );
    const other = commandIn({ ...env, IOCAGE_STATE_DIR: join(place, 'other') });
    expect(other('serve', '--config', join(place, 'taken.conf'))).toMatchObject({
      status: 1,
      stderr: expect.stringContaining(`cannot listen on 127.0.0.1, port ${port}`),
    });
    writeFileSync(join(place, 'x.pem'), 'no certificate\n', { mode: 0o600 });
    const pem = join(place, 'x.pem');
    writeFileSync(join(place, 'pem.conf'), `certificate = ${pem}\ncertificateKey = ${pem}\n`);
    expect(other('serve', '--config', join(place, 'pem.conf'))).toMatchObject({
      status: 1,
      stderr: expect.stringContaining(`certificate ${pem} cannot be used`),
    });
  });
});
