/** Everything that would keep this host from starting a jail, found before anything is touched. */
import type { Exec, Files, Paths } from '../system.ts';
import type { JailSpec, Problem } from '../host.ts';
import { volumes } from '../../domain/codec/files.ts';
import { isOn, valueOf } from '../../domain/config.ts';
import { fstabKind, isBelow } from '../../domain/format/fstab.ts';
import { asIocageError } from '../../domain/errors.ts';
import { accountProblems } from '../both/accounts.ts';
import { baseProblems } from '../both/base.ts';
import { fstabTargets } from '../both/fstab.ts';
import { hostnameOf } from '../both/hostname.ts';
import { interfacesProblem } from '../both/interfaces.ts';
import { shownProblems } from '../both/shown.ts';
import { readRulesets, rulesetProblem } from './devfs.ts';
import { majorOf, optionalParameters, type HostFacts } from './facts.ts';
import { namesProblems } from './hosts.ts';
import { readJails, rowOf } from './jls.ts';
import { toLimits } from './limits.ts';
import { systemMounts } from './mounts.ts';
import { jailName } from './names.ts';
import { planJailNetwork } from './network.ts';

/** Where the host mounts something must be a directory of the jail's own, with no link on the way. */
async function rootProblem(files: Files, jail: JailSpec): Promise<Problem | undefined> {
  const key = 'root';
  const facts = await files.stat(jail.root);
  if (facts === undefined) return { key, problem: `${jail.root} does not exist; is its dataset mounted?` };
  if (facts.type !== 'directory') return { key, problem: `${jail.root} is not a directory` };
  for (const { target } of systemMounts(jail.config, 0)) {
    try {
      const place = await files.statBelow(jail.root, target.slice(1));
      if (place !== undefined && place.type !== 'directory')
        return { key, problem: `${jail.root}${target} must be a directory, not a link or a file` };
    } catch (thrown) {
      return { key, problem: asIocageError(thrown).message };
    }
  }
  return undefined;
}

/** Lengths of the kernel's own fields: MAXHOSTNAMELEN and HOSTUUIDLEN of sys/param.h and sys/jail.h, the final zero aside. */
function nameProblems(jail: JailSpec): readonly Problem[] {
  const name = hostnameOf(jail);
  return [
    ...(name.length > 255
      ? [{ key: 'host_hostname', problem: `${name.length} characters; FreeBSD takes 255` }]
      : []),
    ...(jail.uuid.length > 63
      ? [
          {
            key: 'host_hostuuid',
            problem: `the jail's name has ${jail.uuid.length} characters; FreeBSD takes 63`,
          },
        ]
      : []),
  ];
}

/** What the kernel has no word for; jail(8) would refuse the whole jail. */
function parameterProblems({ config }: JailSpec, facts: HostFacts): readonly Problem[] {
  const why = {
    'allow.vmm': "the kernel has no virtual machines; 'kldload vmm' loads them",
    'allow.nfsd':
      'the kernel runs no NFS server in jails; that came with FreeBSD 14, in a kernel with VNET_NFSD',
  };
  return optionalParameters.flatMap((name) => {
    const key = name.replace('.', '_');
    return isOn(config, key) && !facts.parameters.has(name) ? [{ key, problem: why[name] }] : [];
  });
}

/** setfib(1) would be the first to say so, when the jail is there already. */
function fibProblem({ config }: JailSpec, { fibs }: HostFacts): Problem | undefined {
  const fib = Number(config.get('exec_fib') ?? '0');
  if (isOn(config, 'vnet') || fibs === undefined || fib < fibs) return undefined;
  const has = fibs === 1 ? 'one routing table' : `${fibs} routing tables, 0 to ${fibs - 1}`;
  return { key: 'exec_fib', problem: `the host has ${has}; 'sysctl net.fibs=${fib + 1}' makes more` };
}

/** A jail of this name that is not this one; the kernel knows each name once. */
async function takenName(exec: Exec, jail: JailSpec): Promise<readonly Problem[]> {
  const rows = await readJails(exec);
  const other = rows.find(({ name }) => name === jailName(jail.uuid));
  if (other === undefined || rowOf(rows, jail) !== undefined) return [];
  return [
    { key: 'host_hostuuid', problem: `a jail ${other.name} runs already, with the root ${other.path}` },
  ];
}

async function showable(files: Files, jail: JailSpec, facts: HostFacts): Promise<readonly Problem[]> {
  const problems: Problem[] = [];
  const major = majorOf(facts.release);
  for (const { source } of valueOf(jail.config, 'volumes', volumes) ?? [])
    if ((await files.stat(source))?.type === 'file' && major !== undefined && major < 14)
      problems.push({
        key: 'volumes',
        problem: `${source} is a file; nullfs shows single files since FreeBSD 14`,
      });
  // In a directory that another jail may write too, the place could become a link at any moment.
  const lines = await fstabTargets(files, jail);
  for (const { entry, target } of lines) {
    const around = lines.find(
      (other) =>
        other.target !== target &&
        isBelow(target, other.target) &&
        fstabKind(other.entry) === 'bind' &&
        !other.entry.options.includes('ro'),
    );
    if (around !== undefined && fstabKind(entry) !== undefined)
      problems.push({
        key: 'fstab',
        problem: `${target} would be mounted inside ${around.target}, which others can write`,
      });
  }
  return problems;
}

export async function checkJail(
  exec: Exec,
  files: Files,
  paths: Paths,
  jail: JailSpec,
  facts: HostFacts,
): Promise<readonly Problem[]> {
  const { config } = jail;
  const problems: (Problem | undefined)[] = [];
  if (config.get('type') === 'gitjail')
    problems.push({ key: 'type', problem: 'a gitjail cannot be started' });
  if (config.get('type') === 'template' || isOn(config, 'template'))
    problems.push({ key: 'template', problem: 'a template is not started; clone it first' });
  const pairs = interfacesProblem(config.get('interfaces'));
  if (pairs) problems.push({ key: 'interfaces', problem: pairs });
  const rules = rulesetProblem(config, await readRulesets(exec));
  if (rules) problems.push({ key: 'devfs_ruleset', problem: rules });
  problems.push(
    ...nameProblems(jail),
    ...parameterProblems(jail, facts),
    ...(await takenName(exec, jail)),
    fibProblem(jail, facts),
    await rootProblem(files, jail),
  );
  problems.push(...toLimits(config, facts).problems, ...(await accountProblems(files, jail)));
  problems.push(...(await shownProblems(exec, files, jail)), ...(await showable(files, jail, facts)));
  problems.push(...(await planJailNetwork(exec, files, paths, jail, facts)).problems);
  problems.push(...(await baseProblems(files, jail)), ...(await namesProblems(files, jail, facts)));
  return problems.filter((problem) => problem !== undefined);
}
