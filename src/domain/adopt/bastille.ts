/**
 * A jail of Bastille: `jail.conf`, `fstab`, and what its commands keep beside them: `settings.conf`, limits, processors,
 * ports, datasets, tags. Pure. Source: bastille(8), Bastille 1.0 to 1.4.
 */
import { limitResources } from '../codec/limit.ts';
import { sortMounts, type Collected, type FoundJail } from './found.ts';
import { JailConfProblem, parseJailConf } from './jail-conf.ts';
import { parametersOf } from './jail-conf-values.ts';
import { collectParameters } from './jail-params.ts';
import { parseSettings } from './shell-settings.ts';

export interface BastilleFiles {
  readonly conf: string;
  readonly fstab: string;
  readonly settings: string;
  readonly limits: string;
  /** `cpuset.conf`: lists of processors, of which the last one counts. */
  readonly processors?: string;
  /** Files of which nothing can be taken over, by name. */
  readonly others?: Readonly<Partial<Record<OtherFile, string>>>;
}

/** Why the lines of a file stay behind. */
const others = {
  'rdr.conf': 'Bastille publishes ports by pf; set nat_forwards',
  'zfs.conf': `the datasets stay where they are; see 'iocage help jail_zfs_dataset'`,
  tags: 'Bastille chooses jails by tags; set notes',
} as const;
export type OtherFile = keyof typeof others;
export const otherFiles = Object.keys(others) as readonly OtherFile[];

const linesOf = (text: string): readonly string[] =>
  text.split('\n').flatMap((line) => (/^\s*(#.*)?$/.test(line) ? [] : [line.trim()]));

/** @throws JailConfProblem */
export function readBastille(name: string, directory: string, files: BastilleFiles): FoundJail {
  const conf = parseJailConf(files.conf);
  // Of another name, or behind a byte order mark: nothing of what it says would hold.
  if (!conf.jails.includes(name)) throw new JailConfProblem(0, `its jail.conf defines no jail ${name}`);
  const parameters = parametersOf(conf, name);
  const collected = collectParameters(parameters);
  for (const one of conf.statements)
    if ('include' in one)
      collected.leave(`.include ${one.include}`, 'included files are not read; set what it says');
  const root = parameters.get('path')?.at(-1) ?? `${directory}/root`;
  const settings = parseSettings(files.settings);
  for (const [key, value] of settings.values) {
    if (key === 'boot') collected.put('boot', value);
    else if (key === 'priority') collected.put('priority', value);
    else if (key === 'depend' || key === 'depends')
      collected.put('depends', value.trim() === '' ? 'none' : value, key);
    else collected.leave(`${key}=${value}`, 'it is a setting of Bastille itself');
  }
  // It starts every jail of which nobody said otherwise.
  if (!settings.values.has('boot')) collected.put('boot', 'on');
  limits(collected, name, linesOf(files.limits));
  const processors = linesOf(files.processors ?? '').at(-1);
  if (processors !== undefined) collected.put('cpuset', processors.replaceAll(' ', ','), 'cpuset.conf');
  for (const file of otherFiles)
    for (const line of linesOf(files.others?.[file] ?? '')) collected.leave(`${file}: ${line}`, others[file]);
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

/** Rules of rctl(8), `jail:NAME:RESOURCE:ACTION=AMOUNT/jail`. One action for each resource: what denies counts. */
function limits(collected: Collected, name: string, rules: readonly string[]): void {
  const taken = new Set<string>();
  const parsed = rules.map((rule) => ({
    rule,
    parts: /^jail:([^:]+):([a-z]+):([a-z]+)=([^/\s]+)(?:\/jail)?$/.exec(rule),
  }));
  for (const { rule, parts } of [...parsed].sort(
    (a, b) => Number(b.parts?.[3] === 'deny') - Number(a.parts?.[3] === 'deny'),
  )) {
    const [, jail, key = '', action, amount] = parts ?? [];
    if (jail !== name || !Object.hasOwn(limitResources, key))
      collected.leave(rule, 'it is no limit of this jail');
    else if (taken.has(key)) collected.leave(rule, `${key} has one action here`);
    else {
      taken.add(key);
      collected.put(key, `${amount}:${action}`);
      collected.put('rlimits', 'on');
    }
  }
}
