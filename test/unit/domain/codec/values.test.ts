/** Table tests of the codecs: text, canonical text or the reason why it is refused. */
import { describe, expect, test } from 'vitest';
import { canonical } from '../../../../src/domain/config.ts';
import { cpuset, cpusetProblem } from '../../../../src/domain/codec/cpuset.ts';
import { natForwards } from '../../../../src/domain/codec/nat.ts';
import { volumes } from '../../../../src/domain/codec/files.ts';
import { limitCodec } from '../../../../src/domain/codec/limit.ts';
import { getProperty } from '../../../../src/domain/properties/index.ts';
import { ValueProblem } from '../../../../src/domain/property.ts';

const accepted: Readonly<Record<string, readonly (readonly [text: string, stored: string])[]>> = {
  boot: [
    ['1', 'on'],
    ['YES', 'on'],
    ['True', 'on'],
    ['0', 'off'],
    ['no', 'off'],
    ['Off', 'off'],
  ],
  allow_raw_sockets: [
    ['on', '1'],
    ['true', '1'],
    ['No', '0'],
  ],
  istemplate: [['1', 'yes']],
  template: [
    ['1', 'yes'],
    ['off', 'no'],
    ['NONE', 'none'],
    ['nginx', 'nginx'],
  ],
  ip4: [
    ['INHERIT', 'inherit'],
    ['none', 'disable'],
  ],
  memoryuse: [
    ['8G:log', '8G:log'],
    ['deny=8g', '8G:deny'],
    ['1024M:deny', '1G:deny'],
    ['512:sigterm', '512:sigterm'],
    ['none', 'off'],
  ],
  pcpu: [['deny=50', '50:deny']],
  readbps: [['throttle=10m', '10M:throttle']],
  cpuset: [
    ['0, 2', '0,2'],
    ['3-3', '3'],
    ['ALL', 'all'],
    ['0-3,7', '0-3,7'],
  ],
  interfaces: [
    ['vnet0:bridge0, vnet1:none', 'vnet0:bridge0,vnet1:none'],
    ['none', 'none'],
  ],
  vnet0_mac: [
    ['02FF60000001 02ff60000002', '02:ff:60:00:00:01,02:ff:60:00:00:02'],
    ['02-ff-60-00-00-01,02:ff:60:00:00:02', '02:ff:60:00:00:01,02:ff:60:00:00:02'],
  ],
  nat_forwards: [
    ['80', 'tcp(80)'],
    ['TCP(80:8080), udp/tcp(53)', 'tcp(80:8080),tcp/udp(53)'],
    ['udp(5000-5010)', 'udp(5000-5010)'],
  ],
  resolver: [
    ['search example.org ;  nameserver 10.0.0.1;', 'search example.org;nameserver 10.0.0.1'],
    ['/etc/resolv.conf', 'none'],
    ['/dev/null', '/dev/null'],
  ],
  volumes: [
    ['/srv/www', '/srv/www'],
    ['/srv/www:/srv/www:rw', '/srv/www'],
    ['/srv:/data:ro  /opt', '/srv:/data:ro /opt'],
  ],
  depends: [['a, b  c', 'a b c']],
  quota: [
    ['10g', '10G'],
    ['1.5G', '1536M'],
    ['0', 'none'],
    ['None', 'none'],
  ],
  compression: [
    ['GZIP-9', 'gzip-9'],
    ['LZ4', 'lz4'],
  ],
  priority: [['007', '7']],
  last_started: [
    ['2016-02-10 20:14:05', '2016-02-10_20:14:05'],
    ['never', 'none'],
  ],
  defaultrouter: [
    ['AUTO', 'auto'],
    ['192.0.2.1', '192.0.2.1'],
  ],
  defaultrouter6: [['FE80::1%vnet0', 'fe80::1%vnet0']],
  vnet0_mtu: [['Auto', 'auto']],
  login_flags: [['-f root', '-f root']],
  notes: [['  a "b" c  ', 'a "b" c']],
  hostid: [['4c4c45440042410480', '4c4c45440042410480']],
};

