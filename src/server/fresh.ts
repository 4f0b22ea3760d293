/**
 * A value that is read from the machine, shared by all who ask within a moment. It is never handed out
 * older than its limit, counted from the moment its reading began; while somebody keeps asking it is read
 * again before it grows too old, so that nobody waits: the earlier the longer a reading takes, two at a time where
 * it takes long. It knows nothing of what it holds.
 */

export interface FreshOptions {
  /** Milliseconds after which a value is not handed out any more. */
  readonly maxAgeMs: number;
  /** Milliseconds after which asking begins the next reading, without waiting for it. */
  readonly renewAfterMs: number;
  readonly now?: () => number;
}

interface Reading<T> {
  readonly begunMs: number;
  readonly value: Promise<T>;
}

export class Fresh<T> {
  private readonly read: () => Promise<T>;
  private readonly options: FreshOptions;
  readonly now: () => number;
  private held: { readonly begunMs: number; readonly value: T } | undefined;
  private reading: Reading<T> | undefined;
  private generation = 0;
  private underWay = 0;
  private lastTookMs = 0;

  constructor(read: () => Promise<T>, options: FreshOptions) {
    this.read = read;
    this.options = options;
    this.now = options.now ?? (() => performance.now());
  }

  /**
   * The value, at most `maxAgeMs` old. Throws what reading threw.
   *
   * @param sinceMs its reading began no earlier than this, in the time of `now`
   */
  async get(sinceMs = -Infinity): Promise<T> {
    const usable = ({ begunMs }: { readonly begunMs: number }): boolean =>
      begunMs >= sinceMs && this.now() - begunMs < this.options.maxAgeMs;
    if (this.held !== undefined && usable(this.held)) {
      const agoMs = this.now() - (this.reading ?? this.held).begunMs;
      // A reading that fails is told to whoever finds the value too old.
      if (agoMs >= this.pauseMs() && this.underWay < 2) this.begin().value.catch(() => undefined);
      return this.held.value;
    }
    const { reading } = this;
    return (reading !== undefined && usable(reading) ? reading : this.begin()).value;
  }

  /** After a change: ends when what `get` answers was read after this call. Until then the old value serves. */
  async renew(): Promise<void> {
    try {
      await this.begin().value;
    } catch {
      this.drop(); // the next one who asks is told why
    }
  }

  /** Nothing that was read before this call is handed out again. */
  drop(): void {
    this.generation += 1;
    this.held = undefined;
    this.reading = undefined;
  }

  /** Between the beginnings of two readings: the second is there when the first one's value grows too old. */
  private pauseMs(): number {
    const { maxAgeMs, renewAfterMs } = this.options;
    return Math.min(renewAfterMs, Math.max(maxAgeMs - 1.2 * this.lastTookMs, this.lastTookMs / 2));
  }

  private begin(): Reading<T> {
    const begunMs = this.now();
    const { generation } = this;
    this.underWay += 1;
    const reading: Reading<T> = { begunMs, value: this.read() };
    this.reading = reading;
    const end = (): void => {
      this.underWay -= 1;
      this.lastTookMs = this.now() - begunMs;
      if (this.reading === reading) this.reading = undefined;
    };
    reading.value.then((value) => {
      // An earlier reading that ends late must not take the place of a later one's value.
      const older = begunMs < (this.held?.begunMs ?? -Infinity);
      if (generation === this.generation && !older) this.held = { begunMs, value };
      end();
    }, end);
    return reading;
  }
}
