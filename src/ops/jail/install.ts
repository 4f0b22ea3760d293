/**
 * Packages that a jail is to have: those that are not installed yet are, as a guarded change, so that a
 * package that cannot be had leaves the jail as it was. A basejail has the packages of its release.
 */
import * as z from 'zod';
import { defineChange } from '../operation.ts';
import type { Context } from '../context.ts';
import type { JailSpec } from '../../driver/host.ts';
import { failure } from '../../domain/errors.ts';
import { label, type Jail } from '../../domain/jail.ts';
import {
  lackingPackages,
  mirrorPlace,
  parsePackageList,
  type PackageChange,
  type PackageManager,
} from '../../domain/packages.ts';
import { findMirror } from '../release/mirrored.ts';
import { toSpec } from '../world/spec.ts';
import type { World } from '../world/world.ts';
import { guardedChange, guardName, specToStart } from './guarded-change.ts';
import {
  cleanSteps,
  getPackageManager,
  hasNetwork,
  installedPackages,
  installSteps,
  quietSpec,
  watched,
  withoutServices,
} from './packages.ts';
import { jailInput, lockJail, readJail } from './select.ts';
import { showSteps, type Shown } from './shown.ts';

const installInput = jailInput.extend({
  names: z.array(z.string()).min(1, 'no package is named'),
  /** From the mirror of its release. Default: where the jail has no network of its own and there is one. */
  mirror: z.boolean().optional(),
});

/** What an installation of packages did. */
export interface Installed {
  readonly uuid: string;
  readonly tag: string;
  /** Null: nothing was missing, and nothing was done. */
  readonly snapshot: string | null;
  /** Null when the jail does not tell what it has. */
  readonly changes: readonly PackageChange[] | null;
}

export const jailInstall = defineChange<typeof installInput, Installed>({
  id: 'jail.install',
  title: 'Install packages that a jail does not have yet',
  effect: 'change',
  recover: 'undo',
  input: installInput,
  locks: lockJail,
  async plan(context, { jail: name, names, mirror: asked }) {
    const { world, jail } = await readJail(context, name);
    const { host } = context;
    const configured = toSpec(world, jail);
    const lacking = await missingPackages(context, configured, label(jail), names);
    const subject = label(jail);
    const { uuid, tag } = jail;
    if (lacking.length === 0)
      return {
        subject,
        title: `Installing nothing in ${subject}`,
        steps: [],
        result: () => ({ uuid, tag, snapshot: null, changes: [] }),
      };
    const manager = await getPackageManager(context, configured.root, `jail ${subject}`);
    const running = (await host.running(jail.realm)).has(uuid);
    // A template is nobody's running system: only its files are worked on.
    const { spec, before: needs } = jail.template
      ? { spec: quietSpec(configured, 'used'), before: [] }
      : await specToStart(context, world, jail);
    const shown = await mirrorFor(context, world, jail, configured, manager, asked);
    const install =
      shown === undefined
        ? [...installSteps(host, spec, manager, lacking), ...cleanSteps(host, spec, manager)]
        : installSteps(host, spec, manager, lacking, manager.mirror);
    const fstab = await showSteps(context, world, jail, spec, shown, 'pkg');
    const quiet = jail.template ? withoutServices(host, spec, manager, install) : install;
    const { steps: up, changes } = await watched(context, spec, manager, quiet);
    const snapshot = guardName(context, 'install');
    return {
      subject,
      title: `Installing ${lacking.join(', ')} in ${subject}`,
      steps: await guardedChange(context, {
        dataset: jail.dataset,
        spec,
        running,
        snapshot,
        down: [...needs, ...fstab.add],
        after: fstab.remove,
        up,
      }),
      result: async () => ({ uuid, tag, snapshot, changes: await changes() }),
    };
  },
  command: {
    names: ['pkg'],
    group: 'jails',
    usage: '--mirror JAIL install PACKAGE ...',
    examples: [],
    toInputs({ positionals: [jail, verb, ...words] }) {
      const names = words.filter((word) => word !== '-y' && word !== '--yes');
      if (jail === undefined || verb !== 'install' || names.length === 0)
        throw failure('USAGE', { problem: '--mirror takes JAIL install PACKAGE ...', command: 'pkg' });
      return [{ jail, names, mirror: true }];
    },
  },
});

/** @throws INVALID_INPUT when a mirror was asked for that is not there */
async function mirrorFor(
  context: Context,
  world: World,
  jail: Jail,
  { config }: JailSpec,
  manager: PackageManager,
  asked: boolean | undefined,
): Promise<Shown | undefined> {
  if (asked === false || (asked === undefined && hasNetwork(config))) return undefined;
  const wanted = jail.local.get('release');
  const release = world.releases.find(({ name }) => name === wanted);
  const found = manager.mirror && release && (await findMirror(context, release));
  if (found !== undefined) return { source: found, target: mirrorPlace, stays: false };
  if (asked === undefined) return undefined;
  const problem =
    release === undefined
      ? `jail ${label(jail)} is of no release that is here`
      : `release ${release.name} has no mirror; 'iocage mirror ${release.name} PACKAGE ...' makes it`;
  throw failure('INVALID_INPUT', { issues: [{ path: 'mirror', problem }], command: 'pkg' });
}

/**
 * Those of the names that the jail does not have, in any version where none is named.
 *
 * @throws INVALID_INPUT for a wrong name or a basejail, NO_PACKAGE_MANAGER
 */
export async function missingPackages(
  doors: Pick<Context, 'files' | 'host'>,
  spec: JailSpec,
  of: string,
  names: readonly string[],
): Promise<readonly string[]> {
  const refuse = (problem: string) => failure('INVALID_INPUT', { issues: [{ path: 'packages', problem }] });
  const list = parsePackageList(names.join('\n'));
  if ('problem' in list) throw refuse(list.problem);
  if (spec.config.get('type') === 'basejail')
    throw refuse('a basejail cannot write to the folders that it shares; it has the packages of its release');
  const manager = await getPackageManager(doors, spec.root, `jail ${of}`);
  const installed = await installedPackages(doors.files, spec.root, manager);
  // One that has to be asked in the jail leaves out by itself what is there.
  if (installed === undefined && manager.tell === undefined)
    throw refuse(`jail ${of} does not tell what is installed`);
  return lackingPackages(installed, list.names);
}
