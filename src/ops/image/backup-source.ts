/**
 * Where a backup of libiocage is read from: an archive, packed in whatever way its bytes say, or a directory, of which
 * tar(1) makes the same stream, so that both are judged and unpacked in one way. Reads only.
 */
import { basename, dirname, join } from 'node:path';
import type { Context } from '../context.ts';
import { availableBytes, maxMembers, readTar } from '../steps/archive.ts';
import { stepRun } from '../run/steps.ts';
import { jailProblem } from '../jail/reach.ts';
import { pathProblem } from '../jail/trusted-config.ts';
import type { World } from '../world/world.ts';
import { compressionIn, decompressor } from '../../domain/archive.ts';
import { BackupReader, kindByMember, type Backup } from '../../domain/backup.ts';
import { failure } from '../../domain/errors.ts';
import { parseDigest, stemOf } from '../../domain/image.ts';
import { headBytes, isStream, jailOf } from '../../domain/stream-head.ts';
import { TarProblem, TarReader } from '../../domain/tar.ts';
import { imagesDirectory } from './place.ts';

export interface BackupSource {
  /** Absolute path of the archive or the directory. */
  readonly file: string;
  /** Writes the plain tar stream of all of it. */
  readonly all: readonly string[];
  /** Writes the plain tar stream that `tree` is in. */
  part(tree: string): readonly string[];
  /** Writes the content of one member. */
  content(member: string): readonly string[];
}

function ofDirectory({ host }: Context, file: string): BackupSource {
  return {
    file,
    all: host.trees.pack(file),
    part: (only) => host.trees.pack(file, { only }),
    content: (member) => ['cat', '--', join(file, member)],
  };
}

async function ofArchive(context: Context, file: string): Promise<BackupSource> {
  const start = await context.files.readPart(file, 0, 6);
  const all = decompressor(compressionIn(start?.bytes ?? new Uint8Array()), file);
  const content = (member: string): readonly string[] => context.host.trees.content(file, member);
  return { file, all, part: () => all, content };
}

/** The beginning of what a command writes, until `take` has seen enough. */
async function readUntil(
  { exec, signal }: Context,
  argv: readonly string[],
  take: (bytes: Uint8Array) => boolean,
): Promise<void> {
  const stop = new AbortController();
  try {
    await exec.read(argv, {
      accept: 'any',
      signal: AbortSignal.any([signal, stop.signal]),
      onBytes: (bytes) => void (!stop.signal.aborted && take(bytes) && stop.abort()),
    });
  } catch (error) {
    if (!stop.signal.aborted || signal.aborted) throw error;
  }
}

/** What of another tool is packed in a file, and what the tool called the jail. */
interface Packed {
  readonly kind: 'backup' | 'bastille' | 'streams';
  readonly name: string;
}

/** By its beginning; undefined for everything else. */
async function packedIn(context: Context, source: BackupSource): Promise<Packed | undefined> {
  let kind: ReturnType<typeof kindByMember>;
  let name = '';
  const reader = new TarReader((member) => {
    if (kind !== undefined) return;
    kind = kindByMember(member.name);
    [name = ''] = member.name.split('/');
  });
  let head = Buffer.alloc(0);
  await readUntil(context, source.all, (bytes) => {
    if (head.byteLength < headBytes)
      head = Buffer.concat([head, bytes.subarray(0, headBytes - head.byteLength)]);
    if (isStream(head)) return head.byteLength === headBytes;
    try {
      reader.push(bytes);
    } catch (error) {
      if (!(error instanceof TarProblem)) throw error;
      return true;
    }
    return kind !== undefined;
  });
  if (isStream(head)) return { kind: 'streams', name: jailOf(head) };
  return kind === undefined || kind === 'root' ? undefined : { kind, name };
}

/**
 * Undefined for everything that is no file of another tool: what else `import` reads, and what is not there.
 */
export async function findBackup(
  context: Context,
  world: World,
  { image, path }: { image: string; path?: string | undefined },
): Promise<(BackupSource & Packed) | undefined> {
  const isFile = path !== undefined && (await context.files.stat(path))?.type === 'file';
  const named = isFile ? path : image;
  const file = named.startsWith('/') ? named : join(path ?? imagesDirectory(world), named);
  const facts = await context.files.stat(file);
  if (facts?.type === 'directory') {
    const has = (await context.files.statBelow(file, 'config.json')) !== undefined;
    return has ? { ...ofDirectory(context, file), kind: 'backup', name: '' } : undefined;
  }
  // Our own images say what they are.
  const stem = stemOf(basename(file));
  const isOwn = stem !== undefined && (await context.files.stat(join(dirname(file), `${stem}.json`)));
  if (facts?.type !== 'file' || isOwn) return undefined;
  const source = await ofArchive(context, file);
  const packed = await packedIn(context, source);
  return packed && { ...source, ...packed };
}

/**
 * @param whole the directory that it is read with, where it is not alone
 * @throws UNTRUSTED_CONFIG when others than root may exchange it
 */
export async function assertPrivate(context: Context, path: string, whole = path): Promise<void> {
  const problem =
    (await jailProblem(context, whole)) ?? (await pathProblem(context, dirname(path), basename(path)));
  if (problem !== undefined)
    throw failure('UNTRUSTED_CONFIG', { jail: path, key: 'what is in it', ...problem });
}

/** A digest that was given or lies beside the archive fits it. libiocage and pot write none. */
export async function assertDigest(context: Context, file: string, given: string | undefined): Promise<void> {
  const stem = stemOf(basename(file)) ?? basename(file).replace(/\.(gz|xz|zst|zfs)$/, '');
  const path = join(dirname(file), `${stem}.sha256`);
  const stored = parseDigest((await context.files.readNamed(path, 4096)) ?? '');
  for (const expected of [given, stored].filter((digest) => digest !== undefined)) {
    const actual = (await context.downloads.digest(file, { signal: context.signal })).sha256;
    if (actual !== expected) throw failure('CHECKSUM_MISMATCH', { file, expected, actual });
  }
}

/**
 * Reads and judges every member but the tree, which waits for what it is laid over. Only root may exchange what is
 * read, so what was judged is what is unpacked.
 *
 * @param sha256 of the archive, when somebody said it
 * @throws BAD_ARCHIVE, UNTRUSTED_CONFIG, CHECKSUM_MISMATCH
 */
export async function readBackup(
  context: Context,
  world: World,
  { file, all }: BackupSource,
  sha256: string | undefined,
): Promise<{ reader: BackupReader; backup: Backup }> {
  const isDirectory = (await context.files.stat(file))?.type === 'directory';
  await assertPrivate(context, isDirectory ? join(file, 'config.json') : file, file);
  if (!isDirectory) await assertDigest(context, file, sha256);
  const run = stepRun(context, '');
  const reader = new BackupReader(file, { maxBytes: await availableBytes(world.root, run), maxMembers });
  await readTar(
    { file, from: all },
    (member) => reader.take(member),
    () => reader.sizeBytes,
    run,
  );
  const backup = reader.end();
  for (const { member } of isDirectory ? backup.streams : [])
    await assertPrivate(context, join(file, member));
  return { reader, backup };
}
