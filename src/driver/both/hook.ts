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
  /** Variables of the user that it runs as, besides those that tell of the jail. */
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

export const variablesOf = ({ home, name, shell }: User): Readonly<Record<string, string>> => ({
  HOME: home,
  USER: name,
  LOGNAME: name,
  SHELL: shell,
});
