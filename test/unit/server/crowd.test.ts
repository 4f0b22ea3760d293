/** Who may hold a connection, and who has to go; sockets are only their ends here. */
import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Crowd } from '../../../src/server/crowd.ts';

class End extends EventEmitter {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress = '192.0.2.1';
  isOpen = true;
  constructor(address: string, port: number) {
    super();
    this.remoteAddress = address;
    this.remotePort = port;
  }
  destroy(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.emit('close');
  }
}
const as = (end: End): Socket => end as unknown as Socket;

function crowd(port: number, network: number) {
  const told: string[] = [];
  const made = new Crowd({ port, network }, (address, why) => told.push(`${address}: ${why}`));
  let ports = 0;
  return {
    made,
    told,
    enter(address = '127.0.0.1'): End {
      const end = new End(address, (ports += 1));
      made.enter(as(end));
      return end;
    },
  };
}

it('a network has so many, this host itself is not counted as one', () => {
  const { enter, told } = crowd(100, 2);
  const ends = ['192.0.2.7', '::ffff:192.0.2.7', '192.0.2.7', '192.0.2.8'].map((address) => enter(address));
  expect(ends.map(({ isOpen }) => isOpen)).toEqual([true, true, false, true]);
  expect(told).toEqual(['192.0.2.7: too many connections from there']);
  ends[0]!.destroy();
  expect(enter('192.0.2.7').isOpen).toBe(true);
  expect(Array.from({ length: 10 }, () => enter()).every(({ isOpen }) => isOpen)).toBe(true);
});

it('of those without a login the one that came first goes; who logged in stays', () => {
  const { enter, made, told } = crowd(6, 64);
  const known = enter();
  expect(made.know(as(known), 'ann')).toBe(true);
  expect(made.know(as(known), 'ann')).toBe(true);
  const ends = Array.from({ length: 5 }, () => enter());
  expect(ends.map(({ isOpen }) => isOpen)).toEqual([false, false, true, true, true]);
  expect(known.isOpen).toBe(true);
  expect(told).toHaveLength(2);
});

it('an account has half of them, wherever from; what ends is given back', () => {
  const { enter, made } = crowd(4, 64);
  const ends = ['127.0.0.1', '192.0.2.8'].map((address) => enter(address));
  expect(ends.map((end) => made.know(as(end), 'ann'))).toEqual([true, true]);
  const third = enter();
  expect(made.know(as(third), 'ann')).toBe(false);
  expect(made.know(as(third), 'from 127.0.0.1')).toBe(true);
  ends[0]!.destroy();
  expect(made.know(as(enter()), 'ann')).toBe(true);
});

it('whatever comes and goes: never more strangers than half, and nothing is left of who went', () => {
  const acts = fc.array(fc.tuple(fc.constantFrom('come', 'login', 'go'), fc.nat(20), fc.nat(2)), {
    maxLength: 60,
  });
  fc.assert(
    fc.property(acts, (list) => {
      const { enter, made } = crowd(6, 3);
      const ends: End[] = [];
      const known = new Map<End, string>();
      for (const [act, which, who] of list) {
        const end = ends[which % Math.max(1, ends.length)];
        if (act === 'come') ends.push(enter(['127.0.0.1', '192.0.2.7', '2001:db8::1'][who]));
        else if (act === 'go') end?.destroy();
        else if (end?.isOpen && !known.has(end) && made.know(as(end), `u${who}`)) known.set(end, `u${who}`);
        const open = ends.filter(({ isOpen }) => isOpen);
        expect(open.filter((each) => !known.has(each)).length).toBeLessThanOrEqual(3);
        for (const user of ['u0', 'u1', 'u2'])
          expect(open.filter((each) => known.get(each) === user).length).toBeLessThanOrEqual(3);
      }
      for (const end of ends) end.destroy();
      expect(made).toMatchObject({ counts: new Map(), strangers: new Map(), users: new Map() });
    }),
  );
});
