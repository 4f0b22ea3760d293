/**
 * Images of jails: how their files are called, which one a word means, and what of an image's metadata
 * may be believed. An image is a plain archive of the jail's root (`UUID.tar.xz` with `UUID.sha256`, as
 * the original wrote it) and beside it our `UUID.json` with everything that the archive does not hold.
 *
 * Metadata comes from elsewhere: its values are checked like anything typed, and what would give the
 * image power over this host is left out unless the caller trusts it. Pure.
 */
import * as z from 'zod';
import { compressionOf } from './archive.ts';
import { failure } from './errors.ts';
import { canonical } from './config.ts';
import { issueWords } from './issue-words.ts';
import { assertTag, isUuid, nameProblem, timeTag } from './name.ts';
import { ValueProblem } from './property.ts';
import { findProperty } from './properties/index.ts';

/** How an image is packed: the words of `export -c`, the archive's ending, the program that packs. */
export const packings = {
  zstd: { ending: '.tar.zst', tool: 'zstd' },
  xz: { ending: '.tar.xz', tool: 'xz' },
  gz: { ending: '.tar.gz', tool: 'gzip' },
} as const;
export type Packing = keyof typeof packings;

const text = z.string().max(65536);

const metadataSchema = z.object({
  format: z.literal('iocage-image'),
  version: z.literal(1),
  kernel: z.enum(['linux', 'freebsd']),
  exportedAt: text,
  uuid: text,
  tag: text,
  type: text,
  release: text.optional(),
  /** Name of the archive, beside this file. */
  archive: text,
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  sizeBytes: z.number().int().min(0),
  /** What was stored on the jail: iocage's properties and the native ones set on its dataset. */
  properties: z.record(text, text),
  fstab: text,
  /** A package: only what differs from this release; what is gone, the topmost paths. */
  package: z.object({ release: text, deleted: z.array(text) }).optional(),
});
export type ImageMetadata = z.output<typeof metadataSchema>;

/** @throws BAD_ARCHIVE when the text is no metadata that is known here */
export function parseMetadata(file: string, content: string): ImageMetadata {
  let raw: unknown;
  try {
    raw = JSON.parse(content);
  } catch {
    throw failure('BAD_ARCHIVE', { file, why: 'its metadata is not JSON' });
  }
  const parsed = metadataSchema.safeParse(raw, { error: issueWords });
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue?.path.map(String).join('.') || 'format';
  throw failure('BAD_ARCHIVE', { file, why: `its metadata has no sensible ${where}: ${issue?.message}` });
}

/** The digest in a `.sha256` file: the hexadecimal digits alone, or sha256sum's line. */
export function parseDigest(content: string): string | undefined {
  return /^([0-9a-f]{64})(?:[ \t][^\n]*)?\s*$/i.exec(content)?.[1]?.toLowerCase();
}

/** The archive's name without its ending; undefined when it is not the name of an archive. */
export function stemOf(name: string): string | undefined {
  if (compressionOf(name) === undefined || name.startsWith('.') || name.startsWith('-')) return undefined;
  return name.replace(/\.(tar(\.(gz|xz|zst))?|tgz|txz|tzst)$/i, '');
}

/** Whether an archive's name says that it is packed in this way. */
export function isPacked(name: string, packing: Packing): boolean {
  return compressionOf(name) === compressionOf(`archive${packings[packing].ending}`);
}

export interface StoredImage {
  /** Name of the archive. */
  readonly name: string;
  readonly stem: string;
  /** Where it is, for messages. */
  readonly path?: string;
  /** From its metadata, when it has some. */
  readonly tag?: string;
}

/**
 * The image that a word means: the file's whole name, else the exact stem, else the exact tag, else the
 * only one whose stem begins with it (four characters or more).
 *
 * @throws IMAGE_NOT_FOUND, IMAGE_AMBIGUOUS with the candidates
 */
export function chooseImage<T extends StoredImage>(images: readonly T[], word: string, place: string): T {
  const tries = [
    images.filter(({ name }) => name === word),
    images.filter(({ stem }) => stem === word),
    images.filter(({ tag }) => tag === word),
    word.length < 4 ? [] : images.filter(({ stem }) => stem.startsWith(word)),
  ];
  const found = tries.find((matches) => matches.length > 0) ?? [];
  if (found.length === 1) return found[0]!;
  if (found.length > 1)
    throw failure('IMAGE_AMBIGUOUS', { name: word, matches: found.map(({ path, name }) => path ?? name) });
  throw failure('IMAGE_NOT_FOUND', { name: word, place, present: images.map(({ name }) => name) });
}

export interface Dropped {
  /** `key=value`, or a line of fstab. */
  readonly what: string;
  readonly why: string;
}

/** Decided anew for the imported jail, or kept by iocage itself; not worth a word. */
const ownKeys = new Set([
  'host_hostuuid',
  'tag',
  'type',
  'hostid',
  'last_started',
  'basejail',
  'cloned_release',
  'source_template',
  'migrated_from',
]);
/** Of one jail only: a second one must not have them too. */
const personal = /^(hostname|host_hostname|jail_zfs_dataset|.*_mac)$/;

