/**
 * What copies trees of files on FreeBSD, on a real pool below the FreeBSD driver and the stand-in: images, packages, a
 * release from a folder, a basejail's own part. tar is libarchive's, the one that FreeBSD has; marks of chflags(1) are
 * the stand-in's, in an attribute of each file.
 */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failEveryStep, type StepCase } from '../ops/every-step.ts';
import { filesOf } from '../support/files-of.ts';
import { openFreebsdLab, type FreebsdLab } from '../support/freebsd-lab.ts';
import { marksOf, setMarks } from '../support/freebsd/tools/trees.ts';
import { hostTests, reason } from '../support/lab.ts';
import { layBusyboxRoot } from '../support/release.ts';

describe.skipIf(!hostTests)(`FreeBSD: trees of files on a real pool${reason}`, { timeout: 120_000 }, () => {
  let lab: FreebsdLab;
  const top = (...parts: readonly string[]): string => join(lab.pool.directory, 'pool/iocage', ...parts);
  const rootOf = (jail: string): string => top('jails', jail, 'root');
  const run = (operation: string, input: unknown) => lab.run(operation, input);

  /** Everything of a root that a copy has to keep, `except` the paths that begin so. */
  function treeOf(root: string, ...except: readonly string[]): readonly string[] {
    const marks = marksOf([root], true);
    return filesOf(root)
      .filter(({ path }) => path !== '' && !except.some((left) => path.startsWith(left)))
      .map(({ path, kind, mode, owner, links, size, mtimeNs, target }) =>
        [path, kind, mode, owner, target, ...(kind === 'd' ? [] : [mtimeNs, size]), kind === 'f' ? links : '']
          .concat(marks.get(join(root, path)) ?? [])
          .join('|'),
      )
      .sort();
  }

  /** What is easily lost: owners, modes, links of both kinds, holes, marks, attributes, names. */
  function layOddThings(root: string): void {
    mkdirSync(join(root, 'var/empty'), { recursive: true });
    mkdirSync(join(root, 'srv/a [b]*'), { recursive: true });
    writeFileSync(join(root, 'srv/a [b]*/ü'), 'text\n', { mode: 0o640 });
    execFileSync('chown', ['12:34', join(root, 'srv/a [b]*/ü')]);
    writeFileSync(join(root, 'srv/su'), 'program');
    execFileSync('chmod', ['4711', join(root, 'srv/su')]);
    linkSync(join(root, 'srv/su'), join(root, 'srv/su2'));
    symlinkSync('/etc/../su', join(root, 'srv/link'));
    writeFileSync(join(root, 'srv/holes'), '');
    truncateSync(join(root, 'srv/holes'), 80 * 2 ** 20);
    execFileSync('mkfifo', [join(root, 'srv/pipe')]);
    execFileSync('setfattr', ['-n', 'user.of.mine', '-v', 'kept', join(root, 'srv/su')]);
    setMarks(join(root, 'srv/su'), ['schg']);
    setMarks(join(root, 'var/empty'), ['schg', 'uarch']);
  }

  beforeAll(async () => {
    lab = await openFreebsdLab();
    await run('jail.create', { kind: 'clone', release: 'busybox', name: 'web' });
    // zfs-fuse keeps times in whole seconds; a change that shows in the time alone needs another second.
    await setTimeout(1100);
  });
  afterAll(() => lab.close());

  it('export and import: the same jail', async () => {
    const root = rootOf('web');
    layOddThings(root);
    execFileSync('mknod', [join(root, 'srv/null [x]'), 'c', '1', '3']);
    writeFileSync(join(root, 'dev/left'), '');
    const notes: string[] = [];
    const context = lab.context();
    const { runOperation } = await import('../../src/ops/run/run.ts');
    const { getOperation } = await import('../../src/ops/index.ts');
    const told = { ...context, emit: (event: any) => void (event.text && notes.push(event.text)) };
    const { result } = await runOperation(told, getOperation('image.export'), { jail: 'web' });
    expect(notes.join('\n')).toContain('not archived: /srv/null [x] is a device');
    const { file } = result as { file: string };
    expect(statSync(file).size).toBeLessThan(2 ** 24);
    expect(JSON.parse(readFileSync(top('images/web.json'), 'utf8'))).toMatchObject({ kernel: 'freebsd' });
    const imported = await run('image.import', { image: 'web', name: 'again', path: top('images') });
    expect(imported.jails).toMatchObject([{ tag: 'again', kind: 'thick' }]);
    expect(imported).not.toHaveProperty('foreignKernel');
    const left = ['etc/hostname', 'srv/null', 'dev/left'];
    expect(treeOf(rootOf('again'), ...left)).toEqual(treeOf(root, ...left));
    expect(existsSync(join(rootOf('again'), 'srv/null [x]'))).toBe(false);
    expect(readdirSync(join(rootOf('again'), 'dev'))).toEqual([]);
    expect(statSync(join(rootOf('again'), 'srv/holes')).blocks).toBeLessThan(2000);
    const attribute = ['-n', 'user.of.mine', '--only-values', join(rootOf('again'), 'srv/su')];
    expect(execFileSync('getfattr', ['--absolute-names', ...attribute], { encoding: 'utf8' })).toBe('kept');
    await run('jail.start', { jail: 'again' });
    await run('jail.stop', { jail: 'again' });
    await run('jail.destroy', { jail: 'again' });
    rmSync(join(root, 'srv/null [x]'));
    rmSync(join(root, 'dev/left'));
  });

  it('package and import: what differs, and what is gone, though it was marked', async () => {
    const root = rootOf('web');
    const release = top('releases/busybox/root');
    const hosts = join(root, 'etc/hosts');
    const { atime, mtime } = statSync(hosts);
    writeFileSync(hosts, readFileSync(hosts, 'utf8').replace('localhost', 'localHOST'));
    utimesSync(hosts, atime, mtime);
    rmSync(join(root, 'home'), { recursive: true });
    rmSync(join(root, 'bin/vi'));
    // FreeBSD's releases are marked so; a clone of one is, too.
    setMarks(join(release, 'home'), ['schg']);
    setMarks(hosts, []);
    await run('image.package', { jail: 'web' });
    const { package: told } = JSON.parse(readFileSync(top('packages/web.json'), 'utf8'));
    expect(told).toEqual({ release: 'busybox', deleted: ['bin/vi', 'home'] });
    const members = execFileSync('tar', ['-tf', top('packages/web.tar.zst')], { encoding: 'utf8' });
    expect(members).toContain('./etc/hosts\n');
    expect(members).not.toContain('./bin/busybox');
    const from = lab.standIn.calls().length;
    await run('image.import', { image: 'web', name: 'same', path: top('packages') });
    const calls = lab.standIn
      .calls()
      .slice(from)
      .map(({ tool, words }) => [tool, ...words].join(' '));
    expect(calls.some((line) => line.startsWith('chflags -R -P -x noschg'))).toBe(true);
    expect(calls).toContain('rm -r -f -x -- ./bin/vi ./home');
    expect(treeOf(rootOf('same'), 'etc/hostname')).toEqual(treeOf(root, 'etc/hostname'));
    await run('jail.destroy', { jail: 'same' });
    setMarks(join(release, 'home'), []);
  });

  it('a release from a folder', async () => {
    const folder = join(lab.pool.directory, 'pool/folder');
    layBusyboxRoot(folder);
    layOddThings(folder);
    writeFileSync(join(folder, 'etc/resolv.conf'), '');
    for (const name of ['dev', 'proc', 'sys', 'run']) {
      mkdirSync(join(folder, name), { recursive: true });
      writeFileSync(join(folder, name, 'of-the-kernel'), '');
    }
    expect(await run('release.fetch', { release: 'mine', folder })).toMatchObject({
      kind: 'folder',
      fetched: true,
    });
    const left = ['etc/resolv.conf', 'etc/rc', 'dev/', 'proc/', 'sys/', 'run/'];
    const root = top('releases/mine/root');
    expect(treeOf(root, ...left)).toEqual(treeOf(folder, ...left));
    for (const name of ['dev', 'proc', 'sys', 'run']) expect(readdirSync(join(root, name))).toEqual([]);
    const before = lab.state();
    lab.standIn.fail({
      tool: 'tar',
      match: '--clear-nochange-fflags',
      stderr: 'tar: Write error: No space left on device',
    });
    await expect(run('release.fetch', { release: 'full', folder })).rejects.toMatchObject({
      code: 'POOL_FULL',
    });
    lab.standIn.mend();
    expect(lab.state()).toBe(before);
  });

  it('a basejail: its own part, and only the places of the rest', async () => {
    await run('jail.create', { kind: 'base', release: 'mine', name: 'thin' });
    const root = rootOf('thin');
    const release = top('releases/mine/root');
    expect(readdirSync(join(root, 'bin'))).toEqual([]);
    expect(statSync(join(release, 'bin/busybox')).size).toBeGreaterThan(0);
    const own = (path: string): readonly string[] => treeOf(join(path, 'srv'));
    expect(own(root)).toEqual(own(release));
    expect([...marksOf([join(root, 'var/empty')], false).values()]).toEqual([['schg', 'uarch']]);
    await run('jail.start', { jail: 'thin' });
    await run('jail.stop', { jail: 'thin' });
    await run('jail.destroy', { jail: 'thin' });
  });

  it('a dry run prints every command: read against the manual pages', async () => {
    const before = lab.state();
    const folder = join(lab.pool.directory, 'pool/folder');
    const runs = {
      export: ['image.export', { jail: 'web', packing: 'zstd' }],
      'import of an image': ['image.import', { image: 'web', name: 'again', path: top('images') }],
      package: ['image.package', { jail: 'web' }],
      'import of a package': ['image.import', { image: 'web', name: 'same', path: top('packages') }],
      'a release from a folder': ['release.fetch', { release: 'other', folder }],
      'a basejail': ['jail.create', { kind: 'base', release: 'mine', name: 'thin' }],
    } as const;
    const told: string[] = [];
    for (const [title, [operation, input]] of Object.entries(runs))
      told.push(`== ${title}`, ...(await lab.dryRun(operation, input)), '');
    const text = told
      .join('\n')
      .replaceAll('\0', ' ')
      .replaceAll(lab.pool.directory, '/DIR')
      .replaceAll(lab.pool.name, 'POOL')
      .replaceAll(/20\d\d-\d\d-\d\d_\d\d:\d\d:\d\d(\.\d{3})?/g, 'TIME')
      .replaceAll(/20\d\d-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
      .replaceAll(/20\d{6}T\d{9}-[0-9a-f]{8}/g, 'OP')
      .replaceAll(/[0-9a-f]{64}/g, 'SHA256')
      .replaceAll(/("sizeBytes": ?)\d+/g, '$1BYTES')
      .replaceAll(/\b[0-9a-f]{8}(?=[\s"])/g, 'HOSTID')
      .replaceAll(/(same|again|thin)-\d{13}/g, '$1-TIME')
      .replaceAll(/[^\S\n]+$/gm, '');
    await expect(text).toMatchFileSnapshot('goldens/freebsd-copies.txt');
    expect(lab.state()).toBe(before);
  });

  const world = {
    context: () => lab.context(),
    state: () =>
      [
        lab.state(),
        ...['images', 'packages'].flatMap((name) => (existsSync(top(name)) ? readdirSync(top(name)) : [])),
      ].join('\n'),
  };
  const removed = (name: string) => () => {
    for (const file of existsSync(top(name)) ? readdirSync(top(name)) : [])
      rmSync(join(top(name), file), { recursive: true });
    return Promise.resolve();
  };
  const folder = () => join(lab.pool.directory, 'pool/folder');
  const cases: readonly StepCase[] = [
    {
      operation: 'image.export',
      input: () => ({ jail: 'web' }),
      prepare: removed('images'),
      reset: removed('images'),
    },
    {
      operation: 'image.package',
      input: () => ({ jail: 'web' }),
      prepare: removed('packages'),
      reset: removed('packages'),
    },
    {
      operation: 'release.fetch',
      variant: 'from a folder',
      input: () => ({ release: 'other', folder: folder() }),
      reset: () => run('release.destroy', { release: 'other' }),
    },
  ];
  it.each(cases)('every step fails once: $operation $variant', async (scenario) => {
    expect(await failEveryStep(world, scenario)).toBeGreaterThan(1);
  });

  it.each(['tar', 'zstd', 'tee', 'dd', 'sha256'])(
    'nothing is left of an export when %s is killed',
    async (tool) => {
      const before = world.state();
      lab.standIn.fail({
        tool,
        what: tool === 'sha256' ? 'fail' : 'die',
        ...(tool === 'zstd' ? { match: '-T0' } : {}),
      });
      await expect(run('image.export', { jail: 'web', packing: 'zstd' })).rejects.toThrow();
      lab.standIn.mend();
      expect(world.state()).toBe(before);
    },
  );
});
