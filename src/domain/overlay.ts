/**
 * A map over another one that is shared and never changes: what is set here counts before it. Hundreds of jails
 * differ from the built-in values in a dozen of some hundred and fifty, and a listing has no time to copy these.
 */
export class Overlay implements ReadonlyMap<string, string> {
  private readonly base: ReadonlyMap<string, string>;
  private readonly own = new Map<string, string>();

  constructor(base: ReadonlyMap<string, string>) {
    this.base = base;
  }

  get(key: string): string | undefined {
    return this.own.get(key) ?? this.base.get(key);
  }

  has(key: string): boolean {
    return this.own.has(key) || this.base.has(key);
  }

  set(key: string, value: string): void {
    this.own.set(key, value);
  }

  get size(): number {
    return [...this.keys()].length;
  }

  /** In the order of the base, and then in that in which they were set, as a copy would have them. */
  *entries(): MapIterator<[string, string]> {
    for (const [key, value] of this.base) yield [key, this.own.get(key) ?? value];
    for (const [key, value] of this.own) if (!this.base.has(key)) yield [key, value];
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
