/**
 * A jail in a file of its tool: the directory that `bastille export --txz` packs, or the datasets that `bastille export
 * --xz` and `pot export` send. Decided from the members, or from what the streams are of, before anything is made. Of
 * what a stream says of properties nothing is read. Pure.
 *
 * Source: export.sh of Bastille (August 2026), export.sh of pot 0.16.
 */
import { ArchiveCheck, type ArchiveLimits } from '../archive.ts';
import { failure } from '../errors.ts';
import { assertSnapshotName, nameProblem } from '../name.ts';
import type { StreamFiles } from '../stream-files.ts';
import { StreamProblem, type StreamSnapshot } from '../stream-records.ts';
import type { TarMember, TarSink } from '../tar.ts';
import { otherFiles } from './bastille.ts';
import type { Left } from './found.ts';

export interface ArchivedJail {
  readonly tool: 'bastille' | 'pot';
  /** Text of a file of its configuration; empty when there is none. */
  read(path: string): string;
  /** Names in a directory of its configuration. */
  list(path: string): readonly string[];
  /** Its root: the folder of an archive, or the snapshots that make it, each of which builds on the one before. */
  readonly root: { readonly folder: string } | { readonly snapshots: readonly StreamSnapshot[] };
  readonly left: readonly Left[];
}

const texts: ReadonlySet<string> = new Set([
  ...['jail.conf', 'fstab', 'settings.conf', 'rctl.conf', 'cpuset.conf'],
  ...otherFiles,
]);
const maxTextBytes = 2 ** 20;

/** Takes the members of a packed directory of a jail of Bastille, `NAME/jail.conf` and `NAME/root/…`. */
export class FolderReader {
  private readonly file: string;
  private readonly limits: ArchiveLimits;
  private readonly check: ArchiveCheck;
  private readonly found = new Map<string, Buffer[]>();
  private members = 0;
  private top: string | undefined;
  private hasRoot = false;
  sizeBytes = 0;

  /** @param file its name, for messages */
  constructor(file: string, limits: ArchiveLimits) {
    this.file = file;
    this.limits = limits;
    this.check = new ArchiveCheck({ ...limits, oddNames: true });
  }

  private bad = (why: string): Error => failure('BAD_ARCHIVE', { file: this.file, why });

  /** @throws BAD_ARCHIVE, UNSAFE_ARCHIVE */
  take(member: TarMember): TarSink | void {
    this.members += 1;
    this.sizeBytes += member.sizeBytes;
    if (this.members > this.limits.maxMembers)
      throw this.bad(`it has more than ${this.limits.maxMembers} members`);
    const name = member.name.replace(/\/$/, '');
    const [top = '', ...rest] = name.split('/');
    this.top ??= top;
    if (top !== this.top || nameProblem('jail', top) !== undefined)
      throw this.bad('it is not the directory of one jail');
    if (rest.some((part) => part === '' || part === '.' || part === '..'))
      throw this.bad('a member is spelled in an unusual way');
    if (rest.length === 0 && member.type !== 'directory') throw this.bad('its top is no directory');
    if (rest[0] === 'root') return this.takeRoot(member);
    const path = rest.join('/');
    if (!texts.has(path)) return;
    if (member.type !== 'file' || member.sizeBytes > maxTextBytes)
      throw this.bad(`${path} is no plain file of at most ${maxTextBytes} bytes`);
    if (this.found.has(path)) throw this.bad(`${path} is in it twice`);
    const parts: Buffer[] = [];
    this.found.set(path, parts);
    return (bytes) => void parts.push(Buffer.from(bytes));
  }

  private takeRoot(member: TarMember): void {
    const folder = `${this.top}/root`;
    const inside = (name: string): string =>
      name.startsWith(`${folder}/`) && name !== `${folder}/`
        ? name.slice(folder.length + 1)
        : name.replace(/\/$/, '') === folder
          ? './'
          : `../${name}`;
    const { name, linkName, type } = member;
    this.check.take(
      { ...member, name: inside(name), linkName: type === 'hardlink' ? inside(linkName) : linkName },
      this.file,
    );
    this.hasRoot = true;
  }

  /** After the last member. @throws BAD_ARCHIVE */
  end(): ArchivedJail {
    if (!this.found.has('jail.conf')) throw this.bad('there is no jail.conf in it');
    if (!this.hasRoot) throw this.bad('its root is not in it');
    return {
      tool: 'bastille',
      read: (path) => Buffer.concat(this.found.get(path) ?? []).toString('utf8'),
      list: () => [],
      root: { folder: `${this.top}/root` },
      left: [],
    };
  }
}

/** Where the tools have a jail's configuration, and the dataset of its root beside that. */
const layouts = [
  { tool: 'bastille', config: 'jail.conf', root: 'root' },
  { tool: 'pot', config: 'conf/pot.conf', root: 'm' },
] as const;

/** The snapshots of one dataset. @throws BAD_ARCHIVE, UNSUPPORTED when it builds on something that is not there */
function chainOf(all: readonly StreamSnapshot[], dataset: string, file: string): readonly StreamSnapshot[] {
  const chain = all.filter((one) => one.dataset === dataset);
  for (const [at, { snapshot, fromGuid }] of chain.entries()) {
    assertSnapshotName(snapshot);
    if (at === 0 && fromGuid !== 0n)
      throw failure('UNSUPPORTED', {
        what: `importing ${file}`,
        why: `${dataset} is a clone of something that is not in it; receive it with its own tool, then 'iocage migrate --from'`,
      });
    if (at > 0 && fromGuid !== chain[at - 1]!.guid)
      throw failure('BAD_ARCHIVE', { file, why: `the snapshots of ${dataset} do not build on each other` });
  }
  return chain;
}

/**
 * @param all in the order of the file, of which the first dataset is that of the jail
 * @param files of that dataset
 * @throws BAD_ARCHIVE, UNSUPPORTED
 */
export function archivedStreams(
  file: string,
  all: readonly StreamSnapshot[],
  files: StreamFiles,
): ArchivedJail {
  const bad = (why: string): Error => failure('BAD_ARCHIVE', { file, why });
  const top = all[0]?.dataset ?? '';
  if (all.some(({ dataset }) => dataset !== top && !dataset.startsWith(`${top}/`)))
    throw bad('it is of several jails');
  const own = chainOf(all, top, file);
  try {
    const layout = layouts.find(({ config }) => files.read(config) !== undefined);
    if (layout === undefined) throw bad('there is neither a jail.conf nor a conf/pot.conf in it');
    const root = `${top}/${layout.root}`;
    const snapshots = chainOf(all, root, file);
    if (snapshots.length === 0 || snapshots.at(-1)!.snapshot !== own.at(-1)!.snapshot)
      throw bad(`${root} is not in it, or not of the same moment`);
    const others = new Set(all.map(({ dataset }) => dataset).filter((one) => one !== top && one !== root));
    return {
      tool: layout.tool,
      read: (path) => files.read(path) ?? '',
      list: (path) => files.list(path),
      root: { snapshots },
      left: [...others].map((what) => ({ what, why: 'it is a dataset of its own beside the root' })),
    };
  } catch (error) {
    if (error instanceof StreamProblem) throw bad(error.message);
    throw error;
  }
}
