/**
 * iocage on another host, by ssh(1). The words for the other side are fixed but for a pool's name, which
 * has no character that a shell knows; everything else goes through its standard input. Who asks for a
 * password gets none: keys, ports and other names of hosts belong into ssh_config(5) of root.
 */
import type { Context } from '../context.ts';
import type { RunResult } from '../../driver/system.ts';
import { failure, type IocageError } from '../../domain/errors.ts';
import { assertPoolName } from '../../domain/name.ts';
import { destinationProblem, type OtherHost } from '../../domain/transfer.ts';

const options = [
  'BatchMode=yes',
  'ServerAliveInterval=15',
  'ForwardAgent=no',
  'ForwardX11=no',
  'ClearAllForwardings=yes',
];

export interface Ssh extends OtherHost {
  /** A file for ssh to read instead of the configuration of root and the system; absolute. */
  readonly config?: string;
}

/** @param words fixed ones, and names that were checked */
export function onHost({ host, config }: Ssh, words: readonly string[]): readonly string[] {
  const problem = destinationProblem(host);
  if (problem !== undefined) throw failure('INVALID_NAME', { what: 'host', name: host, problem });
  return [
    'ssh',
    '-T',
    ...(config === undefined ? [] : ['-F', config]),
    ...options.flatMap((option) => ['-o', option]),
    '--',
    host,
    'iocage',
    '--json',
    '--quiet',
    ...words,
  ];
}

export function poolWords(pool: string | undefined): readonly string[] {
  if (pool === undefined) return [];
  assertPoolName(pool);
  return ['--pool', pool];
}

/** Asks the other side something that changes nothing there; answers what it says, as JSON. */
export async function ask(
  context: Context,
  other: Ssh,
  words: readonly string[],
  input?: string,
): Promise<unknown> {
  const result = await context.exec.read(onHost(other, words), {
    accept: 'any',
    signal: context.signal,
    ...(input === undefined ? {} : { input }),
  });
  if (result.status !== 0) throw remoteFailure(other, result);
  return parseAnswer(other, result);
}

function parseAnswer({ host }: OtherHost, { stdout }: RunResult): unknown {
  try {
    return JSON.parse(stdout) as unknown;
  } catch {
    throw failure('OTHER_HOST', { host, message: 'its iocage says what is not understood here' });
  }
}

/** What went wrong there, in its own words where it has any. */
export function remoteFailure({ host }: OtherHost, { status, stderr }: RunResult): IocageError {
  const lines = stderr.split('\n').filter((line) => line.trim() !== '');
  const said = lines.toReversed().flatMap((line) => errorOf(line) ?? [])[0];
  if (said !== undefined) return failure('OTHER_HOST', { host, ...said });
  const last = lines.at(-1)?.trim() ?? `exit status ${status}`;
  if (status === 255) return failure('HOST_UNREACHABLE', { host, why: last });
  if (status === 127)
    return failure('OTHER_HOST', {
      host,
      message: `iocage is not found there (${last})`,
      hint: 'install it',
    });
  return failure('OTHER_HOST', { host, message: `iocage ended with status ${status}: ${last}` });
}

function errorOf(line: string): { message: string; code?: string; hint?: string } | undefined {
  try {
    const { error } = JSON.parse(line) as { error?: Record<string, unknown> };
    if (typeof error?.['message'] !== 'string') return undefined;
    const text = (key: string) => (typeof error[key] === 'string' ? { [key]: error[key] } : {});
    return { message: error['message'], ...text('code'), ...text('hint') };
  } catch {
    return undefined;
  }
}
