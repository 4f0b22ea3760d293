/**
 * The composition root: looks at the machine and picks the drivers. The only file that knows which
 * kernel it is on.
 */
import { randomUUID } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Action, Caller, LineLog, Paths } from './driver/system.ts';
import type { EventSink } from './domain/events.ts';
import type { Source } from './domain/source.ts';
import type { Context } from './ops/context.ts';
import { failure } from './domain/errors.ts';
import { NodeExec } from './driver/node/exec.ts';
import { NodeDownloads } from './driver/node/download.ts';
import { NodeFiles } from './driver/node/files.ts';
import { NodeLineLog } from './driver/node/line-log.ts';
import { KernelLocks } from './driver/node/locks.ts';
import { NodeJournal } from './driver/node/journal.ts';
import { processStart } from './driver/node/process.ts';
import { RecordingDownloads, RecordingExec, RecordingFiles } from './driver/node/recorder.ts';
import { zfsStorage } from './driver/zfs/storage.ts';
import type { Host } from './driver/host.ts';
import type { HostDoors } from './driver/both/session.ts';
import { linuxHost } from './driver/linux/host.ts';
import { freebsdHost } from './driver/freebsd/host.ts';

/** What operations are run with. */
export interface ContextOptions {
  /** Pool to work on; without it the only activated one. */
  readonly pool?: string | undefined;
  /** Root datasets under names of yours, the main one first; instead of rc.conf's and of the activated pool. */
  readonly sources?: readonly Source[] | undefined;
  /** Only this one of the sources that there are. */
  readonly source?: string | undefined;
  /** Record changes instead of making them. */
  readonly dry?: boolean;
  readonly emit?: EventSink;
  readonly signal?: AbortSignal;
  /** Descriptor that counts as our standard input; default 0. */
  readonly ownInput?: number;
  /** Who it is done for, where that is not who runs the process: the journal keeps the name. */
  readonly as?: string | undefined;
  /** Directories instead of the system's own, for tests. */
  readonly paths?: Paths;
}

/**
 * Where iocage keeps what is not on the pool; `IOCAGE_STATE_DIR` and `IOCAGE_RUN_DIR` move it. `IOCAGE_RC_CONF` is
 * read instead of the system's file with sources.
 */
export function systemPaths(environment: NodeJS.ProcessEnv = process.env): Paths {
  const freebsd = process.platform === 'freebsd';
  return {
    state: environment['IOCAGE_STATE_DIR'] || (freebsd ? '/var/db/iocage' : '/var/lib/iocage'),
    run: environment['IOCAGE_RUN_DIR'] || (freebsd ? '/var/run/iocage' : '/run/iocage'),
    rcConf: environment['IOCAGE_RC_CONF'] || (freebsd ? '/etc/rc.conf' : '/etc/iocage/rc.conf'),
  };
}

function editorWords(environment: NodeJS.ProcessEnv): readonly string[] {
  const words = (environment['VISUAL'] || environment['EDITOR'] || 'vi')
    .split(/\s+/)
    .filter((word) => word !== '');
  return words.length === 0 ? ['vi'] : words;
}

/** The driver of each kernel. */
const hosts: Partial<Record<NodeJS.Platform, (doors: HostDoors) => Host>> = {
  linux: linuxHost,
  freebsd: freebsdHost,
};

/**
 * What operations run in, on this machine.
 *
 * @throws UNSUPPORTED on a kernel that has no driver
 */
export function makeContext(options: ContextOptions = {}): Context {
  const makeHost = hosts[process.platform];
  if (makeHost === undefined) {
    throw failure('UNSUPPORTED', {
      what: `running jails on ${process.platform}`,
      why: 'there is a driver for Linux and one for FreeBSD',
    });
  }
  const paths = options.paths ?? systemPaths();
  const dry = options.dry ?? false;
  const actions: Action[] = [];
  const realExec = new NodeExec(options.ownInput);
  const exec = dry ? new RecordingExec(realExec, actions) : realExec;
  const realFiles = new NodeFiles();
  const files = dry ? new RecordingFiles(realFiles, actions) : realFiles;
  const clock = {
    now: () => new Date(),
    sleep: async (ms: number, signal?: AbortSignal) => {
      if (!dry) await sleep(ms, undefined, signal === undefined ? {} : { signal });
    },
  };
  return {
    exec,
    files,
    downloads: dry ? new RecordingDownloads(new NodeDownloads(), actions) : new NodeDownloads(),
    clock,
    storage: zfsStorage(exec, clock),
    host: makeHost({ exec, files, clock, paths }),
    locks: new KernelLocks(`${paths.run}/locks`),
    journal: new NodeJournal(`${paths.state}/journal`),
    ids: { uuid: randomUUID },
    paths,
    pool: options.pool,
    ...(options.sources === undefined ? {} : { sources: options.sources }),
    ...(options.source === undefined ? {} : { only: options.source }),
    dry,
    actions,
    emit: options.emit ?? (() => undefined),
    signal: options.signal ?? new AbortController().signal,
    isRoot: process.geteuid?.() === 0,
    cores: availableParallelism(),
    editor: () => editorWords(process.env),
    async self() {
      return {
        pid: process.pid,
        processStart: (await processStart(process.pid)) ?? '',
        by: caller(options.as),
      };
    },
  };
}

/** Where a server writes what happens. @param onFailure is told when lines cannot be written, once a minute */
export function openLineLog(onFailure: (error: Error) => void): LineLog {
  return new NodeLineLog(onFailure);
}

/** sudo and doas keep the name of who called them in the environment; the kernel knows only the user that they made of it. */
function caller(known: string | undefined, environment: NodeJS.ProcessEnv = process.env): Caller {
  const as = known || environment['SUDO_USER'] || environment['DOAS_USER'];
  return { uid: process.getuid?.() ?? 0, ...(as ? { as: as.slice(0, 64) } : {}) };
}
