/**
 * A laboratory of a FreeBSD host: a real disposable pool, the FreeBSD driver, and the stand-in in the place of
 * FreeBSD's tools. ZFS is real, as far as it is the same on both systems.
 */
import { join } from 'node:path';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { expect } from 'vitest';
import { makeContext } from '../../src/iocage.ts';
import { printAction } from '../../src/domain/shell-line.ts';
import { freebsdHost } from '../../src/driver/freebsd/host.ts';
import { NodeDownloads } from '../../src/driver/node/download.ts';
import { RecordingDownloads, RecordingExec, RecordingFiles } from '../../src/driver/node/recorder.ts';
import type { Action } from '../../src/driver/system.ts';
import { NodeFiles } from '../../src/driver/node/files.ts';
import { zfsStorage } from '../../src/driver/zfs/storage.ts';
import type { Context } from '../../src/ops/context.ts';
import { getOperation } from '../../src/ops/index.ts';
import { runOperation } from '../../src/ops/run/run.ts';
import { standIn, type StandIn } from './freebsd/standin.ts';
import { machineState } from './freebsd-jails.ts';
import { poolState } from './lab.ts';
import { makePool, type TestPool } from './pool.ts';
import { busyboxTar } from './release.ts';

export interface FreebsdLab {
  readonly pool: TestPool;
  readonly standIn: StandIn;
  readonly paths: { readonly state: string; readonly run: string };
  context(): Context;
  run<T = any>(operation: string, input: unknown): Promise<T>;
  /** The commands that a dry run prints, in order. */
  dryRun(operation: string, input: unknown): Promise<readonly string[]>;
  /** Everything on the pool and the pretended machine that a jail could have left, as text to compare. */
  state(): string;
  close(): Promise<void>;
}

export async function openFreebsdLab(): Promise<FreebsdLab> {
  const pool = makePool(1024);
  const machine = standIn({ racct: true });
  const paths = { state: join(pool.directory, 'state'), run: join(pool.directory, 'run') };
  const context = (): Context => {
    const usual = makeContext({ pool: pool.name, paths });
    const { exec } = machine;
    const files = new NodeFiles(0, 'own-directory');
    const { clock } = usual;
    const terminal = { interactive: false, term: 'xterm', environment: {} };
    const host = freebsdHost({ exec, files, clock, paths, terminal });
    return { ...usual, exec, files, host, storage: zfsStorage(exec, clock) };
  };
  const run = async <T = any>(operation: string, input: unknown): Promise<T> => {
    const { result } = await runOperation(context(), getOperation(operation), input);
    return result as T;
  };
  const dryRun = async (operation: string, input: unknown): Promise<readonly string[]> => {
    const actions: Action[] = [];
    const usual = makeContext({ pool: pool.name, paths, dry: true });
    const exec = new RecordingExec(machine.exec, actions);
    const files = new RecordingFiles(new NodeFiles(0, 'own-directory'), actions);
    const { clock } = usual;
    const terminal = { interactive: false, term: 'xterm', environment: {} };
    const host = freebsdHost({ exec, files, clock, paths, terminal });
    const storage = zfsStorage(exec, clock);
    const downloads = new RecordingDownloads(new NodeDownloads(), actions);
    const dry = { ...usual, exec, files, host, storage, downloads, actions };
    await runOperation(dry, getOperation(operation), input);
    return actions.map(printAction);
  };
  await run('pool.activate', { pool: pool.name });
  const tar = join(pool.directory, 'busybox.tar');
  busyboxTar(tar);
  await run('release.fetch', { release: 'busybox', file: tar });
  mkdirSync(join(pool.directory, 'srv'));
  writeFileSync(join(pool.directory, 'srv/file'), 'shared\n');
  return {
    pool,
    standIn: machine,
    paths,
    context,
    run,
    dryRun,
    // Of the real host only what is mounted could change; seven programs would be asked for the rest of it.
    state() {
      const mounts = readFileSync('/proc/self/mounts', 'utf8')
        .split('\n')
        .filter((line) => line.includes(pool.name))
        .sort();
      return `${poolState(pool.name, paths, { mounts })}\n${JSON.stringify(machineState(machine), null, 1)}`;
    },
    async close() {
      try {
        const { jails } = await run<{ jails: { uuid: string; state: string }[] }>('jail.list', {});
        for (const jail of jails) if (jail.state === 'up') await run('jail.stop', { jail: jail.uuid });
        expect(machine.undocumented()).toEqual([]);
      } finally {
        machine.close();
        pool.destroy();
      }
    },
  };
}
