/**
 * Flags that say in another way what `cli.test.ts` proves: those of the Python line, other names, and
 * commands that start a jail first. Run as a person runs them, on a real pool.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandIn, type Command } from '../support/command.ts';
import { hostTests, openLab, reason, type Lab } from '../support/lab.ts';

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
