/**
 * A hook as both kernels' drivers run it: its arguments in the journal, its command, the variables of who runs it.
 *
 * COMPAT: an executable file `prestart`, `poststart`, `prestop` or `poststop` in the jail's top dataset
 * takes the property's place. Root of the host must own it, and nobody else may write it.
 */
import { join } from 'node:path';
import type { Files } from '../system.ts';
import type { JailSpec } from '../host.ts';
import type { User } from './users.ts';

export type HookName = 'prestart' | 'created' | 'poststart' | 'prestop' | 'poststop';

export interface HookArgs {
  readonly pool: string;
  readonly uuid: string;
  readonly tag: string;
  readonly root: string;
  readonly name: HookName;
  /** Empty when there is nothing to run; the step still prints its line. */
  readonly argv: readonly string[];
  /** Why there is nobody to run it as: it is not run as root instead. */
  readonly nobody?: string;
  /** What it is told about the jail, see {@link jailVariables}: once, in few bytes, since a journal keeps it. */
  readonly config?: Readonly<Record<string, string | null>>;
  /** Variables of the user that it runs as; in records of earlier versions those that tell of the jail too. */
  readonly env?: Readonly<Record<string, string>>;
  /** 0: no bound. */
  readonly timeoutMs: number;
  readonly consoleLog: string;
}

const nothing = ['', 'none', 'true', '/bin/true', '/usr/bin/true'];

/** A property in seconds as milliseconds. */
export function milliseconds(config: ReadonlyMap<string, string>, key: string, fallback: number): number {
  const text = config.get(key) ?? '';
  return (/^\d{1,6}$/.test(text) ? Number(text) : fallback) * 1000;
}

export async function commandOf(files: Files, jail: JailSpec, name: HookName): Promise<readonly string[]> {
  const file = join(jail.mountpoint, name);
  const facts = await files.stat(file);
  const executable = facts?.type === 'file' && (facts.mode & 0o111) !== 0;
  if (executable && facts.uid === 0 && (facts.mode & 0o022) === 0) return [file];
  const text = jail.config.get(`exec_${name}`) ?? '';
  // The property is a shell command by definition, written by the host's administrator.
  return nothing.includes(text.trim()) ? [] : ['/bin/sh', '-c', text];
}

/**
 * The jail as a hook is told about it: each value that is set as `IOC_KEY`, and as `IOCAGE_KEY`, as both lines of
 * libiocage called them, in the spelling of `get`; and in short words. Control characters would break a line of
 * whoever prints them, and are left out with their variable.
 */
export function jailVariables({
  uuid,
  tag,
  root,
  config,
}: Pick<JailSpec, 'uuid' | 'tag' | 'root' | 'config'>): Readonly<Record<string, string>> {
  const values = [...config, ['id', uuid] as const, ['jail_path', root] as const];
  const both = values.flatMap(([key, value]) => {
    const word = key.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_');
    const clean = !/\p{Cc}/u.test(value);
    return clean ? [[`IOC_${word}`, value] as const, [`IOCAGE_${word}`, value] as const] : [];
  });
  return { ...Object.fromEntries(both), JNAME: tag, JPATH: root };
}

/** @param jid empty while there is none */
export const jidVariables = (jid: string): Readonly<Record<string, string>> => ({
  IOC_JID: jid,
  IOCAGE_JID: jid,
  JID: jid,
});

export const variablesOf = ({ home, name, shell }: User): Readonly<Record<string, string>> => ({
  HOME: home,
  USER: name,
  LOGNAME: name,
  SHELL: shell,
});
