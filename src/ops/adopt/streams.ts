/**
 * `import FILE.zip`: a jail as Python iocage exports it, a zip file of one stream of zfs-send(8) for each of its
 * datasets. All is judged before anything is made: the digest, the list of members, the head of every stream, which
 * says what it is of. It comes back in its own format; `migrate` makes it ours.
 */
import { basename, dirname, join, resolve } from 'node:path';
import * as z from 'zod';
import { defineChange, type Words } from '../operation.ts';
import type { Context } from '../context.ts';
import { failure } from '../../domain/errors.ts';
import { parseDigest } from '../../domain/image.ts';
import { holderOf } from '../../domain/jail.ts';
import { assertJailName, assertSnapshotName } from '../../domain/name.ts';
import { headBytes, parseStreamHead } from '../../domain/stream-head.ts';
import { StreamFiles } from '../../domain/stream-files.ts';
import { StreamProblem, StreamReader } from '../../domain/stream-records.ts';
import { findList, parseList, tailBytes, ZipProblem, type ZipMember } from '../../domain/zip.ts';
import { imagesDirectory } from '../image/place.ts';
import { assertNotForeign, jailLock, tagLock } from '../jail/select.ts';
import { stepRun } from '../run/steps.ts';
import { checkDigest, readAll } from '../steps/archive.ts';
import { judgeForeign, settleForeign } from '../steps/config-file.ts';
import { dropSnapshot, mountDataset } from '../steps/dataset.ts';
import { leavePlace } from '../steps/move.ts';
import { makeReceiving, publishReceived, receiveStream } from '../steps/transfer.ts';
import { readWorld } from '../world/read.ts';
import type { World } from '../world/world.ts';

const streamsInput = z.object({
  /** An absolute path, or a file's name in the directory images. */
  image: z.string().min(1),
  /** Lower-case hexadecimal, for an archive that has none beside it. */
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'is 64 hexadecimal digits')
    .optional(),
  /** The archive is trusted: hooks, mounts and permissions of its jail may stay. */
  hooks: z.boolean().default(false),
});

interface Part {
  readonly member: string;
  readonly sizeBytes: number;
  /** Below the jail's dataset; empty for itself. */
  readonly path: string;
}

interface Archive {
  readonly file: string;
  readonly name: string;
  readonly snapshot: string;
  /** A dataset before those below it. */
  readonly parts: readonly Part[];
}

const bad = (file: string, why: string) => failure('BAD_ARCHIVE', { file, why });

async function membersOf({ files }: Context, file: string): Promise<readonly ZipMember[]> {
  const facts = await files.stat(file);
  if (facts?.type !== 'file')
    throw failure('IMAGE_NOT_FOUND', { name: basename(file), place: dirname(file), present: [] });
  const from = Math.max(0, facts.sizeBytes - tailBytes);
  const tail = await files.readPart(file, from, tailBytes);
  try {
    const place = findList(tail?.bytes ?? new Uint8Array(), facts.sizeBytes);
    const list = await files.readPart(file, place.at, place.bytes);
    return parseList(list?.bytes ?? new Uint8Array());
  } catch (error) {
    if (error instanceof ZipProblem || error instanceof RangeError) throw bad(file, error.message);
    throw error;
  }
}

/** unzip(1) takes names for patterns: only plain ones go to it. */
const plainName = /^[A-Za-z0-9_./:@+][A-Za-z0-9_./:@+-]*$/;
const unpacked = (file: string, member: string): readonly string[] => ['unzip', '-p', file, member];

/** The first bytes of a member; what writes it is ended then. */
async function firstBytes({ exec, signal }: Context, file: string, member: string): Promise<Uint8Array> {
  const stop = new AbortController();
  const head = new Uint8Array(headBytes);
  let filled = 0;
  try {
    await exec.read(unpacked(file, member), {
      accept: 'any',
      signal: AbortSignal.any([signal, stop.signal]),
      onBytes(bytes) {
        const some = bytes.subarray(0, headBytes - filled);
        head.set(some, filled);
        filled += some.byteLength;
        if (filled === headBytes) stop.abort();
      },
    });
  } catch (error) {
    if (!stop.signal.aborted || signal.aborted) throw error;
  }
  return head.subarray(0, filled);
}

