/** Properties as a program writes them. Pure. */
import { isPlain, wrong } from './given.ts';

/** By key; true and false are `on` and `off`, and numbers their digits. */
export type Properties = Readonly<Record<string, string | number | boolean>>;

/** @internal */
export function toPairs(properties: Properties): [string, string][] {
  if (!isPlain(properties)) throw wrong('properties', 'it is no object');
  return Object.entries(properties).map(([key, value]: [string, unknown]) => {
    if (typeof value === 'boolean') return [key, value ? 'on' : 'off'];
    if (typeof value === 'string' || Number.isFinite(value)) return [key, String(value)];
    throw wrong(key.slice(0, 100), 'it is no text, no number and neither true nor false');
  });
}
