/**
 * Flags that say in another way what `cli.test.ts` proves: those of the Python line, other names, and
 * commands that start a jail first. Run as a person runs them, on a real pool.
 */
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandIn, type Command } from '../support/command.ts';
import { hostTests, openLab, reason, sh, type Lab } from '../support/lab.ts';

describe.skipIf(!hostTests)(`other ways to say it${reason}`, () => {
  let lab: Lab;
  let iocage: Command;
  const ok = (...words: readonly string[]): string => {
    const ran = iocage(...words);
    expect(ran, words.join(' ')).toMatchObject({ status: 0 });
    return ran.stdout;
  };
  const state = (name: string): string => ok('get', 'state', name).trim();

  beforeAll(async () => {
    lab = await openLab();
    iocage = commandIn(lab.environment);
    ok('create', '-c', '2', '-r', 'busybox', '-n', 'way', 'ip4=disable');
  });
  afterAll(() => lab.close());

  it('snapshot, rollback and snapremove take the name by -n', () => {
    ok('snapshot', 'way_1', '-n', 'first');
    expect(ok('snaplist', 'way_1', '-H')).toMatch(/^first\t/);
    ok('exec', '-f', 'way_1', 'touch', '/root/new');
    ok('stop', 'way_1');
    ok('rollback', 'way_1', '-n', 'first', '-f');
    ok('snapremove', 'way_1', '-n', 'first');
    expect(ok('snaplist', 'way_1', '-H')).toBe('');
    expect(ok('chroot', 'way_1', '/bin/ls', '/root')).toBe('');
  });

  it('exec -f and console -f start the jail first', async () => {
    expect(state('way_1')).toBe('down');
    expect(iocage('exec', 'way_1', 'hostname').status).toBe(1);
    expect(ok('exec', '-f', 'way_1', 'hostname')).toContain('way-1\n');
    expect(state('way_1')).toBe('up');
    expect(state('way_2')).toBe('down');
    const session = iocage.start('console', '-f', 'way_2');
    session.child.stdin!.end('echo "in $(hostname)"; exit 3\n');
    const ended = await session.ended;
    expect(ended).toMatchObject({ status: 3, stderr: '' });
    expect(ended.stdout).toContain('in way-2');
    expect(ended.status).toBe(3);
    expect(state('way_2')).toBe('up');
  });

  it('restart ALL restarts what runs', () => {
    const jids = (): readonly string[] => ['way_1', 'way_2'].map((name) => ok('get', 'jid', name).trim());
    const before = jids();
    ok('restart', 'ALL');
    const after = jids();
    expect(after.every((jid) => /^\d+$/.test(jid))).toBe(true);
    expect(after.filter((jid) => before.includes(jid))).toEqual([]);
    ok('stop', 'ALL');
  });

  it('get -a, -s, -j and -p ask for what they are called after', () => {
    expect(ok('get', '-a', 'way_1')).toBe(ok('get', 'all', 'way_1'));
    expect(ok('get', '-s', 'way_1')).toBe('down\n');
    expect(ok('get', '--jid', 'way_1')).toBe('-\n');
    expect(ok('get', '-p')).toBe(`${lab.pool.name}\n`);
    expect(ok('get', '-p', 'way_1')).toBe(`${lab.pool.name}\n`);
    expect(ok('get', 'iocroot', 'default')).toBe(`${lab.pool.directory}/pool/iocage\n`);
    expect(iocage('get', '-a', '-s', 'way_1').status).toBe(2);
    expect(ok('-f', 'get', 'state', 'way_1')).toBe('down\n');
  });

  it('list -b, -B, -q and --warden; df -l', () => {
    ok('create', '-b', '-r', 'busybox', '-n', 'based', 'ip4=disable');
    expect(ok('list', '-b', '-H')).toBe('busybox\n');
    expect(ok('list', '-B', '-H').split('\t')[1]).toBe('based');
    ok('set', 'ip4=new', 'ip4_addr=up0|192.0.2.99/32', 'based');
    expect(ok('list', '-q', '-H', '--http')).toBe('based\t192.0.2.99\nway_1\t-\nway_2\t-\n');
    const [block] = ok('list', '--warden', '-B').split(/(?=^id: )/m);
    expect(block).toBe(
      'id: -\nhost: based\nipv4: up0|192.0.2.99/32\nalias-ipv4: \nbridge-ipv4: \nalias-bridge-ipv4: \n' +
        'defaultrouter-ipv4: \nipv6: none\nalias-ipv6: \nbridge-ipv6: \nalias-bridge-ipv6: \n' +
        'defaultrouter-ipv6: \nautostart: off\nvnet: off\nstatus: down\ntype: basejail\n',
    );
    expect(ok('df', '-l', '-H')).toContain('based\t');
    ok('destroy', '-f', 'based');
  });

  it('exec -p passes the proxy settings on, and nothing else', () => {
    const behind = commandIn({
      ...lab.environment,
      http_proxy: 'http://proxy:3128',
      NO_PROXY: 'local',
      OTHER: 'x',
    });
    ok('start', 'way_1');
    expect(behind('exec', 'way_1', 'env').stdout).not.toMatch(/proxy|OTHER/i);
    const passed = behind('exec', '-p', 'way_1', 'env').stdout;
    expect(passed).toContain('http_proxy=http://proxy:3128\n');
    expect(passed).toContain('NO_PROXY=local\n');
    expect(passed).not.toContain('OTHER');
    ok('stop', 'way_1');
  });

  it('import -p and -c say where to look and for what', () => {
    ok('export', '-c', 'gz', 'way_1');
    const elsewhere = join(lab.pool.directory, 'elsewhere');
    const images = join(lab.pool.directory, 'pool/iocage/images');
    cpSync(images, elsewhere, { recursive: true });
    rmSync(images, { recursive: true });
    expect(iocage('import', 'way_1', 'tag=moved').status).toBe(1);
    expect(iocage('import', 'way_1', '-p', elsewhere, '-c', 'xz', 'tag=moved').status).toBe(1);
    ok('import', 'way_1', '-p', elsewhere, '-c', 'gz', 'tag=moved');
    ok('import', 'way_1', '--path', join(elsewhere, 'way_1.tar.gz'), 'tag=again');
    expect(ok('list', '-H', '-q')).toMatch(/^again\t-\nmoved\t-\n/);
    ok('destroy', '-f', 'moved', 'again');
  });

  it('fetch compression= is that of the release', () => {
    const file = join(lab.pool.directory, 'busybox.tar');
    ok('fetch', 'release=packed', `file=${file}`, 'compression=gzip-9');
    const dataset = `${lab.pool.name}/iocage/releases/packed/root`;
    expect(sh('zfs', 'get', '-H', '-o', 'value', 'compression', dataset)).toBe('gzip-9\n');
    expect(iocage('fetch', 'release=other', `file=${file}`, 'compression=best')).toMatchObject({ status: 2 });
    expect(ok('list', '-r', '-H')).toBe('busybox\npacked\n');
  });

  it('set type= turns a jail into a template and back, and refuses what would need other files', () => {
    ok('set', 'type=template', 'way_2');
    expect(ok('list', '-t', '-H').split('\t')[1]).toBe('way_2');
    ok('set', 'type=jail', 'way_2');
    expect(ok('list', '-t', '-H')).toBe('');
    ok('set', 'type=clonejail', 'way_2');
    expect(ok('get', 'type', 'way_2')).toBe('clonejail\n');
    const refused = iocage('set', 'type=basejail', 'notes=x', 'way_2');
    expect(refused).toMatchObject({ status: 2, stdout: '' });
    expect(refused.stderr).toContain('is made as clonejail');
    expect(ok('get', 'notes', 'way_2')).toBe('none\n');
    expect(iocage('set', 'type=nonsense', 'way_2').status).toBe(2);
  });

  it('df -s and list -s sort, show is get -r', () => {
    ok('set', 'quota=300M', 'way_1');
    ok('set', 'quota=200M', 'way_2');
    const names = (text: string, cell: number): readonly (string | undefined)[] =>
      text
        .trim()
        .split('\n')
        .map((line) => line.split('\t')[cell]);
    expect(names(ok('df', '-H', '-s', 'qta'), 0)).toEqual(['way_2', 'way_1']);
    expect(names(ok('df', '-H', '--sort', 'name'), 0)).toEqual(['way_1', 'way_2']);
    expect(iocage('df', '-s', 'colour').status).toBe(2);
    expect(ok('show', 'quota', '-H')).toBe(ok('get', '-r', 'quota', '-H'));
  });
});
