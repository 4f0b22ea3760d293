/** events/subscribe and unsubscribe: which events a connection wants to be told. */
import { ApiError } from '../api-error.ts';
import type { Json } from './json.ts';
import type { Peer } from './peer.ts';

/** Of these only `dispatcher` ever speaks here; clients subscribe to the others all the same. */
const eventNames = ['dispatcher', 'life-preserver', 'system-state'];

export function subscription(peer: Peer, verb: string, args: Json): Json {
  if (verb !== 'subscribe' && verb !== 'unsubscribe') throw new ApiError(400);
  const wanted = typeof args === 'string' ? [args] : args;
  if (!Array.isArray(wanted) || wanted.length === 0 || wanted[0] === '') throw new ApiError(400);
  const valid = eventNames.filter((name) => wanted.includes(name));
  for (const name of valid) {
    if (verb === 'subscribe') peer.subscriptions.add(name);
    else peer.subscriptions.delete(name);
  }
  // The answer names the last valid one in the order of the request.
  const last = wanted.filter((name) => valid.includes(name as string)).at(-1);
  return last === undefined ? {} : { [verb]: last };
}
