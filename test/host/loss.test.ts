/** Destroy, promote and clean on a real pool: nothing but what was said ever disappears. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandIn, type Command } from '../support/command.ts';
import { expecting } from '../support/expecting.ts';
import { hostTests, openLab, reason, type Lab } from '../support/lab.ts';
import { sh } from '../support/pool.ts';

describe.skipIf(!hostTests)(`nothing else disappears${reason}`, { timeout: 120_000 }, () => {
  let lab: Lab;
  let iocage: Command;
  let root: string;

  beforeAll(async () => {
    lab = await openLab();
    iocage = commandIn(lab.environment);
    root = `${lab.pool.name}/iocage`;
    ok('set', 'ip4=disable', 'default');
  });
  afterAll(() => lab.close());

  const { ok, refused } = expecting(() => lab);
  const there = (): readonly string[] =>
    sh('zfs', 'list', '-H', '-o', 'name', '-t', 'all', '-r', root)
      .trim()
      .split('\n')
      .map((name) => name.slice(root.length + 1));
  const origin = (dataset: string): string =>
    sh('zfs', 'get', '-H', '-o', 'value', 'origin', `${root}/${dataset}`).trim().replace(`${root}/`, '');
  /** What the command took away, which must be what it says. */
  function taken(...words: readonly string[]): readonly string[] {
    const before = there();
    const said = JSON.parse(ok(...words, '--json')) as { result: { destroyed: readonly string[] } };
    const after = there();
    const gone = before.filter((name) => !after.includes(name)).sort();
    expect(after.filter((name) => !before.includes(name))).toEqual([]);
    expect(said.result.destroyed.map((name) => name.slice(root.length + 1)).sort()).toEqual(gone);
    return gone;
  }
  const note = (jail: string, text?: string): string => {
    const path = join(lab.pool.directory, 'pool/iocage/jails', jail, 'root/etc/note');
    if (text !== undefined) writeFileSync(path, text);
    return existsSync(path) ? sh('cat', path) : '';
  };

  it('clone of a clone: each goes alone, from the last to the first', () => {
    ok('create', '-c', 'release=busybox', '-n', 'one');
    note('one', 'one');
    ok('clone', 'one', '-n', 'two');
    note('two', 'two');
    ok('clone', 'two', '-n', 'three');
    expect(refused('destroy', '-f', 'one')).toContain('cloned from it are');
    expect(refused('destroy', '-f', 'two')).toContain('three');
    expect(taken('destroy', '-f', 'three')).toEqual([
      'jails/three',
      'jails/three/root',
      'jails/two/root@three',
      'jails/two@three',
    ]);
    expect(note('two')).toBe('two');
    expect(taken('destroy', '-f', 'two')).toEqual([
      'jails/one/root@two',
      'jails/one@two',
      'jails/two',
      'jails/two/root',
    ]);
    expect(note('one')).toBe('one');
    expect(taken('destroy', '-f', 'one')).toEqual([
      'jails/one',
      'jails/one/root',
      'releases/busybox/root@one',
    ]);
  });

  it('promote: the parent can go and the clone stays, with its own clones and with every snapshot', () => {
    ok('create', 'release=busybox', '-n', 'parent');
    ok('snapshot', 'parent@early');
    note('parent', 'kept');
    ok('clone', 'parent', '-n', 'heir');
    ok('snapshot', 'parent@late');
    ok('clone', 'parent@early', '-n', 'elder');
    ok('clone', 'heir', '-n', 'grandchild');
    expect(refused('destroy', '-f', 'parent')).toContain('heir');
    const said = ok('promote', 'heir');
    expect(said).toBe(
      `* promoting filesystem: ${root}/jails/heir\n* promoting filesystem: ${root}/jails/heir/root\n`,
    );
    expect(origin('jails/heir/root')).toBe('-');
    expect(origin('jails/parent/root')).toBe('jails/heir/root@heir');
    expect(origin('jails/elder/root')).toBe('jails/heir/root@early');
    expect(ok('promote', 'heir')).toContain('INFO: filesystem');
    // Now everybody hangs on the heir.
    expect(refused('destroy', '-f', 'heir')).toMatch(/elder.*grandchild.*parent|parent/);
    expect(taken('destroy', '-f', 'parent')).toEqual([
      'jails/parent',
      'jails/parent/root',
      'jails/parent/root@late',
      'jails/parent@late',
    ]);
    expect(note('heir')).toBe('kept');
    expect(note('grandchild')).toBe('kept');
    expect(there()).toContain('jails/heir/root@early');
    expect(taken('destroy', '-f', 'elder')).toEqual(['jails/elder', 'jails/elder/root']);
    expect(taken('destroy', '-f', 'grandchild')).toHaveLength(4);
    expect(there()).toContain('jails/heir/root@early');
    expect(taken('destroy', '-f', 'heir').every((name) => name.startsWith('jails/heir'))).toBe(true);
  });

  it('a clone of the release can be promoted; the release and its other jails stay as they are', () => {
    ok('create', '-c', 'release=busybox', '-n', 'first');
    ok('create', '-c', 'release=busybox', '-n', 'second');
    ok('promote', 'second');
    expect(origin('releases/busybox/root')).toBe('jails/second/root@second');
    expect(origin('jails/first/root')).toBe('jails/second/root@first');
    expect(refused('destroy', '-f', 'second')).toMatch(/releases\/busybox\/root/);
    expect(refused('clean', '-j', '-f')).toMatch(/cloned from it are .*releases\/busybox\/root/);
    ok('start', 'first');
    ok('stop', 'first');
    // Back: ZFS turns the same link round again.
    sh('zfs', 'promote', `${root}/releases/busybox/root`);
    expect(taken('destroy', '-f', 'second')).toEqual([
      'jails/second',
      'jails/second/root',
      'releases/busybox/root@second',
    ]);
    expect(taken('destroy', '-f', 'first')).toContain('releases/busybox/root@first');
  });

  it("a person's own snapshot as the origin stays, whatever it is called", () => {
    ok('create', 'release=busybox', '-n', 'owner');
    ok('snapshot', 'owner@guest');
    ok('clone', 'owner@guest', '-n', 'guest');
    expect(taken('destroy', '-f', 'guest')).toEqual(['jails/guest', 'jails/guest/root']);
    expect(there()).toContain('jails/owner/root@guest');
    sh('zfs', 'snapshot', `${root}/releases/busybox/root@mine`);
    ok('destroy', '-f', 'owner');
    expect(there()).toContain('releases/busybox/root@mine');
    sh('zfs', 'destroy', `${root}/releases/busybox/root@mine`);
  });

  it('a template with clones: neither destroy nor clean takes it or them', () => {
    ok('create', '-c', 'release=busybox', '-n', 'mould');
    ok('set', 'template=yes', 'mould');
    ok('create', 'template=mould', '-n', 'cast');
    note('cast', 'cast');
    expect(refused('destroy', '-f', 'mould')).toContain('cast');
    expect(refused('clean', '-t', '-f')).toContain('cast');
    expect(refused('clean', '-r', '-f')).toContain('mould');
    // The other way round it may: the promoted jail does not need its template any more.
    ok('promote', 'cast');
    expect(taken('clean', '-t', '-f')).toEqual(['templates/mould', 'templates/mould/root']);
    expect(note('cast')).toBe('cast');
    ok('destroy', '-f', 'cast');
    // Made for the template, which left it to the jail: not the jail's to take away.
    sh('zfs', 'destroy', `${root}/releases/busybox/root@mould`);
  });

  it('clean -j: lists, wants the name of the pool, refuses while jails run, takes all jails and nothing else', async () => {
    ok('create', '-c', 'release=busybox', '-n', 'base0');
    ok('clone', 'base0', '-n', 'top0');
    ok('clone', 'top0', '-n', 'top1');
    ok('promote', 'top1');
    ok('create', '-b', 'release=busybox', '-n', 'shared0');
    ok('snapshot', 'base0@mine');
    sh('zfs', 'create', `${root}/jails/stranger`);
    sh('zfs', 'snapshot', `${root}/releases/busybox/root@mine`);
    const dry = ok('clean', '-j', '-f', '--dry-run');
    expect(dry).not.toMatch(/destroy (.* )?-R/);
    expect(dry).not.toContain('stranger');
    ok('start', 'top0');
    expect(refused('clean', '-j')).toContain('needs it stopped');
    ok('stop', 'top0');
    expect(refused('clean', '-j')).toContain('Command not confirmed.  No action taken.');
    for (const answer of ['y', 'iocage', `${lab.pool.name}x`]) {
      const asked = iocage.onTerminal('clean', '-j');
      await asked.says(new RegExp(`Type ${lab.pool.name} to go ahead: `));
      expect(asked.output()).toContain(`${root}/jails/base0/root@mine`);
      asked.child.stdin!.write(`${answer}\n`);
      expect((await asked.ended).status, answer).toBe(1);
    }
    expect(there()).toContain('jails/top1/root');
    ok('start', 'top0');
    const gone = taken('clean', '-j', '-f');
    expect(gone.filter((name) => !name.startsWith('jails/'))).toEqual(['releases/busybox/root@base0']);
    expect(there().filter((name) => name.startsWith('jails/') || name.includes('@'))).toEqual([
      'jails/stranger',
      'releases/busybox/root@mine',
    ]);
    expect(iocage('clean', '-j', '-f').stderr).toContain('stranger stays: iocage did not make it');
    sh('zfs', 'unmount', `${root}/jails/stranger`);
    sh('zfs', 'destroy', `${root}/jails/stranger`);
    sh('zfs', 'destroy', `${root}/releases/busybox/root@mine`);
  });

  it('clean -a: by the typed name; the pool stays activated with its defaults, and can be filled again', async () => {
    ok('create', '-c', 'release=busybox', '-n', 'x');
    ok('create', '-b', 'release=busybox', '-n', 'y');
    ok('create', '-c', 'release=busybox', '-n', 'z');
    ok('set', 'template=yes', 'z');
    ok('create', 'template=z', '-n', 'zz');
    ok('promote', 'x');
    const asked = iocage.onTerminal('clean', '-a');
    await asked.says(/to go ahead: /);
    asked.child.stdin!.write(`${lab.pool.name}\n`);
    expect((await asked.ended).status).toBe(0);
    expect([...there()].sort()).toEqual(['', '.defaults', 'download', 'jails', 'releases', 'templates']);
    expect(ok('get', 'ip4', 'default')).toBe('disable\n');
    expect(sh('ls', '-A', join(lab.pool.directory, 'pool/iocage/tags'))).toBe('');
    expect(ok('clean', '-a', '-f')).toBe('Nothing to clean.\n');
    ok('fetch', 'release=busybox', `file=${join(lab.pool.directory, 'busybox.tar')}`);
    ok('create', '-c', 'release=busybox', '-n', 'again');
    ok('destroy', '-f', 'again');
    expect(refused('clean')).toContain('say what');
  });
});
