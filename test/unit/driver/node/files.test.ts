import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { execFileSync, spawn } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { componentsBelow, NodeFiles } from '../../../../src/driver/node/files.ts';

const files = new NodeFiles();
let directory: string;
let root: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'iocage-files-'));
  root = join(directory, 'root');
  mkdirSync(join(root, 'etc'), { recursive: true });
  mkdirSync(join(directory, 'outside'));
  writeFileSync(join(directory, 'outside/secret'), 'secret');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe('writing', () => {
  it('replaces a file whole, with its mode, and leaves no temporary file', async () => {
    const path = join(directory, 'a');
    await files.write(path, 'one', { mode: 0o600 });
    await files.write(path, 'two', { mode: 0o600 });
    expect(readFileSync(path, 'utf8')).toBe('two');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(directory).sort()).toEqual(['a', 'outside', 'root']);
  });

  it('gives the wanted mode whatever the umask is', async () => {
    const before = process.umask(0o077);
    try {
      await files.write(join(directory, 'a'), 'x');
      await files.writeBelow(root, 'etc/a', 'x');
    } finally {
      process.umask(before);
    }
    expect(statSync(join(directory, 'a')).mode & 0o777).toBe(0o644);
    expect(statSync(join(root, 'etc/a')).mode & 0o777).toBe(0o644);
  });

  it('says in one line why it could not', async () => {
    await expect(files.write(join(directory, 'no/such/dir'), 'x')).rejects.toMatchObject({
      code: 'FILE_FAILED',
    });
  });

  it('rewrites a file in its place, longer and shorter, follows no link and makes no file', async () => {
    const path = join(directory, 'hosts');
    writeFileSync(path, 'old\n');
    const { ino } = statSync(path);
    for (const text of ['a longer text\n', 'x\n', '']) {
      expect(await files.rewrite(path, text)).toBe(true);
      expect([readFileSync(path, 'utf8'), statSync(path).ino]).toEqual([text, ino]);
    }
    expect(await files.rewrite(join(directory, 'none'), 'x')).toBe(false);
    expect(existsSync(join(directory, 'none'))).toBe(false);
    symlinkSync(join(directory, 'outside/secret'), join(directory, 'link'));
    await expect(files.rewrite(join(directory, 'link'), 'x')).rejects.toMatchObject({ code: 'FILE_FAILED' });
    expect(readFileSync(join(directory, 'outside/secret'), 'utf8')).toBe('secret');
  });

  it('takes absence for granted when removing', async () => {
    await files.remove(join(directory, 'nothing'));
    await files.rmdir(join(directory, 'nothing'));
    await files.rmdir(join(directory, 'outside')); // not empty: stays
    expect(existsSync(join(directory, 'outside/secret'))).toBe(true);
  });
});

it('creates a file only where nothing is, links included', async () => {
  await files.create(join(directory, 'report'), 'first', { mode: 0o600 });
  expect(statSync(join(directory, 'report')).mode & 0o777).toBe(0o600);
  symlinkSync(join(directory, 'outside/new'), join(directory, 'planted'));
  for (const name of ['report', 'planted', 'outside'])
    await expect(files.create(join(directory, name), 'second')).rejects.toMatchObject({
      code: 'FILE_FAILED',
    });
  expect(readFileSync(join(directory, 'report'), 'utf8')).toBe('first');
  expect(existsSync(join(directory, 'outside/new'))).toBe(false);
});

