/**
 * The words for trees of files of both kernels: FreeBSD's are all documented, and with the real programs (libarchive's
 * tar is the same one on both) a tree comes out as it went in, and nothing comes out that was to stay behind.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { freebsdTrees } from '../../../src/driver/freebsd/trees.ts';
import { linuxTrees } from '../../../src/driver/linux/trees.ts';
import { NodeExec } from '../../../src/driver/node/exec.ts';
import { StandInExec } from '../../support/freebsd/exec.ts';
import { undocumented } from '../../support/freebsd/grammar.ts';
import { standIn, type StandIn } from '../../support/freebsd/standin.ts';
import { setMarks } from '../../support/freebsd/tools/trees.ts';

const isThere = (tool: string): boolean => spawnSync(tool, ['--version']).error === undefined;
const hasBsdtar = isThere('bsdtar') && isThere('setfattr');
const isRoot = process.getuid?.() === 0;
const { signal } = new AbortController();

describe.each([13, 15])('FreeBSD %d', (release) => {
  it('has every word', () => {
    const file = '/r/list';
    const trees = freebsdTrees;
    const all = [
      trees.pack('/r'),
      trees.pack('/r', { list: file, sparse: true }),
      trees.pack('/r', { except: file, empty: ['bin', 'usr/share'] }),
      trees.pack('/r', { list: file, whole: true }),
      trees.unpack('/r'),
      trees.unpack('/r', { whole: true }),
      trees.pack('/r', { only: './root' }),
      trees.unpack('/r', { only: './root' }),
      trees.content('/a', './b'),
      ...trees.remove,
      trees.unmark!,
      trees.copy('/a', '/b'),
      trees.digest(file),
      ['dd', 'of=/a', 'ibs=65536', 'obs=1048576', 'status=none'],
      ['mkfifo', '-m', '600', '--', '/a'],
      ['tee', '--', '/a'],
      ['zstd', '-q', '-T0', '-c'],
      ['xz', '-T0', '-c'],
      ['gzip', '-c'],
    ];
    expect(all.flatMap((argv) => undocumented(argv, release))).toEqual([]);
  });
});

describe.skipIf(!hasBsdtar || !isRoot)(
  `a tree, by the real programs${hasBsdtar && isRoot ? '' : ': needs root, bsdtar and setfattr'}`,
  () => {
    let directory: string;
    let from: string;
    let to: string;
    let machine: StandIn;
    beforeEach(() => {
      directory = mkdtempSync(join(tmpdir(), 'trees-'));
      [from, to] = [join(directory, 'from'), join(directory, 'to')];
      for (const path of ['dev', 'usr/src/sys/dev', 'bin', 'usr/sh*re', 'usr/share', 'odd [x]*', 'empty'])
        mkdirSync(join(from, path), { recursive: true });
      mkdirSync(to);
      for (const path of [
        'dev/log',
        'usr/src/sys/dev/uart',
        'bin/sh',
        'usr/sh*re/a',
        'usr/share/b',
        'odd [x]*/f',
      ])
        writeFileSync(join(from, path), `${path}\n`, { mode: 0o640 });
      writeFileSync(join(from, 'su'), 'x', { mode: 0o755 });
      execFileSync('chmod', ['4755', join(from, 'su')]);
      execFileSync('chown', ['-h', '12:34', join(from, 'odd [x]*/f')]);
      linkSync(join(from, 'bin/sh'), join(from, 'hard'));
      symlinkSync('../elsewhere', join(from, 'link'));
      writeFileSync(join(from, 'holes'), '');
      truncateSync(join(from, 'holes'), 64 * 2 ** 20);
      utimesSync(join(from, 'su'), 1_500_000_000, 1_500_000_000.25);
      execFileSync('mkfifo', [join(from, 'pipe')]);
      execFileSync('mknod', [join(from, 'a[b]$'), 'c', '1', '3']);
      execFileSync('mknod', [join(from, 'a[b]$c'), 'p']);
      machine = standIn();
    });
    afterEach(() => {
      expect(machine.undocumented()).toEqual([]);
      machine.close();
      rmSync(directory, { recursive: true });
    });

    const facts = (root: string): readonly string[] =>
      (readdirSync(root, { recursive: true }) as string[])
        .map((path) => {
          const all = lstatSync(join(root, path));
          const size = all.isFile() ? `${all.size} ${all.nlink} ${all.mtimeMs}` : '';
          return `${path} ${all.mode.toString(8)} ${all.uid}:${all.gid} ${size}`;
        })
        .sort();
    const systems = () =>
      [
        ['linux', linuxTrees, new NodeExec()],
        ['freebsd', freebsdTrees, machine.exec],
      ] as const;
    const without = (lines: readonly string[], ...paths: readonly string[]) =>
      lines.filter((line) => !paths.some((path) => line.startsWith(path)));

    it.each([
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
    ])('comes out as it went in, but what is in /dev (packed by %d, unpacked by %d)', async (by, of) => {
      const [packs, unpacks] = [systems()[by]!, systems()[of]!];
      writeFileSync(join(directory, 'except'), packs[1].except(['a[b]$']));
      const file = join(directory, 'tar');
      const packed = packs[1].pack(from, { except: join(directory, 'except'), sparse: true });
      await packs[2].pipe([packed, ['dd', `of=${file}`, 'ibs=65536', 'obs=1048576', 'status=none']]);
      await unpacks[2].pipe([['cat', '--', file], unpacks[1].unpack(to)]);
      expect(facts(to)).toEqual(without(facts(from), 'dev/log', 'a[b]$ '));
      expect(lstatSync(join(to, 'hard')).ino).toBe(lstatSync(join(to, 'bin/sh')).ino);
      expect(statSync(join(to, 'holes')).blocks).toBeLessThan(100);
    });

    it.each([0, 1])(
      'one folder of it goes and comes alone, without its dev; one file is read (%d)',
      async (which) => {
        const [, trees, exec] = systems()[which]!;
        mkdirSync(join(from, 'usr/dev'));
        writeFileSync(join(from, 'usr/dev/log'), '');
        linkSync(join(from, 'usr/share/b'), join(from, 'usr/src/hard'));
        await exec.pipe([trees.pack(from), trees.unpack(to, { only: './usr' })]);
        const usr = facts(from).filter((line) => line.startsWith('usr'));
        expect(facts(to)).toEqual(without(usr, 'usr/dev/log'));
        rmSync(join(to, 'usr'), { recursive: true });
        await exec.pipe([trees.pack(from, { only: './usr' }), trees.unpack(to)]);
        expect(facts(to)).toEqual(usr);
        const file = join(directory, 'tar');
        await exec.pipe([trees.pack(from), ['gzip', '-c'], ['dd', `of=${file}`, 'ibs=65536', 'obs=1048576']]);
        expect((await exec.read(trees.content(file, './usr/src/sys/dev/uart'))).stdout).toBe(
          'usr/src/sys/dev/uart\n',
        );
      },
    );

    it.each([0, 1])('leaves the content of folders behind, whatever they are called (%d)', async (which) => {
      const [, trees, exec] = systems()[which]!;
      rmSync(join(from, 'a[b]$'));
      await exec.pipe([trees.pack(from, { empty: ['bin', 'usr/sh*re', 'empty'] }), trees.unpack(to)]);
      const left = ['dev/log', 'bin/sh', 'usr/sh*re/a', 'hard'];
      expect(without(facts(to), 'hard')).toEqual(without(facts(from), ...left));
      expect(readFileSync(join(to, 'usr/share/b'), 'utf8')).toBe('usr/share/b\n');
      expect(readdirSync(join(to, 'bin'))).toEqual([]);
    });

    it.each([0, 1])('of a list goes what is named, whole (%d)', async (which) => {
      const [, trees, exec] = systems()[which]!;
      writeFileSync(join(directory, 'list'), trees.list(['dev/log', 'odd [x]*', 'link', 'usr']));
      const list = join(directory, 'list');
      await exec.pipe([trees.pack(from, { list, whole: true }), trees.unpack(to, { whole: true })]);
      expect((readdirSync(to, { recursive: true }) as string[]).sort()).toEqual([
        'dev',
        'dev/log',
        'link',
        'odd [x]*',
        'usr',
      ]);
    });

    it('is looked at and listed alike', async () => {
      const told = await Promise.all(
        systems().map(async ([, trees, exec]) => {
          const files = new Map<string, boolean>();
          await trees.look(from, { exec, signal }, ({ path, device }) => void files.set(path, device));
          const entries = await trees.entries(from, { exec, signal });
          return {
            looked: [...files].sort(),
            listed: [...entries]
              .map(([path, { type, mode, owner, target }]) => [path, type, mode, owner, target])
              .sort(),
            digests: await trees.digests(from, ['bin/sh', 'odd [x]*/f'], { exec, signal }),
            times: [...entries].map(([path, { ctime }]) => [path, Number(ctime).toFixed(3)]).sort(),
          };
        }),
      );
      expect(told[1]).toEqual(told[0]);
      expect(told[0]!.looked).toContainEqual(['a[b]$', true]);
      expect(told[0]!.looked.length).toBe(facts(from).length);
    });

    it('is removed, marks and all, and only what is named', async () => {
      const input = './usr\0./link\0';
      setMarks(join(from, 'usr/share/b'), ['schg']);
      setMarks(join(from, 'usr/share'), ['sunlnk']);
      const { exec } = machine;
      await expect(exec.change(freebsdTrees.remove[1]!, { cwd: from, input })).rejects.toMatchObject({
        message: expect.stringContaining('Operation not permitted'),
      });
      for (const argv of freebsdTrees.remove) await exec.change(argv, { cwd: from, input });
      expect(readdirSync(from)).toEqual(
        readdirSync(from).filter((name) => name !== 'usr' && name !== 'link'),
      );
      expect(readdirSync(from)).toContain('bin');
    });

    it('of FreeBSD replaces what is marked', async () => {
      mkdirSync(join(to, 'bin'));
      writeFileSync(join(to, 'bin/sh'), 'old');
      setMarks(join(to, 'bin/sh'), ['schg']);
      rmSync(join(from, 'a[b]$'));
      await machine.exec.pipe([freebsdTrees.pack(from), freebsdTrees.unpack(to)]);
      expect(readFileSync(join(to, 'bin/sh'), 'utf8')).toBe('bin/sh\n');
    });

    it('with the words of the other system fails', async () => {
      expect(machine.exec).toBeInstanceOf(StandInExec);
      const { exec } = machine;
      for (const argv of [
        [...linuxTrees.unpack(to)],
        [...linuxTrees.pack(from)],
        ['rm', '--recursive', '--force', '--one-file-system', '--', to],
        ['find', from, '-xdev', '-printf', '%P'],
        ['cp', '--archive', from, to],
        ['dd', 'if=/dev/null', 'of=/dev/null', 'iflag=nonblock'],
      ])
        await expect(exec.change(argv), argv.join(' ')).rejects.toMatchObject({ code: 'COMMAND_FAILED' });
      machine.close();
      machine = standIn();
      rmSync(join(from, 'a[b]$'));
    });
  },
);
