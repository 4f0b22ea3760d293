/** mtree(8), sha256(1), chflags(1), xargs(1), pwd_mkdb(8) and cap_mkdb(1), of which FreeBSD has other ones than Linux. */
import { createHash } from 'node:crypto';
import {
  lstatSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  statSync,
  writeFileSync,
  type Stats,
} from 'node:fs';
import { join } from 'node:path';
import { Fail, flagsOf, known, usage, type Tool } from '../call.ts';
import { at, marksOf, setMarks } from './trees.ts';

/** vis(3) with VIS_CSTYLE, and the signs that mtree(8) has to tell apart. */
export function vis(bytes: Uint8Array): string {
  const letters: Readonly<Record<number, string>> = {
    7: 'a',
    8: 'b',
    9: 't',
    10: 'n',
    11: 'v',
    12: 'f',
    13: 'r',
    32: 's',
  };
  return [...bytes]
    .map((byte) => {
      if (letters[byte] !== undefined) return `\\${letters[byte]}`;
      if (byte === 0x5c || byte === 0x23) return `\\${String.fromCharCode(byte)}`;
      if (byte > 0x20 && byte < 0x7f) return String.fromCharCode(byte);
      const low = byte & 0x7f;
      if (low === 0x20) return `\\${byte.toString(8).padStart(3, '0')}`;
      const meta = byte > 0x7f ? 'M' : '';
      if (low < 0x20 || low === 0x7f)
        return `\\${meta}^${low === 0x7f ? '?' : String.fromCharCode(low | 0x40)}`;
      return `\\M-${String.fromCharCode(low)}`;
    })
    .join('');
}

function typeOf(facts: Stats): string {
  if (facts.isDirectory()) return 'dir';
  if (facts.isSymbolicLink()) return 'link';
  if (facts.isCharacterDevice()) return 'char';
  if (facts.isBlockDevice()) return 'block';
  if (facts.isFIFO()) return 'fifo';
  return facts.isSocket() ? 'socket' : 'file';
}

const keywords = ['type', 'uid', 'gid', 'mode', 'size', 'time', 'link', 'flags', 'nlink', 'sha256'];

export const mtree: Tool = (call) => {
  const { flags, rest } = flagsOf(call);
  if (rest.length > 0 || !flags.has('-c')) throw usage('mtree');
  const wanted = (flags.get('-k')?.at(-1) ?? 'uid,gid,mode,size,time,link').split(',');
  const strange = wanted.find((word) => !keywords.includes(word));
  if (strange !== undefined) throw new Fail(`unknown keyword \`${strange}'`);
  const root = Buffer.from(at(call, flags.get('-p')?.at(-1) ?? '.'));
  if (!statSync(root, { throwIfNoEntry: false })?.isDirectory())
    throw new Fail(`${root}: No such file or directory`);
  const device = lstatSync(root).dev;
  const words = (path: Buffer, facts: Stats): string => {
    const type = typeOf(facts);
    const all: Readonly<Record<string, string | undefined>> = {
      type: type === 'file' ? undefined : type,
      uid: facts.uid === 0 ? undefined : String(facts.uid),
      gid: facts.gid === 0 ? undefined : String(facts.gid),
      mode: `0${(facts.mode & 0o7777).toString(8)}`,
      size: type === 'file' ? String(facts.size) : undefined,
      time: `${Math.floor(facts.mtimeMs / 1000)}.${String(Math.round((facts.mtimeMs % 1000) * 1e6)).padStart(9, '0')}`,
      link: type === 'link' ? vis(readlinkSync(path, { encoding: 'buffer' })) : undefined,
    };
    const told = Object.entries(all).filter(
      ([key, value]) => value !== undefined && (key === 'type' || wanted.includes(key)),
    );
    // A long entry goes on in the next line.
    const text = told.map(([key, value]) => `${key}=${value}`);
    return text.length > 3
      ? `${text.slice(0, 3).join(' ')} \\\n                ${text.slice(3).join(' ')}`
      : text.join(' ');
  };
  const slash = Buffer.from('/');
  const lines = ['#\t   user: root', '', '# .', '/set type=file uid=0 gid=0'];
  const visit = (path: Buffer, name: string, facts: Stats): void => {
    lines.push(`${name}  ${words(path, facts)}`);
    if (!facts.isDirectory()) return;
    if (facts.dev === device) {
      const children = readdirSync(path, { encoding: 'buffer' }).map((child) => {
        const below = Buffer.concat([path, slash, child]);
        return { child, below, facts: lstatSync(below) };
      });
      for (const each of children.sort(
        (a, b) => Number(a.facts.isDirectory()) - Number(b.facts.isDirectory()),
      ))
        visit(each.below, vis(each.child), each.facts);
    }
    lines.push('..', '');
  };
  visit(root, '.', lstatSync(root));
  call.out(`${lines.join('\n')}\n`);
};

