/** Properties as a program writes them. Pure. */

/** By key; true and false are `on` and `off`, and numbers their digits. */
export type Properties = Readonly<Record<string, string | number | boolean>>;

/** @internal */
export function toPairs(properties: Properties): [string, string][] {
  return Object.entries(properties).map(([key, value]) => [
    key,
    typeof value === 'boolean' ? (value ? 'on' : 'off') : String(value),
  ]);
}
