/**
 * How many lines of the audit log those get who never logged in: so many a minute from one network, then only
 * their number, so that nobody fills the disk by knocking. Pure but for the time that it is given.
 */

interface Count {
  readonly sinceMs: number;
  told: number;
  untold: number;
}

const windowMs = 60_000;
const linesPerWindow = 60;
/** Networks that are counted at once; what comes from others meanwhile is told as one. */
const most = 1000;
const others = 'elsewhere';

export class Strangers {
  private readonly counts = new Map<string, Count>();
  private readonly now: () => number;
  private readonly tell: (from: string, untold: number) => void;

  /** @param tell is told of requests that got no line of their own, when their minute is over */
  constructor(now: () => number, tell: (from: string, untold: number) => void) {
    this.now = now;
    this.tell = tell;
  }

  /** Whether this request gets a line. */
  mayTell(from: string): boolean {
    const name = this.counts.has(from) || this.counts.size < most ? from : others;
    const known = this.counts.get(name);
    if (known !== undefined && this.now() - known.sinceMs < windowMs) {
      const mayTell = known.told < linesPerWindow;
      if (mayTell) known.told += 1;
      else known.untold += 1;
      return mayTell;
    }
    this.end(name);
    this.counts.set(name, { sinceMs: this.now(), told: 1, untold: 0 });
    return true;
  }

  /** Ends the minutes that are over; called now and then, and for all of them at the end. */
  sweep(all = false): void {
    for (const [name, { sinceMs }] of this.counts)
      if (all || this.now() - sinceMs >= windowMs) this.end(name);
  }

  private end(name: string): void {
    const untold = this.counts.get(name)?.untold ?? 0;
    this.counts.delete(name);
    if (untold > 0) this.tell(name, untold);
  }
}
