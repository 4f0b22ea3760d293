/** The proxies that programs of this machine ask, for a suite's mirror. Changes nothing. */
import type { Exec, Files } from '../../driver/system.ts';
import { aptProxies, aptProxyArgv, namesProxy } from '../../domain/apt-proxy.ts';
import { IocageError } from '../../domain/errors.ts';

/** As variables of the environment; they may hold a password, and so stand in no plan. */
export async function proxyVariables(exec: Exec): Promise<Readonly<Record<string, string>>> {
  try {
    return aptProxies((await exec.read(aptProxyArgv, { accept: 'any' })).stdout);
  } catch (error) {
    if (error instanceof IocageError && error.code === 'MISSING_TOOL') return {};
    throw error;
  }
}

/** root's own settings of wget(1); debootstrap runs with that home. */
export const wgetrcOfRoot = '/root/.wgetrc';

export async function wgetHasProxy(files: Files): Promise<boolean> {
  const texts = await Promise.all(['/etc/wgetrc', wgetrcOfRoot].map((path) => files.read(path)));
  return texts.some((text) => namesProxy(text ?? ''));
}
