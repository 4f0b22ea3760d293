/**
 * What the operations about packages share: which package manager a root has, what is installed there, and
 * the steps that update or install in a running container. The root is only looked at from here, and no
 * link in it is followed; programs of it run in the container and nowhere else.
 */
import type { Host, JailSpec } from '../../driver/host.ts';
import type { Files, Step } from '../../driver/system.ts';
import { isOn } from '../../domain/config.ts';
import { failure } from '../../domain/errors.ts';
import {
  packageChanges,
  packageManagers,
  parseTold,
  type PackageChange,
  type PackageCommand,
  type PackageManager,
  type PackageMirror,
} from '../../domain/packages.ts';

/** A slow mirror and a large upgrade; a program that waits for an answer that nobody gives ends with it. */
const commandTimeoutMs = 60 * 60_000;
type Look = Pick<Files, 'statBelow' | 'readBelow'>;
interface Doors {
  readonly files: Look;
  readonly host: Pick<Host, 'kernel'>;
}

export async function findPackageManager(
  { files, host }: Doors,
  root: string,
): Promise<PackageManager | undefined> {
  for (const manager of packageManagers) {
    if ((manager.kernel ?? host.kernel) !== host.kernel) continue;
    for (const program of manager.programs) {
      // Through a link (a merged /usr) it has another of the names.
      const facts = await files.statBelow(root, program).catch(() => undefined);
      if (facts?.type === 'file' || facts?.type === 'symlink') return manager;
    }
  }
  return undefined;
}

/** @param of for the message: `jail web` */
export async function getPackageManager(doors: Doors, root: string, of: string): Promise<PackageManager> {
  const manager = await findPackageManager(doors, root);
  if (manager === undefined) throw failure('NO_PACKAGE_MANAGER', { of });
  return manager;
}

/** Package to version; undefined when the root does not say it in a way that can be read. */
export async function installedPackages(
  files: Look,
  root: string,
  manager: PackageManager,
): Promise<ReadonlyMap<string, string> | undefined> {
  const read = (path: string) => files.readBelow(root, path).catch(() => undefined);
  if (manager.parse !== undefined) {
    const text = await read(manager.database);
    return text === undefined ? undefined : manager.parse(text);
  }
  // What it told last counts as long as its data base was not written since.
  const [database, told] = await Promise.all(
    [manager.database, toldPaths.after].map((path) => files.statBelow(root, path).catch(() => undefined)),
  );
  if (database === undefined) return new Map();
  if (told?.type !== 'file' || told.mtimeMs < database.mtimeMs) return undefined;
  const text = await read(toldPaths.after);
  return text === undefined ? undefined : parseTold(text);
}

/** Where a jail tells what is installed, before and after a change, which stays; nobody else's names. */
const toldPaths = { before: 'var/db/iocage-packages.before', after: 'var/db/iocage-packages' } as const;

export interface Watched {
  readonly steps: readonly Step[];
  /** When they are done; null when the root does not say what is installed. */
  readonly changes: () => Promise<readonly PackageChange[] | null>;
}

/**
 * Steps that change packages, and what they changed. Where what is installed is in no text that could be read from
 * here, the jail says it before and after: its data base is its root user's, and no program of the host reads it.
 */
export async function watched(
  { files, host }: { readonly files: Files; readonly host: Host },
  spec: JailSpec,
  manager: PackageManager,
  work: readonly Step[],
): Promise<Watched> {
  if (manager.tell === undefined) {
    const before = await installedPackages(files, spec.root, manager);
    return {
      steps: work,
      changes: async () => packageChanges(before, await installedPackages(files, spec.root, manager)),
    };
  }
  const told = async (path: string): Promise<ReadonlyMap<string, string> | undefined> => {
    const text = await files.readBelow(spec.root, path).catch(() => undefined);
    return text === undefined ? undefined : parseTold(text);
  };
  return {
    steps: [...tellSteps(host, spec, manager, 'before'), ...work],
    async changes() {
      const before = await told(toldPaths.before);
      await files.removeBelow(spec.root, toldPaths.before).catch(() => undefined);
      return packageChanges(before, await told(toldPaths.after));
    },
  };
}

function step(
  host: Host,
  spec: JailSpec,
  { title, argv, which, env: more }: PackageCommand & { readonly which?: 'install' | 'fetch' },
  manager: PackageManager,
): Step {
  const env = { ...manager.env, ...more };
  return host.commandStep(spec, {
    argv,
    env,
    title,
    ...(which === undefined ? {} : { which }),
    purpose: 'change',
    timeoutMs: commandTimeoutMs,
  });
}

