/** A jail of jail.conf(5) alone. Its fstab may make up the whole root, as the thin jails of the handbook do. Pure. */
import { sortMounts, type FoundJail } from './found.ts';
import type { JailConf } from './jail-conf.ts';
import { parametersOf } from './jail-conf-values.ts';
import { collectParameters } from './jail-params.ts';

/** Where its tables of mounts are. @throws JailConfProblem */
export function fstabsOf(conf: JailConf, name: string): readonly string[] {
  return parametersOf(conf, name).get('mount.fstab') ?? [];
}

/** @throws JailConfProblem */
export function readPlain(conf: JailConf, name: string, fstab: string): FoundJail | undefined {
  const parameters = parametersOf(conf, name);
  const root = parameters.get('path')?.at(-1)?.replace(/\/+$/, '');
  if (root === undefined || root === '') return undefined;
  const collected = collectParameters(parameters);
  const lines = [fstab, ...(parameters.get('mount') ?? [])].join('\n');
  const mounts = sortMounts(lines, root, []);
  const whole = mounts.trees.some(({ at }) => at === '');
  return {
    name,
    root,
    trees: whole ? mounts.trees : [{ from: root, at: '' }, ...mounts.trees],
    properties: collected.properties,
    fstab: mounts.fstab,
    left: [...collected.left, ...mounts.left],
  };
}
