/**
 * The base system of a root of HardenedBSD by hbsd-update(8) of the host, from outside (`-r`) and without a kernel (`-n`).
 * What it fetches is signed, and its version comes by DNSSEC; branch and addresses are those of the release. It has no way
 * back: that is a snapshot's. It unpacks over what is there and follows links above and in the places of files, so a root
 * that somebody may have changed must have none where its release has a directory or a file.
 */
import { join } from 'node:path';
import { stepKind, type StepRun } from '../step.ts';
import type { BaseSystem } from '../host.ts';
import { failure } from '../../domain/errors.ts';
import { assertNoDetour, oneLine, timeoutMs } from './base-update.ts';
import { hbsdConf } from './hbsd-conf.ts';

/** Below these it writes what a release need not have yet. */
const written = /^(var\/db\/(hbsd-update|etcupdate)|etc\/secadm\.d|boot|usr\/tests)(\/|$)/;

/** A merge of /etc that needs a person: `p` postpones each, and it stays below /var/db/etcupdate (etcupdate(8)). */
const postponed = 'p\n'.repeat(2000);
const unmerged = /Manual merges need to be done/;

async function confOf({ of, root, like }: BaseSystem, { files, exec }: StepRun): Promise<string> {
  const text = await files.readBelow(like ?? root, 'etc/hbsd-update.conf').catch(() => undefined);
  const machine = (await exec.read(['uname', '-m'])).stdout.trim();
  const conf = text === undefined ? undefined : hbsdConf(text, machine);
  if (conf === undefined)
    throw failure('BASE_UPDATE_FAILED', {
      of,
      why: 'etc/hbsd-update.conf of the release names no branch on a server of HardenedBSD',
    });
  return conf;
}

export const updateHardened = stepKind<BaseSystem>('freebsd.update-hardened', {
  title: ({ of, userland }) => `update the base system of ${of} from ${userland}`,
  async do(system, run) {
    const { of, root, work, like } = system;
    const { files, exec, signal } = run;
    const conf = await confOf(system, run);
    if (like !== undefined && !run.dry) await assertNoDetour(root, like, run, (path) => written.test(path));
    const said: string[] = [];
    await files.mkdir(work, { mode: 0o700 });
    // It removes the directory that it works in.
    await files.mkdir(join(work, 'tmp'), { mode: 0o700 });
    await files.write(join(work, 'hbsd-update.conf'), conf, { mode: 0o600 });
    try {
      const argv = [
        'hbsd-update',
        '-c',
        join(work, 'hbsd-update.conf'),
        '-r',
        root,
        '-t',
        join(work, 'tmp'),
        '-n',
        '-V',
      ];
      const { status } = await exec.change(argv, {
        input: postponed,
        accept: 'any',
        timeoutMs,
        signal,
        onLine(line) {
          if (line.trim() === '') return;
          said.push(line);
          run.progress(`updating ${of}: ${oneLine(line).slice(0, 120)}`);
        },
      });
      if (signal.aborted) throw failure('CANCELLED', { operation: `updating ${of}` });
      if (status !== 0) {
        const why = oneLine(said.slice(-3).join('; ')) || `hbsd-update ended with status ${status}`;
        throw failure('BASE_UPDATE_FAILED', { of, why });
      }
      if (said.some((line) => unmerged.test(line)))
        run.note(`parts of /etc of ${of} are to be merged by hand: 'etcupdate resolve' there, as root`);
    } finally {
      await exec.change(['rm', '-rf', '--', work]);
    }
  },
  undo: async ({ work }, { exec }) => void (await exec.change(['rm', '-rf', '--', work])),
});
