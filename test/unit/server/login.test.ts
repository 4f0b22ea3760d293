/** Logins of accounts of the host, and guesses that come side by side. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NodeFiles } from '../../../src/driver/node/files.ts';
import type { Exec, RunOptions, RunResult } from '../../../src/driver/system.ts';
import { AccountFile, writeAccounts } from '../../../src/server/accounts.ts';
import { KeyFile } from '../../../src/server/keys.ts';
import { Lockout } from '../../../src/server/lockout.ts';
import { Login } from '../../../src/server/login.ts';
import { hashPassword } from '../../../src/server/password.ts';

let place: string;
let nowMs: number;
let groups: string;
let passwords: Record<string, string>;
let asked: string[];
let login: Login;

const from = '192.0.2.9';

/** id(1) and pamtester(1) of a host with the accounts that the test says. */
function host(): Exec {
  const read = (argv: readonly string[], options: RunOptions = {}): Promise<RunResult> => {
    asked.push(argv[0]!);
    const right = argv[0] === 'id' || options.input === `${passwords[argv[2]!]}\n`;
    return Promise.resolve({ argv, status: right ? 0 : 1, stdout: groups, stderr: '', durationMs: 0 });
  };
  return { read } as unknown as Exec;
}

beforeEach(async () => {
  place = mkdtempSync(join(tmpdir(), 'iocage-login-'));
  nowMs = 0;
  groups = 'wheel';
  passwords = { sam: 'right' };
  asked = [];
  const files = new NodeFiles();
  const path = join(place, 'serve/accounts.json');
  const password = await hashPassword('ann-password', { N: 1024, r: 8, p: 1 });
  await writeAccounts(files, path, [
    { name: 'ann', role: 'admin', password, certificates: [], changed: '1' },
  ]);
  const now = (): number => nowMs;
  const rules = { failures: 5, resetMs: 600_000, lockMs: 3_600_000 };
  login = new Login({
    exec: host(),
    accounts: new AccountFile(files, path),
    keys: new KeyFile(files, join(place, 'serve/keys.json')),
    byAddress: new Lockout(rules, now),
    byAccount: new Lockout(rules, now),
    now,
    sessionMs: 900_000,
    passwords: true,
    pam: true,
    system: { service: 'login', fullGroups: ['wheel'], limitedGroups: ['operator'] },
  });
});
afterEach(() => rmSync(place, { recursive: true, force: true }));

describe('an account of the host', () => {
  it('logs in by PAM, and PAM is asked again after a while', async () => {
    expect(await login.password('sam', 'right', from)).toEqual({ user: 'sam', level: 'full', by: 'system' });
    expect(asked).toEqual(['id', 'pamtester']);
    expect(await login.password('sam', 'right', from)).toMatchObject({ user: 'sam' });
    expect(asked.filter((name) => name === 'pamtester')).toHaveLength(1);
    passwords = { sam: 'changed' };
    nowMs = 300_001;
    expect(await login.password('sam', 'right', from)).toBeUndefined();
    expect(await login.password('sam', 'changed', from)).toMatchObject({ user: 'sam' });
  });

  it('that leaves its groups is out within a minute; what a session may do never grows', async () => {
    groups = 'operator';
    const limited = (await login.password('sam', 'right', from))!;
    expect(limited.level).toBe('limited');
    expect(await login.isStill(limited)).toBe(true);
    groups = 'users';
    nowMs = 30_000;
    expect(await login.isStill(limited)).toBe(true);
    nowMs = 60_001;
    expect(await login.isStill(limited)).toBe(false);
    groups = 'wheel';
    nowMs = 120_002;
    expect(await login.isStill(limited)).toBe(false);
  });

  it('of no group is refused before its password is looked at', async () => {
    groups = 'users';
    expect(await login.password('sam', 'right', from)).toBeUndefined();
    expect(asked).toEqual(['id']);
  });

  it('is hidden by an account of the server that is called the same', async () => {
    passwords = { ann: 'other' };
    expect(await login.password('ann', 'other', from)).toBeUndefined();
    expect(asked).toEqual([]);
    expect(await login.password('ann', 'ann-password', from)).toMatchObject({ by: 'account' });
  });
});

