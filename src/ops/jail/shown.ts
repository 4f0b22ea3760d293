/**
 * A directory of the host that a jail sees read-only while something is done in it: a line of its fstab, which is
 * taken away again. What it is provisioned with, and the package mirror of its release.
 */
import type { Context } from '../context.ts';
import type { JailSpec } from '../../driver/host.ts';
import type { Step } from '../../driver/system.ts';
import { failure } from '../../domain/errors.ts';
import { entryOf, parseFstab, printFstab, targetInJail } from '../../domain/format/fstab.ts';
import type { Jail } from '../../domain/jail.ts';
import { rewriteFstab } from '../steps/fstab.ts';
import { ensureJail, toJailData } from '../steps/guard.ts';
import type { World } from '../world/world.ts';
import { pathOf } from './fstab-edit.ts';

export interface Shown {
  readonly source: string;
  /** Path in the jail. */
  readonly target: string;
  /** From now on; otherwise for the time of the change. */
  readonly stays: boolean;
}

/** Steps for `down` and `after` of a guarded change. */
export interface ShowSteps {
  readonly add: readonly Step[];
  readonly remove: readonly Step[];
}

/** @throws INVALID_INPUT when something else is mounted there, or nothing can be */
export async function showSteps(
  context: Context,
  world: World,
  jail: Jail,
  spec: JailSpec,
  shown: Shown | undefined,
  command: string,
): Promise<ShowSteps> {
  if (shown === undefined) return { add: [], remove: [] };
  // Going back, nobody may use any more what these brought.
  const release = ensureJail({ jail: toJailData(spec), back: 'down' });
  const path = pathOf(jail);
  const before = (await context.files.read(path)) ?? null;
  const places = { iocage: world.mountpoint, root: spec.root };
  const lines = parseFstab(before ?? '');
  const taken = lines
    .flatMap((line) => entryOf(line) ?? [])
    .find((entry) => targetInJail(entry.target, places) === shown.target);
  if (taken?.source === shown.source) return { add: [release], remove: [] };
  const refuse = (problem: string): Error =>
    failure('INVALID_INPUT', { issues: [{ path: 'fstab', problem }], command });
  if (taken !== undefined) throw refuse(`${shown.target} of the jail is where ${taken.source} is mounted`);
  const entry = {
    source: shown.source,
    target: spec.root + shown.target,
    type: 'nullfs',
    options: ['ro', 'nosuid'],
    dump: '0',
    pass: '0',
    comment: command === 'provision' ? 'provisioning' : command,
  };
  // What this very operation brings is not there yet.
  const own = shown.source.startsWith(`${spec.mountpoint}/`);
  const problem = own ? undefined : await context.host.mountProblem(spec, entry);
  if (problem !== undefined) throw refuse(problem);
  const after = printFstab([...lines, { entry }]);
  return {
    add: [rewriteFstab({ path, before, after }), release],
    remove: shown.stays ? [] : [rewriteFstab({ path, before: after, after: before ?? '' })],
  };
}
