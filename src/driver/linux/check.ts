/** Everything that would keep this host from starting a jail, found before anything is touched. */
import type { Exec, Files, Paths } from '../system.ts';
import type { JailSpec, Problem } from '../host.ts';
import { interfacesProblem } from '../both/interfaces.ts';
import { accountProblems } from '../both/accounts.ts';
import { baseProblems } from '../both/base.ts';
import { unsafePlace } from './container.ts';
import { deviceProblems } from './devices.ts';
import { hostsProblems, wantsHosts } from '../both/hosts.ts';
import { shownProblems } from '../both/shown.ts';
import { hostnameOf } from '../both/hostname.ts';
import { limitsOf } from './limits-steps.ts';
import { networkKind } from '../both/planning.ts';
import { planJailNetwork } from './network.ts';
import { isOn } from '../../domain/config.ts';
import { freebsdPrograms } from '../../domain/hints.ts';

async function rootProblem(files: Files, jail: JailSpec): Promise<Problem | undefined> {
  const facts = await files.stat(jail.root);
  if (facts === undefined)
    return { key: 'root', problem: `${jail.root} does not exist; is its dataset mounted?` };
  if (facts.type !== 'directory') return { key: 'root', problem: `${jail.root} is not a directory` };
  const unsafe = await unsafePlace(files, jail.root);
  if (unsafe !== undefined)
    return { key: 'root', problem: `${unsafe} must be a directory, not a link or a file` };
  return undefined;
}

/** The loader that FreeBSD's programs name; of a basejail it is the release's. */
export async function programsProblem(files: Files, { root, base }: JailSpec): Promise<Problem | undefined> {
  for (const place of [base?.root, root])
    if (place !== undefined && (await files.stat(place))?.type === 'directory') {
      const loader = await files.statBelow(place, 'libexec/ld-elf.so.1').catch(() => undefined);
      if (loader?.type === 'file') return { key: 'root', problem: freebsdPrograms };
    }
  return undefined;
}

function hostnameProblem(jail: JailSpec): Problem | undefined {
  const name = hostnameOf(jail);
  if (name.length <= 64) return undefined;
  return { key: 'host_hostname', problem: `${name.length} characters; Linux takes 64 at most` };
}

export async function checkJail(
  exec: Exec,
  files: Files,
  paths: Paths,
  jail: JailSpec,
): Promise<readonly Problem[]> {
  const problems: (Problem | undefined)[] = [];
  const type = jail.config.get('type');
  if (type === 'gitjail') problems.push({ key: 'type', problem: 'a gitjail cannot be started' });
  if (type === 'template' || isOn(jail.config, 'template')) {
    problems.push({ key: 'template', problem: 'a template is not started; clone it first' });
  }
  const pairs = interfacesProblem(jail.config.get('interfaces'));
  if (pairs) problems.push({ key: 'interfaces', problem: pairs });
  problems.push(hostnameProblem(jail), await rootProblem(files, jail), await programsProblem(files, jail));
  problems.push(...(await limitsOf(files, jail)).problems);
  problems.push(...(await accountProblems(files, jail)), ...(await deviceProblems(files, jail)));
  problems.push(...(await shownProblems(exec, files, jail)));
  problems.push(...(await planJailNetwork(exec, files, paths, jail)).problems);
  problems.push(...(await baseProblems(files, jail)));
  if (wantsHosts(jail.config, networkKind(jail.config))) problems.push(...(await hostsProblems(files, jail)));
  return problems.filter((problem) => problem !== undefined);
}
