/**
 * What a server writes down, a file a day for each kind: `audit` has every request, as JSON;
 * `hostinfo`, `dispatcher` and `events-dispatcher` are what rpc/logs reads. Lines are
 * `[local ISO time]text`, as the original's. What is older than the settings say is removed.
 */
import type { Files, LineLog } from '../driver/system.ts';
import { localTime } from '../domain/local-time.ts';

export const readableLogs = [
  'hostinfo',
  'dispatcher',
  'events-dispatcher',
  'events-lifepreserver',
  'events-state',
] as const;
export type LogName = 'audit' | (typeof readableLogs)[number];

export interface LogEntry {
  readonly timeMs: number;
  /** Local time, as it stands there. */
  readonly time: string;
  readonly text: string;
}

const namePattern = /^(audit|hostinfo|dispatcher|events-[a-z]+)-(\d{4}-\d{2}-\d{2})\.log$/;
const maxEntries = 10_000;
const dayMs = 86_400_000;

export class Logs {
  private readonly files: Files;
  private readonly lines: LineLog;
  private readonly directory: string;
  private readonly now: () => Date;
  constructor(parts: { files: Files; lines: LineLog; directory: string; now: () => Date }) {
    this.files = parts.files;
    this.lines = parts.lines;
    this.directory = parts.directory;
    this.now = parts.now;
  }

  write(name: LogName, text: string): void {
    const time = localTime(this.now(), 'T');
    this.lines.append(`${this.directory}/${name}-${time.slice(0, 10)}.log`, `[${time}]${text}`);
  }

  /** Entries of a time span, oldest first; the newest of them when there are very many. */
  async read(name: LogName, fromMs: number, toMs: number): Promise<readonly LogEntry[]> {
    await this.lines.flush().catch(() => undefined);
    const days = (await this.names())
      .filter((file) => file.name === name)
      .map(({ day }) => day)
      .filter((day) => {
        const startMs = Date.parse(`${day}T00:00:00`);
        return startMs <= toMs && startMs + 2 * dayMs > fromMs;
      })
      .sort();
    const entries: LogEntry[] = [];
    for (const day of days) {
      const text = (await this.files.read(`${this.directory}/${name}-${day}.log`)) ?? '';
      for (const line of text.split('\n')) {
        const match = /^\[(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})\](.*)$/.exec(line);
        const timeMs = Date.parse(match?.[1] ?? '');
        if (timeMs >= fromMs && timeMs <= toMs) entries.push({ timeMs, time: match![1]!, text: match![2]! });
      }
    }
    return entries.slice(-maxEntries);
  }

  async prune(days: number): Promise<void> {
    const oldest = localTime(new Date(this.now().getTime() - days * dayMs), 'T').slice(0, 10);
    for (const { file, day } of await this.names()) {
      if (day < oldest) await this.files.remove(`${this.directory}/${file}`);
    }
  }

  flush(): Promise<void> {
    return this.lines.flush();
  }

  private async names(): Promise<readonly { file: string; name: string; day: string }[]> {
    const listed = await this.files.list(this.directory).catch(() => []);
    return listed.flatMap((file) => {
      const match = namePattern.exec(file);
      return match === null ? [] : [{ file, name: match[1]!, day: match[2]! }];
    });
  }
}
