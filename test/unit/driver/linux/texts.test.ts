/** The small parsers: users, resolv.conf, host identity, names, runtime status, states. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hostIdFrom, releaseFrom } from '../../../../src/driver/linux/identity.ts';
import { placesOf } from '../../../../src/driver/linux/names.ts';
import { resolvConfText } from '../../../../src/driver/both/resolver.ts';
import { runtimeWords } from '../../../../src/driver/linux/runtime.ts';
import { runCommand } from '../../../../src/driver/linux/runtime-command.ts';
import { statusFrom } from '../../../../src/driver/linux/session.ts';
import { findUser } from '../../../../src/driver/both/users.ts';
import type { JailSpec } from '../../../../src/driver/host.ts';

const paths = { run: '/run/iocage', state: '/var/lib/iocage' };

describe('findUser', () => {
  const passwd =
    'root:x:0:0:root:/root:/bin/bash\nwww:x:33:33::/var/www:/usr/sbin/nologin\nbad:x:-1:0::/:/bin/sh\n';
  const group = 'www:x:33:\naudio:x:29:www,mail\nvideo:x:44:mail,www\nbad:x:x:www\n';
  it('finds ids, home, shell and all groups', () => {
    expect(findUser(passwd, group, 'www')).toEqual({
      name: 'www',
      uid: 33,
      gid: 33,
      home: '/var/www',
      shell: '/usr/sbin/nologin',
      groups: [33, 29, 44],
    });
  });
  it.each(['nobody', 'bad', '', 'ww', 'www:x'])('has no user %j', (name) => {
    expect(findUser(passwd, group, name)).toBeUndefined();
  });
  it('never throws, and never answers an id that is not written there', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.string(), (text, groups, name) => {
        const user = findUser(text, groups, name);
        if (user) expect(text).toContain(`:${String(user.uid)}`);
      }),
    );
  });
});

describe('resolvConfText', () => {
  const host = 'nameserver 127.0.0.53\nnameserver 192.0.2.53\nsearch example.org\n';
  it.each([
    ['none', false, host],
    [undefined, false, host],
    ['none', true, 'nameserver 192.0.2.53\nsearch example.org\n'],
    ['/dev/null', true, undefined],
    ['nameserver 192.0.2.1;search x', true, 'nameserver 192.0.2.1\nsearch x\n'],
  ])('%s, own network %s', (resolver, own, expected) => {
    expect(resolvConfText(resolver, host, own)).toBe(expected);
  });
});

describe('host identity', () => {
  it('prefers a hostid that is text', () => {
    expect(hostIdFrom('short\n', 'machine')).toBe('machine');
    expect(hostIdFrom('0a1b2c3d-4e5f\n', 'machine')).toBe('0a1b2c3d-4e5f');
    expect(hostIdFrom('\u0001\ufffd', 'machine\n')).toBe('machine');
    expect(hostIdFrom(undefined, undefined)).toBe('');
  });
  it('knows the suite of Debian and its kin', () => {
    expect(releaseFrom('ID=debian\nVERSION_CODENAME=bookworm\n')).toBe('bookworm');
    expect(releaseFrom('ID=ubuntu\nID_LIKE=debian\nVERSION_CODENAME="noble"\n')).toBe('noble');
    expect(releaseFrom('ID=fedora\nVERSION_CODENAME=""\n')).toBeUndefined();
  });
});

describe('placesOf', () => {
  it('keeps pools apart and interface names short', () => {
    const one = placesOf(paths, 'tank', 'web');
    const two = placesOf(paths, 'data', 'web');
    expect(one.link).not.toBe(two.link);
    expect(one.netns).not.toBe(two.netns);
    expect(one.state).toBe('/run/iocage/tank/jail/web.json');
    expect(one.cgroup).toBe('/iocage/tank/ioc-web');
  });
  it.each(['', '-x', '../x', 'a/b', 'a b', '.hidden', 'a\nb'])('refuses %j', (name) => {
    expect(() => placesOf(paths, 'tank', name)).toThrow(/cannot be used in a path/);
    expect(() => placesOf(paths, name, 'web')).toThrow(/cannot be used in a path/);
  });
});

describe('runCommand', () => {
  const places = placesOf(paths, 'tank', 'web');
  it('covers the version 2 tree of a hybrid host, and only there', () => {
    const plain = runCommand(
      places,
      { kind: 'v2', trees: ['/sys/fs/cgroup'], unifiedAt: '/sys/fs/cgroup' },
      '/log',
    );
    expect(plain[0]).toBe('crun');
    const covered = runCommand(
      places,
      { kind: 'hybrid', trees: [], unifiedAt: '/sys/fs/cgroup/unified' },
      '/log',
    );
    expect(covered.slice(0, 4)).toEqual(['unshare', '--mount', '--propagation', 'private']);
    expect(covered.slice(covered.indexOf('crun'))).toEqual(plain);
  });
});

describe('statusFrom', () => {
  it.each([
    [0, '', 0],
    [7, 'anything', 7],
    [255, '', 255],
    [255, 'executable file `x` not found in $PATH: No such file or directory', 127],
    [255, 'open executable: Operation not permitted', 126],
    [255, 'error opening cgroup', 255],
  ])('%d with %j is %d', (status, log, expected) => {
    expect(statusFrom(status, log)).toBe(expected);
  });
});

describe('runtimeWords', () => {
  it('are sorted, with addresses and quoted where needed', () => {
    const jail = { root: '/r', config: new Map([['allow_raw_sockets', '1']]) } as unknown as JailSpec;
    const network = {
      netns: 'n',
      link: 'l',
      sysctls: [],
      addresses: [{ family: 4 as const, address: '192.0.2.9', prefix: 24, nic: 'eth0' }],
    };
    const state = { pool: 'tank', uuid: 'web', pid: 42, hostname: 'w w', root: '/a b', network };
    expect(runtimeWords(jail, state, '/iocage/tank/ioc-web')).toEqual([
      'allow.chflags=0',
      'allow.raw_sockets=1',
      'allow.socket_af=0',
      'cgroup=/iocage/tank/ioc-web',
      'host.hostname="w w"',
      'host.hostuuid=web',
      'ip4.addr=192.0.2.9',
      'ip4=new',
      'ip6=disable',
      'jid=42',
      'name=ioc-web',
      'path="/a b"',
      'persist=1',
    ]);
  });
});
