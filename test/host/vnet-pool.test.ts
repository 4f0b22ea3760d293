/**
 * vnet jails by the operations, on a pool of their own: what a start writes down and shows. In a network
 * namespace made to look like a small host (`test/support/with-net`); outside of one, the file runs itself
 * again inside.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failEveryStep } from '../ops/every-step.ts';
import { commandPath } from '../support/command.ts';
import { inside, runsInside } from '../support/inside.ts';
import { killingIn } from '../support/killing.ts';
import { openLab, whyNot, type Lab } from '../support/lab.ts';
import { sh } from '../support/pool.ts';

runsInside('vnet jails of a pool', import.meta.filename, {
  why: whyNot,
  zfs: true,
  limitMs: 480_000,
});

describe.skipIf(!inside)('vnet jails of a pool, inside (the test above runs these)', () => {
  let lab: Lab;
  beforeAll(async () => {
    sh('ip', 'link', 'add', 'bridge0', 'type', 'bridge');
    sh('ip', 'link', 'add', 'port0', 'type', 'veth', 'peer', 'name', 'port1');
    for (const nic of ['bridge0', 'port0', 'port1'])
      sh('sysctl', '-q', '-w', `net/ipv6/conf/${nic}/disable_ipv6=1`);
    sh('ip', 'link', 'set', 'port0', 'master', 'bridge0');
    for (const nic of ['port0', 'port1']) sh('ip', 'link', 'set', nic, 'up');
    sh('ip', 'addr', 'add', '10.9.0.1/24', 'dev', 'bridge0');
    sh('ip', 'link', 'set', 'bridge0', 'up');
    lab = await openLab();
  });
  afterAll(() => lab.close());
  const value = async (key: string, jail: string): Promise<string> =>
    (await lab.run<{ value: string }>('property.get', { jail, key })).value;

  it('keep their link addresses from the first start on, and give a clone others', async () => {
    const properties = [
      ['vnet', 'on'],
      ['interfaces', 'vnet0:bridge0'],
      ['ip4_addr', 'vnet0|10.9.0.20/24'],
      ['nat', '1'],
      ['nat_forwards', 'tcp(80:8081)'],
    ];
    await lab.run('jail.create', { kind: 'clone', release: 'busybox', name: 'kept', properties });
    expect(await value('vnet0_mac', 'kept')).toBe('none');
    const count = await failEveryStep(
      {
        context: () => lab.context(),
        state: () => lab.state().replaceAll(/op\\t[^"]*/g, 'op'),
      },
      {
        operation: 'jail.start',
        input: () => ({ jail: 'kept' }),
        reset: async () => {
          await lab.run('jail.stop', { jail: 'kept' });
          await lab.run('property.set', { jails: ['kept'], properties: [['vnet0_mac', 'none']] });
        },
        prepare: () => lab.run('property.set', { jails: ['kept'], properties: [['vnet0_mac', 'none']] }),
      },
    );
    expect(count).toBeGreaterThan(5);
    await lab.run('jail.start', { jail: 'kept' });
    const mac = await value('vnet0_mac', 'kept');
    expect(mac).toMatch(/^fe:ff:60(:[0-9a-f]{2}){3},02:ff:60(:[0-9a-f]{2}){3}$/);
    const { jails } = await lab.run<{ jails: { tag: string; ip4: string }[] }>('jail.list', {});
    expect(jails.find(({ tag }) => tag === 'kept')?.ip4).toBe('vnet0|10.9.0.20/24');
    await lab.run('jail.stop', { jail: 'kept' });
    await lab.run('jail.start', { jail: 'kept' });
    expect(await value('vnet0_mac', 'kept')).toBe(mac);
    await lab.run('jail.clone', { jail: 'kept', name: 'copy' });
    await lab.run('property.set', {
      jails: ['copy'],
      properties: [
        ['ip4_addr', 'vnet0|10.9.0.21/24'],
        ['nat_forwards', 'none'],
      ],
    });
    expect(await value('vnet0_mac', 'copy')).toBe('none');
    await lab.run('jail.start', { jail: 'copy' });
    expect(await value('vnet0_mac', 'copy')).not.toBe(mac);
    for (const jail of ['kept', 'copy']) await lab.run('jail.stop', { jail });
    await lab.run('jail.destroy', { jail: 'copy' });
    await lab.run('jail.destroy', { jail: 'kept' });
  }, 120_000);

  it('have AUTOIP4 written down, each another address', async () => {
    await lab.run('property.set', {
      jails: ['default'],
      properties: [
        ['ip4_autostart', '50'],
        ['ip4_autoend', '51'],
      ],
    });
    for (const name of ['a', 'b', 'c']) {
      const properties = [['ip4_addr', 'DEFAULT|AUTOIP4']];
      await lab.run('jail.create', { kind: 'clone', release: 'busybox', name, properties });
    }
    for (const name of ['a', 'b']) {
      await lab.run('jail.start', { jail: name });
      await lab.run('jail.stop', { jail: name });
    }
    expect(await value('ip4_addr', 'a')).toBe('DEFAULT|192.0.2.50/24');
    expect(await value('ip4_addr', 'b')).toBe('DEFAULT|192.0.2.51/24');
    await expect(lab.run('jail.start', { jail: 'c' })).rejects.toThrow(/Address exhaustion/);
    for (const jail of ['a', 'b', 'c']) await lab.run('jail.destroy', { jail });
  });

  it('and what is handed over and named are as before when a start is killed at any mark, after doctor', async () => {
    sh('ip', 'link', 'add', 'card0', 'type', 'veth', 'peer', 'name', 'card1');
    for (const nic of ['card0', 'card1']) {
      sh('sysctl', '-q', '-w', `net/ipv6/conf/${nic}/disable_ipv6=1`);
      sh('ip', 'link', 'set', nic, 'up');
    }
    // A device that moves gets the settings of a new one: such as this, in this network.
    sh('sysctl', '-q', '-w', 'net/ipv6/conf/default/disable_ipv6=1');
    const killed = await killingIn(lab);
    const names = async (): Promise<string> => {
      const ran = spawnSync(commandPath, ['exec', 'watch', 'cat', '/etc/hosts'], {
        encoding: 'utf8',
        env: { ...process.env, ...lab.environment },
      });
      return ran.stdout;
    };
    const common = [
      ['vnet', 'on'],
      ['interfaces', 'vnet0:bridge0'],
      ['hosts', 'on'],
    ];
    const jails = [
      ['watch', [...common, ['ip4_addr', 'vnet0|10.9.0.30/24']]],
      ['killed', [...common, ['ip4_addr', 'vnet0|10.9.0.31/24'], ['vnet_interfaces', 'card0']]],
    ] as const;
    for (const [name, properties] of jails)
      await lab.run('jail.create', { kind: 'clone', release: 'busybox', name, properties });
    await lab.run('jail.start', { jail: 'watch' });
    // Its link addresses are stored at the first start.
    await lab.run('jail.start', { jail: 'killed' });
    expect(await names()).toContain('10.9.0.31\tkilled');
    expect(sh('ip', '-o', 'link')).not.toContain(' card0@');
    await lab.run('jail.stop', { jail: 'killed' });
    const state = (): string => lab.state().replaceAll(/op\\t[^"]*/g, 'op');
    const before = state();
    const told = await names();
    let at = 0;
    for (; ; at += 1) {
      const ran = killed('jail.start', { jail: 'killed' }, at, 'after');
      if (ran.signal !== 'SIGKILL') {
        expect(ran.status, ran.stderr).toBe(0);
        break;
      }
      await lab.run('host.doctor', {});
      // The last mark says that all is done.
      const { jails: all } = await lab.run<{ jails: { tag: string; state: string }[] }>('jail.list', {});
      if (all.find(({ tag }) => tag === 'killed')?.state === 'up')
        await lab.run('jail.stop', { jail: 'killed' });
      expect(state().split('\n'), `mark ${at}`).toEqual(before.split('\n'));
      expect(await names(), `mark ${at}`).toBe(told);
    }
    expect(at).toBeGreaterThan(15);
    for (const jail of ['killed', 'watch']) {
      await lab.run('jail.stop', { jail });
      await lab.run('jail.destroy', { jail });
    }
    sh('ip', 'link', 'del', 'card0');
    sh('sysctl', '-q', '-w', 'net/ipv6/conf/default/disable_ipv6=0');
  }, 240_000);

  /** The blocks of the how-to, each with its heading. */
  const page = readFileSync(new URL('../../docs/networking.md', import.meta.url), 'utf8');
  const blocks = page.split(/^## /m).flatMap((section): readonly (readonly [string, string])[] => {
    const block = /^```sh\n([^]*?)^```$/m.exec(section);
    return block === null ? [] : [[section.slice(0, section.indexOf('\n')), block[1]!]];
  });

  it('has how-tos to try', () => expect(blocks.length).toBeGreaterThanOrEqual(5));
  for (const [heading, block] of blocks) {
    it(`as docs/networking.md says: ${heading}`, async () => {
      // What an earlier how-to made may be the address or the bridge of this one.
      const host = (): string => JSON.stringify(JSON.parse(lab.state()).rules);
      const before = host();
      sh('ip', 'link', 'set', 'bridge0', 'name', 'bridge7');
      try {
        const script = `set -e\niocage() { ${commandPath} "$@"; }\n${block.replaceAll('bookworm', 'busybox')}`;
        const ran = spawnSync('sh', ['-c', script], {
          encoding: 'utf8',
          env: { ...process.env, ...lab.environment },
        });
        expect(ran.status, ran.stdout + ran.stderr).toBe(0);
        const { jails } = await lab.run<{ jails: { tag: string; state: string; ip4: string | null }[] }>(
          'jail.list',
          {},
        );
        const started = (/^iocage start (.*)$/m.exec(block)?.[1] ?? '').split(' ');
        const stopped = /^iocage stop /m.test(block);
        for (const tag of started) {
          const jail = jails.find((found) => found.tag === tag)!;
          expect(jail.state, tag).toBe(stopped ? 'down' : 'up');
          if (!stopped) expect(jail.ip4, tag).toMatch(/^(DEFAULT|up0|vnet0)\|\d+\.\d+\.\d+\.\d+\/\d+$/);
        }
      } finally {
        const { jails } = await lab.run<{ jails: { uuid: string; state: string }[] }>('jail.list', {});
        for (const { uuid, state } of jails) {
          if (state === 'up') await lab.run('jail.stop', { jail: uuid });
          await lab.run('jail.destroy', { jail: uuid });
        }
        for (const [, name] of block.matchAll(/^ip link add (\S+)/gm)) sh('ip', 'link', 'del', name!);
        sh('ip', 'link', 'set', 'bridge7', 'name', 'bridge0');
      }
      expect(host()).toBe(before);
    }, 60_000);
  }
});
