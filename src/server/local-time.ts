/** Times as the SysAdm API writes them: ISO 8601, local, to the second, without a zone. */

/** @example localTime(new Date(2016, 1, 10, 20, 12, 33)) === '2016-02-10T20:12:33' */
export function localTime(date: Date): string {
  const two = (n: number): string => String(n).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day}T${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}
