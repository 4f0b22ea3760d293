/**
 * The base system of a root by freebsd-update(8), on the host (`-b`), without questions: `fetch`, then `install`. Its
 * working directory lies outside of the root and goes when it is done; the way back is a snapshot's. In two
 * calls, since `fetch` of a release without support ends with status 1 although all of it worked.
 */
import { join } from 'node:path';
import { stepKind, type StepRun } from '../step.ts';
import type { BaseSystem } from '../host.ts';
import { failure } from '../../domain/errors.ts';
import { updateConf } from './update-conf.ts';

/**
 * freebsd-update of 15 asks the host's pkg(8) whether the root came as packages (`pkg -N -r ROOT`, `pkg -r ROOT which`), and
 * that reads the root's own pkg.conf(5): plugins, which are code, and other words for its verbs, which may be
 * `shell`. pkg lets the environment outdo that file. An alias wants a name and a value.
 */
const ownPkg = {
  PKG_ENABLE_PLUGINS: 'no',
  ALIAS: 'none=none',
  EVENT_PIPE: '/dev/null',
  PKG_CONFIG_FILE: '/dev/null',
};

/**
 * What the script lets host programs read and write through a link: pwd_mkdb(8), cap_mkdb(1), and, to names that no
 * release has, makewhatis(8) and certctl(8) of 15.
 */
const throughLinks =
  /^(etc\/(master\.passwd|login\.conf(\.db)?)|etc\/ssl\/(certs|untrusted)\/\.[^/]*|usr\/share\/(openssl\/)?man\/mandoc\.db~?)$/;

/** A slow mirror, and thousands of patches. */
export const timeoutMs = 2 * 60 * 60_000;
/** Below them people keep links of their own, in the place of files; not in the place of directories. */
const ownPlaces = /^(etc|root|var|tmp|home|media|mnt|usr\/(local|home|ports|src|obj))\//;

/** Paths below a root, as find(1) ends each by a NUL. Names that are no text stand in no release. */
async function paths(
  root: string,
  type: 'd' | 'f' | 'l',
  { exec, signal }: StepRun,
): Promise<ReadonlySet<string>> {
  const { stdout } = await exec.read(['find', '.', '-xdev', '-type', type, '-print0'], { cwd: root, signal });
  return new Set(
    stdout
      .split('\0')
      .slice(0, -1)
      .map((path) => path.replace(/^\.\//, '')),
  );
}

/**
 * freebsd-update follows links in the directories above what it writes.
 *
 * @param never paths at which no link may be at all; with it, none stands in the place of any file of the release
 */
export async function assertNoDetour(
  root: string,
  like: string,
  run: StepRun,
  never?: (path: string) => boolean,
): Promise<void> {
  const links = await paths(root, 'l', run);
  const [directories, files] = [await paths(like, 'd', run), await paths(like, 'f', run)];
  const bad = [...links].find(
    (path) =>
      directories.has(path) ||
      throughLinks.test(path) ||
      never?.(path) === true ||
      (files.has(path) && (never !== undefined || !ownPlaces.test(`${path}/`))),
  );
  if (bad !== undefined)
    throw failure('UNSAFE_PATH', {
      path: join(root, bad),
      why: 'the jail has a link in the place of a part of its system',
    });
}

/** The script hands its directories on without quotes, so one with a blank would be another one. */
function assertOneWord(root: string): void {
  if (/^[\w./:@%+=,~-]+$/.test(root)) return;
  throw failure('UNSUPPORTED', {
    what: `freebsd-update of ${root}`,
    why: 'its path has a blank or a sign of the shell; give the pool another mount point',
  });
}

export const oneLine = (text: string): string =>
  text
    .replaceAll(/\p{Cc}+/gu, ' ')
    .trim()
    .slice(0, 300);

async function freebsdUpdate(
  { of, root, work, userland }: BaseSystem,
  verb: 'fetch' | 'install',
  tolerated: (status: number, said: string) => boolean,
  run: StepRun,
): Promise<string> {
  const argv = [
    ...['freebsd-update', '-b', root, '-d', work, '-f', join(work, 'freebsd-update.conf')],
    ...['--currently-running', userland, '--not-running-from-cron', verb],
  ];
  const lines: string[] = [];
  const { status, stdout } = await run.exec.change(argv, {
    // It shows lists with a pager, which would wait for a key.
    env: { PAGER: 'cat', ...ownPkg },
    accept: 'any',
    timeoutMs,
    signal: run.signal,
    onLine(line) {
      lines.push(line);
      if (line.trim() !== '')
        run.progress(
          `${verb === 'fetch' ? 'fetching' : 'installing'} updates of ${of}: ${oneLine(line).slice(0, 120)}`,
        );
    },
  });
  if (run.signal.aborted) throw failure('CANCELLED', { operation: `updating ${of}` });
  if (status === 0 || tolerated(status, stdout)) return stdout;
  const why = oneLine(
    lines
      .filter((line) => line.trim() !== '')
      .slice(-3)
      .join('; '),
  );
  throw failure('BASE_UPDATE_FAILED', {
    of,
    why: why || `freebsd-update ${verb} ended with status ${status}`,
  });
}

const outOfSupport = /HAS PASSED ITS END-OF-LIFE DATE/;

export const updateBase = stepKind<BaseSystem>('freebsd.update-base', {
  title: ({ of, userland }) => `update the base system of ${of} from ${userland}`,
  async do(system, run) {
    const { root, work, like, of } = system;
    const { files, exec } = run;
    assertOneWord(root);
    if (like !== undefined && !run.dry) await assertNoDetour(root, like, run);
    const source = run.dry
      ? undefined
      : await files.statBelow(root, 'usr/src/COPYRIGHT').catch(() => undefined);
    const components = source?.type === 'file' ? ['src', 'world'] : ['world'];
    await files.mkdir(work, { mode: 0o700 });
    await files.write(
      join(work, 'freebsd-update.conf'),
      updateConf(await files.read('/etc/freebsd-update.conf'), components),
      {
        mode: 0o600,
      },
    );
    try {
      const said = await freebsdUpdate(
        system,
        'fetch',
        (status, text) => status === 1 && outOfSupport.test(text),
        run,
      );
      if (outOfSupport.test(said))
        run.note(`the release of ${of} is without support: there will be no further updates`);
      const kept = /modified\s+locally:\s*\n((?:\/\S+\n)+)/.exec(said)?.[1]?.trim().split('\n') ?? [];
      if (kept.length > 0) run.note(`changed by somebody, so left as they are: ${oneLine(kept.join(', '))}`);
      // Status 2: there was nothing to install.
      await freebsdUpdate(system, 'install', (status) => status === 2, run);
    } finally {
      await exec.change(['rm', '-rf', '--', work]);
    }
  },
  undo: async ({ work }, { exec }) => void (await exec.change(['rm', '-rf', '--', work])),
});
