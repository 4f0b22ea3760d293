/**
 * Step kinds for a release whose base system is packages: pkg(8) of the host works below the release's root. What it
 * installs is signed, and the keys are this host's; nobody but those who made the packages has had a hand in
 * the root. Never for a jail's: programs of packages run while they are installed.
 */
import { join } from 'node:path';
import { stepKind, type StepRun } from '../../driver/step.ts';
import { asIocageError, failure } from '../../domain/errors.ts';
import { basePkg, type BaseRepository } from '../../domain/pkgbase.ts';

interface BaseArgs extends BaseRepository {
  readonly release: string;
  readonly root: string;
  /** A directory that is not there yet, for the repository's file. */
  readonly work: string;
}

const timeoutMs = 2 * 60 * 60_000;

async function runPkg(args: BaseArgs, commands: readonly (readonly string[])[], run: StepRun): Promise<void> {
  const { files, exec, signal } = run;
  const { release, root, work, conf } = args;
  await files.mkdir(work, { mode: 0o700 });
  await files.write(join(work, 'FreeBSD-base.conf'), conf, { mode: 0o600 });
  const said: string[] = [];
  try {
    for (const words of commands)
      await exec.change(basePkg(root, work, args, words), {
        env: { ASSUME_ALWAYS_YES: 'yes' },
        timeoutMs,
        signal,
        onLine(line) {
          if (line.trim() === '') return;
          said.push(line);
          run.progress(`${release}: ${line.replaceAll(/\p{Cc}+/gu, ' ').slice(0, 120)}`);
        },
      });
  } catch (error) {
    if (signal.aborted) throw failure('CANCELLED', { operation: `installing ${release}` }, { cause: error });
    const known = asIocageError(error);
    if (known.code !== 'COMMAND_FAILED') throw known;
    const why = said.slice(-3).join('; ').slice(0, 300) || String(known.details['status']);
    throw failure('BASE_UPDATE_FAILED', { of: `release ${release}`, why }, { cause: error });
  } finally {
    await exec.change(['rm', '-rf', '--', work]);
  }
}

/** Fills a root that the same operation made. */
export const installBase = stepKind<BaseArgs & { packages: readonly string[]; keys: string }>(
  'release.install-base',
  {
    title: ({ packages, release }) => `install ${packages.join(', ')} of ${release}`,
    async do(args, run) {
      const { root, packages, keys } = args;
      // The keys that a repository is verified with are looked for below the root.
      await run.exec.change(['mkdir', '-p', join(root, 'usr/share/keys')]);
      await run.exec.change(['cp', '-R', '--', `${keys}/.`, join(root, 'usr/share/keys/')]);
      await runPkg(
        args,
        [
          ['install', '-y', '-r', 'FreeBSD-base', ...packages],
          ['clean', '-a', '-y'],
        ],
        run,
      );
      // For pkg in the jails: that repository is there and off otherwise.
      await run.exec.change(['mkdir', '-p', join(root, 'usr/local/etc/pkg/repos')]);
      await run.files.writeBelow(
        root,
        'usr/local/etc/pkg/repos/FreeBSD-base.conf',
        'FreeBSD-base: { enabled: yes }\n',
      );
    },
    undo: async ({ work }, { exec }) => void (await exec.change(['rm', '-rf', '--', work])),
  },
);

export const upgradeBase = stepKind<BaseArgs>('release.upgrade-base', {
  title: ({ release }) => `update the packages of ${release}`,
  do: (args, run) =>
    runPkg(
      args,
      [
        ['update', '-f'],
        ['upgrade', '-y', '-r', 'FreeBSD-base'],
        ['clean', '-a', '-y'],
      ],
      run,
    ),
  undo: async ({ work }, { exec }) => void (await exec.change(['rm', '-rf', '--', work])),
});

export const basePackageKinds = [installBase, upgradeBase];
