/**
 * Step kinds for jails on their way between hosts. The streams go from `zfs send` through ssh(1) into
 * `zfs receive` in the kernel; here are only the commands and what becomes of it when it breaks off.
 */
import { stepKind, type StepRun } from '../../driver/step.ts';
import { stampProperty, type StreamPart } from '../../driver/storage.ts';
import type { RunResult } from '../../driver/system.ts';
import { failure, IocageError } from '../../domain/errors.ts';
import { namespace } from '../../domain/property.ts';
import { humanSize } from '../../domain/size.ts';
import { remoteFailure } from '../transfer/remote.ts';

/** On a snapshot that `send` took: where it was to go, and that it got there. */
export const sendProperty = `${namespace}send`;
const sentProperty = `${namespace}sent`;

/**
 * The snapshot of all of the jail at one moment. Once it is on the other side it stays whatever happens:
 * the next send builds on it. `keep`: also when the sending breaks off, to go on from there.
 */
export const takeSendSnapshot = stepKind<{ name: string; to: string; keep: boolean }>('transfer.snapshot', {
  title: ({ name }) => `take snapshot ${name} and those below`,
  do: ({ name, to }, run) =>
    run.storage.snapshot(name, {
      recursive: true,
      properties: { [sendProperty]: to, [stampProperty]: run.operationId },
    }),
  async undo({ name, keep }, run) {
    const local = await run.storage.local(name);
    if (keep || local?.get(stampProperty) !== run.operationId || local.has(sentProperty)) return;
    await run.storage.destroySnapshot(name, { recursive: true });
  },
});

export const sendStreams = stepKind<{
  parts: readonly StreamPart[];
  head: string;
  command: readonly string[];
  host: string;
  /** The snapshot that is there afterwards. */
  snapshot: string;
  totalBytes?: number;
}>('transfer.send', {
  title: ({ parts, host }) => `send ${parts.length} stream${parts.length === 1 ? '' : 's'} to ${host}`,
  async do({ parts, head, command, host, snapshot, totalBytes }, run) {
    const text = `to ${host}`;
    run.progress(text);
    const result = await run.storage.send(parts, {
      head,
      command,
      signal: run.signal,
      onBytes: (bytes) => run.progress(`${text}, ${humanSize(bytes)}`, bytes, totalBytes),
    });
    if (run.signal.aborted) throw failure('CANCELLED', { operation: `sending to ${host}` });
    if (result.status !== 0) throw remoteFailure({ host }, result);
    await run.storage.set(snapshot, { [sentProperty]: 'yes' });
    for (const note of notesOf(result)) run.note(`on ${host}: ${note}`);
  },
  undo: () => Promise.resolve(),
});

function notesOf({ stdout }: RunResult): readonly string[] {
  try {
    const { result } = JSON.parse(stdout) as { result?: { notes?: unknown } };
    return Array.isArray(result?.notes) ? result.notes.map(String) : [];
  } catch {
    return [];
  }
}

/** The place of everything that is not yet a jail: nothing below it is mounted. */
export const makeReceiving = stepKind<{ dataset: string }>('transfer.place', {
  title: ({ dataset }) => `create dataset ${dataset}`,
  async do({ dataset }, { storage, operationId }) {
    try {
      await storage.create(dataset, { mountpoint: 'none', canmount: 'off', [stampProperty]: operationId });
    } catch (error) {
      // Another jail came at the same time.
      if (!(error instanceof IocageError) || error.code !== 'DATASET_EXISTS') throw error;
    }
  },
  async undo({ dataset }, { storage, operationId }) {
    const rows = (await storage.filesystems(dataset, 1, [])) ?? [];
    // What can be gone on with is kept in it; another jail may be on its way too.
    if (rows.length === 1) await storage.destroy(dataset, { recursive: false, madeBy: operationId });
  },
});

/** Takes away what an earlier transfer left that nothing can go on with. */
export const discardReceived = stepKind<{ dataset: string }>('transfer.discard', {
  title: ({ dataset }) => `destroy what a broken transfer left in ${dataset}`,
  do: ({ dataset }, { storage }) => storage.destroy(dataset, { recursive: true }),
  undo: () => Promise.resolve(),
});

/**
 * One stream from our own standard input. `base`: name of the snapshot of the dataset that it builds on;
 * without it the stream makes the dataset. `keep`: what is complete stays when a later one breaks off.
 */
