/** Packages that a way of provisioning wants: those that the jail does not have yet, from its own sources. */
import type { Context } from '../context.ts';
import type { JailSpec } from '../../driver/host.ts';
import type { Step } from '../../driver/system.ts';
import { failure } from '../../domain/errors.ts';
import { lackingPackages } from '../../domain/packages.ts';
import {
  cleanSteps,
  getPackageManager,
  installedPackages,
  installSteps,
  withoutServices,
} from '../jail/packages.ts';

/** @throws NO_PACKAGE_MANAGER, INVALID_INPUT for a basejail */
export async function packagesFor(
  { files, host }: Pick<Context, 'files' | 'host'>,
  spec: JailSpec,
  names: readonly string[],
  services: 'start' | 'quiet',
): Promise<readonly Step[]> {
  if (names.length === 0) return [];
  const manager = await getPackageManager({ files, host }, spec.root, `jail ${spec.tag}`);
  const installed = await installedPackages(files, spec.root, manager);
  const lacking = lackingPackages(installed, names);
  if (lacking.length === 0) return [];
  if (spec.config.get('type') === 'basejail') {
    const problem = `a basejail cannot write to the folders that it shares; ${lacking.join(', ')} must be in its release`;
    throw failure('INVALID_INPUT', { issues: [{ path: 'packages', problem }] });
  }
  const install = [...installSteps(host, spec, manager, lacking), ...cleanSteps(host, spec, manager)];
  return services === 'start' ? install : withoutServices(host, spec, manager, install);
}
