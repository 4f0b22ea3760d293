/** Things of one kind on the host that can be gone through. Nothing is read before that, and each time anew. */
export class Listing<T> implements AsyncIterable<T> {
  private readonly read: () => PromiseLike<readonly T[]>;

  /** @internal Listings are made by `Host.jails.list()` and its like. */
  constructor(read: () => PromiseLike<readonly T[]>) {
    this.read = read;
  }

  /** One after the other, as they were when the loop began. */
  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, void> {
    yield* await this.read();
  }

  /** All of them. */
  async toArray(): Promise<T[]> {
    return [...(await this.read())];
  }

  /** The first one; undefined when there is none. */
  async first(): Promise<T | undefined> {
    return (await this.read())[0];
  }

  /** How many there are. */
  async count(): Promise<number> {
    return (await this.read()).length;
  }
}
