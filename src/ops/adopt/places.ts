/**
 * Where other tools keep their jails, and how each is read: small texts only, each of which nobody but root may be
 * able to write, since hooks and mounts in it become ours. Changes nothing, starts nothing of theirs.
 */
import { basename, dirname, join, resolve } from 'node:path';
import type { Context } from '../context.ts';
import { otherFiles, readBastille, type OtherFile } from '../../domain/adopt/bastille.ts';
import { isImage, readEzjail } from '../../domain/adopt/ezjail.ts';
import type { FoundJail } from '../../domain/adopt/found.ts';
import {
  JailConfProblem,
  joinJailConf,
  parseJailConf,
  type Include,
  type JailConf,
} from '../../domain/adopt/jail-conf.ts';
import { fstabsOf, readPlain } from '../../domain/adopt/plain.ts';
import { parseComponents, readPot } from '../../domain/adopt/pot.ts';
import { failure } from '../../domain/errors.ts';
import { fits, parseGlob } from '../../domain/glob.ts';
import { assertJailName } from '../../domain/name.ts';
import { jailProblem } from '../jail/reach.ts';
import { pathProblem } from '../jail/trusted-config.ts';

export const tools = ['bastille', 'ezjail', 'pot', 'jail.conf'] as const;
export type Tool = (typeof tools)[number];

/** Reads the texts of one jail or of one tool; each is refused when others than root may write it. */
class Texts {
  private readonly context: Context;
  private readonly jail: string;
  constructor(context: Context, jail: string) {
    this.context = context;
    this.jail = jail;
  }

  /** Empty when there is no such file. @throws UNTRUSTED_CONFIG, FILE_FAILED */
  async read(path: string): Promise<string> {
    const text = await this.context.files.readNamed(path, maxTextBytes);
    if (text === undefined) return '';
    const problem =
      (await jailProblem(this.context, path)) ??
      (await pathProblem(this.context, dirname(path), basename(path)));
    if (problem !== undefined)
      throw failure('UNTRUSTED_CONFIG', { jail: this.jail, key: 'the configuration', ...problem });
    return text;
  }
}

const maxTextBytes = 1024 * 1024;
const maxIncludes = 256;

interface Place {
  /** Where the tool keeps its jails when nobody says otherwise. */
  readonly usual: string;
  names(context: Context, path: string): Promise<readonly string[]>;
  /** Undefined when there is no such jail. */
  read(context: Context, path: string, name: string): Promise<FoundJail | undefined>;
}

async function directoriesWith(context: Context, path: string, file: string): Promise<readonly string[]> {
  const names: string[] = [];
  for (const name of await context.files.list(path))
    if ((await context.files.stat(join(path, name, file)))?.type === 'file') names.push(name);
  return names.sort();
}

/** Answers the text of a file of the jail's; empty when there is none. */
export type ReadText = (file: string) => Promise<string> | string;

/** @param directory of the jail, with `root` */
export async function readBastilleFiles(
  name: string,
  directory: string,
  read: ReadText,
): Promise<FoundJail | undefined> {
  const conf = await read('jail.conf');
  if (conf === '') return undefined;
  const others: Partial<Record<OtherFile, string>> = {};
  for (const file of otherFiles) others[file] = await read(file);
  return readBastille(name, directory, {
    conf,
    others,
    processors: await read('cpuset.conf'),
    fstab: await read('fstab'),
    settings: await read('settings.conf'),
    limits: await read('rctl.conf'),
  });
}

const bastille: Place = {
  usual: '/usr/local/bastille/jails',
  names: (context, path) => directoriesWith(context, path, 'jail.conf'),
  async read(context, path, name) {
    const [directory, texts] = [join(path, name), new Texts(context, name)];
    return readBastilleFiles(name, directory, (file) => texts.read(join(directory, file)));
  },
};

async function ezjailFiles(context: Context, path: string): Promise<readonly string[]> {
  const names: string[] = [];
  for (const name of await context.files.list(path))
    if (!name.startsWith('.') && (await context.files.stat(join(path, name)))?.type === 'file')
      names.push(name);
  return names.sort();
}

async function readEzjailFile(context: Context, path: string, file: string): Promise<FoundJail | undefined> {
  const texts = new Texts(context, file);
  const config = await texts.read(join(path, file));
  if (isImage(file, config))
    throw failure('UNSUPPORTED', {
      what: `taking over ${file}`,
      why: 'its files are in an image of their own',
    });
  const safe = file.replace(/\.norun$/, '');
  // Beside the others in `/etc`, whatever the place of ezjail's own files: rc.d/jail reads it there.
  const etc = path === ezjail.usual ? '/etc' : dirname(path);
  return readEzjail(file, { config, fstab: await texts.read(join(etc, `fstab.${safe}`)) });
}

const ezjail: Place = {
  usual: '/usr/local/etc/ezjail',
  async names(context, path) {
    const names: string[] = [];
    for (const file of await ezjailFiles(context, path)) {
      const found = await readEzjailFile(context, path, file).catch(() => ({ name: file }));
      if (found !== undefined) names.push(found.name);
    }
    return names;
  },
  async read(context, path, name) {
    for (const file of await ezjailFiles(context, path)) {
      if (file.replace(/\.norun$/, '') === name.replaceAll(/[^A-Za-z0-9]/g, '_'))
        return readEzjailFile(context, path, file);
    }
    return undefined;
  },
};

/** Of the files in its directory `conf`. */
export const potHooks = (files: readonly string[]): readonly string[] =>
  files.filter((file) => /^(pre|post)(start|stop)\.sh$/.test(file)).sort();

