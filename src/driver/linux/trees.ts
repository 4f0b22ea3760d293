/** Trees of files by GNU tar(1), find(1), rm(1), cp(1) and sha256sum(1). What is asked is said in `driver/trees.ts`. */
import type { Packed, Trees } from '../trees.ts';
import { nulCutter, nulLines } from '../../domain/nul-lines.ts';
import { findFormat, nameBytes, octal, TreeReader } from '../../domain/tree.ts';

/** tar(1) says where it is after so many records of 10 KiB. */
const checkpoints = ['--checkpoint=1000', '--checkpoint-action=echo=checkpoint %u'];

/** Of attributes an image has what programs need to work; what else there is may mean anything elsewhere. */
const attributes = ({ notes = false, whole = false }: Packed): readonly string[] => [
  '--numeric-owner',
  '--xattrs',
  `--xattrs-include=${whole ? '*' : 'security.capability'}`,
  ...(notes || whole ? ['--acls', '--xattrs-include=user.*'] : []),
];

/** A name in a pattern of tar(1), of which it means itself. */
const quoted = (path: string): string => path.replaceAll(/[*?[\\]/g, '\\$&');

function pack(root: string, what: Packed = {}): readonly string[] {
  const { empty = [], list, only = '.', except, sparse = false, whole = false } = what;
  return [
    'tar',
    '--create',
    '--one-file-system',
    ...attributes(what),
    // Times of reading and of changing facts say nothing to the one who unpacks.
    '--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime',
    ...checkpoints,
    ...(sparse || whole ? ['--sparse', '--sparse-version=1.0'] : []),
    '--anchored',
    '--no-wildcards-match-slash',
    // A jail gets its own /dev; an import takes nothing of it.
    ...(whole ? [] : ['--exclude=./dev/*']),
    ...empty.map((path) => `--exclude=./${quoted(path)}/*`),
    ...(except === undefined ? [] : ['--no-wildcards', `--exclude-from=${except}`]),
    `--directory=${root}`,
    '--file=-',
    ...(list === undefined ? [only] : ['--no-recursion', `--files-from=${list}`]),
  ];
}

/** GNU tar puts off risky links until the end and strips what leads out, so it would refuse most of what the check of an archive refuses. */
function unpack(
  root: string,
  how: Pick<Packed, 'notes' | 'whole' | 'only' | 'bare'> = {},
): readonly string[] {
  return [
    'tar',
    '--extract',
    '--preserve-permissions',
    '--same-owner',
    '--delay-directory-restore',
    ...attributes(how),
    ...checkpoints,
    // A jail gets its own /dev; nodes made by an archive have no business on the host.
    ...(how.whole ? [] : ['--anchored', '--exclude=./dev/*', '--exclude=dev/*']),
    ...(how.only === undefined ? [] : [`--exclude=${how.only}/dev/*`]),
    ...(how.bare ? [`--strip-components=${how.only!.split('/').length}`] : []),
    `--directory=${root}`,
    '--file=-',
    ...(how.only === undefined ? [] : [how.only]),
  ];
}

export const linuxTrees: Trees = {
  pack,
  unpack,
  // By itself it finds out how a file is packed.
  content: (archive, member) => [
    ...['tar', '--extract', '--to-stdout', '--occurrence=1', `--file=${archive}`],
    ...['--', member],
  ],
  progress(line) {
    const records = /checkpoint ([0-9]+)$/.exec(line)?.[1];
    return records === undefined ? undefined : Number(records) * 10240;
  },
  // A name may hold any byte, and a text file may not: GNU tar reads octal.
  list: (paths) => paths.map((path) => `./${octal(nameBytes(path))}\n`).join(''),
  except: (paths) => paths.map((path) => `./${path}\n`).join(''),
  remove: [['xargs', '-0', 'rm', '--recursive', '--force', '--one-file-system', '--']],
  unmark: undefined,
  // The name is free; both of the last words hold even if it were not.
  copy: (from, to) => [
    ...['cp', '--archive', '--no-dereference', '--no-target-directory', '--remove-destination'],
    ...['--', from, to],
  ],
  digest: (path) => ['sha256sum', '--', path],

  async entries(root, { exec, signal }, oddNames = 'refuse') {
    const reader = new TreeReader(undefined, oddNames);
    const stop = new AbortController();
    let problem: unknown;
    try {
      await exec.read(['find', root, '-xdev', '-mindepth', '1', '-printf', findFormat], {
        signal: AbortSignal.any([signal, stop.signal]),
        onBytes: (bytes) => {
          if (problem !== undefined) return;
          try {
            reader.push(bytes);
          } catch (error) {
            problem = error;
            stop.abort();
          }
        },
      });
    } catch (error) {
      throw problem ?? error;
    }
    if (problem !== undefined) throw problem;
    return reader.entries;
  },

  async look(root, { exec, signal }, take) {
    await exec.read(['find', root, '-xdev', '-mindepth', '1', '-printf', '%y %s %b %P\\0'], {
      signal,
      onBytes: nulCutter((line) => {
        const [type = '', size = '', blocks = ''] = line.split(' ', 3);
        take({
          path: line.slice(type.length + size.length + blocks.length + 3),
          device: type === 'b' || type === 'c',
          holes: type === 'f' ? Number(size) - Number(blocks) * 512 : 0,
        });
      }),
    });
  },

  async digests(root, paths, { exec, signal }) {
    const { stdout } = await exec.read(
      ['xargs', '--null', '--no-run-if-empty', 'sha256sum', '--zero', '--'],
      { cwd: root, input: nulLines(paths), signal },
    );
    return new Map(
      stdout
        .split('\0')
        .filter((line) => line !== '')
        .map((line) => [line.slice(68), line.slice(0, 64)]),
    );
  },
};
