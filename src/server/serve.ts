/** `iocage serve`: the settings of file and flags, the server, and its end on a signal. */
import { makeContext, openLineLog } from '../iocage.ts';
import { failure } from '../domain/errors.ts';
import type { Context } from '../ops/context.ts';
import { ApiHost } from './api-host.ts';
import { HereRunner, type Runner } from './runner.ts';
import { ThreadRunner } from './runner-thread.ts';
import { parseSettings, printSettings, toSettings, type Settings, type SettingTexts } from './settings.ts';
import { hostBackend } from './sysadm/host-backend.ts';
import { startServer, type RunningServer } from './sysadm/server.ts';
import { startThread } from './thread.ts';
import { trustProblem } from './trusted-file.ts';

export interface ServeInput {
  readonly config?: string | undefined;
  readonly listen?: string | undefined;
}

const usualConfig =
  process.platform === 'freebsd' ? '/usr/local/etc/iocage/serve.conf' : '/etc/iocage/serve.conf';

async function readTexts({ files, pool }: Context, { config, listen }: ServeInput): Promise<SettingTexts> {
  const path = config ?? usualConfig;
  const why = await trustProblem(files, path);
  if (why !== undefined) throw failure('BAD_SETTING', { place: path, why });
  const text = await files.read(path);
  // A file that was named must be there; the usual one need not.
  if (text === undefined && config !== undefined)
    throw failure('BAD_SETTING', { place: config, why: 'there is no such file' });
  return {
    ...parseSettings(text ?? '', path),
    ...(listen === undefined ? {} : { listen }),
    ...(pool === undefined ? {} : { pool }),
  };
}

export async function printConfig(context: Context, input: ServeInput): Promise<string> {
  const texts = await readTexts(context, input);
  toSettings(texts);
  return printSettings(texts);
}

const say = (line: string): void => void process.stdout.write(`iocage serve: ${line}\n`);

const tokenPath = ({ paths }: Context): string => `${paths.state}/serve/first-token`;

async function announce(context: Context, server: RunningServer, listen: readonly string[]): Promise<void> {
  for (const address of listen) {
    const host = address.includes(':') ? `[${address}]` : address;
    say(`REST on https://${host}:${server.restPort}, WebSocket on wss://${host}:${server.websocketPort}`);
  }
  const { fingerprint, made } = server.certificate;
  say(`${made ? 'a self-signed certificate was made; ' : ''}its SHA-256 is ${fingerprint}`);
  if (server.firstToken !== undefined) {
    say(`this is the first start, and nobody has an account yet: 'iocage user add NAME' makes one`);
    const what = 'token for one login with full access within an hour';
    // More people than root may read the journal of systemd.
    if (process.env['JOURNAL_STREAM'] === undefined) say(`${what}: ${server.firstToken}`);
    else {
      await context.files.write(tokenPath(context), `${server.firstToken}\n`, { mode: 0o600 });
      say(`${what}: it is in ${tokenPath(context)}`);
    }
  }
}

/** As of the commands: only a person's second Ctrl-C breaks off; programs, and a terminal that goes, often signal twice. */
function untilSignal(): Promise<void> {
  return new Promise<void>((resolve) => {
    let isAsked = false;
    for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const)
      process.on(name, () => {
        if (isAsked && name === 'SIGINT') process.exit(1);
        if (isAsked) return;
        isAsked = true;
        say('stopping; what runs is finished first (Ctrl-C once more ends it at once)');
        resolve();
      });
  });
}

/**
 * Runs until SIGTERM, SIGINT or SIGHUP; a SIGINT after that does not wait any more.
 *
 * @throws LOCKED where another server has the same state: each would write over what the other one wrote
 */
export async function serve(context: Context, input: ServeInput): Promise<number> {
  const settings = toSettings(await readTexts(context, input));
  const own = await context.locks.take([`${context.paths.state}/serve`], 'iocage serve', 0);
  try {
    return await run(context, settings);
  } finally {
    await own.release();
  }
}

/** On FreeBSD files below a jail's root are reached by the program's own directory, which a thread cannot change. */
function runnerOf({ paths }: Context): Runner {
  return process.platform === 'freebsd'
    ? new HereRunner((options) => makeContext({ ...options, paths }))
    : new ThreadRunner(startThread(paths));
}

async function run(context: Context, settings: Settings): Promise<number> {
  const host = new ApiHost({
    runner: runnerOf(context),
    kernel: context.host,
    ...(settings.pool === '' ? {} : { pool: settings.pool }),
    settings: {
      operatorAccess: settings.iocageOperatorAccess,
      legacyTruncation: settings.legacyTruncation,
      listFormat: settings.listFormat,
      refuseToDestroyRunning: settings.refuseToDestroyRunning,
      changesAtOnce: settings.changesAtOnce,
      changesWaiting: settings.changesWaiting,
    },
  });
  const server = await startServer({
    settings,
    exec: context.exec,
    files: context.files,
    lines: openLineLog((error) => say(`log: ${error.message}`)),
    state: context.paths.state,
    backend: hostBackend(host),
    say,
  });
  // Heard from before the first word is said: who reads it may answer with a signal.
  const asked = untilSignal();
  await announce(context, server, settings.listen);
  await asked;
  await server.stop();
  await context.files.remove(tokenPath(context));
  say('stopped');
  return 0;
}