export const receiveStream = stepKind<{
  dataset: string;
  snapshot: string;
  base?: string;
  /** A part of the stream is here. `resume`: the stream goes on with it; otherwise it is forgotten. */
  partial?: 'resume' | 'forget';
  resumable: boolean;
  keep: boolean;
  /** The command that writes the stream; without it our own standard input. */
  from?: readonly string[];
  /** The jail, for messages: as a person calls it, and where it is otherwise. */
  jail: string;
  home: string;
}>('transfer.receive', {
  title: ({ dataset, snapshot }) => `receive ${dataset}@${snapshot}`,
  async do({ dataset, snapshot, base, partial, resumable, from, jail, home }, run) {
    run.progress(`receiving ${dataset}@${snapshot}`);
    if (partial === 'forget') await run.storage.abortReceive(dataset);
    try {
      await run.storage.receive(dataset, {
        resumable,
        signal: run.signal,
        ...(from === undefined ? {} : { from }),
      });
    } catch (error) {
      if (!(error instanceof IocageError) || error.code !== 'DIVERGED') throw error;
      const why = `what is on it was changed since @${base ?? snapshot}`;
      throw failure(
        'DIVERGED',
        { jail, why, dataset: home, ...(base === undefined ? {} : { base }) },
        { cause: error },
      );
    }
    // The stream says itself what its snapshot is called.
    if (run.dry || (await run.storage.local(`${dataset}@${snapshot}`)) !== undefined) return;
    throw failure('SNAPSHOT_NOT_FOUND', { jail: dataset, snapshot });
  },
  async undo({ dataset, base, keep }, run) {
    if (keep) return;
    if (base === undefined) return run.storage.destroy(dataset, { recursive: false });
    const rows = await run.storage.snapshots(dataset, 0, []);
    const at = rows.findIndex((row) => row.snapshot === base);
    if (at < 0 || at === rows.length - 1) return;
    if (await hasPart(dataset, run)) await run.storage.abortReceive(dataset);
    await run.storage.rollback(`${dataset}@${base}`, { destroyNewer: true });
  },
});

/**
 * Moves what is complete to where a jail is looked for. Some ZFS mount it by that; where it was received
 * nothing can be mounted, so going back begins with unmounting.
 */
export const publishReceived = stepKind<{ from: string; to: string }>('transfer.publish', {
  title: ({ from, to }) => `rename ${from} to ${to}`,
  async do({ from, to }, { storage, exec, dry }) {
    // In a dry run nothing was received.
    if (dry) return void (await exec.change(['zfs', 'rename', from, to]));
    await storage.rename(from, to);
  },
  async undo({ from, to }, { storage }) {
    const isThere = async (name: string) => (await storage.filesystems(name, 0, [])) !== undefined;
    if ((await isThere(from)) || !(await isThere(to))) return;
    await storage.unmount(to);
    await storage.rename(to, from);
  },
});

/** One snapshot to a dataset of this host. Repeated, what is there already is not sent again. */
export const relayStream = stepKind<{ part: StreamPart; dataset: string }>('transfer.relay', {
  title: ({ part, dataset }) => `send ${part.snapshot} to ${dataset}`,
  async do({ part, dataset }, run) {
    const { storage } = run;
    const name = part.snapshot.split('@')[1]!;
    if (!run.dry && (await storage.local(`${dataset}@${name}`)) !== undefined) return;
    // Half of it, of a run that was killed.
    if (!run.dry && part.from === undefined) await storage.destroy(dataset, { recursive: false });
    run.progress(`sending ${part.snapshot}`);
    await storage.relay(part, dataset);
  },
  async undo({ part, dataset }, { storage }) {
    // It goes with all its snapshots.
    if (part.from === undefined) await storage.destroy(dataset, { recursive: false });
  },
});

/** That two datasets have the same newest snapshot; what a stream brings is checked by ZFS itself on its way. */
export const verifyRelayed = stepKind<{ pairs: readonly (readonly [from: string, to: string])[] }>(
  'transfer.verify',
  {
    title: ({ pairs }) => `compare ${pairs.map(([from, to]) => `${from} and ${to}`).join(', ')}`,
    async do({ pairs }, { storage, dry }) {
      if (dry) return;
      const newest = async (dataset: string): Promise<string | undefined> =>
        (await storage.snapshots(dataset, 0, ['guid'])).at(-1)?.values.get('guid');
      for (const [from, to] of pairs) {
        const [there, here] = [await newest(from), await newest(to)];
        if (there === undefined || there !== here)
          throw failure('DIVERGED', { jail: to, why: `it is not what ${from} is` });
      }
    },
    undo: () => Promise.resolve(),
  },
);

async function hasPart(dataset: string, { storage }: StepRun): Promise<boolean> {
  const [row] = (await storage.filesystems(dataset, 0, ['receive_resume_token'])) ?? [];
  return row?.values.has('receive_resume_token') ?? false;
}

export const transferKinds = [
  takeSendSnapshot,
  sendStreams,
  makeReceiving,
  discardReceived,
  receiveStream,
  publishReceived,
  relayStream,
  verifyRelayed,
];