const refused: Readonly<Record<string, readonly (readonly [text: string, reason: RegExp])[]>> = {
  boot: [
    ['maybe', /neither on nor off/],
    ['nope', /neither/],
    ['10', /neither/],
    ['', /empty/],
  ],
  ip4: [['renew', /none of new, inherit, disable/]],
  memoryuse: [
    ['8G', /AMOUNT:ACTION/],
    ['8G:panic', /no action/],
    ['8G:sigfoo', /no action/],
    ['8G:throttle', /cannot be throttled/],
    ['lots:deny', /no amount/],
    ['1.5G:deny', /no amount/],
  ],
  cputime: [
    ['10:deny', /cannot be denied/],
    ['1K:log', /bare number/],
  ],
  readbps: [['10M:deny', /throttle/]],
  interfaces: [
    ['vnet0', /NIC:BRIDGE/],
    ['vnet0:', /NIC:BRIDGE/],
    ['a:b,a:c', /twice/],
    ['a:b,c:b,d:b,e:b,f:b', /four/],
    ['-a:b', /begins with/],
  ],
  vnet0_mac: [
    ['02ff60000001', /two MAC/],
    ['02ff60000001 02ff60000001', /the same/],
    ['01ff60000001 02ff60000001', /group/],
    ['2ff60000001 02ff60000001', /no MAC/],
  ],
  nat_forwards: [
    ['tcp(0)', /no port/],
    ['tcp(70000)', /no port/],
    ['tcp(90-80)', /backwards/],
    ['tcp(80:8080),tcp/udp(8080)', /twice/],
    ['icmp(1)', /no forward/],
  ],
  mac_prefix: [['01ff60', /six hexadecimal/]],
  nat_prefix: [['8.8', /private/]],
  resolver: [
    ['nameserver not-an-address', /name server/],
    ['rm -rf', /no line of resolv.conf/],
    ['/etc/../shadow', /'\.\.'/],
  ],
  volumes: [
    ['srv', /begins with/],
    ['/a:/b:ro:x', /HOSTPATH/],
    ['/a /a', /twice/],
    ['/a:/b:-o', /options/],
  ],
  depends: [['a a', /twice/]],
  quota: [
    ['10X', /a size is/],
    ['-1', /a size is/],
    ['9999999P', /too large/],
  ],
  priority: [
    ['100', /0 to 99/],
    ['1e1', /whole number/],
  ],
  tag: [
    ['a/b', /contains "\/"/],
    ['-web', /flag/],
    ['default', /reserved/],
    ['a..b', /'\.\.'/],
  ],
  host_hostname: [
    ['-x', /flag/],
    ['a..b', /empty label/],
    ['x'.repeat(64), /63/],
  ],
  exec_start: [['-c foo', /no program/]],
  notes: [
    ['a\nb', /line break/],
    ['\u001b[31mred', /control/],
    ['x'.repeat(1001), /longer than 1000/],
    ['\ud800', /Unicode/],
  ],
  ftpfiles: [['../../etc/passwd', /no file name/]],
  gitlocation: [['ext::sh -c x', /no URL/]],
  branch: [['--upload-pack=x', /branch/]],
  jail_zfs_dataset: [
    ['../x', /no dataset/],
    ['a//b', /empty part/],
  ],
  last_started: [
    ['2016-02-31_00:00:00', /no such time/],
    ['yesterday', /written/],
  ],
};

describe.each(Object.entries(accepted))('%s accepts', (key, rows) => {
  test.each(rows)('%j as %j', (text, stored) => {
    expect(canonical(getProperty(key), text)).toBe(stored);
  });
});

describe.each(Object.entries(refused))('%s refuses', (key, rows) => {
  test.each(rows)('%j', (text, reason) => {
    expect(() => canonical(getProperty(key), text)).toThrow(ValueProblem);
    expect(() => canonical(getProperty(key), text)).toThrow(reason);
  });
});

/** The vectors of the Python line: the list, the highest CPU of the machine, whether it may be used. */
test.each([
  ['0,1,2,3,4,5', 6, true],
  ['1,2,3', 6, true],
  ['2,1,4,11', 60, true],
  ['1,2,1', 60, false],
  ['1,2,', 60, false],
  [',1,2', 60, false],
  ['1,2,99', 60, false],
  ['0-59', 60, true],
  ['0-99', 60, false],
  ['12-22', 60, true],
  ['0', 0, true],
  ['0', undefined, false],
  ['1-2', undefined, false],
  ['off', undefined, true],
  ['all', undefined, true],
  ['gibberish', 60, false],
] as const)('cpuset %j with CPU %j the highest: %j', (text, highest, usable) => {
  const problem = (): string | undefined => {
    try {
      return cpusetProblem(cpuset.parse(text), highest);
    } catch (error) {
      expect(error).toBeInstanceOf(ValueProblem);
      return 'no list';
    }
  };
  expect(problem() === undefined).toBe(usable);
});

test('values carry what the drivers need', () => {
  expect(limitCodec('memoryuse').parse('deny=2G')).toEqual({ amount: 2147483648, action: 'deny' });
  expect(limitCodec('memoryuse').parse('off')).toBeNull();
  expect(natForwards.parse('tcp(80:8080),udp(10-12)')).toEqual([
    { protocol: 'tcp', from: 80, to: 80, host: 8080 },
    { protocol: 'udp', from: 10, to: 12, host: 10 },
  ]);
  expect(volumes.parse('/srv:/data:ro')).toEqual([{ source: '/srv', target: '/data', options: ['ro'] }]);
  expect(cpuset.parse('0,4-7')).toEqual([
    { from: 0, to: 0 },
    { from: 4, to: 7 },
  ]);
});
