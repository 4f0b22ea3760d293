/**
 * `send`: a jail with its datasets, snapshots and properties to the iocage of another host, the first
 * time whole, later only what is new. The jail may run: what is sent is a snapshot of one moment.
 */
import { isAbsolute, resolve } from 'node:path';
import * as z from 'zod';
import { defineChange, type Flag, type Words } from '../operation.ts';
import type { Context } from '../context.ts';
import type { StreamPart } from '../../driver/storage.ts';
import { asIocageError, failure } from '../../domain/errors.ts';
import { findJail, label, type Jail } from '../../domain/jail.ts';
import {
  answerSchema,
  chooseStreams,
  destinationProblem,
  frame,
  parseHost,
  sendSnapshotName,
  type Answer,
  type ChosenStream,
} from '../../domain/transfer.ts';
import { readWorld } from '../world/read.ts';
import { toSpec } from '../world/spec.ts';
import type { World } from '../world/world.ts';
import { assertOurs, jailLock, noProperties } from '../jail/select.ts';
import { sendProperty, sendStreams, takeSendSnapshot } from '../steps/transfer.ts';
import { describe, type Described } from './offer.ts';
import { assertNoStandby } from './standby.ts';
import { ask, onHost, poolWords, type Ssh } from './remote.ts';

const sendInput = z.object({
  jail: z.string().min(1),
  /** `[USER@]HOST`; default the jail's `sync_target`. */
  host: z.string().min(1).optional(),
  /** Default the jail's `sync_tgt_zpool`, else the one that is activated there. */
  pool: z.string().optional(),
  /** A file for ssh instead of the configuration of root. */
  config: z.string().refine(isAbsolute, 'is an absolute path').optional(),
  createdAt: z.date().optional(),
});

export interface Sent {
  readonly uuid: string;
  readonly tag: string;
  readonly host: string;
  readonly pool: string;
  /** Name of the snapshot that is on both sides now. */
  readonly snapshot: string;
  readonly streams: number;
  /** Only what is new since the last time. */
  readonly incremental: boolean;
  /** Datasets of the jail that are elsewhere on the pool and were not sent. */
  readonly leftOut: readonly string[];
}

export const jailSend = defineChange<typeof sendInput, Sent>({
  id: 'jail.send',
  title: 'Send a jail to another host',
  effect: 'change',
  recover: 'undo',
  input: sendInput,
  prepare: (context, input) => ({ ...input, createdAt: context.clock.now() }),
  async locks(context, { jail }) {
    // Not the lock of the jail: it may be started and stopped while hours of it are sent.
    const { realm, uuid } = findJail((await readWorld(context)).jails, jail);
    return [`send:${realm}:${uuid}`];
  },
  async plan(context, input) {
    const world = await readWorld(context);
    const jail = findJail(world.jails, input.jail);
    assertOurs(jail);
    toSpec(world, jail);
    assertNoStandby(jail);
    await refuseHalfDone(context, jail);
    const other = target(world, jail, input);
    const described = await describe(context, jail);
    const { offer } = described;
    const words = ['receive', ...poolWords(other.pool)];
    const said = answerSchema.safeParse(await ask(context, other, [...words, '--ask'], frame({ offer })));
    if (!said.success)
      throw failure('OTHER_HOST', {
        host: other.host,
        message: 'its answer is none of this version of iocage',
      });
    const answer = said.data;
    const name = sendSnapshotName(input.createdAt!);
    const streams = chooseStreams(offer, answer, name, await resumed(context, answer));
    const resumable = answer.resumable && (await context.storage.capabilities()).resumableReceive;
    const { host } = other;
    const to = `${host}:${answer.pool}`;
    const snapshot = `${jail.dataset}@${name}`;
    const whole = answer.datasets.length === 0;
    return {
      subject: `${label(jail)} to ${to}`,
      title: `Sending jail ${label(jail)} to ${to}`,
      steps: [
        takeSendSnapshot({ name: snapshot, to, keep: resumable }),
        sendStreams({
          parts: streams.map((stream) => toPart(jail, described, stream)),
          head: frame({
            offer,
            resumable,
            streams: streams.map(({ token: _, ...stream }) => stream),
          }),
          command: onHost(other, words),
          host,
          snapshot,
          ...(whole ? { totalBytes: described.bytes } : {}),
        }),
      ],
      result: async () => {
        await settle(context, jail, to, name);
        return {
          uuid: jail.uuid,
          tag: jail.tag,
          host,
          pool: answer.pool,
          snapshot: name,
          streams: streams.length,
          incremental: !whole,
          leftOut: elsewhere(jail),
        };
      },
    };
  },
  command: {
    names: ['send'],
    group: 'data',
    usage: 'JAIL [[USER@]HOST[:POOL]]',
    flags: [sshFlag()],
    about:
      'Takes a snapshot and sends it, with those before it and the properties, to the iocage of HOST, over ssh as root ' +
      'without a password. Later sends carry only what is new. A jail of that name there is never overwritten: it must be ' +
      'an earlier state of this one, unchanged and down. Without HOST: to sync_target and sync_tgt_zpool of the jail.',
    examples: [
      { line: 'iocage send web backup', says: 'to the pool that is activated on the host backup' },
      { line: 'iocage send web backup:tank', says: 'to its pool tank' },
      { line: 'iocage set sync_target=backup web', says: "from now on 'iocage send web' is enough" },
    ],
    toInputs(words) {
      const [jail, word, ...more] = words.positionals;
      if (jail === undefined || more.length > 0)
        throw failure('USAGE', { problem: 'a jail and a host, please', command: 'send' });
      noProperties('send', words);
      return [{ jail, ...(word === undefined ? {} : parseHost(word)), ...sshWord(words) }];
    },
  },
});

