/** The classes besides iocage: rpc/query, settings, dispatcher and logs. */
import { ApiError } from '../api-error.ts';
import { localTime } from '../../domain/local-time.ts';
import type { KeyFile } from '../keys.ts';
import type { Principal } from '../login.ts';
import { readableLogs, type LogEntry, type Logs } from '../logs.ts';
import type { Json } from './json.ts';
import type { Backend, Job } from './backend.ts';
import { isObject, member, parseJson } from './json.ts';
import { parseLogTime } from './log-times.ts';

type JsonObject = { readonly [key: string]: Json };

export interface RpcParts {
  readonly backend: Backend;
  readonly keys: KeyFile;
  readonly logs: Logs;
  readonly operatorAccess: 'all' | 'read' | 'none';
  readonly now: () => number;
}

/** Only JSON texts count; everything else reads as empty. */
function word(args: JsonObject, key: string): string {
  const value = member(args, key);
  return typeof value === 'string' ? value : '';
}

/** One text, or several in an array. */
function words(args: JsonObject, key: string): readonly string[] {
  const value = member(args, key);
  if (typeof value === 'string') return [value];
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

/** The classes that are served, and what the caller may do there; clients build their menus of it. */
export function query({ operatorAccess }: RpcParts, caller: Principal): Json {
  const full = caller.level === 'full';
  const iocage = full || operatorAccess === 'all' ? 'read/write' : operatorAccess;
  return {
    'rpc/dispatcher': full ? 'read/write' : 'read',
    'rpc/logs': full ? 'read/write' : 'read',
    'rpc/settings': 'read/write',
    ...(iocage === 'none' ? {} : { 'sysadm/iocage': iocage }),
  };
}

/** A map without the keys that every object has by birth: users name them. */
function grouped(entries: readonly (readonly [string, string, string])[]): Json {
  const groups = new Map<string, [string, string][]>();
  for (const [group, key, value] of entries) {
    const rows = groups.get(group);
    if (rows === undefined) groups.set(group, [[key, value]]);
    else rows.push([key, value]);
  }
  return Object.fromEntries([...groups].map(([group, rows]) => [group, Object.fromEntries(rows)] as const));
}

export async function settings({ keys, now }: RpcParts, caller: Principal, args: JsonObject): Promise<Json> {
  const key = word(args, 'pub_key');
  switch (member(args, 'action')) {
    case 'register_ssl_cert': {
      // The one-time token is nobody: a key of its own would outlive it.
      if (caller.by === 'one-time') throw new ApiError(403);
      const facts = {
        nickname: word(args, 'nickname'),
        email: word(args, 'email'),
        registered: localTime(new Date(now()), 'T'),
        holder: caller.holder,
      };
      if (!(await keys.register(caller.user, key, facts))) throw new ApiError(400);
      return {};
    }
    case 'list_ssl_certs':
      return grouped(
        keys
          .list()
          .filter(([user]) => caller.level === 'full' || user === caller.user)
          .map(([user, encoded, { nickname, email, registered }]) => [
            user,
            encoded,
            `Nickname: ${nickname}\nEmail: ${email}\nDate Registered: ${registered}`,
          ]),
      );
    case 'list_ssl_checksums':
      return { md5_keys: keys.checksums() };
    case 'revoke_ssl_cert': {
      const user = Object.hasOwn(args, 'user') ? word(args, 'user') : caller.user;
      if (user !== caller.user && caller.level !== 'full') throw new ApiError(400);
      if (!(await keys.revoke(user, key))) throw new ApiError(400);
      return {};
    }
    default:
      throw new ApiError(400);
  }
}

function listed(jobs: readonly Job[]): Json {
  const queues = [...new Set(jobs.map(({ queue }) => queue))];
  const shown = ({ commands, position, state }: Job): Json => ({
    commands,
    ...(position === undefined ? {} : { queue_position: String(position) }),
    state,
  });
  return {
    jobs: Object.fromEntries(
      queues.map((queue) => [
        queue,
        Object.fromEntries(jobs.filter((job) => job.queue === queue).map((job) => [job.id, shown(job)])),
      ]),
    ),
  };
}

export function dispatcher({ backend }: RpcParts, caller: Principal, args: JsonObject): Json {
  switch (member(args, 'action')) {
    case 'list':
      return listed(backend.jobs());
    case 'kill':
      if (caller.level !== 'full') throw new ApiError(403);
      return { killed: { jobs: backend.kill(words(args, 'job_id')) } };
    case 'run':
      // Any command as root, for whoever has a token: not served, to nobody.
      throw new ApiError(403);
    default:
      throw new ApiError(400);
  }
}

const usualWindowMs = 12 * 3_600_000;

/** Entries by their time; those of one second get a number behind it instead of hiding each other. */
function byTime(entries: readonly LogEntry[], value: (text: string) => Json): Json {
  const found = new Map<string, Json>();
  const perSecond = new Map<string, number>();
  for (const { time, text } of entries) {
    const before = perSecond.get(time) ?? 0;
    perSecond.set(time, before + 1);
    found.set(before === 0 ? time : `${time}.${String(before).padStart(3, '0')}`, value(text));
  }
  return Object.fromEntries(found);
}

export async function logs({ logs, now }: RpcParts, args: JsonObject): Promise<Json> {
  if (member(args, 'action') !== 'read_logs') throw new ApiError(400);
  const nowMs = now();
  const format = word(args, 'time_format');
  const time = (key: string, usual: number): number =>
    Object.hasOwn(args, key) ? (parseLogTime(word(args, key), format, nowMs) ?? usual) : usual;
  const toMs = time('end_time', nowMs);
  const fromMs = time('start_time', toMs - usualWindowMs);
  const wanted = Object.hasOwn(args, 'logs') ? words(args, 'logs') : readableLogs;
  const found: [string, Json][] = [];
  for (const name of readableLogs.filter((log) => wanted.includes(log))) {
    const entries = await logs.read(name, fromMs, toMs);
    const isObjects = name.startsWith('events-');
    const value = (text: string): Json => {
      const parsed = isObjects ? parseJson(text) : undefined;
      return isObject(parsed) ? parsed : text;
    };
    if (entries.length > 0) found.push([name, byTime(entries, value)]);
  }
  return Object.fromEntries(found);
}
