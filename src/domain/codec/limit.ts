/**
 * Resource limits: `off` or one rule of an amount and an action, named and checked as rctl(8) does.
 * The original wrote `AMOUNT:ACTION`, the Python line `ACTION=AMOUNT`; both are read, the first is stored.
 */
import type { Codec } from '../property.ts';
import { ValueProblem } from '../property.ts';
import { parseSize, printSize } from '../size.ts';

export interface Limit {
  /** Bytes, seconds, percent or a count, as the resource has it. */
  readonly amount: number;
  /** `deny`, `log`, `devctl`, `throttle` or a signal such as `sigterm`. */
  readonly action: string;
}

export interface LimitResource {
  readonly unit: 'bytes' | 'bytes/s' | 'operations/s' | 'seconds' | 'percent' | 'count';
  readonly deny: boolean;
  readonly throttle: boolean;
}

function resource(unit: LimitResource['unit'], deny = true, throttle = false): LimitResource {
  return { unit, deny, throttle };
}

/** Resources of rctl(8) in the order in which the original lists them. */
export const limitResources = {
  cputime: resource('seconds', false),
  datasize: resource('bytes'),
  stacksize: resource('bytes'),
  coredumpsize: resource('bytes'),
  memoryuse: resource('bytes'),
  memorylocked: resource('bytes'),
  maxproc: resource('count'),
  openfiles: resource('count'),
  vmemoryuse: resource('bytes'),
  pseudoterminals: resource('count'),
  swapuse: resource('bytes'),
  nthr: resource('count'),
  msgqqueued: resource('count'),
  msgqsize: resource('bytes'),
  nmsgq: resource('count'),
  nsem: resource('count'),
  nsemop: resource('count'),
  nshm: resource('count'),
  shmsize: resource('bytes'),
  wallclock: resource('seconds', false),
  pcpu: resource('percent'),
  readbps: resource('bytes/s', false, true),
  writebps: resource('bytes/s', false, true),
  readiops: resource('operations/s', false, true),
  writeiops: resource('operations/s', false, true),
} as const satisfies Record<string, LimitResource>;

export type LimitKey = keyof typeof limitResources;

/** Signals of FreeBSD's signal(3) that rctl(8) accepts as actions. */
const signals = (
  'hup int quit ill trap abrt emt fpe kill bus segv sys pipe alrm term urg stop tstp cont chld ' +
  'ttin ttou io xcpu xfsz vtalrm prof winch info usr1 usr2'
).split(' ');

function parseAction(text: string, key: LimitKey): string {
  const action = text.trim().toLowerCase();
  const { deny, throttle } = limitResources[key];
  if (action === 'deny' && !deny)
    throw new ValueProblem(`${key} cannot be denied; ${throttle ? 'throttle' : 'log or a signal'} works`);
  if (action === 'throttle' && !throttle) throw new ValueProblem(`${key} cannot be throttled`);
  const known =
    ['deny', 'log', 'devctl', 'throttle'].includes(action) ||
    (action.startsWith('sig') && signals.includes(action.slice(3)));
  if (!known)
    throw new ValueProblem(
      `${JSON.stringify(text.trim())} is no action; deny, log, devctl, throttle and sigNAME are`,
    );
  return action;
}

function parseAmount(text: string, key: LimitKey): number {
  const { unit } = limitResources[key];
  const amount = text.trim();
  // Whole amounts only, as rctl(8) takes them.
  if (unit.startsWith('bytes') || unit.startsWith('operations')) {
    if (!/^\d+[bkmgtp]?$/i.test(amount))
      throw new ValueProblem(`${JSON.stringify(amount)} is no amount; a number with k, m, g, t or p is`);
    return parseSize(amount);
  }
  if (!/^\d{1,15}$/.test(amount))
    throw new ValueProblem(`${JSON.stringify(amount)} is no amount; ${key} is a bare number (${unit})`);
  return Number(amount);
}

/** The codec of one resource; null means `off`. */
export function limitCodec(key: LimitKey): Codec<Limit | null> {
  const { unit } = limitResources[key];
  return {
    kind: `limit (${unit})`,
    parse(text) {
      const value = text.trim();
      if (/^(?:off|none)$/i.test(value)) return null;
      const legacy = /^([^:=]+):([^:=]+)$/.exec(value);
      if (legacy) return { amount: parseAmount(legacy[1]!, key), action: parseAction(legacy[2]!, key) };
      const python = /^([^:=]+)=([^:=]+)$/.exec(value);
      if (python) return { amount: parseAmount(python[2]!, key), action: parseAction(python[1]!, key) };
      throw new ValueProblem(`a limit is AMOUNT:ACTION or off, for example ${limitExample(key)}`);
    },
    print: (limit) =>
      limit === null
        ? 'off'
        : `${unit.startsWith('bytes') || unit.startsWith('operations') ? printSize(limit.amount) : limit.amount}:${limit.action}`,
  };
}

export function limitExample(key: LimitKey): string {
  const { unit, deny, throttle } = limitResources[key];
  const amount = {
    bytes: '2G',
    'bytes/s': '10M',
    'operations/s': '1K',
    seconds: '3600',
    percent: '50',
    count: '500',
  };
  return `${amount[unit]}:${deny ? 'deny' : throttle ? 'throttle' : 'log'}`;
}