/** None where what is installed can be read from here. */
function tellSteps(
  host: Host,
  spec: JailSpec,
  manager: PackageManager,
  when: keyof typeof toldPaths,
): readonly Step[] {
  const { tell } = manager;
  if (tell === undefined) return [];
  const argv = ['sh', '-c', tell, 'sh', `/${toldPaths[when]}`];
  return [step(host, spec, { title: 'pkg query', argv }, manager)];
}

export function upgradeSteps(host: Host, spec: JailSpec, manager: PackageManager): readonly Step[] {
  return [
    ...[manager.refresh, manager.upgrade].map((command) => step(host, spec, command, manager)),
    ...tellSteps(host, spec, manager, 'after'),
  ];
}

export function cleanSteps(host: Host, spec: JailSpec, manager: PackageManager): readonly Step[] {
  return manager.clean === undefined ? [] : [step(host, spec, manager.clean, manager)];
}

/**
 * All of them in one go: either all are there afterwards, or it failed.
 *
 * @param mirror when the jail sees one: nothing is fetched then
 */
export function installSteps(
  host: Host,
  spec: JailSpec,
  manager: PackageManager,
  names: readonly string[],
  mirror?: PackageMirror,
): readonly Step[] {
  const commands =
    mirror === undefined
      ? [manager.refresh, named(manager.install, names, 'install')]
      : [named(mirror.install, names, 'install')];
  return [
    ...commands.map((command) => step(host, spec, command, manager)),
    ...tellSteps(host, spec, manager, 'after'),
  ];
}

/** Those that a mirror at `mirrorPlace` is filled by, in a container that may write there. */
export function mirrorSteps(
  host: Host,
  spec: JailSpec,
  manager: PackageManager,
  { prepare, fetch, finish = [], check }: PackageMirror,
  names: readonly string[],
): readonly Step[] {
  const checks = check === undefined ? [] : [named(check, names, 'fetch')];
  return [...prepare, named(fetch, names, 'fetch'), ...finish, ...checks].map((command) =>
    step(host, spec, command, manager),
  );
}

const named = (command: PackageCommand, names: readonly string[], which: 'install' | 'fetch') => ({
  ...command,
  which,
  title: `${command.title} ${names.join(' ')}`,
  argv: [...command.argv, ...names],
});

/** Addresses of its own, the host's, or those that it gets by NAT or DHCP. */
export function hasNetwork(config: ReadonlyMap<string, string>): boolean {
  const listed = (key: string): boolean => !['none', ''].includes(config.get(key) ?? 'none');
  return (
    config.get('ip4') === 'inherit' ||
    isOn(config, 'vnet') ||
    isOn(config, 'nat') ||
    listed('ip4_addr') ||
    listed('ip6_addr')
  );
}

/**
 * The jail without its services and hooks, for work on files that nobody runs: a release, a template, a jail
 * that is being made.
 *
 * @param from `fresh`: nobody has had these files in hand but those who made the release. Without a network of
 *   its own it gets the host's then, as the original's `pkg -c` had it; what a jail's root user may have
 *   changed never does.
 */
export function quietSpec(spec: JailSpec, from: 'fresh' | 'used'): JailSpec {
  const { config } = spec;
  const type = config.get('type') === 'basejail' ? 'basejail' : 'jail';
  return {
    ...spec,
    config: new Map([
      ...config,
      ...['exec_prestart', 'exec_poststart', 'exec_prestop', 'exec_poststop', 'wait_for'].map(
        (key) => [key, 'none'] as const,
      ),
      ...['exec_start', 'exec_stop'].map((key) => [key, 'true'] as const),
      ['type', type],
      ['template', 'no'],
      ...(from === 'used' || hasNetwork(config) ? [] : [['ip4', 'inherit'] as const]),
    ]),
  };
}

const policyPath = '/usr/sbin/policy-rc.d';
const policyMark = '# made by iocage';
const forbid = `test -e "$1" || { printf '%s\\n' '#!/bin/sh' "$2" 'exit 101' >"$1" && chmod 755 "$1"; }`;
const allow = `if grep -qxF "$2" "$1" 2>/dev/null; then rm -f "$1"; fi`;

/**
 * Between them no package starts its service: nobody would use it, and with the host's network it would
 * ask for the host's ports. See invoke-rc.d(8); apk starts nothing by itself.
 */
export function withoutServices(
  host: Host,
  spec: JailSpec,
  manager: PackageManager,
  steps: readonly Step[],
): readonly Step[] {
  if (manager.name !== 'apt') return steps;
  // Runs inside the jail; the text is fixed, its words come as arguments.
  const shell = (title: string, text: string): Step =>
    step(host, spec, { title, argv: ['sh', '-c', text, 'sh', policyPath, policyMark] }, manager);
  return [shell('forbid services to start', forbid), ...steps, shell('allow services to start again', allow)];
}
