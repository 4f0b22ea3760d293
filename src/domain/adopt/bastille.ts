/** A jail of Bastille: `jail.conf`, `fstab`, `settings.conf` and `rctl.conf` in its directory. Pure. */
import { limitResources } from '../codec/limit.ts';
import { sortMounts, type FoundJail } from './found.ts';
import { parametersOf, parseJailConf } from './jail-conf.ts';
import { collectParameters } from './jail-params.ts';
import { parseSettings } from './shell-settings.ts';

export interface BastilleFiles {
  readonly conf: string;
  readonly fstab: string;
  readonly settings: string;
  readonly limits: string;
}

/** @throws JailConfProblem */
export function readBastille(name: string, directory: string, files: BastilleFiles): FoundJail {
  const parameters = parametersOf(parseJailConf(files.conf), name);
  const collected = collectParameters(parameters);
  const root = parameters.get('path')?.[0] ?? `${directory}/root`;
  for (const [key, value] of parseSettings(files.settings).values) {
    if (key === 'boot') collected.put('boot', value);
    else if (key === 'priority') collected.put('priority', value);
    else if (key === 'depend' || key === 'depends')
      collected.put('depends', value === '' ? 'none' : value, key);
    else collected.leave(`${key}=${value}`, 'it is a setting of Bastille itself');
  }
  for (const line of files.limits.split('\n').filter((text) => text.trim() !== '' && !text.startsWith('#'))) {
    const [, key = '', action, amount] =
      /^jail:[^:]+:([a-z]+):([a-z]+)=([^/\s]+)(?:\/jail)?$/.exec(line.trim()) ?? [];
    if (!Object.hasOwn(limitResources, key)) collected.leave(line.trim(), 'it is no limit of this jail');
    else {
      collected.put(key, `${amount}:${action}`);
      collected.put('rlimits', 'on');
    }
  }
  const mounts = sortMounts(files.fstab, root, ['.bastille']);
  return {
    name,
    root,
    trees: [{ from: root, at: '' }, ...mounts.trees.filter(({ at }) => at !== '')],
    properties: collected.properties,
    fstab: mounts.fstab,
    left: [...collected.left, ...mounts.left],
  };
}
