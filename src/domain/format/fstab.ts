/**
 * fstab(5): text to lines and back, nothing lost. Comments, blank lines and lines that cannot be read are
 * kept as they are; a blank in a field is `\040`, or `\ ` as libiocage writes it. Pure.
 */

export interface FstabEntry {
  readonly source: string;
  /** As it is stored: a path of the host, below the jail's root. */
  readonly target: string;
  readonly type: string;
  readonly options: readonly string[];
  readonly dump: string;
  readonly pass: string;
  /** What follows `#` on the same line. */
  readonly comment?: string;
}

/** A line that mounts something, or text that is kept: a comment, nothing, or what cannot be read. */
export type FstabLine =
  { readonly entry: FstabEntry; readonly raw?: never } | { readonly raw: string; readonly entry?: never };

/** Blanks of fstab(5). Others, such as the one that keeps words together, are letters of a name. */
const blanks = /[ \t\r\n\v\f]+/;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Escapes are bytes of UTF-8. COMPAT: what is none of that was written as a letter's number by earlier iocages. */
function decodeRun(escapes: string): string {
  const bytes = Buffer.from(
    escapes
      .slice(1)
      .split('\\')
      .map((octal) => parseInt(octal, 8)),
  );
  try {
    return utf8.decode(bytes);
  } catch {
    return bytes.toString('latin1');
  }
}