async function readArchive(context: Context, file: string): Promise<Archive> {
  const parts: Part[] = [];
  const found = new Set<string>();
  for (const { name: member, sizeBytes } of await membersOf(context, file)) {
    if (member.endsWith('/')) continue;
    if (!plainName.test(member) || member.split('/').includes('..'))
      throw bad(file, `it holds a member of an odd name`);
    const head = parseStreamHead(await firstBytes(context, file, member));
    if (head === undefined) throw bad(file, `${member} is no stream of one ZFS snapshot`);
    if (!head.full) throw bad(file, `${member} needs an earlier snapshot`);
    // As it was called where it comes from.
    const [, name, path = '', snapshot] =
      /^[^/@]+\/iocage\/(?:jails|templates)\/([^/@]+)(?:\/([^@]+))?@([^@]+)$/.exec(head.snapshot) ?? [];
    if (name === undefined) throw bad(file, `${member} is of no jail of iocage`);
    found.add(`${name}@${snapshot}`);
    if (path !== '' && !/^[A-Za-z0-9_][\w.:-]*(\/[A-Za-z0-9_][\w.:-]*){0,8}$/.test(path))
      throw bad(file, `${member} is of a dataset of an odd name`);
    parts.push({ member, sizeBytes, path });
  }
  parts.sort((a, b) => (a.path < b.path ? -1 : 1));
  const paths = new Set(parts.map(({ path }) => path));
  const [whole = ''] = found;
  if (found.size !== 1 || !paths.has('')) throw bad(file, 'it is not of one jail at one moment');
  if (paths.size !== parts.length || !paths.has('root'))
    throw bad(file, 'a dataset is in it twice, or its root is not');
  for (const path of paths)
    if (path.includes('/') && !paths.has(path.slice(0, path.lastIndexOf('/'))))
      throw bad(file, `what ${path} lies in is missing`);
  const [name, snapshot] = whole.split('@') as [string, string];
  assertJailName(name);
  assertSnapshotName(snapshot);
  return { file, name, snapshot, parts };
}

async function digestOf(context: Context, file: string, given: string | undefined): Promise<string> {
  const path = file.replace(/\.zip$/, '.sha256');
  const text = await context.files.readNamed(path, 4096);
  const stored = text === undefined ? undefined : parseDigest(text);
  if (text !== undefined && stored === undefined) throw bad(path, 'it holds no SHA-256 digest');
  const digest = given ?? stored;
  if (digest === undefined) throw failure('CHECKSUM_MISSING', { file, expected: path });
  if (stored !== undefined && stored !== digest)
    throw failure('CHECKSUM_MISMATCH', { file, expected: digest, actual: stored });
  return digest;
}

/**
 * The jail's configuration, out of the stream of its dataset. Answers its fstab as it will be, where that is not as it
 * is. Where the stream cannot be read here, what is received is judged all the same.
 *
 * @throws BAD_ARCHIVE, UNTRUSTED_ARCHIVE
 */
async function judgeAhead(
  context: Context,
  { file, parts }: Archive,
  foreign: Parameters<typeof judgeForeign>[0],
): Promise<string | undefined> {
  const files = new StreamFiles();
  const reader = new StreamReader(() => files);
  const from = unpacked(file, parts[0]!.member);
  await readAll({ file, from }, reader, () => reader.sizeBytes, stepRun(context, ''));
  let found: { text: string | undefined; fstab: string };
  try {
    found = { text: files.read('config.json'), fstab: files.read('fstab') ?? '' };
  } catch (error) {
    if (!(error instanceof StreamProblem)) throw error;
    const text = `what the jail in it may do is seen when it is received: ${error.message}`;
    context.emit({ type: 'note', id: '', level: 'warning', text });
    return undefined;
  }
  const moved = judgeForeign(foreign, found);
  return moved === found.fstab ? undefined : moved;
}

