/**
 * A local time to the second, without a zone, as text that sorts; what stands between day and time is what each place
 * has always written: `@` a tag, `_` `last_started` and snapshots of ours, `T` the SysAdm API, a blank a table. Pure.
 *
 * @example localTime(new Date(2016, 1, 10, 20, 12, 33), '_') === '2016-02-10_20:12:33'
 */
export function localTime(date: Date, between: '@' | '_' | 'T' | ' '): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const year = String(date.getFullYear()).padStart(4, '0');
  const day = `${year}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day}${between}${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}
