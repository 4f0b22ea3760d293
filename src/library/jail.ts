/** A jail and what can be done with it. Thin: each method is one operation of the registry. */
import type { FilterValue } from '../domain/filter.ts';
import { failure } from '../domain/errors.ts';
import { splitWord } from '../domain/source.ts';
import { imageExport, type Exported } from '../ops/image/export.ts';
import { jailClone } from '../ops/jail/clone.ts';
import { jailCreate } from '../ops/jail/create.ts';
import { jailDestroy } from '../ops/jail/destroy.ts';
import { propertyGet, type GetOutput } from '../ops/jail/get.ts';
import { jailInstall, type Installed } from '../ops/jail/install.ts';
import type { Kind } from '../ops/jail/new-jail.ts';
import { jailProvision, type Provisioned } from '../ops/jail/provision.ts';
import { jailPromote } from '../ops/jail/promote.ts';
import { jailRename } from '../ops/jail/rename.ts';
import { propertyReset } from '../ops/jail/reset.ts';
import { jailRun, type JailOutput } from '../ops/jail/run.ts';
import { jailConsole } from '../ops/jail/session.ts';
import { propertySet } from '../ops/jail/set.ts';
import { jailRestart } from '../ops/jail/restart.ts';
import { jailStart } from '../ops/jail/start.ts';
import { jailStop } from '../ops/jail/stop.ts';
import { snapshotRollback, snapshotTake } from '../ops/snapshot/snapshot.ts';
import { Access, type Reaching } from './access.ts';
import { assertHost, isPlain, optionsOf, texts, wrong } from './given.ts';
import type { Operation } from './operation.ts';
import { toPairs, type Properties } from './properties.ts';

/** What was known of a jail when it was listed; the keys are those of filters. */
export interface JailFacts {
  /** The tag; the UUID when there is none. */
  readonly name: string;
  readonly uuid: string;
  /** With `SOURCE/` before it where there are several sources. */
  readonly full_name: string;
  /** Name of the source that it lies in. */
  readonly source: string;
  readonly state: 'up' | 'down' | 'corrupt';
  readonly running: boolean;
  readonly jid: number | null;
  readonly release: string | null;
  readonly type: string | null;
  readonly template: boolean;
  readonly ip4_addr: FilterValue;
  readonly ip6_addr: FilterValue;
  readonly dataset_name: string;
  /** Why its state is `corrupt`. */
  readonly problem: string | null;
  /** The further columns that were asked for. */
  readonly [column: string]: FilterValue;
}

/** A jail that was listed. */
export type FoundJail = Jail & { readonly facts: JailFacts };

/** What a new jail is made from. */
export type JailOrigin =
  { readonly release: string } | { readonly template: string } | { readonly empty: true };

/** More about a new jail. */
export interface CreateOptions {
  /** How it has its files; default what the stored default of `type` says, else `thick`, a full copy. */
  readonly kind?: Exclude<Kind, 'empty'>;
  readonly properties?: Properties;
  /** Names of packages to install. */
  readonly packages?: readonly string[];
}

/** More about a clone. */
export interface CloneOptions {
  /** Default: a UUID. */
  readonly name?: string;
  /** As it was at this snapshot. */
  readonly snapshot?: string;
  /** A full copy, which hangs on nothing. */
  readonly thick?: boolean;
  readonly properties?: Properties;
}

/**
 * A jail by its name. Making one reads nothing: the name is looked up by each operation.
 *
 * @example
 * const jail = new Jail();
 * await jail.create('11.1-RELEASE');
 */
export class Jail {
  /** What was known when it was listed; undefined for one that was named. */
  readonly facts: JailFacts | undefined;
  private readonly access: Access;
  private word: string | undefined;

  /**
   * @param name UUID, tag, or the unique beginning of a UUID, with `SOURCE/` before it where that matters; none for one
   *   that is to be created with a name made up
   * @param host where it is; without one the machine's, with the pool that is activated
   */
  constructor(name?: string, host: Reaching = { access: new Access() }, facts?: JailFacts) {
    assertHost(host);
    this.word = name;
    this.access = host.access;
    this.facts = facts;
  }

