import fc from 'fast-check';
import { expect, test } from 'vitest';
import { baseEntries, baseFolders } from '../../../src/domain/basejail.ts';

const at = (type: 'directory' | 'symlink' | 'file') => (path: string) => ({ path, type });
const directories = (...paths: readonly string[]) => paths.map(at('directory'));

test('real folders of the system are base, links and what people own are not', () => {
  expect(baseFolders(directories('usr/bin', 'usr/local', 'usr/home', 'etc', 'bin', 'lib64', 'var'))).toEqual([
    'bin',
    'lib64',
    'usr/bin',
  ]);
  expect(baseFolders([...['bin', 'lib'].map(at('symlink')), ...directories('usr/bin')])).toEqual(['usr/bin']);
  expect(baseFolders([at('file')('lib')])).toEqual([]);
});

test('never the root, never above it, never etc, var, root, home, usr/local', () => {
  const path = fc.oneof(
    fc.string(),
    fc.constantFrom(
      'etc',
      'var',
      'root',
      'home',
      'usr/local',
      '..',
      '.',
      '',
      'usr',
      'usr/',
      'usr/local/x',
      'lib/../etc',
    ),
  );
  fc.assert(
    fc.property(fc.array(path), (paths) => {
      for (const found of baseFolders(directories(...paths))) {
        expect(found).toMatch(/^(bin|sbin|lib[a-z0-9]*|usr\/[^/]*)$/);
        expect(found).not.toBe('usr/local');
      }
    }),
  );
});

test('reads a release: its top, and its usr when that is a folder', async () => {
  const tree: Record<string, 'directory' | 'symlink'> = {
    bin: 'symlink',
    usr: 'directory',
    'usr/bin': 'directory',
    'usr/local': 'directory',
  };
  const files = (usr: 'directory' | 'symlink') => ({
    list: (directory: string) =>
      Promise.resolve(directory === '/r' ? ['bin', 'etc', 'usr'] : ['bin', 'local']),
    statBelow: (_: string, path: string) => Promise.resolve({ type: path === 'usr' ? usr : tree[path]! }),
  });
  expect(await baseEntries(files('directory'), '/r')).toEqual([
    { path: 'bin', type: 'symlink' },
    { path: 'usr/bin', type: 'directory' },
  ]);
  expect(await baseEntries(files('symlink'), '/r')).toEqual([{ path: 'bin', type: 'symlink' }]);
});
