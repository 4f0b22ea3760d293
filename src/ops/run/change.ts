/**
 * A change, up to its plan: its locks are taken, the plan is made from what is there now, and who is asked agrees.
 * Nothing is touched before; `perform.ts` carries the plan out. A dry run ends with the commands written down.
 */
import { failure } from '../../domain/errors.ts';
import type { ChangeOperation, Plan } from '../operation.ts';
import type { Context } from '../context.ts';
import { kindOf } from '../steps/kinds.ts';
import { ageWorld, forgetWorld, worldSeen } from '../world/seen.ts';
import { refuseFiles } from './other-format.ts';
import type { Outcome, RunOptions } from './outcome.ts';
import { perform } from './perform.ts';
import { stepRun } from './steps.ts';
import { refuseHalfDone } from './unfinished.ts';

/** How long an operation waits for another one on the same jail before it says who holds it. */
const lockWaitMs = 10_000;

export async function runChange(
  context: Context,
  operation: ChangeOperation,
  checked: unknown,
  options: RunOptions,
): Promise<Outcome> {
  const input = operation.prepare?.(context, checked) ?? checked;
  const locks = await operation.locks(context, input);
  if (!operation.anyFormat)
    await refuseFiles(context, operation, input as Readonly<Record<string, unknown>>, locks);
  if (context.dry) return dryRun(context, await operation.plan(context, input));

  const held = await context.locks.take(locks, operation.id, lockWaitMs);
  try {
    const before = worldSeen(context);
    ageWorld(context);
    await refuseHalfDone(context, locks);
    const plan = await operation.plan(context, input);
    if (worldSeen(context) !== before) await assertSameLocks(context, operation, input, locks);
    if (plan.loses && plan.loses.length > 0 && options.confirm && !(await options.confirm(plan))) {
      throw failure('NOT_CONFIRMED');
    }
    return await perform(context, operation, plan, locks);
  } finally {
    forgetWorld(context);
    await held.release();
  }
}

/** While it waited for the locks a name may have come to mean another jail, which nobody locked. */
async function assertSameLocks(
  context: Context,
  operation: ChangeOperation,
  input: unknown,
  held: readonly string[],
): Promise<void> {
  const now = await operation.locks(context, input);
  if (now.some((lock) => !held.includes(lock)))
    throw failure('NAMES_CHANGED', { command: operation.command.names[0] });
}

async function dryRun(context: Context, plan: Plan<unknown>): Promise<Outcome> {
  const run = stepRun(context, 'dry-run');
  for (const step of plan.steps) await kindOf(context, step).do(step.args as never, run);
  return {
    id: undefined,
    result: { subject: plan.subject, actions: context.actions, loses: plan.loses ?? [] },
  };
}
