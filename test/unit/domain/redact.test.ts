/** What a report must not hold, and what it must not lose. */
import { describe, expect, it } from 'vitest';
import { redact } from '../../../src/domain/redact.ts';

const gone = '[removed]';

describe('redact', () => {
  it.each([
    ['fetch https://me:pw@example.org/x', `fetch https://${gone}@example.org/x`],
    ['git clone ssh://token123@host/r', `git clone ssh://${gone}@host/r`],
    ['PGPASSWORD=abc psql', `PGPASSWORD=${gone} psql`],
    ['mount -o password=abc,rw', `mount -o password=${gone},rw`],
    ['exec_start=/bin/app --api-key abc --verbose', `exec_start=/bin/app --api-key ${gone} --verbose`],
    ['{"dbPassword": "a b c", "port": 1}', `{"dbPassword": ${gone}, "port": 1}`],
    ['encryption_key=abc pass: abc', `encryption_key=${gone} pass: ${gone}`],
    ['MYSQL_PWD=abc "key": "a b"', `MYSQL_PWD=${gone} "key": ${gone}`],
    ["secret='two words' x", `secret=${gone} x`],
    ['curl -H "Authorization: Bearer abc.def"', `curl -H "Authorization: Bearer ${gone}"`],
    [
      '-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----\nrest',
      `-----BEGIN RSA PRIVATE KEY-----${gone}-----END RSA PRIVATE KEY-----\nrest`,
    ],
    ['-----BEGIN PRIVATE KEY-----\nabc', `-----BEGIN PRIVATE KEY-----${gone}`],
  ])('%j', (text, expected) => expect(redact(text)).toBe(expected));

  it.each([
    'tank/iocage/jails/web@2016-02-10@20:14:05',
    'ip4_addr=eth0|192.0.2.10/24',
    'exec_start=/etc/rc',
    'url=https://example.org/a@b',
    'the secret',
    'pass 2 of the key exchange',
    'fe:ff:60:00:00:01',
  ])('leaves %j', (text) => expect(redact(text)).toBe(text));

  it('is quick with long texts', () => {
    const began = Date.now();
    for (const text of [
      'a'.repeat(300_000),
      'a://'.repeat(80_000),
      'password '.repeat(40_000),
      'key='.repeat(80_000),
      '-----BEGIN PRIVATE KEY-----'.repeat(5000),
    ])
      redact(text);
    expect(Date.now() - began).toBeLessThan(3000);
  });
});