const guarded: readonly (readonly [RegExp, string])[] = [
  [/^(exec_|wait_for$)/, 'it runs commands, or says as whom'],
  [/^jail_zfs/, 'it hands datasets to the jail'],
  [/^(mount_.*|volumes)$/, 'it mounts something in the jail'],
  [/^vnet_interfaces$/, 'it takes interfaces from the host'],
  [/^nat_forwards$/, 'it takes ports of the host'],
  [/^sync_(target|tgt_zpool)$/, 'it says to which host the jail is sent'],
  [/^reservation$/, 'it takes room from the others'],
  [
    /^(allow_.*|securelevel|enforce_statfs|children_max|.*devfs_ruleset|bpf)$/,
    'it widens what the jail may do',
  ],
];

/** Why a value is power over the host; undefined when it is none. */
export function powerOf(key: string, value: string): string | undefined {
  if (/^ip[46]$/.test(key))
    return value === 'inherit' ? "it gives the host's network to the jail" : undefined;
  if (key.startsWith('allow_') && value === '0') return undefined;
  return guarded.find(([pattern]) => pattern.test(key))?.[1];
}

/** These run inside the jail, say how long, or count only with another one. */
const inside =
  /^(exec_(start|stop|jail_user|system_jail_user|fib|timeout|clean)|jail_zfs_(dataset|mountpoint))$/;
const idle = /^\s*(none|-|true|\/bin\/true|\/usr\/bin\/true)?\s*$/;

/** The first value that would be power over the host. */
export function powerIn(values: ReadonlyMap<string, string>): string | undefined {
  // Commands first: of several they say most.
  const commands = [...values].filter(([key]) => key.startsWith('exec_'));
  for (const [key, text] of [...commands, ...values]) {
    const row = findProperty(key);
    if (row === undefined || inside.test(key) || idle.test(text)) continue;
    let value = text;
    try {
      value = canonical(row, text);
    } catch {
      // What cannot be read is judged as it stands.
    }
    const same = value === row.default || (key === 'exec_system_user' && value === 'root');
    if (!same && powerOf(key, value) !== undefined) return key;
  }
  return undefined;
}

/**
 * What of an image's properties goes on the imported jail, in canonical spelling, and what does not.
 *
 * @param trusted keep hooks, mounts, handed datasets and widened permissions
 * @param same the jail keeps its UUID, so it may keep what is its own (host name, MAC addresses)
 */
export function sortImported(
  properties: Readonly<Record<string, string>>,
  { trusted, same }: { trusted: boolean; same: boolean },
): { kept: readonly (readonly [string, string])[]; dropped: readonly Dropped[] } {
  const kept: (readonly [string, string])[] = [];
  const dropped: Dropped[] = [];
  for (const [key, value] of Object.entries(properties)) {
    if (ownKeys.has(key) || value === '-' || (!same && personal.test(key))) continue;
    const drop = (why: string): void => void dropped.push({ what: `${key}=${value}`, why });
    const row = findProperty(key);
    if (row === undefined) drop('there is no such property');
    else if (row.store === 'none' || row.access === 'tool' || row.defaultsOnly) drop('it cannot be set');
    else {
      try {
        const spelled = canonical(row, value);
        const power = spelled === row.default ? undefined : powerOf(key, spelled);
        if (power === undefined || trusted) kept.push([key, spelled]);
        else drop(power);
      } catch (error) {
        if (!(error instanceof ValueProblem)) throw error;
        drop(error.message);
      }
    }
  }
  return { kept, dropped };
}

/** Lines of an fstab that mount something. */
export function mountLines(fstab: string): readonly string[] {
  return fstab
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
}

function isTag(word: string): boolean {
  try {
    assertTag(word);
    return true;
  } catch {
    return false;
  }
}

/** Who the imported jail is. `isTaken`: another jail goes by this word. */
export function identifyImported(
  image: { readonly stem: string; readonly uuid?: string; readonly tag?: string },
  wanted: { readonly name?: string; readonly tag?: string },
  fresh: { readonly uuid: string; readonly createdAt: Date },
  isTaken: (word: string) => boolean,
): { uuid: string; tag: string; same: boolean } {
  const before = image.uuid ?? (isUuid(image.stem) ? image.stem : undefined);
  const usable = before !== undefined && nameProblem('jail', before) === undefined && !isTaken(before);
  const uuid = wanted.name ?? (usable ? before : fresh.uuid);
  const same = uuid === before;
  const given = wanted.tag ?? wanted.name;
  if (given !== undefined) return { uuid, tag: given, same };
  const old = image.tag ?? (isUuid(image.stem) ? undefined : image.stem);
  const tag = old !== undefined && isTag(old) ? old : timeTag(fresh.createdAt);
  return { uuid, tag: isTaken(tag) ? `${tag.slice(0, 100)}-${uuid.slice(0, 8)}` : tag, same };
}
