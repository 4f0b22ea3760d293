/** The pieces that a login is made of: hashes, tokens, lock-outs, origins, addresses, times, settings. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isLoopback, networkOf, peerAddress } from '../../../src/server/address.ts';
import { Lockout } from '../../../src/server/lockout.ts';
import { isFetchSiteAllowed, isOriginAllowed } from '../../../src/server/origin.ts';
import { checkPassword, hashPassword, isPasswordHash } from '../../../src/server/password.ts';
import { Sessions } from '../../../src/server/sessions.ts';
import { parseSettings, printSettings, settingRows, toSettings } from '../../../src/server/settings.ts';
import { parseLogTime } from '../../../src/server/sysadm/log-times.ts';

const cost = { N: 1024, r: 8, p: 1 };

describe('a password', () => {
  it('is right or wrong, and its hash tells nothing twice', async () => {
    const [one, two] = await Promise.all([hashPassword('häslein', cost), hashPassword('häslein', cost)]);
    expect(one).not.toBe(two);
    expect(one).toMatch(/^scrypt\$1024\$8\$1\$/);
    expect(await checkPassword('häslein', one)).toBe(true);
    // The same letters in another spelling of Unicode.
    expect(await checkPassword('häslein'.normalize('NFD'), one)).toBe(true);
    for (const wrong of ['', 'häslei', 'häsleinx', 'HÄSLEIN'])
      expect(await checkPassword(wrong, one)).toBe(false);
  });

  it('without a hash, or with one that is broken, is never right', async () => {
    expect(await checkPassword('', undefined)).toBe(false);
    for (const broken of [
      '',
      'x',
      'scrypt$1024$8$1$$',
      'scrypt$3$8$1$AA==$AA==',
      `scrypt$${2 ** 30}$8$1$AA==$AA==`,
    ]) {
      expect(isPasswordHash(broken)).toBe(false);
      expect(await checkPassword('x', broken)).toBe(false);
    }
  });

  it('that cannot be checked for the crowd before it is refused, not queued for ever', async () => {
    const hash = await hashPassword('x', cost);
    const ends = await Promise.allSettled(Array.from({ length: 100 }, () => checkPassword('x', hash)));
    const refused = ends.filter((end) => end.status === 'rejected');
    expect(refused.length).toBe(100 - 66);
    expect(await checkPassword('x', hash)).toBe(true);
  });
});

describe('tokens', () => {
  const principal = { user: 'ann', level: 'full', by: 'account' } as const;

  it('are 20 letters and digits, never the same', () => {
    const sessions = new Sessions(1000, () => 0);
    const tokens = Array.from({ length: 500 }, () => sessions.open(principal));
    expect(new Set(tokens).size).toBe(500);
    for (const token of tokens) expect(token).toMatch(/^[A-Za-z0-9]{20}$/);
  });

  it('match whole or not at all', () => {
    const sessions = new Sessions(1000, () => 0);
    const token = sessions.open(principal);
    fc.assert(
      fc.property(fc.nat(20), fc.nat(20), (from, to) => {
        const part = token.slice(from, to);
        expect(sessions.use(part)).toBe(part === token ? principal : undefined);
      }),
    );
    for (const wrong of ['', undefined, `${token} `, ` ${token}`, `${token}${token}`, token.slice(1)])
      expect(sessions.use(wrong)).toBeUndefined();
    expect(sessions.use(token)).toBe(principal);
  });

  it('live on with use, not with a look, and end', () => {
    let now = 0;
    const sessions = new Sessions(900, () => now);
    const [used, seen] = [sessions.open(principal), sessions.open(principal)];
    now = 800;
    expect(sessions.use(used)).toBe(principal);
    expect(sessions.peek(seen)).toBe(principal);
    now = 1600;
    expect(sessions.use(used)).toBe(principal);
    expect(sessions.peek(seen)).toBeUndefined();
    now = 3000;
    sessions.sweep();
    expect(sessions.count).toBe(0);
  });

  it('are bounded in number: the one that was used longest ago goes', () => {
    const sessions = new Sessions(1000, () => 0);
    const first = sessions.open(principal);
    const second = sessions.open(principal);
    sessions.use(first);
    for (let count = 0; count < 4095; count += 1) sessions.open(principal);
    expect(sessions.use(second)).toBeUndefined();
    expect(sessions.use(first)).toBe(principal);
  });
});

describe('a lock-out', () => {
  const rules = { failures: 3, resetMs: 100, lockMs: 1000 };

  it('comes after so many failures, each soon after the one before, and ends', () => {
    let now = 0;
    const lockout = new Lockout(rules, () => now);
    expect([lockout.failed('a'), lockout.failed('a')]).toEqual([false, false]);
    now = 101;
    expect([lockout.failed('a'), lockout.failed('a'), lockout.failed('a')]).toEqual([false, false, true]);
    expect(lockout.isLocked('a')).toBe(true);
    now = 1102;
    expect(lockout.isLocked('a')).toBe(false);
  });

  it('a success forgets the failures', () => {
    const lockout = new Lockout(rules, () => 0);
    lockout.failed('a');
    lockout.failed('a');
    lockout.succeeded('a');
    expect(lockout.failed('a')).toBe(false);
  });

  it('is of the whole name: 1.1.1.1 is not a part of 21.1.1.1', () => {
    const lockout = new Lockout(rules, () => 0);
    for (let count = 0; count < 3; count += 1) lockout.failed('21.1.1.1');
    expect(['21.1.1.1', '1.1.1.1', '21.1.1.10', ''].map((name) => lockout.isLocked(name))).toEqual([
      true,
      false,
      false,
      false,
    ]);
  });

  it('remembers a bounded number of names, and the locked ones longest', () => {
    const lockout = new Lockout(rules, () => 0);
    for (let count = 0; count < 3; count += 1) lockout.failed('bad');
    for (let count = 0; count < 20_000; count += 1) lockout.failed(`name ${count}`);
    expect(lockout.isLocked('bad')).toBe(true);
  });
});

describe('addresses', () => {
  it('IPv4 has one spelling', () => {
    expect(peerAddress('::ffff:192.0.2.1')).toBe('192.0.2.1');
    expect(peerAddress('2001:DB8::1')).toBe('2001:db8::1');
    expect(peerAddress(undefined)).toBe('');
  });

  it.each([
    ['127.0.0.1', true],
    ['127.8.8.8', true],
    ['::1', true],
    ['1.127.0.0', false],
    ['127.0.0.1.example', false],
    ['', false],
    ['::1:2', false],
  ])('%j is this host: %s', (address, own) => {
    expect(isLoopback(address)).toBe(own);
  });

  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::1', '::1'],
    ['2001:db8:0:7::1', '2001:db8:0:7::/64'],
    ['2001:db8::7:1:2:3:4', '2001:db8:0:7::/64'],
    ['2001:0db8:0000:0007:1:2:3:4', '2001:db8:0:7::/64'],
    ['2001:db8::', '2001:db8:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::2', '0:0:0:0::/64'],
    ['1::2:3:4:5:6:7', '1:0:2:3::/64'],
    ['', ''],
  ])('%s is of the network %s', (address, network) => expect(networkOf(address)).toBe(network));
});

describe('origins', () => {
  const rules = { allowed: ['https://console.example'], ports: [12150, 12151] };
  it.each([
    [undefined, true],
    ['sysadm-client', true],
    ['https://console.example', true],
    ['https://localhost:12151', true],
    ['https://127.0.0.1:12150', true],
    ['null', false],
    ['NULL', false],
    ['', false],
    ['https://console.example.evil.example', false],
    ['https://console.example:8443', false],
    ['http://console.example', false],
    ['https://evil.example', false],
    ['https://localhost', false],
    ['https://localhost:121511', false],
    ['http://localhost:12151', false],
    ['chrome-extension://abcdef', false],
    ['file://', false],
  ])('%j may talk: %s', (origin, allowed) => {
    expect(isOriginAllowed(origin, rules)).toBe(allowed);
  });

  it.each([
    [undefined, true],
    ['none', true],
    ['same-origin', true],
    ['same-site', false],
    ['cross-site', false],
  ])('Sec-Fetch-Site %j may: %s', (site, allowed) => {
    expect(isFetchSiteAllowed(site)).toBe(allowed);
  });
});

describe('times of rpc/logs', () => {
  const now = new Date(2026, 10, 22, 12, 0, 0).getTime();
  it.each([
    ['-3600', 'relative_second', now - 3_600_000],
    ['-1', 'relative_day', now - 86_400_000],
    ['-1', 'relative_month', new Date(2026, 9, 22, 12, 0, 0).getTime()],
    ['1000', 'time_t_seconds', 1_000_000],
    ['1000', 'epoch_mseconds', 1000],
    ['2016-02-10 20:12:33', 'yyyy-MM-dd hh:mm:ss', new Date(2016, 1, 10, 20, 12, 33).getTime()],
    ['2016-2-1', 'yyyy-M-d', new Date(2016, 1, 1).getTime()],
    ['2016-02-10', 'yyyy-MM-dd hh', undefined],
    ['2016-02-10x', 'yyyy-MM-dd', undefined],
    ['x', 'time_t_seconds', undefined],
    ['1e9', 'time_t_seconds', undefined],
    ['5', '', undefined],
    ['5', '__proto__', undefined],
    ['9'.repeat(200), 'MdMdMdMdMdMdMdMdMdMdMdMdMdMdMdMdMdMdMdMdMdMdMdMdx', undefined],
  ])('%j by %j', (text, format, expected) => {
    expect(parseLogTime(text, format, now)).toBe(expected);
  });
});

describe('settings', () => {
  it('what is printed is read again, every setting with its meaning', () => {
    const printed = printSettings({ restPort: '4433' });
    expect(toSettings(parseSettings(printed, 'f'))).toEqual(toSettings({ restPort: '4433' }));
    for (const [key, row] of Object.entries(settingRows)) {
      expect(printed).toContain(`\n${key} =`);
      expect(printed).toContain(`# ${row.says}`);
    }
    expect(printed).toContain('(built-in: 12151)\nrestPort = 4433\n');
  });

  it('the built-in ones are careful', () => {
    expect(toSettings({})).toMatchObject({
      listen: ['127.0.0.1'],
      restPort: 12151,
      websocketPort: 12150,
      minimumTls: '1.2',
      iocageOperatorAccess: 'read',
      legacyTruncation: false,
      sessionSeconds: 900,
      loginSeconds: 30,
      idleSeconds: 1800,
      allowedOrigins: [],
    });
  });

  it.each([
    ['nonsense', 'f, line 1: it is not of the form key = value'],
    ['nothing = 1', 'f, line 1: no setting is called nothing'],
    ['__proto__ = 1', 'f, line 1: no setting is called __proto__'],
    ['\n# x\nrestPort = 70000', 'f, line 3: restPort takes a whole number from 0 to 65535'],
    ['restPort = -1', 'restPort takes a whole number'],
    ['restPort = 1\nrestPort = 2', 'f, line 2: restPort stands there twice'],
    ['passwords = yes', 'passwords takes one of on, off'],
    ['listen =', 'listen takes at least one address'],
    ['minimumTls = 1.0', 'minimumTls takes one of 1.2, 1.3'],
    ['allowedOrigins = https://a.example/path', 'allowedOrigins takes origins'],
    ['certificate = tls.crt', 'certificate takes an absolute path'],
  ])('%j is refused', (text, why) => {
    expect(() => parseSettings(text, 'f')).toThrow(why);
  });

  it('a certificate without its key is refused', () => {
    expect(() => toSettings({ certificate: '/a' })).toThrow('given both, or none');
  });
});
