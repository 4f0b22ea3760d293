/**
 * `create pkglist=FILE`: the packages of a list, in each new jail, before anybody else can use it. The list
 * is read and checked before anything is made; a package that cannot be installed leaves no jail.
 */
import { join } from 'node:path';
import type { Context } from '../context.ts';
import type { Step } from '../../driver/system.ts';
import type { JailSpec } from '../../driver/host.ts';
import { effective } from '../../domain/config.ts';
import { asIocageError, failure, type IocageError } from '../../domain/errors.ts';
import { parsePackageList, type PackageManager } from '../../domain/packages.ts';
import { ensureJail, toJailData } from '../steps/guard.ts';
import { consoleLogs } from '../world/spec.ts';
import type { World } from '../world/world.ts';
import { cleanSteps, getPackageManager, installSteps, quietSpec, withoutServices } from './packages.ts';

const mostBytes = 256 * 2 ** 10;

export interface Packages {
  readonly manager: PackageManager;
  readonly names: readonly string[];
  /** Whose files the jail begins with. */
  readonly from: 'fresh' | 'used';
}

const refuse = (problem: string): IocageError =>
  failure('INVALID_INPUT', { issues: [{ path: 'pkglist', problem }] });

/** For the ways of making a jail that install nothing. */
export function refusePackageList(given: readonly (readonly [string, string])[]): void {
  const path = given.findLast(([key]) => key === 'pkglist')?.[1] ?? 'none';
  if (path !== 'none') throw refuse(`create installs packages; for a jail that is there, 'iocage pkg'`);
}

/**
 * What is to be installed; undefined when no list is named.
 *
 * @param from the root that the jails are made of, and its name for people; undefined for empty jails
 * @param named the names themselves, in the place of a file that lists them
 */
export async function listedPackages(
  doors: Pick<Context, 'files' | 'host'>,
  world: World,
  given: readonly (readonly [string, string])[],
  from:
    | {
        readonly root: string;
        readonly of: string;
        readonly shared: boolean;
        readonly state: Packages['from'];
      }
    | undefined,
  named: readonly string[] | undefined,
): Promise<Packages | undefined> {
  const own = given.findLast(([key]) => key === 'pkglist')?.[1];
  // A stored default is for the jails that can have it.
  const path =
    own ?? (from === undefined || from.shared ? undefined : world.defaults.get('pkglist')) ?? 'none';
  if (named !== undefined && own !== undefined) throw refuse('packages are named twice');
  if (path === 'none' && named === undefined) return undefined;
  if (from === undefined) throw refuse('an empty jail has no package manager');
  if (from.shared)
    throw refuse(`a basejail cannot write to the folders that it shares; fetch the release with include=`);
  const names =
    named === undefined ? await readList(doors.files, path) : checkedList(named.join('\n'), 'packages');
  return { manager: await getPackageManager(doors, from.root, from.of), names, from: from.state };
}

async function readList(files: Context['files'], path: string): Promise<readonly string[]> {
  const text = await files.readNamed(path, mostBytes).catch((thrown: unknown) => {
    throw refuse(asIocageError(thrown).message);
  });
  if (text === undefined) throw refuse(`${path} does not exist`);
  return checkedList(text, path);
}

function checkedList(text: string, of: string): readonly string[] {
  const list = parsePackageList(text);
  if ('problem' in list) throw refuse(`${of}: ${list.problem}`);
  return list.names;
}

/** @param stored the new jail's properties, as far as they say how it runs */
export async function packageSteps(
  context: Context,
  world: World,
  jail: { readonly uuid: string; readonly tag: string },
  stored: readonly (readonly [string, string])[],
  { manager, names, from }: Packages,
): Promise<readonly Step[]> {
  const { host } = context;
  const spec = await specOf(context, world, jail, stored, from);
  const install = [...installSteps(host, spec, manager, names), ...cleanSteps(host, spec, manager)];
  const data = toJailData(spec);
  return [
    ensureJail({ jail: data, back: 'down' }),
    ensureJail({ jail: data, wanted: 'up' }),
    ...withoutServices(host, spec, manager, install),
    ensureJail({ jail: data, wanted: 'down' }),
  ];
}

/** As `toSpec`, of a jail that is not there yet. */
async function specOf(
  { host }: Context,
  world: World,
  { uuid, tag }: { uuid: string; tag: string },
  stored: readonly (readonly [string, string])[],
  from: Packages['from'],
): Promise<JailSpec> {
  const mountpoint = join(world.mountpoint, 'jails', uuid);
  const plain: JailSpec = {
    pool: world.realm,
    uuid,
    tag,
    dataset: `${world.root}/jails/${uuid}`,
    mountpoint,
    root: join(mountpoint, 'root'),
    consoleLog: consoleLogs(world, uuid)[0],
    config: effective(new Map(stored), world.defaults, { uuid }),
  };
  const spec = quietSpec(plain, from);
  // For this one run; the first start decides again, and keeps it.
  const taken = world.jails.flatMap(({ local }) => local.get('ip4_addr') ?? []);
  const decided = (await host.settle?.(spec, taken)) ?? new Map();
  return { ...spec, config: new Map([...spec.config, ...decided]) };
}
