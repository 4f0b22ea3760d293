/** When a jail was started, stored with what else that start decided: one that fails stores nothing. */
import type { Step } from '../../driver/system.ts';
import type { Jail } from '../../domain/jail.ts';
import { localTime } from '../../domain/local-time.ts';
import type { Context } from '../context.ts';
import { storeValues } from './store.ts';

/** @param decided by the names of properties. A full pool takes none; for the time alone no jail stays down. */
export async function storeStarted(
  context: Context,
  jail: Jail,
  decided: Readonly<Record<string, string>> = {},
): Promise<readonly Step[]> {
  const time = localTime(context.clock.now(), '_');
  const steps = await storeValues(context, jail, { last_started: time, ...decided });
  const isTime = Object.keys(decided).length === 0;
  return isTime ? steps.map((step) => ({ ...step, onError: 'warn' as const })) : steps;
}
