import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  blockAround,
  forwardProblems,
  forwardsOf,
  freeBlock,
} from '../../../../src/driver/both/nat-block.ts';
import { listeningPorts, natRemoval, natTable } from '../../../../src/driver/linux/nat-plan.ts';
import type { NetFacts } from '../../../../src/driver/linux/net-facts.ts';

const jail = { pool: 'tank', uuid: 'web' };
const facts: NetFacts = {
  interfaces: [],
  defaultNic: { 4: 'eth0', 6: undefined },
  routed: new Set(),
  gateway: { 4: '192.0.2.1', 6: undefined },
  hostId: 'host',
  sysctl: new Map(),
  jails: [],
};
const host = (address: string, prefix: number): NetFacts['interfaces'][number] => ({
  ...{ name: 'eth0', mac: '', mtu: 1500, kind: '', up: true },
  addresses: [{ family: 4, address, prefix, scope: 'global' }],
});
const holder = (uuid: string, address: string, ports: string): NetFacts['jails'][number] => ({
  pool: 'tank',
  uuid,
  network: {
    ...{ netns: 'n', link: 'l', sysctls: [] },
    addresses: [{ family: 4, address, prefix: 30, nic: 'eth0', translated: true }],
    nat: { table: 't', nic: 'eth0', addresses: [address], forwards: forwardsOf(ports) },
  },
});

describe('private addresses', () => {
  it('are blocks of four, the same for one jail at every start', () => {
    const found = freeBlock('172.16', jail, facts)!;
    expect(freeBlock('172.16', jail, facts)).toEqual(found);
    expect(found.address).toMatch(/^172\.16\.\d+\.\d+$/);
    expect(blockAround('172.16', found.address)).toEqual(found);
    expect(blockAround('172.16', found.gateway)).toBeUndefined();
    expect(blockAround('172.17', found.address)).toBeUndefined();
  });

  it('keep out of networks of the host and of other jails', () => {
    const found = freeBlock('172.16', jail, facts)!;
    const taken = freeBlock('172.16', jail, { ...facts, jails: [holder('db', found.address, 'none')] })!;
    expect(taken.address).not.toBe(found.address);
    expect(freeBlock('172.16', jail, { ...facts, interfaces: [host('172.16.3.1', 16)] })).toBeUndefined();
    const half = freeBlock('172.16', jail, { ...facts, interfaces: [host('172.16.3.1', 17)] })!;
    expect(Number(half.address.split('.')[2])).toBeGreaterThanOrEqual(128);
    // An own record is what a killed run left, and is no obstacle.
    expect(freeBlock('172.16', jail, { ...facts, jails: [holder('web', found.address, 'none')] })).toEqual(
      found,
    );
  });

  it('never meet, whichever jails there are', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string({ minLength: 1, maxLength: 8 }), { maxLength: 20 }), (names) => {
        const jails: NetFacts['jails'][number][] = [];
        for (const uuid of names) {
          const { address } = freeBlock('192.168', { pool: 'tank', uuid }, { ...facts, jails })!;
          jails.push(holder(uuid, address, 'none'));
        }
        const addresses = jails.map(
          ({ network }) => typeof network === 'object' && network.addresses[0]!.address,
        );
        expect(new Set(addresses).size).toBe(names.length);
      }),
    );
  });
});

describe('port forwards', () => {
  it('are one for each protocol', () => {
    expect(forwardsOf('tcp(80:8080),tcp/udp(53),udp(5000-5010)')).toEqual([
      { protocol: 'tcp', from: 8080, until: 8080, to: 80 },
      { protocol: 'tcp', from: 53, until: 53, to: 53 },
      { protocol: 'udp', from: 53, until: 53, to: 53 },
      { protocol: 'udp', from: 5000, until: 5010, to: 5000 },
    ]);
    expect(forwardsOf(undefined)).toEqual([]);
  });

  it.each([
    ['tcp(81:8080)', 'tcp port 8080 of the host leads to jail db already'],
    ['tcp(8070-8090)', 'tcp port 8070-8090 of the host leads to jail db already'],
    ['tcp(22)', 'tcp port 22 of the host: a program of the host listens on 22'],
    ['tcp(20-30)', 'tcp port 20-30 of the host: a program of the host listens on 22'],
    ['udp(8080)', undefined],
    ['udp(22)', undefined],
  ])('%s: %s', (text, problem) => {
    const jails = [holder('db', '172.16.0.6', 'tcp(80:8080)'), holder('web', '172.16.0.2', 'udp(8080)')];
    const found = forwardProblems(forwardsOf(text), jail, { jails }, new Set(['tcp/22']));
    expect(found.map((one) => one.problem)).toEqual(problem === undefined ? [] : [problem]);
  });

  it('know the ports on which the host listens, but not on loopback', () => {
    const text = `  sl  local_address rem_address   st tx_queue rx_queue
   0: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1
   1: 0100007F:1538 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2
   2: 020200C0:C350 010200C0:01BB 01 00000000:00000000 00:00000000 00000000     0        0 3
`;
    expect(listeningPorts('tcp', text)).toEqual(['tcp/22']);
    expect(listeningPorts('tcp', text.replaceAll(' 01 0', ' 07 0'))).toEqual(['tcp/22']);
    const six = `  sl  local_address
   0: 00000000000000000000000000000000:0035 00000000000000000000000000000000:0000 07
   1: 00000000000000000000000001000000:0036 00000000000000000000000000000000:0000 07
`;
    expect(listeningPorts('udp', six)).toEqual(['udp/53']);
    expect(listeningPorts('udp', '')).toEqual([]);
  });
});

describe('the table', () => {
  const nat = { table: 'iocage-00112233', nic: 'eth0', addresses: ['172.16.0.2'] };

  it('translates what leaves, and leads ports in', () => {
    const text = natTable({ ...nat, forwards: forwardsOf('tcp(80:8080),udp(5000-5010)') });
    expect(text).toContain('table ip iocage-00112233 {');
    expect(text).toContain('ip saddr { 172.16.0.2 } oifname "eth0" masquerade');
    expect(text).toContain('iifname "eth0" fib daddr type local tcp dport 8080 dnat to 172.16.0.2:80');
    expect(text).toContain(
      'ip daddr != 127.0.0.0/8 fib daddr type local tcp dport 8080 dnat to 172.16.0.2:80',
    );
    expect(text).toContain('fib daddr type local udp dport 5000-5010 dnat to 172.16.0.2\n');
    expect(natTable({ ...nat, forwards: [] })).not.toContain('prerouting');
  });

  it('leaves a port to a program of the host that listens there, before any forward is looked at', () => {
    const forwards = forwardsOf('tcp(1-65535)');
    const lines = natTable({ ...nat, forwards, yields: true }).split('\n');
    const own = lines.findIndex((line) => line.includes('iifname "eth0" socket wildcard { 0, 1 } return'));
    expect(own).toBeGreaterThan(0);
    expect(lines[own + 1]).toContain('dport 1-65535 dnat to 172.16.0.2');
    expect(natTable({ ...nat, forwards })).not.toContain('socket');
    expect(natTable({ ...nat, forwards: [], yields: true })).not.toContain('socket');
  });

  it('goes as a whole, and touches no other', () => {
    expect(natRemoval(nat)).toBe('table ip iocage-00112233 {}\ndelete table ip iocage-00112233\n');
  });
});