export const sha256: Tool = async (call) => {
  const { flags, rest } = flagsOf(call);
  let status = 0;
  for (const path of rest) {
    if (lstatSync(at(call, path), { throwIfNoEntry: false })?.isFIFO() && flags.has('-q')) {
      // Its writer may take a while, or be ended.
      status ||= await call.real(['/bin/sh', '-c', 'sha256sum <"$0" | cut -c 1-64', at(call, path)]);
      continue;
    }
    try {
      const digest = createHash('sha256')
        .update(readFileSync(at(call, path)))
        .digest('hex');
      call.out(flags.has('-q') ? `${digest}\n` : `SHA256 (${path}) = ${digest}\n`);
    } catch {
      call.err(`sha256: ${path}: No such file or directory\n`);
      status = 1;
    }
  }
  return status;
};

export const chflags: Tool = (call) => {
  const { flags, rest } = flagsOf(call);
  const [words = '', ...paths] = rest;
  if (paths.length === 0) throw usage('chflags');
  const strange = words.split(',').find((word) => !known(call, 'chflags', 'word', word));
  if (strange !== undefined) throw new Fail(`invalid flag: ${strange}`);
  if (flags.has('-R') && flags.has('-h'))
    throw new Fail('the -R and -h options may not be specified together.');
  const missing = paths.find((path) => lstatSync(at(call, path), { throwIfNoEntry: false }) === undefined);
  if (missing !== undefined && !flags.has('-f')) throw new Fail(`${missing}: No such file or directory`);
  const own = paths.map((path) => at(call, path));
  const lifted = words.split(',').flatMap((word) => (word.startsWith('no') ? [word.slice(2)] : []));
  const set = words.split(',').filter((word) => !word.startsWith('no') || word === 'nodump');
  if (set.length > 0 && flags.has('-R')) throw new Fail('the stand-in sets marks one by one');
  const before = marksOf(own, flags.has('-R'));
  for (const [path, marks] of before)
    setMarks(path, [...new Set([...marks.filter((mark) => !lifted.includes(mark)), ...set])]);
  for (const path of set.length > 0 ? own : []) if (!before.has(path)) setMarks(path, set);
};

/** Data bases that say which accounts are in them, as text. */
export const pwdMkdb: Tool = (call) => {
  const { flags, rest } = flagsOf(call);
  const [file] = rest;
  if (file === undefined || rest.length > 1) throw usage('pwd_mkdb');
  if (!lstatSync(file, { throwIfNoEntry: false })?.isFile())
    throw new Fail(`${file}: No such file or directory`);
  const directory = flags.get('-d')?.at(-1) ?? '/etc';
  const lines = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  const broken = lines.find((line) => line.split(':').length !== 10);
  if (broken !== undefined) throw new Fail(`${file}: Inappropriate file type or format`);
  const accounts = lines.map((line) => line.split(':'));
  // Each is made beside its place, where nothing may be (O_EXCL), and moved; the file that was given last, as master.passwd.
  const made: [string, string][] = [];
  const make = (path: string, to: string, text: string): void => {
    if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) throw new Fail(`${path}: File exists`);
    writeFileSync(path, text, { flag: 'wx' });
    made.push([path, join(directory, to)]);
  };
  for (const name of ['pwd.db', 'spwd.db'])
    make(join(directory, `${name}.tmp`), name, `stand-in: ${accounts.map(([user]) => user).join(' ')}\n`);
  if (flags.has('-p'))
    make(
      `${file}.orig`,
      'passwd',
      accounts.map((all) => `${[all[0], '*', all[2], all[3], ...all.slice(7)].join(':')}\n`).join(''),
    );
  for (const [from, to] of [...made, [file, join(directory, 'master.passwd')]]) renameSync(from!, to!);
};

export const capMkdb: Tool = (call) => {
  const { flags, rest } = flagsOf(call);
  const [file] = rest;
  if (file === undefined) throw usage('cap_mkdb');
  if (!lstatSync(file, { throwIfNoEntry: false })?.isFile())
    throw new Fail(`${file}: No such file or directory`);
  // O_TRUNC and no O_NOFOLLOW: a link in its place is followed.
  writeFileSync(`${flags.get('-f')?.at(-1) ?? file}.db`, `stand-in: ${readFileSync(file).length}\n`);
};

export const xargs: Tool = async (call) => {
  const { flags, rest } = flagsOf(call);
  if (!flags.has('-0')) throw new Fail('the stand-in knows names that end with a NUL only');
  const names = call.input().split('\0').slice(0, -1);
  // FreeBSD's runs nothing for an empty list, as GNU's does with -r.
  if (names.length === 0) return 0;
  let status = 0;
  for (let from = 0; from < names.length; from += 5000) {
    const argv = [...(rest.length === 0 ? ['echo'] : rest), ...names.slice(from, from + 5000)];
    if ((await call.run(argv, { jid: call.jid, ...(call.cwd === undefined ? {} : { cwd: call.cwd }) })) !== 0)
      status = 1;
  }
  return status;
};
