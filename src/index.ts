/**
 * The library: hosts, jails, releases and snapshots for other programs. It prints nothing, ends no process and keeps
 * no state between objects; what it does is what the command does, operation by operation.
 *
 * @example
 * const jail = new Jail();
 * await jail.create('11.1-RELEASE');
 */
export { Host, type Activated, type ImportOptions } from './library/host.ts';
export {
  Jail,
  type CloneOptions,
  type CreateOptions,
  type FoundJail,
  type JailFacts,
  type JailOrigin,
  type Life,
  type PropertyChange,
} from './library/jail.ts';
export { Jails, type FilterWords, type NewJail } from './library/jails.ts';
export { Listing } from './library/listing.ts';
export { Operation, type Plan } from './library/operation.ts';
export { Release, type Fetched, type FetchOptions, type FoundRelease } from './library/release.ts';
export { Snapshot, type SnapshotFacts } from './library/snapshot.ts';
export type { Properties } from './library/properties.ts';
export type { HostOptions } from './library/access.ts';
export type { Exported } from './ops/image/export.ts';
export type { Installed } from './ops/jail/install.ts';
export type { Provisioned } from './ops/jail/provision.ts';
export type { JailOutput } from './ops/jail/run.ts';
export type { ListedRelease } from './ops/release/list.ts';
export type { Past } from './ops/host/history.ts';
export type { Finding } from './ops/host/doctor.ts';

export { IocageError, type ErrorCode } from './domain/errors.ts';
export {
  explain,
  matches,
  parseFilter,
  type Filter,
  type Filterable,
  type FilterValue,
} from './domain/filter.ts';
export type { IocEvent } from './domain/ioc-events.ts';
export type { Action } from './domain/shell-line.ts';
export { properties, findProperty } from './domain/properties/index.ts';
export type { Property } from './domain/property.ts';
