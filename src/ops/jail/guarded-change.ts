/**
 * The frame around a change that may go wrong in the jail itself (update, upgrade, rebase): snapshot,
 * change, health check, and either keep or go back. As steps: the way back is their undo, so it is the same
 * after a failure, a Ctrl-C and, by `doctor`, after a kill. Locks are the caller's: the jail's, or the
 * release's.
 *
 * The jail is left as it was found: a running one runs, one that was down is down, changed or gone back.
 */
import type { Jail } from '../../domain/jail.ts';
import type { JailSpec } from '../../driver/host.ts';
import type { Step } from '../../driver/system.ts';
import type { Context } from '../context.ts';
import { ensureJail, guardSnapshot, toJailData } from '../steps/guard.ts';
import { toSpec } from '../world/spec.ts';
import type { World } from '../world/world.ts';
import { handOver } from './handed.ts';
import { settle } from './settle.ts';
import { refuseStart } from './startable.ts';
import { localTime } from '../../domain/local-time.ts';

/** Long enough for a service to be asked, too short to be forgotten. */
const healthTimeoutMs = 60_000;

export interface GuardedChange {
  /** What goes back, with everything below it. */
  readonly dataset: string;
  /** The jail as it is, with a configuration that can be started. */
  readonly spec: JailSpec;
  /** The jail as the change makes it, where that is another one (its release). */
  readonly changed?: JailSpec;
  readonly running: boolean;
  /** From {@link guardName}. */
  readonly snapshot: string;
  /** While the jail is down; a running one is stopped before. Their undo runs before the files go back. */
  readonly down?: readonly Step[] | undefined;
  /** In the running jail; one that is down is started before, and stopped afterwards. */
  readonly up?: readonly Step[] | undefined;
  /** While the jail is down again; one that ran is started once more. */
  readonly after?: readonly Step[] | undefined;
  /** A line for the jail's own shell, run there when all is done; its exit status decides. */
  readonly health?: string | undefined;
}

/** Two changes may come in one second. @example guardName(context, 'update') === 'ioc-update_2026-01-31_12:00:00.123' */
export function guardName({ clock }: Pick<Context, 'clock'>, what: string): string {
  const now = clock.now();
  return `ioc-${what}_${localTime(now, '_')}.${String(now.getMilliseconds()).padStart(3, '0')}`;
}

/** @throws START_FAILED when the jail would have to be started and cannot be */
export async function guardedChange(
  { host }: Pick<Context, 'host'>,
  change: GuardedChange,
): Promise<readonly Step[]> {
  const { dataset, spec, running, snapshot, down = [], up = [], after = [], health } = change;
  const changed = change.changed ?? spec;
  const used = up.length > 0 || health !== undefined;
  // Another release's files are looked at by whoever changes it.
  if (!running && used) await assertStartable(host, spec);
  const stopped = running && down.length > 0;
  const jail = toJailData(changed);
  return [
    ...(running
      ? [ensureJail({ jail: toJailData(spec), back: 'up', unless: `${dataset}@${snapshot}` })]
      : []),
    guardSnapshot({ dataset, snapshot, jail }),
    ...(stopped ? [ensureJail({ jail: toJailData(spec), wanted: 'down' })] : []),
    ...down,
    ...(stopped || (used && !running) ? [ensureJail({ jail, wanted: 'up' })] : []),
    ...up,
    ...(health === undefined ? [] : [healthStep(host, changed, health)]),
    ...((used && !running) || after.length > 0 ? [ensureJail({ jail, wanted: 'down' })] : []),
    ...after,
    ...(running && after.length > 0 ? [ensureJail({ jail, wanted: 'up' })] : []),
  ];
}

/**
 * The jail as it is started, and what its datasets need before, for `down`.
 *
 * @throws START_FAILED when what it is handed is not there
 */
export async function specToStart(
  context: Context,
  world: World,
  jail: Jail,
): Promise<{ readonly spec: JailSpec; readonly before: readonly Step[] }> {
  const configured = toSpec(world, jail);
  const handed = await handOver(context, jail, configured.config);
  refuseStart(configured.tag, handed.problems);
  const running = (await context.host.running(jail.realm)).has(jail.uuid);
  const { spec } = running ? { spec: configured } : await settle(context, world, jail, configured);
  return { spec: { ...spec, handed: handed.mounts }, before: running ? [] : handed.steps };
}

async function assertStartable(host: Context['host'], spec: JailSpec): Promise<void> {
  refuseStart(spec.tag, await host.check(spec));
}

/** The check of another jail than the one that was changed, which is down: started for it, and stopped again. */
export async function healthSteps(
  context: Context,
  world: World,
  jail: Jail,
  health: string,
): Promise<readonly Step[]> {
  const { spec, before } = await specToStart(context, world, jail);
  await assertStartable(context.host, spec);
  const data = toJailData(spec);
  return [
    ...before,
    ensureJail({ jail: data, back: 'down' }),
    ensureJail({ jail: data, wanted: 'up' }),
    healthStep(context.host, spec, health),
    ensureJail({ jail: data, wanted: 'down' }),
  ];
}

/** The check is a shell line by definition, written by the host's administrator; the jail's own shell runs it, inside. */
function healthStep(host: Context['host'], jail: JailSpec, text: string): Step {
  return host.commandStep(jail, {
    argv: ['/bin/sh', '-c', text],
    title: text,
    purpose: 'health',
    timeoutMs: healthTimeoutMs,
  });
}