const decode = (field: string): string => field.replace(/(?:\\[0-3][0-7]{2})+/g, decodeRun);
const encode = (field: string): string =>
  field.replace(
    /[ \t\r\n\v\f\\#]/g,
    (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`,
  );

/** Six fields, or the first four as many hands write it; undefined when it is something else. */
export function parseEntry(text: string): FstabEntry | undefined {
  const [, fields = '', comment] = /^([^#]*)(?:#(.*))?$/.exec(text) ?? [];
  const cut = fields
    .replaceAll('\\ ', '\\040')
    .split(blanks)
    .filter((field) => field !== '');
  const [source, target, type, options, dump = '0', pass = '0', ...more] = cut;
  if (source === undefined || target === undefined || type === undefined || options === undefined)
    return undefined;
  if (more.length > 0 || !/^\d$/.test(dump) || !/^\d$/.test(pass)) return undefined;
  const paths = { source: decode(source), target: decode(target) };
  // No path holds one.
  if (`${paths.source}${paths.target}`.includes('\0')) return undefined;
  return {
    ...paths,
    type,
    options: options.split(',').filter((option) => option !== ''),
    dump,
    pass,
    ...(comment === undefined ? {} : { comment: comment.trim() }),
  };
}

export function printEntry(entry: FstabEntry): string {
  const { source, target, type, options, dump, pass, comment } = entry;
  const fields = [encode(source), encode(target), type, options.join(',') || 'rw', dump, pass];
  return fields.join('\t') + (comment === undefined || comment === '' ? '' : ` # ${comment}`);
}

export function parseFstab(text: string): readonly FstabLine[] {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines.map((raw) => {
    const entry = parseEntry(raw);
    // What would come out in another form is kept as it was typed.
    return entry !== undefined && printEntry(entry) === raw ? { entry } : { raw };
  });
}

/** The entry of a line, in whatever form it was typed. */
export function entryOf(line: FstabLine): FstabEntry | undefined {
  return line.entry ?? parseEntry(line.raw);
}

/** Whether a line says something that nobody understands: it mounts nothing. */
export const isUnread = (line: FstabLine): boolean =>
  entryOf(line) === undefined && !/^\s*(#|$)/.test(line.raw ?? '');

export function printFstab(lines: readonly FstabLine[]): string {
  return lines.map((line) => `${line.entry ? printEntry(line.entry) : line.raw}\n`).join('');
}

/** What getmntent(3) reads of a line. */
export const maxLineLength = 4096;
export const maxFstabBytes = 256 * 1024;

/** Bytes that are no text would come out as something else. */
export const textProblem = (text: string): string | undefined =>
  text.includes('\ufffd') ? 'the file is not UTF-8' : undefined;

/** Why a file is too much for those who read it, in words, with the line; undefined when it is not. */
export function sizeProblem(text: string): string | undefined {
  const long = text.split('\n').findIndex((line) => line.length > maxLineLength);
  if (long >= 0) return `line ${long + 1}: it is longer than ${maxLineLength} characters`;
  return Buffer.byteLength(text) > maxFstabBytes
    ? `the file is larger than ${maxFstabBytes / 1024} KiB`
    : undefined;
}

/** Where things lie on the host. */
export interface FstabPlaces {
  /** Mount point of `POOL/iocage`. */
  readonly iocage: string;
  /** The jail's root directory. */
  readonly root: string;
}

/** Mounted from a directory of the host. */
const binds = new Set(['nullfs', 'bind']);
/** Every Linux jail has them anyway, from its runtime. */
const provided = new Set(['procfs', 'linprocfs', 'linsysfs', 'devfs', 'fdescfs']);
const optionPattern = /^(rw|ro|nosuid|noexec|noatime|late|noauto|size=\d{1,12}[kmgKMG]?|mode=[0-7]{3,4})$/;

export const fstabKind = (entry: FstabEntry): 'bind' | 'tmpfs' | 'provided' | undefined =>
  binds.has(entry.type)
    ? 'bind'
    : entry.type === 'tmpfs'
      ? 'tmpfs'
      : provided.has(entry.type)
        ? 'provided'
        : undefined;

export const isBelow = (path: string, directory: string): boolean =>
  path === directory || path.startsWith(`${directory}/`);

/**
 * The target as a path in the jail, beginning with `/`; undefined when it is outside of any jail's root.
 * A copied jail's lines still name the root that they were written for; they mean its own.
 *
 * @example targetInJail('/tank/iocage/jails/a/root/mnt', { iocage: '/tank/iocage', root: '/tank/iocage/jails/b/root' }) === '/mnt'
 */
export function targetInJail(target: string, places: FstabPlaces): string | undefined {
  if (target.split('/').some((part) => part === '..' || part === '.')) return undefined;
  if (isBelow(target, places.root)) return target.slice(places.root.length) || '/';
  const own = places.root.split('/').at(-2) ?? '';
  // It came from a host whose pool is mounted elsewhere, with its fstab as it was there.
  const elsewhere = /^\/(?:[^/]+\/)+(?:jails|templates)\/([^/]+)\/root(\/.*)?$/.exec(target);
  if (own !== '' && elsewhere?.[1] === own) return elsewhere[2] ?? '/';
  if (!isBelow(target, places.iocage)) return undefined;
  const inner = /^\/(?:jails|templates)\/[^/]+\/root(\/.*)?$/.exec(target.slice(places.iocage.length));
  return inner ? (inner[1] ?? '/') : undefined;
}

/** The comment by which libiocage knows the lines that it makes anew at each start. */
const generated = 'iocage-auto';

/** Whether another tool wrote the line to show a basejail its base, in a file that is trusted. We bind the base ourselves. */
export function isBaseLine(entry: FstabEntry, places: FstabPlaces): boolean {
  return entry.comment === generated || showsBase(entry, places);
}

/**
 * The same by what the line does, whatever it says of itself: it shows a folder of a release, or of one of its
 * snapshots, at the same place in the jail.
 */
export function showsBase(entry: FstabEntry, places: FstabPlaces): boolean {
  const shown = /\/(?:releases|templates|base)\/[^/]+\/root(?:\/\.zfs\/snapshot\/[^/]+)?(\/.+)$/.exec(
    entry.source,
  );
  return (
    fstabKind(entry) === 'bind' &&
    entry.options.includes('ro') &&
    shown !== null &&
    shown[1] === targetInJail(entry.target, places)
  );
}

/** The lines of a text that show a basejail its base, each as it stands there. */
export function baseLines(text: string, places: FstabPlaces): readonly string[] {
  return text.split('\n').filter((line) => baseTarget(line, places) !== undefined);
}

/** The text with these lines: those that lack come at its end, and others of a base at their places go. */
export function withBaseLines(text: string, lines: readonly string[], places: FstabPlaces): string {
  const targets = new Set(
    lines.map((line) => baseTarget(line, places)).filter((target) => target !== undefined),
  );
  const kept = text.split('\n').filter((line) => {
    const target = baseTarget(line, places);
    return target === undefined || !targets.has(target) || lines.includes(line);
  });
  const missing = lines.filter((line) => !kept.includes(line)).map((line) => `${line}\n`);
  return missing.length === 0
    ? kept.join('\n')
    : kept.join('\n').replace(/([^\n])$/, '$1\n') + missing.join('');
}

function baseTarget(line: string, places: FstabPlaces): string | undefined {
  const entry = parseEntry(line);
  return entry !== undefined && isBaseLine(entry, places) ? targetInJail(entry.target, places) : undefined;
}

/** Directories of a jail that the runtime mounts itself. */
const taken = ['/dev', '/proc', '/sys', '/run'];

/** Why nothing is mounted at this path of a jail, in words; undefined when it may be. */
export function ownPlaceProblem(target: string): string | undefined {
  if (target === '/') return `a target is a directory in the jail's root, not the root itself`;
  const own = taken.find((path) => isBelow(target, path));
  return own && `${own} of a jail is mounted by iocage itself`;
}

/** What iocage lays beside a jail's root for it to read: the repository of its plugin, what it is provisioned with. */
const ownPlaces = ['ix-plugin', '.provision'];

/** A package mirror of a release holds nothing of any jail. */
const isMirror = (source: string, iocage: string): boolean =>
  isBelow(source, iocage) && /^\/releases\/[^/]+\/pkg$/.test(source.slice(iocage.length));

const isOwnPlace = ({ source, options }: FstabEntry, { root, iocage }: FstabPlaces): boolean =>
  options.includes('ro') &&
  (isMirror(source, iocage) || ownPlaces.some((name) => source === root.replace(/[^/]*$/, name)));

/**
 * What is wrong with a line, in words; undefined when nothing is.
 *
 * @param source the entry's source with every link followed; undefined when it does not exist
 */
export function entryProblem(
  entry: FstabEntry,
  places: FstabPlaces,
  source: string | undefined,
): string | undefined {
  const target = targetInJail(entry.target, places);
  if (target === undefined) return `target ${JSON.stringify(entry.target)} is not below the jail's root`;
  const kind = fstabKind(entry);
  if (kind === undefined)
    return `type ${JSON.stringify(entry.type)} is none of nullfs, bind, tmpfs, ${[...provided].join(', ')}`;
  const odd = entry.options.find((option) => !optionPattern.test(option));
  if (odd !== undefined) return `option ${JSON.stringify(odd)} is not allowed`;
  if (kind === 'provided') return undefined;
  const own = ownPlaceProblem(target);
  if (own !== undefined) return own;
  if (kind === 'tmpfs') return undefined;
  if (!entry.source.startsWith('/')) return `source ${JSON.stringify(entry.source)} is no absolute path`;
  if (source === undefined) return `source ${JSON.stringify(entry.source)} does not exist`;
  if (isBelow(source, places.iocage) && !isOwnPlace(entry, places))
    return `source ${JSON.stringify(source)} belongs to iocage or another jail`;
  if (isBelow(places.iocage, source) || source === '/')
    return `source ${JSON.stringify(source)} holds all jails of the pool`;
  // Whoever can change such a link, perhaps in another jail that shares a directory, would choose what is mounted.
  if (source !== (entry.source.replace(/\/+/g, '/').replace(/\/$/, '') || '/'))
    return `source ${JSON.stringify(entry.source)} leads over a link; name ${JSON.stringify(source)} itself`;
  return undefined;
}
