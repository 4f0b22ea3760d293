/**
 * Changes asked for by clients, one after the other where they concern the same jail. Those for different
 * jails run beside each other, a few at once. Between processes the kernel's locks keep order; this queue
 * spares clients the wait for them, and keeps the order in which they asked.
 */

/** What a job touches: names that no two running jobs share, or everything. */
export type Keys = readonly string[] | 'all';

export class QueueFull extends Error {
  override readonly name = 'QueueFull';
}

export class QueueClosed extends Error {
  override readonly name = 'QueueClosed';
}

interface Entry {
  readonly keys: Keys;
  readonly start: () => void;
  readonly refuse: (error: Error) => void;
  running: boolean;
}

function conflict(a: Keys, b: Keys): boolean {
  if (a === 'all' || b === 'all') return true;
  return a.some((key) => b.includes(key));
}

export class JobQueue {
  private readonly entries: Entry[] = [];
  private readonly limits: { readonly running: number; readonly waiting: number };
  private closed = false;

  constructor(limits: { readonly running: number; readonly waiting: number }) {
    this.limits = limits;
  }

  get running(): number {
    return this.entries.filter((entry) => entry.running).length;
  }

  get waiting(): number {
    return this.entries.length - this.running;
  }

  /** @throws QueueFull, QueueClosed; otherwise what the work throws */
  async run<T>(keys: Keys, work: () => Promise<T>): Promise<T> {
    if (this.closed) throw new QueueClosed('the server is being stopped');
    const free = this.entries.length < this.limits.running;
    if (!free && this.waiting >= this.limits.waiting) throw new QueueFull('too many jobs are waiting');
    let entry: Entry | undefined;
    await new Promise<void>((resolve, reject) => {
      entry = { keys, start: resolve, refuse: reject, running: false };
      this.entries.push(entry);
      this.advance();
    });
    try {
      return await work();
    } finally {
      this.entries.splice(this.entries.indexOf(entry!), 1);
      this.advance();
    }
  }

  /** Takes no further jobs, refuses those that wait, and ends when the running ones have ended. */
  async close(): Promise<void> {
    this.closed = true;
    for (const entry of this.entries.filter(({ running }) => !running)) {
      this.entries.splice(this.entries.indexOf(entry), 1);
      entry.refuse(new QueueClosed('the server is being stopped'));
    }
    while (this.entries.length > 0) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  private advance(): void {
    for (const [index, entry] of this.entries.entries()) {
      if (this.running >= this.limits.running) return;
      const earlier = this.entries.slice(0, index);
      if (entry.running || earlier.some((other) => conflict(entry.keys, other.keys))) continue;
      entry.running = true;
      entry.start();
    }
  }
}
