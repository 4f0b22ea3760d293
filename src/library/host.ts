/** A host with jails: what there is, and what concerns no single jail. Thin: each method is one operation. */
import { matches, matchesName, parseFilter, type Filter, type FilterValue } from '../domain/filter.ts';
import type { IocEvent } from '../domain/ioc-events.ts';
import { hostDoctor, type Finding } from '../ops/host/doctor.ts';
import { hostHistory, type Past } from '../ops/host/history.ts';
import { poolActivate, poolDeactivate } from '../ops/host/pool.ts';
import { imageImport } from '../ops/image/import.ts';
import { getOperation } from '../ops/index.ts';
import { propertyGet } from '../ops/jail/get.ts';
import { propertySet } from '../ops/jail/set.ts';
import { releaseList } from '../ops/release/list.ts';
import { snapshotList } from '../ops/snapshot/snapshot.ts';
import { Access, type HostOptions, type Reaching } from './access.ts';
import { assertFollowing, isText, optionsOf, wordsOf, wrong } from './given.ts';
import { inSourceOf, Jail, recordOf } from './jail.ts';
import { Jails, type FilterWords } from './jails.ts';
import { Listing } from './listing.ts';
import type { Operation } from './operation.ts';
import { toPairs, type Properties } from './properties.ts';
import { Release, type Fetched, type FetchOptions, type FoundRelease } from './release.ts';
import { Snapshot, wholeSnapshots, type SnapshotFacts } from './snapshot.ts';

/** More about a jail that is made of an image. */
export interface ImportOptions {
  /** Default: the image's own tag. */
  readonly name?: string;
  readonly properties?: Properties;
}

/** A pool that is in use. */
export interface Activated {
  readonly pool: string;
  /** The dataset that everything lies below. */
  readonly root: string;
  readonly mountpoint: string;
}

/** A host that was opened. */
export class Host implements Reaching {
  /** @internal */
  readonly access: Access;
  /** The jails, without templates. */
  readonly jails: Jails;
  /** The templates. */
  readonly templates: Jails;

  private constructor(access: Access) {
    this.access = access;
    this.jails = new Jails(this, 'jails');
    this.templates = new Jails(this, 'templates');
  }

  /**
   * Opens the host that this program runs on. Nothing is read before it is asked for something.
   *
   * @param options `pool`: default `IOCAGE_POOL`, else the only activated pool
   */
  static async open(options: HostOptions = {}): Promise<Host> {
    return new Host(new Access(options));
  }

  /** A jail by its name, which is not looked up yet. */
  jail(name: string): Jail {
    return new Jail(name, this);
  }

  /** A release by its name, which is not looked up yet. */
  release(name: string): Release {
    return new Release(name, this);
  }

  /** The fetched releases; a filter can ask for `name` and what stands in their facts. */
  releases(filter: FilterWords = []): Listing<FoundRelease> {
    return new Listing(async () => {
      const wanted = parseFilter(wordsOf(filter));
      const { releases } = await this.access.operation(releaseList, () => ({}));
      return releases
        .filter((facts) => matches(wanted, asked([facts.name], { ...facts })))
        .map((facts) => new Release(facts.name, this, facts) as FoundRelease);
    });
  }

  /** The snapshots of jails, oldest first; a name is that of the jail, or `JAIL@SNAPSHOT`, both with patterns. */
  snapshots(filter: FilterWords = []): Listing<Snapshot> {
    return new Listing(async () => {
      const wanted = parseFilter(wordsOf(filter));
      const { snapshots } = await this.access.operation(snapshotList, () => ({ jail: 'ALL' }));
      return wholeSnapshots(snapshots)
        .filter((facts) => isMeant(wanted, facts))
        .map((facts) => new Snapshot(facts, this));
    });
  }

  /** Fetches a release. */
  fetch(name: string, options: FetchOptions = {}): Operation<Fetched> {
    return this.release(name).fetch(options);
  }

  /** Makes a jail of an image. @param image an absolute path, a file's name, a UUID or a tag */
  import(image: string, options: ImportOptions = {}): Operation<Jail> {
    return this.access.operation(
      imageImport,
      () => {
        const { name, properties = {}, ...rest } = optionsOf(options);
        return { ...rest, image, ...(name === undefined ? {} : { name }), properties: toPairs(properties) };
      },
      ({ jails }) => new Jail(inSourceOf(options.name, jails[0]!.uuid), this),
    );
  }

  /** Uses a pool for jails. @param options `mountpoint`: of `POOL/iocage` */
  activate(pool: string, options: { readonly mountpoint?: string } = {}): Operation<Activated> {
    return this.access.operation(poolActivate, () => ({ ...options, pool }));
  }

  /** Stops using a pool for jails; nothing on it is lost. */
  deactivate(pool: string): Operation<void> {
    return this.access.operation(
      poolDeactivate,
      () => ({ pool }),
      () => undefined,
    );
  }

  /** The defaults of all properties. */
  defaults(): Operation<Readonly<Record<string, string | null>>> {
    return this.access.operation(propertyGet, () => ({ key: 'all', jail: 'default' }), recordOf);
  }

  /** Stores defaults, which hold for every jail that has no value of its own. */
  setDefaults(properties: Properties): Operation<void> {
    const input = () => ({ jails: ['default'], properties: toPairs(properties) });
    return this.access.operation(propertySet, input, () => undefined);
  }

  /** What was done, by whom, and how it ended: the newest first. @param options `jail`: one that may be gone */
  history(options: { readonly jail?: string; readonly limit?: number } = {}): Operation<readonly Past[]> {
    return this.access.operation(
      hostHistory,
      () => options,
      ({ operations }) => operations,
    );
  }

  /** Mends what an operation left that was killed; the result says what it found. */
  doctor(): Operation<{ readonly findings: readonly Finding[] }> {
    return this.access.operation(hostDoctor, () => ({}));
  }

  /**
   * The events of all operations that this host object runs, as they come; the loop ends with the signal.
   *
   * @param options `since`: also those behind this number, as far as they are kept; a record of the type `Gap` tells
   *   which are not
   */
  events(options: { readonly since?: number; readonly signal?: AbortSignal } = {}): AsyncIterable<IocEvent> {
    assertFollowing(options);
    return this.access.log.follow(options.since, options.signal);
  }

  /** Any operation by its id, such as `jail.send`, with input as its schema takes it. @throws UNKNOWN_COMMAND */
  run<T = unknown>(operation: string, input: unknown = {}): Operation<T> {
    if (!isText(operation)) throw wrong('operation', 'it is no text');
    return this.access.operation(
      getOperation(operation),
      () => input,
      (answer) => answer as T,
    );
  }
}

type Facts = Readonly<Record<string, string | number | boolean | null>>;

function asked(
  names: readonly string[],
  facts: Facts,
): { names: readonly string[]; value(key: string): FilterValue | undefined } {
  return { names, value: (key) => (Object.hasOwn(facts, key) ? facts[key] : undefined) };
}

/** A name alone can be that of the jail, or with the snapshot's behind it. */
function isMeant(filter: Filter, { jail, tag, snapshot, source, ...rest }: SnapshotFacts): boolean {
  const names = [tag, jail, `${tag}@${snapshot}`, `${jail}@${snapshot}`];
  const of = source === null ? {} : { source };
  if (!matchesName(filter, { names, ...of })) return false;
  return matches(filter, { ...asked(names, { jail, tag, snapshot, source, ...rest }), ...of });
}
