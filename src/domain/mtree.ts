/**
 * A directory tree as mtree(8) of FreeBSD writes it (`mtree -c`): find(1) there tells nothing but names. Names are
 * relative to the directory that was entered last, encoded as vis(3) does with VIS_CSTYLE and VIS_OCTAL or meta
 * letters; what `/set` says holds for every entry that does not say otherwise. Pure.
 */
import type { TreeEntry } from './tree.ts';

/** What is asked for, `-k`; the type comes by itself. */
export const mtreeKeywords = 'uid,gid,mode,size,time,link';

const types: Readonly<Record<string, string>> = {
  file: 'f',
  dir: 'd',
  link: 'l',
  char: 'c',
  block: 'b',
  fifo: 'p',
  socket: 's',
};

const letters: Readonly<Record<string, number>> = {
  n: 10,
  r: 13,
  b: 8,
  a: 7,
  v: 11,
  t: 9,
  f: 12,
  s: 32,
  '0': 0,
};

/**
 * The bytes of an encoded word.
 *
 * @throws Error for an encoding that vis(3) does not write
 */
export function unvis(word: string): Buffer {
  const bytes: number[] = [];
  const control = (letter: string): number => (letter === '?' ? 127 : letter.charCodeAt(0) & 0x1f);
  const rest = /\\(?:([0-7]{3})|M-(.)|M\^(.)|\^(.)|([nrbavtfs0])|([!-/:-@[-`{-~]))|[^\\]+/gsy;
  let at = 0;
  for (let found = rest.exec(word); found !== null; found = rest.exec(word)) {
    const [all, octal, meta, metaControl, plainControl, letter, sign] = found;
    if (octal !== undefined) bytes.push(Number.parseInt(octal, 8));
    else if (meta !== undefined) bytes.push(0x80 | meta.charCodeAt(0));
    else if (metaControl !== undefined) bytes.push(0x80 | control(metaControl));
    else if (plainControl !== undefined) bytes.push(control(plainControl));
    else if (letter !== undefined) bytes.push(letters[letter]!);
    else bytes.push(...Buffer.from(sign ?? all, 'utf8'));
    at = rest.lastIndex;
  }
  if (at !== word.length) throw new Error(`mtree wrote a name that cannot be read: ${word.slice(0, 60)}`);
  return Buffer.from(bytes);
}

type Facts = Readonly<Record<string, string>>;

function factsOf(words: readonly string[]): Facts {
  return Object.fromEntries(
    words.map((word) => {
      const at = word.indexOf('=');
      return at < 0 ? [word, ''] : [word.slice(0, at), word.slice(at + 1)];
    }),
  );
}

/** Paths below the root, as bytes, with what is known of each; `ctime` is not among it. */
export function* readMtree(text: string): Generator<readonly [path: Buffer, entry: TreeEntry]> {
  let usual: Facts = {};
  const above: Buffer[] = [];
  // A long entry goes on in the next line.
  for (const line of text.replaceAll(/\\\n/g, ' ').split('\n')) {
    const [name = '', ...words] = line.trim().split(/\s+/);
    if (name === '' || name.startsWith('#')) continue;
    if (name === '..') above.pop();
    else if (name === '/set') usual = { ...usual, ...factsOf(words) };
    else if (name === '/unset')
      usual = Object.fromEntries(Object.entries(usual).filter(([key]) => !words.includes(key)));
    else {
      const facts = { ...usual, ...factsOf(words) };
      const bytes = unvis(name);
      const isRoot = above.length === 0 && name === '.';
      const parent = above.at(-1);
      const path =
        parent === undefined || parent.length === 0
          ? bytes
          : Buffer.concat([parent, Buffer.from('/'), bytes]);
      if (facts['type'] === 'dir') above.push(isRoot ? Buffer.alloc(0) : path);
      if (!isRoot) yield [path, toEntry(facts)];
    }
  }
}

function toEntry(facts: Facts): TreeEntry {
  const type = types[facts['type'] ?? ''] ?? 'other';
  return {
    type,
    mode: (facts['mode'] ?? '0').replace(/^0+(?=.)/, ''),
    owner: `${facts['uid'] ?? '0'}:${facts['gid'] ?? '0'}`,
    size: type === 'f' ? (facts['size'] ?? '0') : '0',
    mtime: facts['time'] ?? '',
    ctime: '',
    target: unvis(facts['link'] ?? '').toString('utf8'),
  };
}
