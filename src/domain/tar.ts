/**
 * Reads the headers of a tar stream as it comes in, in pieces of any size, and skips the contents.
 * Knows what tar(5) describes as ustar, GNU long names and pax, with the newest form of sparse files (1.0, which
 * keeps its map in the content); anything else (older sparse files, several volumes) is refused rather than
 * guessed, since the tar(1) that unpacks may read it differently.
 *
 * Names are strings of bytes (latin1), so that two names are equal exactly when their bytes are.
 */

export interface TarMember {
  readonly name: string;
  readonly type: 'file' | 'hardlink' | 'symlink' | 'directory' | 'device' | 'fifo';
  /** Target of a link, else empty. */
  readonly linkName: string;
  /** Bytes of content that follow the header. */
  readonly sizeBytes: number;
}

/** The stream is not a tar archive, or not one that is read here; the message is in words. */
export class TarProblem extends Error {
  override readonly name = 'TarProblem';
}

const blockBytes = 512;
/** Of a long name or a pax record; real ones are below 4 KiB. */
const maxExtraBytes = 1024 * 1024;

const types: Readonly<Record<string, TarMember['type']>> = {
  '0': 'file',
  '\0': 'file',
  '7': 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '3': 'device',
  '4': 'device',
  '5': 'directory',
  '6': 'fifo',
};

/** Gets the content of a member as it comes in. */
export type TarSink = (bytes: Uint8Array) => void;

export class TarReader {
  private readonly take: (member: TarMember) => TarSink | void;
  private readonly block = Buffer.alloc(blockBytes);
  private filled = 0;
  /** Content bytes still to pass over, padding included. */
  private skip = 0;
  private content = 0;
  private sink: TarSink | void = undefined;
  /** Content of a long name or pax record that is being collected. */
  private extra:
    { readonly type: string; readonly size: number; left: number; readonly parts: Buffer[] } | undefined;
  private longName: string | undefined;
  private longLink: string | undefined;
  private pax: ReadonlyMap<string, string> = new Map();
  private paxGlobal: ReadonlyMap<string, string> = new Map();
  private zeroBlocks = 0;

  /** @param take may answer who gets the content of the member */
  constructor(take: (member: TarMember) => TarSink | void) {
    this.take = take;
  }

