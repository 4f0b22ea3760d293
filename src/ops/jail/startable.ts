/**
 * What every start and restart looks at before anything is done: that the jail's files are where it would run, and
 * that this host can give it what its configuration asks for. Changes nothing.
 */
import { join } from 'node:path';
import { failure } from '../../domain/errors.ts';
import { isUnread, parseFstab } from '../../domain/format/fstab.ts';
import { label, type Jail } from '../../domain/jail.ts';
import type { JailSpec, Problem } from '../../driver/host.ts';
import type { Step } from '../../driver/system.ts';
import { assertRootMounted } from '../mounted.ts';
import type { Context } from '../context.ts';
import type { World } from '../world/world.ts';
import { handOver } from './handed.ts';
import { hostOf } from './host-id.ts';

/**
 * Without its root dataset the jail would run in an empty directory, and what it writes be hidden later.
 *
 * @throws NOT_MOUNTED
 */
export async function assertMounted(
  context: Context,
  world: World,
  jail: Jail,
  { base }: JailSpec,
): Promise<void> {
  if (jail.rootMounted === false) throw failure('NOT_MOUNTED', { dataset: `${jail.dataset}/root` });
  if (jail.rootMounted === undefined) await assertRootMounted(context, jail.dataset);
  const release = world.releases.find(({ name }) => name === base?.release);
  if (release !== undefined) await assertRootMounted(context, release.dataset);
}

/**
 * The jail with the datasets that it is handed, and the steps that make or mount them.
 *
 * @param counts which problems keep it from starting; default: each
 * @throws START_FAILED with everything that does
 */
export async function readyToStart(
  context: Context,
  jail: Jail,
  configured: JailSpec,
  counts: (problem: Problem) => boolean = () => true,
): Promise<{ readonly spec: JailSpec; readonly steps: readonly Step[]; readonly hostId?: string }> {
  const handed = await handOver(context, jail, configured.config);
  const spec = { ...configured, handed: handed.mounts };
  const { problems, adopted } = await hostOf(context, jail, spec.config);
  const found = [...problems, ...handed.problems, ...(await context.host.check(spec))];
  refuseStart(label(jail), found.filter(counts));
  await tellUnreadLines(context, jail, spec);
  return { spec, steps: handed.steps, ...(adopted === undefined ? {} : { hostId: adopted }) };
}

/** mount(8) passes them over too; what they were to mount is missing. */
async function tellUnreadLines(context: Context, jail: Jail, { mountpoint }: JailSpec): Promise<void> {
  const text = (await context.files.read(join(mountpoint, 'fstab'))) ?? '';
  for (const [index, line] of parseFstab(text).entries())
    if (isUnread(line))
      context.emit({
        type: 'note',
        id: '',
        level: 'warning',
        text: `line ${index + 1} of the fstab of ${label(jail)} cannot be read and mounts nothing; 'iocage fstab -e ${jail.tag}' shows it`,
      });
}

/** @throws START_FAILED unless there is no problem */
export function refuseStart(jail: string, problems: readonly Problem[]): void {
  if (problems.length === 0) return;
  const why = problems.map(({ key, problem }) => `${key}: ${problem}`).join('; ');
  throw failure('START_FAILED', { jail, why });
}
