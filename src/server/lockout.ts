/**
 * Who failed to log in too often: by address, and by account. Pure but for the time that it is
 * given. Names are compared whole: an address is never taken for one that it is a part of.
 */
export interface LockoutRules {
  readonly failures: number;
  readonly resetMs: number;
  readonly lockMs: number;
}

interface Record {
  failures: number;
  lastMs: number;
  lockedUntilMs: number;
}

/** So many names are remembered; the longest quiet ones go first. */
const maxRecords = 10_000;

export class Lockout {
  private readonly records = new Map<string, Record>();
  private readonly rules: LockoutRules;
  private readonly now: () => number;
  constructor(rules: LockoutRules, now: () => number) {
    this.rules = rules;
    this.now = now;
  }

  isLocked(name: string): boolean {
    return (this.records.get(name)?.lockedUntilMs ?? 0) > this.now();
  }

  /** Counts a failure; answers whether the name is locked out by now. */
  failed(name: string): boolean {
    const now = this.now();
    const before = this.records.get(name);
    const fresh = before === undefined || now - before.lastMs > this.rules.resetMs;
    const failures = fresh ? 1 : before.failures + 1;
    const locks = failures >= this.rules.failures;
    this.records.delete(name);
    this.records.set(name, {
      failures: locks ? 0 : failures,
      lastMs: now,
      lockedUntilMs: locks ? now + this.rules.lockMs : (before?.lockedUntilMs ?? 0),
    });
    if (this.records.size > maxRecords) this.forgetOne();
    return this.isLocked(name);
  }

  succeeded(name: string): void {
    this.records.delete(name);
  }

  /** The oldest that is not locked; otherwise the oldest, so that memory stays bounded. */
  private forgetOne(): void {
    for (const name of this.records.keys()) {
      if (!this.isLocked(name)) {
        this.records.delete(name);
        return;
      }
    }
    const [oldest] = this.records.keys();
    if (oldest !== undefined) this.records.delete(oldest);
  }
}