export function sshFlag(): Flag {
  return {
    key: 'config',
    flags: '-F, --ssh-config <file>',
    doc: 'a file for ssh instead of its configuration of root',
  };
}

export function sshWord({ flags }: Words): { config?: string } {
  const file = flags['config'] as string | undefined;
  return file === undefined ? {} : { config: resolve(file) };
}

/** What a kill left of the jail is no state to send. */
async function refuseHalfDone(context: Context, jail: Jail): Promise<void> {
  const left = (await context.journal.unfinished()).filter(({ head }) => head.locks.includes(jailLock(jail)));
  if (left.length === 0) return;
  const what = left.map(({ head }) => `${head.operation} of ${head.subject}`).join(', ');
  throw failure('UNFINISHED', { what, count: left.length });
}

function target(world: World, jail: Jail, input: z.output<typeof sendInput>): Ssh {
  const stored = (key: string): string | undefined => {
    const value = jail.local.get(key) ?? world.defaults.get(key);
    return value === 'none' ? undefined : value;
  };
  const host = input.host ?? stored('sync_target');
  const pool = input.pool ?? (input.host === undefined ? stored('sync_tgt_zpool') : undefined);
  if (host === undefined) {
    const problem = `to which host? Name it, or store it with 'iocage set sync_target=HOST ${jail.tag}'`;
    throw failure('USAGE', { problem, command: 'send' });
  }
  const problem = destinationProblem(host);
  if (problem !== undefined) throw failure('INVALID_NAME', { what: 'host', name: host, problem });
  return {
    host,
    ...(pool === undefined ? {} : { pool }),
    ...(input.config === undefined ? {} : { config: input.config }),
  };
}

async function resumed({ storage }: Context, { datasets }: Answer): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for (const { path, token } of datasets) {
    const guid = token === undefined ? undefined : await storage.tokenGuid(token);
    if (guid !== undefined) found.set(path, guid);
  }
  return found;
}

/** A stream in the words of this side: guids become the names that the snapshots have here. */
export function toPart(jail: Jail, { rows, snapshots }: Described, stream: ChosenStream): StreamPart {
  const { path, name, from: guid, token } = stream;
  const dataset = path === '' ? jail.dataset : `${jail.dataset}/${path}`;
  const own = snapshots.find((row) => row.dataset === dataset && row.values.get('guid') === guid);
  const origin = rows.find((row) => row.name === dataset)?.values.get('origin');
  const from = guid === undefined ? undefined : (own?.name ?? origin);
  return {
    snapshot: `${dataset}@${name}`,
    ...(from === undefined ? {} : { from }),
    ...(token === undefined ? {} : { token }),
  };
}

/** It is done: what earlier sends to the same place left is of no use any more. Nothing here can fail the send. */
async function settle(
  { storage, clock, emit }: Context,
  jail: Jail,
  to: string,
  name: string,
): Promise<void> {
  try {
    const rows = await storage.snapshots(jail.dataset, 0, [sendProperty]);
    const older = rows.filter((row) => row.snapshot !== name && row.values.get(sendProperty) === to);
    for (const row of older) await storage.destroySnapshot(row.name, { recursive: true });
    const stat = `${clock.now().toISOString().slice(0, 19)}Z ${to} ${name}`;
    await storage.set(jail.dataset, { 'org.freebsd.iocage:sync_stat': stat });
  } catch (thrown) {
    emit({ type: 'note', id: '', level: 'warning', text: asIocageError(thrown).message });
  }
}

/** Datasets that the jail was handed and that are not below it. */
export function elsewhere(jail: Jail): readonly string[] {
  const below = `${jail.dataset.split('/').slice(1).join('/')}/`;
  const handed = (jail.local.get('jail_zfs_dataset') ?? 'none').split(' ');
  return handed.filter((name) => name !== 'none' && name !== '-' && !name.startsWith(below));
}
