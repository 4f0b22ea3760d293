/**
 * `hosts` on FreeBSD: the file that both/hosts.ts keeps is shown by nullfs(5), which takes a single file since
 * FreeBSD 14. It is written in place, so that the mount goes on showing it.
 */
import { stepKind } from '../step.ts';
import type { Files, Paths } from '../system.ts';
import type { JailSpec, Problem } from '../host.ts';
import {
  hostsPath,
  hostsProblems,
  namesSteps,
  prepareHosts,
  removeHosts,
  wantsHosts,
} from '../both/hosts.ts';
import { majorOf, type HostFacts } from './facts.ts';
import type { Mount } from './mounts.ts';
import { placesOf } from './names.ts';
import { networkKind } from './net-plan.ts';
import { runningStates, type JailState } from './state.ts';

interface HostsArgs {
  readonly pool: string;
  readonly uuid: string;
  readonly root: string;
}

export const wantsNames = ({ config }: Pick<JailSpec, 'config'>): boolean =>
  wantsHosts(config, networkKind(config));

export async function namesProblems(
  files: Files,
  jail: JailSpec,
  facts: HostFacts,
): Promise<readonly Problem[]> {
  if (!wantsNames(jail)) return [];
  if ((majorOf(facts.release) ?? 14) < 14)
    return [{ key: 'hosts', problem: 'nullfs shows single files since FreeBSD 14' }];
  return hostsProblems(files, jail);
}

export function hostsSteps(paths: Paths) {
  const directory = ({ pool, uuid }: Pick<HostsArgs, 'pool' | 'uuid'>): string =>
    placesOf(paths, pool, uuid).hosts;
  const names = namesSteps({
    kernel: 'freebsd',
    running: (run) => runningStates(run, paths),
    directory,
  });
  return {
    ...names,
    /** Before it is mounted. */
    writeHosts: stepKind<HostsArgs>('freebsd.hosts', {
      title: ({ uuid }) => `write the /etc/hosts that jail ${uuid} sees`,
      async do(args, { files }) {
        await files.mkdir(directory(args), { mode: 0o700 });
        await prepareHosts(files, directory(args), args.root);
      },
      undo: (args, { files }) => removeHosts(files, directory(args)),
    }),
    /** When it is mounted no more. */
    removeHosts: stepKind<HostsArgs>('freebsd.hosts-remove', {
      title: ({ uuid }) => `remove the /etc/hosts that jail ${uuid} saw`,
      do: (args, { files }) => removeHosts(files, directory(args)),
      undo: () => Promise.resolve(),
    }),
    hostsMount: (jail: JailSpec): Mount => ({
      type: 'nullfs',
      source: hostsPath(directory(jail)),
      target: '/etc/hosts',
      options: ['ro'],
      file: true,
    }),
    /** Whether the record tells of the file; a start that was killed has no names yet. */
    showsHosts: (jail: JailSpec, state: JailState | undefined): boolean =>
      state?.mounts?.some(({ source }) => source === hostsPath(directory(jail))) ?? false,
  };
}