describe('a text that a user named', () => {
  const refused = /it is no plain file but a pipe or a device/;

  it('is read by way of links, up to its bound and no further', async () => {
    const path = join(directory, 'named');
    writeFileSync(path, 'x'.repeat(2000));
    symlinkSync(path, join(directory, 'link'));
    expect(await files.readNamed(join(directory, 'link'), 2000)).toHaveLength(2000);
    await expect(files.readNamed(path, 1999)).rejects.toThrow('named: it is larger than 2 KiB');
    expect(await files.readNamed(join(directory, 'nothing'), 10)).toBeUndefined();
    await expect(files.readNamed(directory, 10)).rejects.toThrow('is a directory');
    // It says that it has no bytes.
    expect(await files.readNamed('/proc/self/status', 1 << 20)).toContain('Pid:');
    await expect(files.readNamed('/proc/self/status', 10)).rejects.toThrow('larger');
  });

  it('is no pipe, no device and no socket, by way of a link neither, and nothing waits for one', async () => {
    execFileSync('mkfifo', [join(directory, 'fifo')]);
    symlinkSync('/dev/zero', join(directory, 'endless'));
    for (const path of [join(directory, 'fifo'), '/dev/zero', '/dev/tty', join(directory, 'endless')])
      await expect(files.readNamed(path, 10), path).rejects.toThrow(refused);
  });

  it('may be standard input, and that is bounded too', async () => {
    const path = join(directory, 'named');
    writeFileSync(path, 'x'.repeat(100));
    for (const [name, bound] of [
      [path, 100],
      ['/dev/zero', 1 << 20],
      ['/dev/null', 1],
    ] as const) {
      const descriptor = openSync(name, 'r');
      try {
        const read = new NodeFiles(descriptor).readInput(bound);
        if (name === '/dev/zero')
          await expect(read).rejects.toThrow('standard input: it is larger than 1 MiB');
        else expect(await read).toHaveLength(name === path ? 100 : 0);
      } finally {
        closeSync(descriptor);
      }
    }
  });
});

// The first is Linux's alone.
const ways =
  process.platform === 'linux' ? (['descriptor', 'own-directory'] as const) : (['own-directory'] as const);

