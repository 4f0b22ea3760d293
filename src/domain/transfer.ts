/**
 * What two hosts tell each other about a jail on its way, and which streams bring one side to the state
 * of the other. Snapshots are the same when their guid is, whatever they are called. Everything in here
 * that came from the other side is checked like anything typed. Pure.
 */
import * as z from 'zod';
import { canonicalAddress } from './address.ts';
import { failure } from './errors.ts';
import { assertPoolName, datasetProblem, hostNameProblem, isJailDatasetName, nameProblem } from './name.ts';

export interface OtherHost {
  /** `host` or `user@host`, as ssh(1) takes it. */
  readonly host: string;
  /** Undefined: the one that is activated there. */
  readonly pool?: string;
}

/** What is wrong with `[USER@]HOST` as the name of another host, in words. */
export function destinationProblem(text: string): string | undefined {
  const [, user, host = ''] = /^(?:([^@]*)@)?(.*)$/s.exec(text) ?? [];
  const wrong = user === undefined ? undefined : nameProblem('user', user);
  if (wrong !== undefined) return `its user: ${wrong}`;
  const address = canonicalAddress(host, 4) ?? canonicalAddress(host, 6);
  return address === undefined ? hostNameProblem(host) : undefined;
}

/**
 * `[USER@]HOST[:POOL]`; an IPv6 address stands in brackets.
 *
 * @example parseHost('root@[2001:db8::1]:tank') // { host: 'root@2001:db8::1', pool: 'tank' }
 * @throws INVALID_NAME
 */
export function parseHost(word: string): OtherHost {
  const [, user = '', address, name, pool] =
    /^([^@]*@)?(?:\[([^\]]*)\]|([^:[\]]*))(?::(.*))?$/s.exec(word) ?? [];
  const host = user + (address ?? name ?? '');
  const problem =
    (name === undefined && address === undefined) ||
    canonicalAddress(word.slice(user.length), 6) !== undefined
      ? 'HOST, HOST:POOL or USER@HOST:POOL, please; an IPv6 address in brackets'
      : destinationProblem(host);
  if (problem !== undefined) throw failure('INVALID_NAME', { what: 'host', name: word, problem });
  if (pool === undefined) return { host };
  assertPoolName(pool);
  return { host, pool };
}

/** Snapshots that `send` takes, and nobody else. */
const sendSnapshot = /^ioc-send-\d{8}T\d{9}$/;

export function sendSnapshotName(at: Date): string {
  return `ioc-send-${at.toISOString().replace(/[-:.]/g, '').replace(/Z$/, '')}`;
}

export function isSendSnapshot(name: string): boolean {
  return sendSnapshot.test(name);
}

const guid = z.string().regex(/^\d{1,20}$/);
const word = z.string().min(1).max(255);
const snapshotName = z.string().regex(/^[A-Za-z0-9_.:][A-Za-z0-9_.: -]{0,200}$/);
/** Below the jail's dataset; empty for that itself. */
const path = z
  .string()
  .refine((text) => text === '' || datasetProblem(text) === undefined, 'is no dataset below a jail');

const ours = /^org\.freebsd\.iocage:[a-z0-9_]+$/;
/** ZFS's own that say how data is kept, and not where or by whom it is seen. */
const natives = new Set(
  (
    'compression dedup quota refquota reservation refreservation recordsize atime copies checksum ' +
    'logbias primarycache secondarycache snapdir'
  ).split(' '),
);
/** What is about one host: who wrote a dataset there, where that host sends its jails. */
const hostsOwn = new Set(
  ['op', 'standby', 'sync_stat', 'sync_state', 'sync_target', 'sync_tgt_zpool'].map(
    (key) => `org.freebsd.iocage:${key}`,
  ),
);

export function travels(key: string): boolean {
  return (ours.test(key) && !hostsOwn.has(key)) || natives.has(key);
}

