/**
 * The actions of the class `sysadm/iocage`: the 17 of the documents and the six that came later. One row
 * each; what they do is in the files beside this one. How a request arrives and how its answer is written
 * is not known here.
 */
import { ApiError } from '../api-error.ts';
import type { ApiHost } from '../api-host.ts';
import { QueueClosed, QueueFull } from '../job-queue.ts';
import type { Action } from './action.ts';
import { cleanActions } from './clean.ts';
import { errorLine, operationError } from './errors.ts';
import { execActions } from './exec.ts';
import { fetchActions } from './fetch.ts';
import { ActionProblem, Fields } from './fields.ts';
import { lifeActions } from './life.ts';
import { listActions } from './list.ts';
import { releaseActions } from './releases.ts';
import { makeActions } from './make.ts';
import { poolActions } from './pool.ts';
import { isKept, keepText, type Json } from './json.ts';
import { settingsActions } from './settings.ts';

export interface Caller {
  readonly user: string;
  readonly level: 'full' | 'limited';
  readonly address: string;
  /** Told when nobody waits for the answer any more. */
  readonly gone?: AbortSignal;
}

export const actions: Readonly<Record<string, Action>> = {
  ...listActions,
  ...releaseActions,
  ...settingsActions,
  ...lifeActions,
  ...makeActions,
  ...execActions,
  ...cleanActions,
  ...poolActions,
  ...fetchActions,
};

/**
 * Runs the action that `args` names.
 *
 * @returns the value of `args` of the answer: one key, the action's name
 * @throws ApiError 400 for an action that is not known, 403 for one that the caller may not use
 */
export async function runAction(
  host: ApiHost,
  caller: Caller,
  args: { readonly [key: string]: Json },
): Promise<Json> {
  const fields = new Fields(args);
  const name = fields.text('action') ?? '';
  if (!Object.hasOwn(actions, name)) throw new ApiError(400);
  const action = actions[name]!;
  if (!mayUse(host, caller, action)) throw new ApiError(403);
  const value = await host.runAs(caller, () => answer(host, action, fields));
  return named(name, value);
}

/** Values whose text is kept, below the name of the action that they answer. */
const below = new WeakMap<object, Json>();

function named(name: string, value: Json): Json {
  if (!isKept(value)) return { [name]: value };
  const known = below.get(value as object) ?? keepText({ [name]: value });
  below.set(value as object, known);
  return known;
}

/** What a caller may do in this class; `rpc/query` tells it. */
function accessOf(host: ApiHost, caller: Caller): 'read/write' | 'read' | 'none' {
  const { operatorAccess } = host.settings;
  if (caller.level === 'full' || operatorAccess === 'all') return 'read/write';
  return operatorAccess;
}

function mayUse(host: ApiHost, caller: Caller, action: Action): boolean {
  const access = accessOf(host, caller);
  return access === 'read/write' || (access === 'read' && action.access === 'read');
}

async function answer(host: ApiHost, action: Action, fields: Fields): Promise<Json> {
  try {
    return await action.run(host, fields);
  } catch (thrown) {
    if (thrown instanceof ActionProblem) return { error: thrown.message };
    if (thrown instanceof QueueFull || thrown instanceof QueueClosed) throw new ApiError(503);
    return { error: errorLine(operationError(thrown)) };
  }
}