describe.each(ways)('below a jail root, by %s', (way) => {
  const files = new NodeFiles(0, way);
  const start = process.cwd();
  afterEach(() => expect(process.cwd()).toBe(start));

  it('writes and reads plain files', async () => {
    await files.writeBelow(root, 'etc/hostname', 'web\n');
    expect(await files.readBelow(root, '/etc/hostname')).toBe('web\n');
    expect((await files.statBelow(root, 'etc'))?.type).toBe('directory');
    expect(await files.readBelow(root, 'etc/none')).toBeUndefined();
    expect(await files.readBelow(root, 'none/none')).toBeUndefined();
  });

  it('makes and removes directories and files, and follows no link on the way', async () => {
    await files.mkdirBelow(root, 'etc/web');
    await files.mkdirBelow(root, 'etc/web');
    await files.writeBelow(root, 'etc/web/a', 'a');
    await files.rmdirBelow(root, 'etc/web'); // not empty: stays
    expect(await files.readBelow(root, 'etc/web/a')).toBe('a');
    await files.removeBelow(root, 'etc/web/a');
    await files.removeBelow(root, 'etc/web/a');
    await files.rmdirBelow(root, 'etc/web');
    expect(await files.statBelow(root, 'etc/web')).toBeUndefined();
    await expect(files.mkdirBelow(root, 'none/none')).rejects.toMatchObject({ code: 'FILE_FAILED' });

    symlinkSync('../outside', join(root, 'link'));
    for (const verb of [files.mkdirBelow, files.removeBelow, files.rmdirBelow])
      await expect(verb.call(files, root, 'link/secret')).rejects.toMatchObject({ code: 'UNSAFE_PATH' });
    await expect(files.mkdirBelow(root, 'link')).rejects.toMatchObject({ code: 'FILE_FAILED' });
    await files.removeBelow(root, 'link');
    expect(readFileSync(join(directory, 'outside/secret'), 'utf8')).toBe('secret');
  });

  it('makes, reads and removes links, in the place of a file or link, and leads nowhere by them', async () => {
    symlinkSync('../../outside/secret', join(root, 'etc/localtime'));
    await files.symlinkBelow(root, 'etc/localtime', '/usr/share/zoneinfo/Etc/UTC');
    expect(await files.readlinkBelow(root, 'etc/localtime')).toBe('/usr/share/zoneinfo/Etc/UTC');
    expect(await files.readlinkBelow(root, 'none/localtime')).toBeUndefined();
    await files.removeBelow(root, 'etc/localtime');
    await files.removeBelow(root, 'etc/localtime');
    expect(await files.readlinkBelow(root, 'etc/localtime')).toBeUndefined();
    rmSync(join(root, 'etc'), { recursive: true });
    symlinkSync('../outside', join(root, 'etc'));
    for (const verb of [
      () => files.symlinkBelow(root, 'etc/secret', 'x'),
      () => files.removeBelow(root, 'etc/secret'),
      () => files.readlinkBelow(root, 'etc/secret'),
    ])
      await expect(verb()).rejects.toMatchObject({ code: 'UNSAFE_PATH' });
    expect(readFileSync(join(directory, 'outside/secret'), 'utf8')).toBe('secret');
  });

  it('does not follow a planted directory link', async () => {
    rmSync(join(root, 'etc'), { recursive: true });
    symlinkSync('../outside', join(root, 'etc'));
    await expect(files.writeBelow(root, 'etc/secret', 'x')).rejects.toMatchObject({ code: 'UNSAFE_PATH' });
    await expect(files.readBelow(root, 'etc/secret')).rejects.toMatchObject({ code: 'UNSAFE_PATH' });
    expect(readFileSync(join(directory, 'outside/secret'), 'utf8')).toBe('secret');
  });

  it('replaces a planted file link instead of writing through it, and does not read through it', async () => {
    symlinkSync('../../outside/secret', join(root, 'etc/resolv.conf'));
    await expect(files.readBelow(root, 'etc/resolv.conf')).rejects.toMatchObject({ code: 'UNSAFE_PATH' });
    await files.writeBelow(root, 'etc/resolv.conf', 'nameserver ::1\n');
    expect(readFileSync(join(directory, 'outside/secret'), 'utf8')).toBe('secret');
    expect(await files.readBelow(root, 'etc/resolv.conf')).toBe('nameserver ::1\n');
  });

  it('is not held up by a planted fifo', async () => {
    execFileSync('mkfifo', [join(root, 'etc/passwd')]);
    await expect(files.readBelow(root, 'etc/passwd')).rejects.toMatchObject({ code: 'UNSAFE_PATH' });
  });

  it('holds out while a jail swaps a directory for a link all the time', async () => {
    // In another process: what is done in a held directory is done at once.
    const line = 'while [ -d ../outside ]; do rm -rf etc; ln -s ../outside etc; rm etc; mkdir etc; done';
    const swap = spawn('sh', ['-c', line], { cwd: root, stdio: 'ignore' });
    const answers = new Set<string>();
    const end = Date.now() + 20_000;
    const enough = (): boolean => answers.has('write') && answers.has('UNSAFE_PATH');
    for (let round = 0; Date.now() < end && (round < 3 || !enough()); round += 1) {
      for (let i = 0; i < 200; i += 1)
        for (const [name, verb] of [
          ['write', () => files.writeBelow(root, 'etc/secret', 'overwritten')],
          ['read', () => files.readBelow(root, 'etc/secret')],
        ] as const) {
          const answer = await verb().then(
            (text) => (text === 'secret' ? 'led out' : `${name}`),
            (error) => String(error.code),
          );
          answers.add(answer);
        }
      await new Promise((resolve) => setImmediate(resolve));
    }
    swap.kill('SIGKILL');
    await new Promise((resolve) => swap.once('close', resolve));
    expect(readFileSync(join(directory, 'outside/secret'), 'utf8')).toBe('secret');
    // Both of what it can be was met.
    expect([...answers]).toEqual(expect.arrayContaining(['write', 'UNSAFE_PATH']));
    expect(answers).not.toContain('led out');
  }, 30_000);

  it('is where its root is: a link in its place leads nowhere', async () => {
    symlinkSync('outside', join(directory, 'linked'));
    await expect(files.writeBelow(join(directory, 'linked'), 'secret', 'x')).rejects.toThrow();
    expect(readFileSync(join(directory, 'outside/secret'), 'utf8')).toBe('secret');
  });

  it('refuses every path with a parent part, and resolves none', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('..', '.', 'a', '', 'b c', '\u0000'), { maxLength: 6 }),
        (parts) => {
          const path = parts.join('/');
          let accepted: readonly string[] | undefined;
          try {
            accepted = componentsBelow(path);
          } catch {
            accepted = undefined;
          }
          if (accepted !== undefined) {
            expect(accepted).not.toContain('..');
            expect(accepted.every((part) => part !== '' && part !== '.' && !part.includes('\0'))).toBe(true);
          } else {
            const named = parts.filter((part) => part !== '' && part !== '.');
            expect(named.length === 0 || named.includes('..') || path.includes('\0')).toBe(true);
          }
        },
      ),
    );
  });
});
