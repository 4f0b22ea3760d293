/**
 * A map over another one that is shared and never changes: what is set here counts before it. Hundreds of jails
 * differ from the built-in values in a dozen of some hundred and fifty, and a listing has no time to copy these,
 * nor to read those of a jail that it does not show.
 */
export class Overlay implements ReadonlyMap<string, string> {
  private readonly base: ReadonlyMap<string, string>;
  private readonly read: (key: string, text: string) => string;
  private readonly own = new Map<string, string>();

  /** @param read makes a value of what was set, when it is asked for; of a value it makes the same again */
  constructor(base: ReadonlyMap<string, string>, read: (key: string, text: string) => string) {
    this.base = base;
    this.read = read;
  }

  get(key: string): string | undefined {
    const text = this.own.get(key);
    return text === undefined ? this.base.get(key) : this.read(key, text);
  }

  has(key: string): boolean {
    return this.own.has(key) || this.base.has(key);
  }

  set(key: string, text: string): void {
    this.own.set(key, text);
  }

  get size(): number {
    return [...this.keys()].length;
  }

  /** In the order of the base, and then in that in which they were set, as a copy would have them. */
  *entries(): MapIterator<[string, string]> {
    for (const [key] of this.base) yield [key, this.get(key)!];
    for (const [key] of this.own) if (!this.base.has(key)) yield [key, this.get(key)!];
  }

  *keys(): MapIterator<string> {
    for (const [key] of this.entries()) yield key;
  }

  *values(): MapIterator<string> {
    for (const [, value] of this.entries()) yield value;
  }

  [Symbol.iterator](): MapIterator<[string, string]> {
    return this.entries();
  }

  forEach(use: (value: string, key: string, map: ReadonlyMap<string, string>) => void): void {
    for (const [key, value] of this.entries()) use(value, key, this);
  }
}