const fileOf = (world: World, image: string): string =>
  image.startsWith('/') ? image : join(imagesDirectory(world), basename(image));

export const imageStreams = defineChange<typeof streamsInput, unknown>({
  id: 'image.streams',
  title: 'Make a jail from an export of Python iocage',
  effect: 'change',
  recover: 'undo',
  input: streamsInput,
  async locks(context, input) {
    const world = await readWorld(context);
    const { name } = await readArchive(context, fileOf(world, input.image));
    assertNotForeign(world, name);
    return [jailLock({ realm: world.realm, uuid: name }), tagLock(world.realm, name)];
  },
  async plan(context, input) {
    const world = await readWorld(context);
    const archive = await readArchive(context, fileOf(world, input.image));
    const { file, name, snapshot, parts } = archive;
    const sha256 = await digestOf(context, file, input.sha256);
    const holder = holderOf(world.jails, name);
    if (holder !== undefined) throw failure('NAME_TAKEN', { what: 'name', name, by: holder.uuid });
    const receiving = `${world.root}/receiving`;
    const isThere = async (dataset: string) =>
      (await context.storage.filesystems(dataset, 0, [])) !== undefined;
    // Beside each other, and moved one by one: zfs-fuse mounts a tree that is renamed in an order of its own.
    const waits = (index: number): string => `${receiving}/${name}${index === 0 ? '' : `:${index}`}`;
    for (const index of parts.keys())
      if (await isThere(waits(index))) throw failure('DATASET_EXISTS', { dataset: waits(index) });
    const dataset = `${world.root}/jails/${name}`;
    const root = join(world.mountpoint, 'jails', name);
    const foreign = { root, name, top: world.mountpoint, trusted: input.hooks, archive: file };
    const moved = await judgeAhead(context, archive, foreign);
    const place = (path: string): string => (path === '' ? dataset : `${dataset}/${path}`);
    return {
      subject: name,
      title: `Importing ${name}`,
      steps: [
        checkDigest({ file, sha256 }),
        ...((await isThere(receiving)) ? [] : [makeReceiving({ dataset: receiving })]),
        ...parts.map(({ member }, index) =>
          receiveStream({
            dataset: waits(index),
            snapshot,
            from: unpacked(file, member),
            resumable: false,
            keep: false,
            jail: name,
            home: dataset,
          }),
        ),
        leavePlace({ path: root, when: 'undone' }),
        ...parts.flatMap(({ path }, index) => [
          publishReceived({ from: waits(index), to: place(path) }),
          mountDataset({ dataset: place(path), wasMounted: false }),
        ]),
        settleForeign({ ...foreign, ...(moved === undefined ? {} : { moved }) }),
        // At once: the guard knows no dataset of a jail by itself that lies deeper.
        dropSnapshot({ name: `${dataset}@${snapshot}`, recursive: true }),
      ],
      result: () => ({
        jails: [{ uuid: name, tag: name, kind: 'thick' }],
        file,
        metadata: true,
        dropped: [],
      }),
    };
  },
  command: {
    names: ['import FILE.zip'],
    group: 'data',
    usage: '[--hooks] FILE.zip [sha256=DIGEST]',
    examples: [],
    toInputs({ positionals, properties, flags }: Words) {
      const usage = (problem: string) => failure('USAGE', { problem, command: 'import' });
      const other = properties.find(([key]) => key !== 'sha256');
      const refused = ['name', 'packing'].find((key) => flags[key] !== undefined);
      if (positionals.length > 1) throw usage(`${JSON.stringify(positionals[1])} is too much`);
      if (other !== undefined || refused !== undefined)
        throw usage(`a zip file keeps name and properties; change them after 'iocage migrate'`);
      const [image] = positionals as [string];
      const sha256 = properties.at(-1)?.[1].toLowerCase();
      const path = flags['path'] as string | undefined;
      return [
        {
          image: path !== undefined ? resolve(path, image) : image.includes('/') ? resolve(image) : image,
          hooks: flags['hooks'] === true,
          ...(sha256 === undefined ? {} : { sha256 }),
        },
      ];
    },
  },
});