  /** The word by which it is found: what it was named by, later its UUID. @throws USAGE before it has one */
  get name(): string {
    if (this.word === undefined)
      throw failure('USAGE', { problem: 'the jail has no name before it is created' });
    return this.word;
  }

  /**
   * Creates it from a release (its name alone will do), from a template, or without any files. The result is the
   * jail itself, which goes by its UUID then.
   */
  create(from?: string | JailOrigin, options: CreateOptions = {}): Operation<this> {
    const input = () => {
      const { kind, properties = {}, packages, ...rest } = optionsOf(options);
      return {
        ...rest,
        ...originOf(from),
        ...(kind === undefined ? {} : { kind }),
        ...(this.word === undefined ? {} : { name: this.word }),
        ...(packages === undefined ? {} : { packages: texts('packages', packages) }),
        properties: toPairs(properties),
      };
    };
    return this.access.operation(jailCreate, input, ({ jails }) => {
      this.word = inSourceOf(this.word, jails[0]!.uuid);
      return this;
    });
  }

  /** Starts it. @param options `force`: a template too */
  start(options: { readonly force?: boolean } = {}): Operation<Life> {
    return this.access.operation(jailStart, () => ({ ...options, ...this.named }));
  }

  /** Stops it. @param options `force`: without `exec_prestop` and `exec_stop`; one that is down is no failure */
  stop(options: { readonly force?: boolean } = {}): Operation<Life> {
    return this.access.operation(jailStop, () => ({ ...options, ...this.named }));
  }

  /** Stops and starts it. @param options `soft`: only its services */
  restart(options: { readonly soft?: boolean } = {}): Operation<void> {
    return this.access.operation(
      jailRestart,
      () => ({ ...options, ...this.named }),
      () => undefined,
    );
  }

  /** Destroys it for good, with its snapshots; `plan()` tells what goes. @param options `force`: stop it first */
  destroy(options: { readonly force?: boolean } = {}): Operation<{ readonly destroyed: readonly string[] }> {
    return this.access.operation(jailDestroy, () => ({ ...options, ...this.named }));
  }

  /** Makes another jail like it. */
  clone(options: CloneOptions = {}): Operation<Jail> {
    return this.access.operation(
      jailClone,
      () => {
        const { properties = {}, ...rest } = optionsOf(options);
        return { ...rest, ...this.named, properties: toPairs(properties) };
      },
      ({ jails }) => {
        const beside = options.name?.includes('/') ? options.name : this.word;
        return new Jail(inSourceOf(beside, jails[0]!.uuid), { access: this.access });
      },
    );
  }

  /** Makes a clone independent of what it was cloned from. */
  promote(): Operation<void> {
    return this.access.operation(
      jailPromote,
      () => this.named,
      () => undefined,
    );
  }

  /** Gives it another name. */
  rename(name: string): Operation<void> {
    return this.access.operation(
      jailRename,
      () => ({ ...this.named, name }),
      ({ uuid }) => {
        this.word = inSourceOf(this.word, uuid);
      },
    );
  }

  /** A property in force, or `state`, `jid`; null when it is unset. */
  get(key: string): Operation<string | null> {
    return this.access.operation(
      propertyGet,
      () => ({ ...this.named, key }),
      (answer) => ('value' in answer ? answer.value : null),
    );
  }

  /** All properties in force. */
  properties(): Operation<Readonly<Record<string, string | null>>> {
    return this.access.operation(propertyGet, () => ({ ...this.named, key: 'all' }), recordOf);
  }

  /** Sets properties. The result says what changed, and whether a running jail has it already (`live`). */
  set(properties: Properties): Operation<{ readonly changes: readonly PropertyChange[] }> {
    return this.access.operation(propertySet, () => ({
      jails: [this.name],
      properties: toPairs(properties),
    }));
  }

