/**
 * Whom a configured name means: a user of the host, or one of the jail. The jail's data bases belong to the
 * jail's root, so they are read without following a link, and what they say holds inside the jail only.
 */
import type { Files } from '../system.ts';
import type { JailSpec } from '../host.ts';
import { isOn } from '../../domain/config.ts';
import { asIocageError } from '../../domain/errors.ts';
import { findUser, type User } from './users.ts';

export const root: User = { name: 'root', uid: 0, gid: 0, home: '/root', shell: '/bin/sh', groups: [0] };

export async function findHostUser(files: Files, name: string): Promise<User | undefined> {
  return findUser((await files.read('/etc/passwd')) ?? '', (await files.read('/etc/group')) ?? '', name);
}

/** @throws UNSAFE_PATH when a link stands in the place of a data base */
export async function findJailUser(files: Files, jail: JailSpec, name: string): Promise<User | undefined> {
  const read = async (path: string): Promise<string> => (await files.readBelow(jail.root, path)) ?? '';
  return findUser(await read('/etc/passwd'), await read('/etc/group'), name);
}

const nameIn = (jail: JailSpec, key: string): string => jail.config.get(key) ?? 'root';

/** As whom `exec_start` and `exec_stop` run; a text is the reason why nobody is found. */
export async function serviceUser(files: Files, jail: JailSpec): Promise<User | string> {
  const name = nameIn(jail, 'exec_jail_user');
  if (name === 'root') return root;
  if (isOn(jail.config, 'exec_system_jail_user'))
    return (await findHostUser(files, name)) ?? `the host has no user ${name}`;
  try {
    return (await findJailUser(files, jail, name)) ?? `the jail has no user ${name}`;
  } catch (thrown) {
    return asIocageError(thrown).message;
  }
}

/** As whom the hooks run on the host. */
export async function hookUser(files: Files, jail: JailSpec): Promise<User | string> {
  const name = nameIn(jail, 'exec_system_user');
  if (name === 'root') return root;
  return (await findHostUser(files, name)) ?? `the host has no user ${name}`;
}

export async function accountProblems(
  files: Files,
  jail: JailSpec,
): Promise<readonly { readonly key: string; readonly problem: string }[]> {
  const found = [
    ['exec_jail_user', await serviceUser(files, jail)],
    ['exec_system_user', await hookUser(files, jail)],
  ] as const;
  return found.flatMap(([key, user]) => (typeof user === 'string' ? [{ key, problem: user }] : []));
}
