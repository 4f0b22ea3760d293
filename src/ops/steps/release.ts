/** Step kinds that fill a release and make it ready for jails. What archives need is in `archive.ts`. */
import { basename, dirname, join } from 'node:path';
import { stepKind, type StepRun } from '../../driver/step.ts';
import { comingFile, watchSilence } from '../../domain/apt-silence.ts';
import { asIocageError, failure, type IocageError } from '../../domain/errors.ts';
import { nulLines } from '../../domain/nul-lines.ts';
import { releaseDefaults } from '../../domain/release-defaults.ts';
import { rcScript, rcShutdownScript } from '../../domain/release.ts';
import { archiveKinds } from './archive.ts';
import { downloadKinds } from './download.ts';
import { proxyVariables, wgetrcOfRoot } from './proxies.ts';

/**
 * Installs a Debian or Ubuntu suite. The commands are the plan's: one that fills `root` itself
 * (debootstrap), or one that writes a tar stream and the tar(1) that unpacks it (mmdebstrap, half as
 * long on zfs-fuse: 33 s against 55 s).
 */
export const bootstrap = stepKind<{
  suite: string;
  mirror: string;
  commands: readonly (readonly string[])[];
}>('release.bootstrap', {
  title: ({ suite, mirror }) => `install ${suite} from ${mirror}`,
  async do({ suite, mirror, commands }, run) {
    const said: string[] = [];
    let afterErr = false;
    const { silenceMs } = run.downloads;
    const watch = watchSilence(silenceMs);
    const stop = new AbortController();
    let missed: string | undefined;
    const tell = teller(run);
    const onLine = (line: string): void => {
      // apt says on the line after `Err:` why. Names of packages are no complaints (libgpg-error0).
      if (afterErr || (complaint.test(line) && !work.test(line))) said.push(line);
      afterErr = line.startsWith('Err:');
      tell(line);
      missed ??= watch(line, run.clock.now().getTime());
      if (missed !== undefined) stop.abort();
    };
    const scratch = scratchOf(run);
    // Fails when it exists, so that it is ours; open to others, since apt downloads as a user of its own.
    await run.exec.change(['mkdir', '-m', '755', '--', scratch]);
    const wgetrc = join(scratch, 'wgetrc');
    // It takes the place of root's own, so with what stands there: that counts more. It may hold a password.
    const own = run.dry ? '' : ((await run.files.read(wgetrcOfRoot)) ?? '');
    await run.files.write(wgetrc, wgetLimits(silenceMs) + own, { mode: 0o600 });
    try {
      const signal = AbortSignal.any([run.signal, stop.signal]);
      const env = { TMPDIR: scratch, WGETRC: wgetrc, ...(await proxyVariables(run.exec)) };
      const options = { onLine, signal, env };
      if (commands.length === 1) await run.exec.change(commands[0]!, options);
      else await run.exec.pipe(commands, options);
    } catch (error) {
      if (run.signal.aborted)
        throw failure('CANCELLED', { operation: `installing ${suite}` }, { cause: error });
      if (missed !== undefined) {
        const why = `it has gone silent: nothing came of ${missed}`;
        throw failure('BOOTSTRAP_FAILED', { suite, mirror, why }, { cause: error });
      }
      throw inWords(asIocageError(error), suite, mirror, said);
    }
    await run.files.remove(wgetrc);
    await run.exec.change(['rmdir', '--', scratch]);
  },
  /** The datasets' own steps take the files away; here only what an ended mmdebstrap had no time to remove. */
  async undo(_args, run) {
    const scratch = scratchOf(run);
    const facts = await run.files.stat(scratch);
    if (facts?.type !== 'directory' || facts.uid !== 0) return;
    for (const argv of run.host.trees.remove)
      await run.exec.change(argv, { cwd: dirname(scratch), input: nulLines([basename(scratch)]) });
  },
});

/** On disk: apt and dpkg unpack some 300 MB in it, more than a /tmp in memory may hold. */
function scratchOf({ operationId }: StepRun): string {
  return `/var/tmp/iocage-${operationId}`;
}

/** mmdebstrap's phases in their order; debootstrap says package by package what it does. */
const phases = [
  'running apt-get update',
  'downloading packages',
  'extracting archives',
  'installing essential packages',
  'installing remaining packages',
  'cleaning package lists',
  'creating tarball',
];

/** debootstrap's wget(1) would wait 15 minutes, twenty times. */
const wgetLimits = (silenceMs: number): string => `timeout = ${silenceMs / 1000}\ntries = 2\n`;

const complaint = /^(E:|W: Failed)|failed|error|no space left|quota exceeded/i;
const work = /^([\s/]|(Get:|Hit:|Selecting|Preparing|Unpacking|Setting up|Processing)\b)/;

