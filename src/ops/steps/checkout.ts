/**
 * Step kinds for what git(1) brings: the files of one commit beside a jail's root, out of the jail's reach. Nothing
 * of a repository runs here: no hooks, filters, submodules or configuration of anybody but ours, and no
 * question is asked. git is gone from the files before the jail sees them.
 */
import { dirname, join } from 'node:path';
import { stepKind, type StepKind } from '../../driver/step.ts';
import type { Exec, Files, RunResult } from '../../driver/system.ts';
import { failure } from '../../domain/errors.ts';

const timeoutMs = 30 * 60_000;
/** Of git's silence. It tells how far it is about once a second, and what another host counts or packs. */
const silenceMs = 60_000;

/** See git-config(1), "protocol.allow", and git(1), "ENVIRONMENT VARIABLES". */
const quiet = [
  ...['-c', 'protocol.ext.allow=never', '-c', 'core.hooksPath=/dev/null', '-c', 'core.fsmonitor=false'],
  // curl gives up what stands still; whole silence in other ways is this file's own affair.
  ...['-c', 'http.lowSpeedLimit=1', '-c', 'http.lowSpeedTime=30'],
  ...['-c', 'submodule.recurse=false', '-c', 'core.attributesFile=/dev/null', '-c', 'gc.auto=0'],
];
const env = {
  GIT_ALLOW_PROTOCOL: 'https:ssh:git:file',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_TERMINAL_PROMPT: '0',
  GIT_ASKPASS: 'true',
  GIT_SSH_COMMAND: 'ssh -oBatchMode=yes -oClearAllForwardings=yes -oConnectTimeout=15',
};

/** What it says of its work, between which a complaint stands. */
const howFar =
  /^(remote: )?(Total|Enumerating|Counting|Compressing|Receiving|Resolving|Updating) |^Cloning into/;

const gitCommand = (...words: readonly string[]): readonly string[] => ['git', ...quiet, ...words];

interface How {
  readonly signal: AbortSignal;
  readonly onLine?: (line: string) => void;
  /** Default a minute. */
  readonly silenceMs?: number;
}

/** @throws REPOSITORY_FAILED in git's own words, MISSING_TOOL */
export async function git(
  how: Exec['read'],
  repository: string,
  words: readonly string[],
  { signal, onLine, silenceMs: limitMs = silenceMs }: How,
): Promise<RunResult> {
  // Neither git:// nor ssh gives a silent server up, and http only one that was reached.
  const silent = new AbortController();
  const stop = (): void => silent.abort();
  let timer = setTimeout(stop, limitMs);
  const heard = (line: string): void => {
    clearTimeout(timer);
    timer = setTimeout(stop, limitMs);
    onLine?.(line);
  };
  const ran = await how(gitCommand(...words), {
    env,
    timeoutMs,
    signal: AbortSignal.any([signal, silent.signal]),
    accept: 'any',
    onLine: heard,
  }).finally(() => clearTimeout(timer));
  if (silent.signal.aborted && !signal.aborted)
    throw failure('REPOSITORY_FAILED', { repository, why: `nothing came for ${limitMs / 1000} s` });
  if (ran.status === 0) return ran;
  const said = ran.stderr
    .split(/[\r\n]+/)
    .filter((line) => /^(fatal|error|ERROR|ssh|remote): |: /.test(line) && !howFar.test(line))
    .slice(0, 2)
    .join('; ');
  throw failure('REPOSITORY_FAILED', { repository, why: said || `git ended with status ${ran.status}` });
}

async function isThere(files: Files, directory: string, member: string): Promise<boolean> {
  const facts = await files.statBelow(directory, member).catch(() => undefined);
  return facts?.type === 'file';
}

/**
 * `expects`: a file that has to be there. `made`: the directory is this operation's and goes with it; another one
 * is a dataset, whose content a snapshot brings back.
 */
export const checkOut = stepKind<{
  repository: string;
  commit: string;
  directory: string;
  expects?: string;
  made: boolean;
}>('provision.checkout', {
  title: ({ repository, commit }) => `get ${repository} at ${commit.slice(0, 12)}`,
  async do({ repository, commit, directory, expects, made }, { exec, files, signal, dry, progress }) {
    const change: Exec['change'] = (argv, options) => exec.change(argv, options);
    if (made) await change(['rm', '-rf', '--', directory]);
    else await change(['find', directory, '-xdev', '-mindepth', '1', '-delete']);
    if (made) await files.mkdir(directory, { mode: 0o755 });
    progress(`getting ${repository}`);
    const onLine = (line: string): void => progress(`getting ${repository}: ${line.trim().slice(0, 80)}`);
    const whole = ['--no-checkout', '--no-local', '--template=', '--no-recurse-submodules', '--progress'];
    await git(change, repository, ['clone', ...whole, '--', repository, directory], { signal, onLine });
    const at = ['-C', directory, 'checkout', '--quiet', '--force', '--detach', commit];
    // Nobody else is asked, and it may take as long as it likes.
    await git(change, repository, at, { signal, silenceMs: timeoutMs });
    await change(['rm', '-rf', '--', join(directory, '.git')]);
    if (!dry && expects !== undefined && !(await isThere(files, directory, expects)))
      throw failure('REPOSITORY_FAILED', { repository, why: `there is no file ${expects} in it` });
  },
  async undo({ directory, made }, { exec }) {
    if (made) await exec.change(['rm', '-rf', '--', directory]);
  },
});

/** Takes away what was shown for the time, and the empty places where the jail saw it; going back does not need it. */
export const clearAway = stepKind<{ directory?: string; root: string; target: string }>('provision.clear', {
  title: ({ target }) => `take ${target} away`,
  async do({ directory, root, target }, { exec, files }) {
    if (directory !== undefined) await exec.change(['rm', '-rf', '--', directory]);
    for (let at = target.slice(1); at !== '.' && at !== ''; at = dirname(at))
      await files.rmdirBelow(root, at);
  },
  undo: () => Promise.resolve(),
});

export const checkoutKinds = [checkOut, clearAway] as unknown as readonly StepKind[];
