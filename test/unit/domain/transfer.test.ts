/** What two hosts tell each other, and which streams follow from it. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  chooseStreams,
  destinationProblem,
  frame,
  frameHeadBytes,
  framedBytes,
  isSendSnapshot,
  offerSchema,
  parseHost,
  sendSnapshotName,
  travels,
  type Answer,
  type Offer,
} from '../../../src/domain/transfer.ts';

describe('parseHost', () => {
  it.each([
    ['backup', { host: 'backup' }],
    ['backup:tank', { host: 'backup', pool: 'tank' }],
    ['root@backup.example.org:tank', { host: 'root@backup.example.org', pool: 'tank' }],
    ['192.0.2.1:tank', { host: '192.0.2.1', pool: 'tank' }],
    ['root@[2001:db8::1]:tank', { host: 'root@2001:db8::1', pool: 'tank' }],
    ['[2001:db8::1]', { host: '2001:db8::1' }],
  ])('%s', (word, expected) => expect(parseHost(word)).toEqual(expected));

  it.each([
    '',
    '-oProxyCommand=reboot',
    'root@-v',
    '-l@backup',
    'a b',
    'a;reboot',
    'a$(reboot)',
    'a\nb',
    'a/b',
    '@backup',
    'backup:',
    'backup:-f',
    'backup:tank;reboot',
    'backup:tank:more$',
    '2001:db8::1',
    '[2001:db8::1',
    'ssh://backup',
  ])('refuses %j', (word) => {
    expect(() => parseHost(word)).toThrow(expect.objectContaining({ code: 'INVALID_NAME' }));
  });

  it('lets nothing through that ssh or a shell could take for something else', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (word) => {
        if (destinationProblem(word) !== undefined) return;
        expect(word).toMatch(/^[A-Za-z0-9_.:@$-]+$/);
        expect(word).not.toMatch(/^-|@-/);
      }),
      { numRuns: 5000 },
    );
  });
});

describe('frame', () => {
  it('says how many bytes follow, of any text', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const bytes = Buffer.from(frame(value));
        expect(framedBytes(bytes.subarray(0, frameHeadBytes).toString())).toBe(bytes.length - frameHeadBytes);
        expect(JSON.parse(bytes.subarray(frameHeadBytes).toString())).toEqual(
          JSON.parse(JSON.stringify(value)),
        );
      }),
    );
  });
  it.each(['', 'iocage1 0000001', 'iocage2 00000010\n', 'iocage1 -0000010\n', 'GET / HTTP/1.1\r\n'])(
    'refuses %j',
    (head) => expect(framedBytes(head)).toBeUndefined(),
  );
});

const offer = (snapshots: readonly string[], more: object = {}): Offer => ({
  protocol: 1,
  kernel: 'linux',
  uuid: 'web',
  tag: 'web',
  template: false,
  datasets: [
    {
      path: '',
      snapshots: snapshots.map((name, index) => ({ name, guid: String(index + 1) })),
      properties: {},
      ...more,
    },
  ],
});
const answer = (base?: string, more: Partial<Answer> = {}): Answer => ({
  protocol: 1,
  pool: 'tank',
  resumable: false,
  datasets: base === undefined ? [] : [{ path: '', base }],
  origins: [],
  ...more,
});
const taken = sendSnapshotName(new Date('2026-02-10T20:14:05.123Z'));
const chosen = (o: Offer, a: Answer, resumed = new Map<string, string>()) =>
  chooseStreams(o, a, 'new', resumed).map(({ name, from, token }) =>
    [from ?? '', name, ...(token === undefined ? [] : [token])].join('>'),
  );

describe('chooseStreams', () => {
  it('sends a name that its own check knows', () => {
    expect(taken).toBe('ioc-send-20260210T201405123');
    expect(isSendSnapshot(taken)).toBe(true);
    expect(isSendSnapshot('ioc-send-mine')).toBe(false);
  });
  it('everything, when nothing is there', () =>
    expect(chosen(offer(['a', 'b']), answer())).toEqual(['>a', '1>b', '2>new']));
  it('what is newer than the common one', () =>
    expect(chosen(offer(['a', 'b', 'c']), answer('2'))).toEqual(['2>c', '3>new']));
  it('no snapshots that were taken for another host only', () =>
    expect(chosen(offer(['a', taken, 'c']), answer('1'))).toEqual(['1>c', '3>new']));
  it('but on one of those, when it is the common one', () =>
    expect(chosen(offer(['a', taken, 'c']), answer('2'))).toEqual(['2>c', '3>new']));
  it('a clone on its origin, when that is there', () => {
    const clone = offer(['a'], { origin: '77' });
    expect(chosen(clone, answer(undefined, { origins: ['77'] }))).toEqual(['77>a', '1>new']);
    expect(chosen(clone, answer())).toEqual(['>a', '1>new']);
  });
  it('goes on where it broke off, also in one that was taken to be sent', () => {
    const there = answer(undefined, { datasets: [{ path: '', base: '1', token: '1-a-b-c' }] });
    const all = offer(['a', 'b', taken]);
    expect(chosen(all, there, new Map([['', '3']]))).toEqual([`1>${taken}>1-a-b-c`, '3>new']);
    expect(chosen(all, there, new Map([['', '2']]))).toEqual(['1>b>1-a-b-c', '2>new']);
    expect(chosen(all, there)).toEqual(['1>b', '2>new']);
  });

  it('always makes a chain from what is there to the new snapshot', () => {
    const names = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', taken), { maxLength: 5 });
    fc.assert(
      fc.property(names, fc.nat(5), (snapshots, at) => {
        const base = at >= 1 && at <= snapshots.length ? String(at) : undefined;
        const streams = chooseStreams(offer(snapshots), answer(base), 'new', new Map());
        expect(streams.at(-1)!.name).toBe('new');
        let before = base;
        for (const { from, name } of streams) {
          expect(from).toBe(before);
          before = String(snapshots.indexOf(name) + 1);
        }
      }),
    );
  });
});

describe('what travels', () => {
  it.each(['org.freebsd.iocage:tag', 'org.freebsd.iocage:exec_start', 'quota', 'compression'])('%s', (key) =>
    expect(travels(key)).toBe(true),
  );
  it.each([
    'mountpoint',
    'canmount',
    'sharenfs',
    'zoned',
    'jailed',
    'readonly',
    'setuid',
    'org.freebsd.iocage:op',
    'org.freebsd.iocage:standby',
    'org.freebsd.iocage:sync_target',
    'org.freebsd.ioc:active',
    'com.example:x',
    '-r',
  ])('not %s', (key) => expect(travels(key)).toBe(false));

  it.each([
    { uuid: '../etc' },
    { uuid: '-r' },
    { uuid: 'a/b' },
    { protocol: 2 },
    { datasets: [] },
    { datasets: [{ path: 'root', snapshots: [], properties: {} }] },
    { datasets: [{ path: '', snapshots: [{ name: 'a@b', guid: '1' }], properties: {} }] },
    { datasets: [{ path: '', snapshots: [{ name: 'a', guid: '1; x' }], properties: {} }] },
    { datasets: [{ path: '', snapshots: [], properties: { mountpoint: '/etc' } }] },
    {
      datasets: [
        { path: '', snapshots: [], properties: {} },
        { path: '../x', snapshots: [], properties: {} },
      ],
    },
  ])('an offer with %j is refused', (change) => {
    expect(offerSchema.safeParse(offer(['a'])).success).toBe(true);
    expect(offerSchema.safeParse({ ...offer(['a']), ...change }).success).toBe(false);
  });
});