/** The phase, which file comes in it, and that none does. */
function teller(run: StepRun): (line: string) => void {
  let index = -1;
  let title = '';
  const more = (text: string): void => run.progress(`${title}: ${text}`, index, phases.length);
  return (line) => {
    const text = /^I: (.*)$/.exec(line)?.[1];
    if (text !== undefined) {
      const found = phases.findIndex((phase) => text.startsWith(phase));
      if (found >= 0) {
        index = found;
        title = text.replace(/\.\.\.$/, '');
        run.progress(title, index, phases.length);
      } else if (/^(Retrieving|Validating|Extracting|Unpacking|Configuring|Installing)/.test(text))
        run.progress(text);
    } else if (index >= 0) {
      const coming = comingFile(line);
      if (coming !== undefined) more(coming);
      else if (line.startsWith('Ign:')) more(`no answer for ${line.replace(/^\S+ /, '')}`);
    }
  };
}

function inWords(error: IocageError, suite: string, mirror: string, said: readonly string[]): IocageError {
  if (error.code !== 'COMMAND_FAILED') return error;
  const all = `${said.join('\n')}\n${String(error.details['stderr'])}`;
  if (/no space left|quota exceeded/i.test(all)) {
    return failure(
      'POOL_FULL',
      { dataset: suite, why: 'the suite does not fit, on the pool or in /var/tmp' },
      { cause: error },
    );
  }
  // The first complaint is the cause; the programs around it only repeat that something failed.
  const why = (said[0] ?? String(error.details['stderr'])).replace(/\s+/g, ' ').trim().slice(0, 300);
  return failure(
    'BOOTSTRAP_FAILED',
    { suite, mirror, why: why || String(error.details['status']) },
    { cause: error },
  );
}

/**
 * Gives the root what every jail needs of it: `/etc/rc` and `/etc/rc.shutdown` where it has none,
 * and a plain empty `/etc/resolv.conf` to put the jail's own over (a link that leads nowhere could
 * not be mounted over, and the host's name servers are nobody's business). Follows no link.
 */
export const completeRelease = stepKind<{ root: string }>('release.complete', {
  title: () => 'complete the release: /etc/rc, /etc/rc.shutdown, /etc/resolv.conf',
  async do({ root }, run) {
    const { files, exec } = run;
    // An archive may have given its root any owner and mode; others could write into every jail then.
    await exec.change(['chown', '0:0', root]);
    await exec.change(['chmod', '0755', root]);
    if (!run.dry && (await files.statBelow(root, 'etc'))?.type !== 'directory') {
      run.note('the release has no directory /etc, so /etc/rc was not written');
      return;
    }
    await files.writeBelow(root, 'etc/resolv.conf', '', { mode: 0o644 });
    for (const [path, text] of [
      ['etc/rc', rcScript],
      ['etc/rc.shutdown', rcShutdownScript],
    ] as const) {
      if (run.dry) await files.writeBelow(root, path, 'unless the release brings one');
      else if ((await files.statBelow(root, path)) === undefined) {
        await files.writeBelow(root, path, text, { mode: 0o755 });
      }
    }
  },
  undo: () => Promise.resolve(),
});

/** FreeBSD's sets become a release for jails: a few lines in /etc. A release without /etc gets none. */
export const writeDefaults = stepKind<{ root: string }>('release.defaults', {
  title: () => `write what jails need into ${releaseDefaults.map(([path]) => `/${path}`).join(', ')}`,
  async do({ root }, { files, dry }) {
    if (!dry && (await files.statBelow(root, 'etc'))?.type !== 'directory') return;
    for (const [path, edit] of releaseDefaults) {
      const before = dry ? undefined : await files.readBelow(root, path);
      const after = edit(before ?? '');
      if (after !== before) await files.writeBelow(root, path, after, { mode: 0o644 });
    }
  },
  undo: () => Promise.resolve(),
});

/** Writes down the digest of a file that came without one over https. */
export const recordDigest = stepKind<{ dataset: string; file: string }>('release.record-digest', {
  title: ({ file }) => `write down the SHA-256 of ${file}`,
  async do({ dataset, file }, { storage, downloads, dry, signal }) {
    const sha256 = dry ? 'SHA-256' : (await downloads.digest(file, { signal })).sha256;
    await storage.set(dataset, { 'org.freebsd.iocage:release_sha256': sha256 });
  },
  undo: () => Promise.resolve(),
});

export const releaseKinds = [
  bootstrap,
  completeRelease,
  writeDefaults,
  recordDigest,
  ...archiveKinds,
  ...downloadKinds,
];
