/** The short form of sizes against what `zfs list` of this machine prints, and sizes as `zfs set` reads them. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { humanSize, parseSize, printSize } from '../../src/domain/size.ts';
import { makePool, sh } from '../support/pool.ts';
import type { TestPool } from '../support/pool.ts';

// Not from lab.ts, which loads the whole program: this needs ZFS and two functions.
const hostTests = process.env['IOCAGE_HOST_TESTS'] === '1';
const reason = hostTests ? '' : ' (skipped: needs root and ZFS, run with make test)';

/** Around every step of the unit, of the decimals and of rounding; all above what a fresh dataset uses. */
const amounts = [
  ...[2 ** 20, 2 ** 30, 2 ** 40].flatMap((unit) => [
    unit,
    unit + 1,
    unit * 1.125,
    unit * 1.25,
    unit * 1.375,
    Math.floor(unit * 9.994),
    Math.floor(unit * 9.996),
    unit * 10.5,
    Math.floor(unit * 99.94),
    Math.floor(unit * 99.96),
    unit * 100,
    Math.floor(unit * 999.6),
    unit * 1023.5,
    unit * 1024 - 1,
  ]),
  123456789,
  987654321012,
];

describe.skipIf(!hostTests)(`sizes as this machine's ZFS shows them${reason}`, () => {
  let pool: TestPool;
  let dataset: string;
  beforeAll(() => {
    pool = makePool(256);
    dataset = `${pool.name}/size`;
    sh('zfs', 'create', dataset);
  });
  afterAll(() => pool.destroy());

  // zfs-fuse prints no B behind what is below 1K.
  const alike = (text: string): string => text.replace(/B$/, '');

  test.each(amounts)('%d', (bytes) => {
    sh('zfs', 'set', `quota=${printSize(bytes)}`, dataset);
    const exact = sh('zfs', 'get', '-Hp', '-o', 'value', 'quota', dataset).trim();
    expect(exact).toBe(String(bytes));
    const [quota, used] = sh('zfs', 'list', '-H', '-o', 'quota,used', dataset).trim().split('\t');
    expect(humanSize(bytes)).toBe(quota);
    const usedBytes = Number(sh('zfs', 'get', '-Hp', '-o', 'value', 'used', dataset).trim());
    expect(alike(humanSize(usedBytes))).toBe(alike(used!));
  });

  test.each(['1.1G', '1.5g', '0.3T', '33M'])('zfs reads %s as we do', (text) => {
    sh('zfs', 'set', `quota=${text}`, dataset);
    expect(parseSize(text)).toBe(Number(sh('zfs', 'get', '-Hp', '-o', 'value', 'quota', dataset).trim()));
  });
});