  /** @throws TarProblem, and whatever `take` throws. */
  push(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length && this.zeroBlocks < 2) {
      if (this.skip > 0) {
        const step = Math.min(this.skip, bytes.length - at);
        if (this.content > 0) this.sink?.(bytes.subarray(at, at + Math.min(step, this.content)));
        this.content -= step;
        this.skip -= step;
        at += step;
        continue;
      }
      const step = Math.min(blockBytes - this.filled, bytes.length - at);
      this.block.set(bytes.subarray(at, at + step), this.filled);
      this.filled += step;
      at += step;
      if (this.filled < blockBytes) return;
      this.filled = 0;
      if (this.extra) this.collect();
      else this.header();
    }
  }

  /** To be called at the end of the stream. @throws TarProblem when the archive does not end there. */
  end(): void {
    if (this.zeroBlocks === 0 || this.filled > 0 || this.extra)
      throw new TarProblem('it ends early: the archive is truncated');
  }

  private collect(): void {
    const extra = this.extra!;
    extra.parts.push(Buffer.from(this.block));
    extra.left -= blockBytes;
    if (extra.left > 0) return;
    this.extra = undefined;
    const content = Buffer.concat(extra.parts).subarray(0, extra.size).toString('latin1');
    if (extra.type === 'L') this.longName = untilNul(content);
    else if (extra.type === 'K') this.longLink = untilNul(content);
    else if (extra.type === 'x') this.pax = parsePax(content);
    else this.paxGlobal = new Map([...this.paxGlobal, ...parsePax(content)]);
  }

  private header(): void {
    const { block } = this;
    if (block.every((byte) => byte === 0)) {
      this.zeroBlocks += 1;
      return;
    }
    if (this.zeroBlocks > 0) throw new TarProblem('there is more after its end');
    checkSum(block);
    const type = String.fromCharCode(block[156]!);
    const size = parseNumber(block.subarray(124, 136), 'size');
    if ('LKxg'.includes(type)) {
      if (size > maxExtraBytes) throw new TarProblem('a member has a name or attributes of more than 1 MiB');
      if (size > 0) this.extra = { type, size, left: padded(size), parts: [] };
      return;
    }
    this.emit(type, size);
  }

  /** The name of a sparse file of the form 1.0, which counts before any other; undefined when it is none. */
  private sparseName(type: string): string | undefined {
    const keys = [...this.pax.keys()].filter(isSparse);
    if (keys.length === 0 && ![...this.paxGlobal.keys()].some(isSparse)) return undefined;
    const get = (key: string): string => this.pax.get(`GNU.sparse.${key}`) ?? '';
    const known =
      [...keys].sort().join(' ') ===
        'GNU.sparse.major GNU.sparse.minor GNU.sparse.name GNU.sparse.realsize' &&
      ![...this.paxGlobal.keys()].some(isSparse) &&
      types[type] === 'file' &&
      `${get('major')}.${get('minor')}` === '1.0' &&
      /^[0-9]{1,15}$/.test(get('realsize'));
    if (!known) throw new TarProblem('it holds a sparse file of a form that iocage does not unpack');
    return get('name');
  }

  private emit(type: string, headerSize: number): void {
    const { block } = this;
    const pax = (key: string): string | undefined => this.pax.get(key) ?? this.paxGlobal.get(key);
    const sparse = this.sparseName(type);
    for (const key of ['path', 'linkpath', 'size']) {
      if (this.paxGlobal.has(key)) throw new TarProblem(`it gives all members the same ${key}`);
    }
    if (
      (this.longName !== undefined && (this.pax.has('path') || sparse !== undefined)) ||
      (this.longLink !== undefined && this.pax.has('linkpath'))
    ) {
      throw new TarProblem('a member has two names');
    }
    const ustar = block.subarray(257, 263).toString('latin1') === 'ustar\0';
    const prefix = ustar ? untilNul(block.subarray(345, 500).toString('latin1')) : '';
    const short = untilNul(block.subarray(0, 100).toString('latin1'));
    const name = sparse ?? pax('path') ?? this.longName ?? (prefix === '' ? short : `${prefix}/${short}`);
    const linkName =
      pax('linkpath') ?? this.longLink ?? untilNul(block.subarray(157, 257).toString('latin1'));
    const paxSize = pax('size');
    if (paxSize !== undefined && !/^[0-9]{1,15}$/.test(paxSize))
      throw new TarProblem('a member has no sensible size');
    const kind = types[type];
    if (kind === undefined) {
      throw new TarProblem(
        `member ${JSON.stringify(name)} is of the kind ${JSON.stringify(type)}, which iocage does not unpack`,
      );
    }
    // Before ustar, a directory was a file whose name ends in a slash.
    const member = kind === 'file' && name.endsWith('/') ? 'directory' : kind;
    const size = paxSize === undefined ? headerSize : Number(paxSize);
    // Links and directories carry no content, though some writers give a size.
    const content = member === 'file' ? size : 0;
    if (member !== 'file' && size !== 0)
      throw new TarProblem(`member ${JSON.stringify(name)} has a size but no content`);
    this.longName = undefined;
    this.longLink = undefined;
    this.pax = new Map();
    this.skip = padded(content);
    this.content = content;
    this.sink = this.take({
      name,
      type: member,
      linkName: member === 'hardlink' || member === 'symlink' ? linkName : '',
      sizeBytes: content,
    });
  }
}

const isSparse = (key: string): boolean => key.startsWith('GNU.sparse');

function padded(size: number): number {
  return Math.ceil(size / blockBytes) * blockBytes;
}

function untilNul(text: string): string {
  const end = text.indexOf('\0');
  return end < 0 ? text : text.slice(0, end);
}

/** Octal text, or a big-endian number when the first bit is set (GNU, for more than 8 GiB). */
function parseNumber(field: Uint8Array, what: string): number {
  if (field[0]! & 0x80) {
    let value = field[0]! & 0x7f;
    for (const byte of field.subarray(1)) value = value * 256 + byte;
    if (!Number.isSafeInteger(value) || value > 2 ** 50)
      throw new TarProblem(`a member has no sensible ${what}`);
    return value;
  }
  const text = Buffer.from(field).toString('latin1').replaceAll('\0', ' ').trim();
  if (!/^[0-7]*$/.test(text)) throw new TarProblem(`a member has no sensible ${what}`);
  return text === '' ? 0 : Number.parseInt(text, 8);
}

function checkSum(block: Uint8Array): void {
  let sum = 0;
  for (let i = 0; i < blockBytes; i += 1) sum += i >= 148 && i < 156 ? 32 : block[i]!;
  const text = Buffer.from(block.subarray(148, 156)).toString('latin1').replaceAll('\0', ' ').trim();
  if (!/^[0-7]+$/.test(text) || Number.parseInt(text, 8) !== sum) {
    throw new TarProblem('it is not a tar archive, or it is damaged');
  }
}

/** Records `LENGTH KEY=VALUE\n`, the length counting itself. */
export function parsePax(content: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (let at = 0; at < content.length;) {
    const [digits] = /^[0-9]{1,7}(?= )/.exec(content.slice(at, at + 8)) ?? [];
    const length = Number(digits ?? 0);
    const record = content.slice(at + (digits?.length ?? 0) + 1, at + length - 1);
    const equals = record.indexOf('=');
    if (length === 0 || at + length > content.length || content[at + length - 1] !== '\n' || equals < 1) {
      throw new TarProblem('a pax record is damaged');
    }
    found.set(record.slice(0, equals), record.slice(equals + 1));
    at += length;
  }
  return found;
}
