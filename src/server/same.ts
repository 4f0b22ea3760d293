/**
 * What was read again and is the same as before stays the same object, so that whatever was made of it can be
 * kept with it. For facts: primitives, arrays, maps and plain objects without cycles. Pure.
 */

type Plain = { readonly [key: string]: unknown };

const isPlain = (value: unknown): value is Plain =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Map);

/** `now`, in which every part that equals the one of `before` at the same place is that of `before`. */
export function sameAsBefore<T>(before: unknown, now: T): T {
  if (Object.is(before, now)) return now;
  if (now instanceof Map && before instanceof Map) {
    const parts = new Map<unknown, unknown>();
    let same = now.size === before.size;
    for (const [key, value] of now) {
      const part = sameAsBefore(before.get(key), value);
      parts.set(key, part);
      same &&= part === before.get(key) && before.has(key);
    }
    return (same ? before : parts) as T;
  }
  if (Array.isArray(now) && Array.isArray(before)) {
    const parts = now.map((value, index) => sameAsBefore<unknown>(before[index], value));
    const same = parts.length === before.length && parts.every((part, index) => part === before[index]);
    return (same ? before : parts) as T;
  }
  if (isPlain(now) && isPlain(before)) {
    const keys = Object.keys(now);
    const parts = keys.map((key) => [key, sameAsBefore(before[key], now[key])] as const);
    const same =
      keys.length === Object.keys(before).length &&
      parts.every(([key, part]) => Object.hasOwn(before, key) && part === before[key]);
    return (same ? before : Object.fromEntries(parts)) as T;
  }
  return now;
}
