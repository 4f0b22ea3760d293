/**
 * The table of FreeBSD's words holds together, its page is printed from it (`npx vitest run --project unit
 * --update` prints it anew), and a command line is judged by it.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { parse } from 'yaml';
import { describe, expect, it } from 'vitest';
import { limitResources } from '../../src/domain/codec/limit.ts';
import { documented } from '../support/freebsd/documented.ts';
import { judged, undocumented } from '../support/freebsd/grammar.ts';
import { referencePage, unshown } from '../support/freebsd/reference.ts';
import { tools } from '../support/freebsd/tools/index.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const page = join(root, 'docs/freebsd-reference.md');

const readWorkflow = (workflow: any) => {
  const job = workflow.jobs.test;
  const step = job.steps.find((one: any) => one.uses?.startsWith('vmactions/freebsd-vm@'));
  return { job, script: step.with.run as string };
};

describe('the table', () => {
  it('has each word once, with a page and a release', () => {
    const keys = documented.map((row) => [row.tool, row.kind, row.word].join(' '));
    expect(keys.filter((key, index) => keys.indexOf(key) !== index)).toEqual([]);
    expect(documented.filter((row) => !/^[\w.-]+\(\d\)(, [\w.-]+\(\d\))*$/.test(row.page))).toEqual([]);
    expect([...new Set(documented.map((row) => row.since))].sort()).toEqual([12, 13, 14, 15]);
    expect(documented.length).toBeGreaterThan(700);
  });

  it('is what the page shows', async () => {
    expect(unshown()).toEqual([]);
    const options = await resolveConfig(page);
    await expect(await format(referencePage(), { ...options, parser: 'markdown' })).toMatchFileSnapshot(page);
    expect(readFileSync(page, 'utf8')).toContain('`allow.mount.nullfs`');
  });

  it('has every tool of the stand-in, and every limit that a jail can have', () => {
    expect(Object.keys(tools).filter((tool) => !judged.includes(tool))).toEqual([]);
    const known = new Set(documented.filter((row) => row.kind === 'resource').map((row) => row.word));
    expect(Object.keys(limitResources).filter((resource) => !known.has(resource))).toEqual([]);
  });
});

describe('the workflow', () => {
  it('runs the host tests as they are, on a release of each supported line', () => {
    const text = readFileSync(join(root, '.github/workflows/freebsd.yml'), 'utf8');
    const { job, script } = readWorkflow(parse(text));
    expect(job.strategy.matrix.release.map((release: string) => Number(release.split('.')[0]))).toEqual([
      13, 14, 15,
    ]);
    expect(script).toContain('npx vitest run --project host');
    const wrapper = /^\s*(test\/support\/\S+)/m.exec(script)?.[1];
    expect(wrapper).toBeDefined();
    expect(existsSync(join(root, wrapper!))).toBe(true);
    const loads = script
      .split('\n')
      .filter((line: string) => /^(kldload|sysctl|freebsd-version) /.test(line));
    expect(loads.length).toBe(3);
    expect(loads.flatMap((line: string) => undocumented(line.split(' '), 13))).toEqual([]);
  });
});

describe('a command line', () => {
  it.each([
    'jail -c name=ioc-1 path=/x persist allow.mount.nullfs allow.nomount ip4.saddrsel=0 vnet exec.clean command=/bin/sh -Z',
    'jail -r ioc-1',
    'jail -f /etc/jail.conf -c web',
    '/usr/sbin/jail -m jid=1 securelevel=3',
    'jls -n -q -j 1 name path',
    'jls --libxo=json -v',
    'jexec -l -U www 1 /bin/sh -c anything',
    'jexec 1 ifconfig vnet0 inet 10.0.0.1/24 up',
    'ifconfig epair create',
    'ifconfig bridge0 addm epair0a up',
    'ifconfig em0 inet6 fd00::1/64 -alias',
    'ifconfig epair0a ether 02:ff:60:00:00:01',
    'ifconfig -f inet:cidr -a inet',
    'route -q add -6 default fe80::1%em0',
    'mount -t devfs -o ruleset=10 devfs /x/dev',
    'mount_nullfs -o ro,noatime /a /b',
    'umount -f /a',
    'devfs -m /x/dev rule -s 10 add 100 path bpf* unhide',
    'devfs rule -s 10 delset',
    'rctl -a jail:x:memoryuse:sigterm=1g/jail',
    'rctl -hu jail:x',
    'cpuset -l 0-3 -j x',
    'sysctl -n kern.racct.enable security.jail.param.vnet',
    'lockf -k -t 0 /x/lock jls -n',
    'pkg -j x install -y vim',
    'freebsd-update -b /x --not-running-from-cron fetch install',
    'etcupdate extract -d /w -s /src',
    'zfs list -H -o name',
  ])('is documented: %s', (line) => {
    expect(undocumented(line.split(' '))).toEqual([]);
  });

  it.each([
    ['jail -c name=x allow.everything', 'jail: allow.everything'],
    ['jail -c name=x noallow.mount', 'jail: noallow.mount'],
    ['jail -Z x', 'jail: -Z'],
    ['jls --json', 'jls: --json'],
    ['jls nothing', 'jls: nothing'],
    ['jexec -e A=b x true', 'jexec: -e'],
    ['jexec x ifconfig vnet0 master br0', 'ifconfig: master'],
    ['ifconfig em0 master bridge0', 'ifconfig: master'],
    ['ifconfig veth create', 'ifconfig: veth'],
    ['route append default 10.0.0.1', 'route: append'],
    ['route add -dev em0', 'route: -dev'],
    ['mount -t nullfs -o bind /a /b', 'mount: bind'],
    ['mount -t overlay a /b', 'mount: overlay'],
    ['mount -R /a /b', 'mount: -R'],
    ['umount -l /a', 'umount: -l'],
    ['devfs rule -s 1 add path', 'devfs: path'],
    ['devfs rule -s 1 insert hide', 'devfs: insert'],
    ['rctl -a jail:x:memory:deny=1g', 'rctl: memory'],
    ['rctl -a jail:x:memoryuse:refuse=1g', 'rctl: refuse'],
    ['rctl -a cgroup:x:memoryuse:deny=1g', 'rctl: cgroup'],
    ['sysctl -w net.inet.ip.forwarding=1', 'sysctl: -w'],
    ['sysctl kern.invented', 'sysctl: kern.invented'],
    ['lockf -k /x/lock jls --json', 'jls: --json'],
    ['pkg install --yes vim', 'pkg: --yes'],
    ['pfctl -a x -F everything', 'pfctl: everything'],
    ['kldload veth', 'kldload: veth'],
    ['service cron begin', 'service: begin'],
    ['freebsd-update -b', 'freebsd-update: -b without its value'],
    ['nft list ruleset', 'nft: no tool of the table'],
  ])('is not: %s', (line, problem) => {
    expect(undocumented(line.split(' '))).toContain(problem);
  });

  it.each([
    ['jail -c name=x allow.suser', 12, 'jail: allow.suser'],
    ['jail -c name=x allow.nfsd', 13.5, 'jail: allow.nfsd'],
    ['jail -c name=x meta.owner=me', 14.2, 'jail: meta.owner'],
    ['jail -C name', 14.2, 'jail: -C'],
    ['ifconfig -j x', 14, 'ifconfig: -j'],
    ['freebsd-update -j x fetch', 13.2, 'freebsd-update: -j'],
  ])('came later: %s is not in %d', (line, release, problem) => {
    expect(undocumented(line.split(' '), release)).toContain(problem);
    expect(undocumented(line.split(' '))).toEqual([]);
  });
});