  /** Takes properties away: the defaults hold again. */
  unset(...keys: string[]): Operation<void> {
    return this.access.operation(
      propertyReset,
      () => ({ jails: [this.name], keys }),
      () => undefined,
    );
  }

  /** Takes a snapshot of all its datasets; the result is its name. @param name default: the time */
  snapshot(name?: string): Operation<string> {
    return this.access.operation(
      snapshotTake,
      () => ({ ...this.named, ...(name === undefined ? {} : { snapshot: name }) }),
      ({ snapshot }) => snapshot,
    );
  }

  /** Back to a snapshot; what came later is lost. It is down. @param options `force`: newer snapshots go too */
  rollback(snapshot: string, options: { readonly force?: boolean } = {}): Operation<void> {
    const input = () => ({ ...options, ...this.named, snapshot });
    return this.access.operation(snapshotRollback, input, () => undefined);
  }

  /**
   * Runs a program in it and collects what it writes, at most 4 MB; any exit status is an answer. No shell reads
   * the words. @param options `user`: one of the jail, default root
   */
  exec(argv: readonly string[], options: { readonly user?: string } = {}): Operation<JailOutput> {
    return this.access.operation(jailRun, () => {
      const { user, ...rest } = optionsOf(options);
      return {
        ...rest,
        ...this.named,
        argv: texts('argv', argv),
        ...(user === undefined ? {} : { jailUser: user }),
      };
    });
  }

  /** A login on this process's own terminal; the result is its exit status. @param options `start`: start it first */
  console(options: { readonly start?: boolean } = {}): Operation<number> {
    return this.access.operation(jailConsole, () => ({ ...options, ...this.named }));
  }

  /** Installs packages that it does not have yet; as it was, when one cannot be had. */
  install(...names: string[]): Operation<Installed> {
    return this.access.operation(jailInstall, () => ({ ...this.named, names }));
  }

  /**
   * Sets it up as its properties `provision.*` say; as it was, when that fails.
   * @param properties others for this time: `{ 'provision.method': 'script', 'provision.source': '/root/web.sh' }`
   */
  provision(properties: Properties = {}): Operation<Provisioned> {
    return this.access.operation(jailProvision, () => ({ ...this.named, overrides: toPairs(properties) }));
  }

  /** Writes it as an image; it is down. @param options `packing`: default zstd where it is installed, else gz */
  export(options: { readonly packing?: 'zstd' | 'xz' | 'gz' } = {}): Operation<Exported> {
    return this.access.operation(imageExport, () => ({ ...options, ...this.named }));
  }

  private get named(): { readonly jail: string } {
    return { jail: this.name };
  }
}

function originOf(from: string | JailOrigin | undefined) {
  if (from === undefined) return {};
  const origin = typeof from === 'string' ? { release: from } : from;
  if (!isPlain(origin)) throw wrong('from', 'it is no release, no template and not { empty: true }');
  return 'empty' in origin && origin.empty ? { kind: 'empty' as const } : origin;
}

/** A UUID can be a name, which another source may have too. @internal */
export function inSourceOf(word: string | undefined, uuid: string): string {
  const { source } = splitWord(word ?? '');
  return source === undefined ? uuid : `${source}/${uuid}`;
}

/** How a jail is after it was started or stopped. */
export interface Life {
  readonly uuid: string;
  readonly tag: string;
  readonly state: 'up' | 'down';
  readonly jid: number | null;
  /** Settings that this kernel stores but does not apply. */
  readonly notApplied: readonly { readonly key: string; readonly value: string; readonly why: string }[];
}

/** A property that was set. */
export interface PropertyChange {
  readonly jail: string;
  readonly key: string;
  /** Null: it was not stored. */
  readonly old: string | null;
  readonly new: string;
  /** False when a running jail gets it only at its next start. */
  readonly live: boolean;
}

/** @internal */
export function recordOf(answer: GetOutput): Readonly<Record<string, string | null>> {
  const rows = 'properties' in answer ? answer.properties : [];
  return Object.fromEntries(rows.map(({ key, value }) => [key, value]));
}