const pot: Place = {
  usual: '/opt/pot/jails',
  names: (context, path) => directoriesWith(context, path, 'conf/pot.conf'),
  async read(context, path, name) {
    const [directory, texts] = [join(path, name), new Texts(context, name)];
    const conf = await texts.read(join(directory, 'conf/pot.conf'));
    if (conf === '') return undefined;
    const components = parseComponents(await texts.read(join(directory, 'conf/fscomp.conf')));
    const places = new Map<string, string>();
    for (const { source } of components) {
      if (source.startsWith('/') || !/^[A-Za-z][\w.:-]*(\/[\w.:-]+)*$/.test(source)) continue;
      const [row] = (await context.storage.filesystems(source, 0, ['mounted', 'mountpoint'])) ?? [];
      const place = row?.values.get('mountpoint');
      if (row?.values.get('mounted') === 'yes' && place?.startsWith('/')) places.set(source, place);
    }
    const hooks = potHooks(await context.files.list(join(directory, 'conf')));
    return readPot(name, directory, { conf, components, hooks }, (dataset) => places.get(dataset));
  },
};

/** A file with what it includes, each in its place. */
async function readConf(context: Context, path: string): Promise<JailConf> {
  const texts = new Texts(context, basename(path));
  let files = 0;
  const load = async (file: string, from: readonly string[]): Promise<JailConf> => {
    files += 1;
    if (files > maxIncludes)
      throw failure('FILE_FAILED', { path, why: `it includes more than ${maxIncludes} files` });
    try {
      const conf = parseJailConf(await texts.read(file));
      const inner = new Map<Include, readonly JailConf[]>();
      for (const one of conf.statements) {
        if (!('include' in one)) continue;
        const found: JailConf[] = [];
        // One that is being read is not read again inside of itself.
        for (const next of await matching(context, resolve(dirname(file), one.include)))
          if (next !== file && !from.includes(next)) found.push(await load(next, [...from, file]));
        inner.set(one, found);
      }
      return joinJailConf(conf, (one) => inner.get(one)!);
    } catch (error) {
      if (!(error instanceof JailConfProblem)) throw error;
      throw failure('FILE_FAILED', { path: file, why: `line ${error.line}: ${error.message}` });
    }
  };
  return load(path, []);
}

/** Files of a pattern with `*`, in order; the name itself where there is none. */
async function matching({ files }: Context, pattern: string): Promise<readonly string[]> {
  if (/[?[]|\+.*\*|\*.*\+/.test(pattern))
    throw failure('FILE_FAILED', { path: pattern, why: 'of patterns only those with * are read' });
  if (!pattern.includes('*')) return [pattern];
  let found = ['/'];
  for (const part of pattern.split('/').filter((one) => one !== '')) {
    const glob = part.includes('*') ? parseGlob(part) : undefined;
    const next: string[] = [];
    for (const directory of found) {
      if (glob === undefined) next.push(join(directory, part));
      else
        for (const name of [...(await files.list(directory))].sort())
          if (!name.startsWith('.') && fits(glob, name)) next.push(join(directory, name));
    }
    found = next;
  }
  return found;
}

/**
 * Files that say what jails are, as rc.d/jail of FreeBSD takes them: one of a jail's own counts alone, without what
 * `jail.conf` says of all.
 */
async function confFiles(context: Context, path: string): Promise<readonly string[]> {
  if (basename(path) !== basename(plain.usual)) return [path];
  const top = dirname(path);
  return [
    ...(await matching(context, join(top, 'jail.*.conf'))),
    ...(await matching(context, join(`${path}.d`, '*.conf'))),
    path,
  ];
}

const plain: Place = {
  usual: '/etc/jail.conf',
  async names(context, path) {
    const names = new Set<string>();
    for (const file of await confFiles(context, path))
      for (const name of (await readConf(context, file)).jails) names.add(name);
    return [...names];
  },
  async read(context, path, name) {
    const own = new Set([`jail.${name}.conf`, `${name}.conf`, basename(path)]);
    for (const file of await confFiles(context, path)) {
      if (!own.has(basename(file))) continue;
      const conf = await readConf(context, file);
      if (!conf.jails.includes(name)) continue;
      const texts = new Texts(context, name);
      const tables: string[] = [];
      for (const table of fstabsOf(conf, name))
        if (table.startsWith('/')) tables.push(await texts.read(table));
      return readPlain(conf, name, tables.join('\n'));
    }
    return undefined;
  },
};

export const places: Readonly<Record<Tool, Place>> = { bastille, ezjail, pot, 'jail.conf': plain };

/** @throws FOREIGN_NOT_FOUND, FILE_FAILED, UNTRUSTED_CONFIG */
export async function findForeign(
  context: Context,
  tool: Tool,
  path: string,
  name: string,
): Promise<FoundJail> {
  // It is a part of paths.
  assertJailName(name);
  try {
    const found = await places[tool].read(context, path, name);
    if (found !== undefined) return found;
  } catch (error) {
    if (!(error instanceof JailConfProblem)) throw error;
    const line = error.line > 0 ? `line ${error.line} of what configures ${name}: ` : '';
    throw failure('FILE_FAILED', { path, why: line + error.message });
  }
  throw failure('FOREIGN_NOT_FOUND', {
    name,
    tool,
    path,
    isThere: (await context.files.stat(path)) !== undefined,
    others: await places[tool].names(context, path).catch(() => []),
  });
}