describe('guesses', () => {
  it('that come side by side do not outrun the lock-out, not even with the right one among them', async () => {
    const guesses = Array.from({ length: 20 }, (_, index) =>
      login.password('ann', `guess ${index}`, `192.0.2.${index}`),
    );
    const right = login.password('ann', 'ann-password', '192.0.2.200');
    expect(await Promise.all([...guesses, right])).toEqual(Array.from({ length: 21 }, () => undefined));
    nowMs = 3_600_001;
    expect(await login.password('ann', 'ann-password', from)).toMatchObject({ user: 'ann' });
  });

  it('of an address are counted over all accounts; another address is not touched', async () => {
    for (let count = 0; count < 5; count += 1) await login.password(`eve${count}`, 'x', from);
    expect(login.isLockedOut(from)).toBe(true);
    expect(await login.password('ann', 'ann-password', from)).toBeUndefined();
    expect(await login.password('ann', 'ann-password', '2.0.2.9')).toMatchObject({ user: 'ann' });
  });

  it('from elsewhere do not lock out those who logged in from where they are, nor this host', async () => {
    expect(await login.password('ann', 'ann-password', from)).toBeDefined();
    for (let count = 0; count < 5; count += 1) await login.password('ann', 'x', `198.51.100.${count}`);
    expect(await login.password('ann', 'ann-password', '198.51.100.9')).toBeUndefined();
    expect(await login.password('ann', 'ann-password', from)).toMatchObject({ user: 'ann' });
    expect(await login.password('ann', 'ann-password', '127.0.0.1')).toMatchObject({ user: 'ann' });
    // There the guesses are counted too.
    for (let count = 0; count < 5; count += 1) {
      expect(await login.password('ann', `guess ${count}`, '127.0.0.1')).toBeUndefined();
      expect(await login.password('bob', `guess ${count}`, from)).toBeUndefined();
    }
    for (const place of ['127.0.0.1', from])
      expect(await login.password('ann', 'ann-password', place)).toBeUndefined();
  });

  it('from this host are counted together, from whichever of its addresses they come', async () => {
    for (let count = 0; count < 5; count += 1)
      await login.password('ann', `guess ${count}`, `127.0.${count}.1`);
    for (const address of ['127.9.9.9', '127.0.0.1', '::1'])
      expect(await login.password('ann', 'ann-password', address), address).toBeUndefined();
    expect(await login.password('ann', 'ann-password', from)).toMatchObject({ user: 'ann' });
  });

  it('for a name that looks like an account and its place are not counted against these', async () => {
    expect(await login.password('ann', 'ann-password', from)).toBeDefined();
    for (let count = 0; count < 5; count += 1)
      await login.password(`ann ${from}`, 'x', `198.51.100.${count}`);
    expect(await login.password('ann', 'ann-password', from)).toMatchObject({ user: 'ann' });
  });

  it('of one network of IPv6 are those of one address', async () => {
    for (let count = 0; count < 5; count += 1)
      await login.password(`eve${count}`, 'x', `2001:db8:0:7:${count}::${count}`);
    expect(login.isLockedOut('2001:db8::7:ffff:0:0:9')).toBe(true);
    expect(login.isLockedOut('2001:db8:0:8::1')).toBe(false);
  });

  it('too long to be a name or a password are failures like others', async () => {
    expect(await login.password('x'.repeat(257), 'y', from)).toBeUndefined();
    expect(await login.password('ann', 'y'.repeat(4097), from)).toBeUndefined();
    expect(await login.password('', '', from)).toBeUndefined();
    expect(asked).toEqual([]);
  });
});

it('programs that begin together with one password share its check', async () => {
  const all = await Promise.all(
    Array.from({ length: 200 }, () => login.password('ann', 'ann-password', from)),
  );
  expect(all.every((principal) => principal?.user === 'ann')).toBe(true);
});