export const offerSchema = z.object({
  protocol: z.literal(1),
  kernel: z.enum(['linux', 'freebsd']),
  uuid: z.string().refine(isJailDatasetName, 'is no name of a jail'),
  tag: word,
  template: z.boolean(),
  /** Release that a basejail cannot be without. */
  base: word.optional(),
  /** A parent before what is below it; the jail itself first. */
  datasets: z
    .array(
      z.object({
        path,
        /** Guid of the snapshot that it is a clone of. */
        origin: guid.optional(),
        /** Oldest first. */
        snapshots: z.array(z.object({ name: snapshotName, guid })),
        properties: z.record(z.string().refine(travels, 'does not travel'), z.string().min(1).max(8192)),
      }),
    )
    .min(1)
    .refine(([first]) => first?.path === '', 'does not begin with the jail'),
});
export type Offer = z.output<typeof offerSchema>;

export const answerSchema = z.object({
  protocol: z.literal(1),
  pool: word,
  /** What breaks off can be gone on with there. */
  resumable: z.boolean(),
  /** Of the offered datasets those that are there. */
  datasets: z.array(
    z.object({
      path,
      base: guid.optional(),
      token: z
        .string()
        .regex(/^[0-9a-f-]+$/)
        .optional(),
    }),
  ),
  /** Of the offered origins those that are there. */
  origins: z.array(guid),
});
export type Answer = z.output<typeof answerSchema>;

export const streamSchema = z.object({
  path,
  /** The snapshot that it brings. */
  name: snapshotName,
  /** Guid of the snapshot that must be there before it. */
  from: guid.optional(),
  /** It goes on where an earlier one broke off. */
  resumes: z.boolean(),
});
export type Stream = z.output<typeof streamSchema>;

/** A stream with what only the sending side needs of it. */
export interface ChosenStream extends Stream {
  readonly token?: string;
}

/**
 * The streams that bring the other side to `name`, the snapshot about to be taken: for each dataset every
 * snapshot since the newest common one, except those that were taken for sending only.
 *
 * @param resumed guid of the snapshot that the token of a path goes on with, where that is here
 */
export function chooseStreams(
  offer: Offer,
  answer: Answer,
  name: string,
  resumed: ReadonlyMap<string, string>,
): readonly ChosenStream[] {
  return offer.datasets.flatMap(({ path: at, origin, snapshots }) => {
    const there = answer.datasets.find((dataset) => dataset.path === at);
    const base = snapshots.findIndex((snapshot) => snapshot.guid === there?.base);
    const begun = snapshots.findIndex((snapshot) => snapshot.guid === resumed.get(at));
    const token = begun > base ? there?.token : undefined;
    const rest = snapshots.filter(
      (snapshot, index) => index > (token === undefined ? base : begun) && !isSendSnapshot(snapshot.name),
    );
    const all = [...(token === undefined ? [] : [snapshots[begun]!]), ...rest, { name, guid: undefined }];
    const start = there?.base ?? (answer.origins.includes(origin ?? '') ? origin : undefined);
    return all.map((snapshot, index): ChosenStream => {
      const from = index === 0 ? start : all[index - 1]!.guid;
      const resumes = index === 0 && token !== undefined;
      return {
        path: at,
        name: snapshot.name,
        resumes,
        ...(from === undefined ? {} : { from }),
        ...(resumes ? { token: token! } : {}),
      };
    });
  });
}

/** What goes before the streams: a line of fixed length that says how many bytes follow, and those. */
const mark = 'iocage1 ';
export const frameHeadBytes = mark.length + 9;

export function frame(value: unknown): string {
  const text = JSON.stringify(value);
  return `${mark}${String(new TextEncoder().encode(text).length).padStart(8, '0')}\n${text}`;
}

/** Bytes that follow the line; undefined when it is none of ours. */
export function framedBytes(head: string): number | undefined {
  const digits = /^iocage1 (\d{8})\n$/.exec(head)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
