/**
 * `hosts`: the jails of one network find each other by name. Each such jail sees, in the place of its own
 * /etc/hosts, a file of the host's, read-only: the lines of its own file and one for each address that the
 * others have. When one starts or stops, the files of the others get new contents; a file that is mounted
 * keeps its name, so it is written in place. Nothing is ever written below a jail's root, and nothing that a
 * jail's root user does changes what another jail sees. See hosts(5), and decision 12.
 */
import { join } from 'node:path';
import ipaddr from 'ipaddr.js';
import { stepKind, type StepRun } from '../step.ts';
import type { Files, Paths } from '../system.ts';
import type { JailSpec, Problem } from '../host.ts';
import { isOn } from '../../domain/config.ts';
import { asIocageError } from '../../domain/errors.ts';
import { hostNameProblem } from '../../domain/name.ts';
import { placesOf, type Places } from './names.ts';
import { networkKind, type NetworkPlan } from './net-plan.ts';
import { hostnameOf } from '../both/hostname.ts';
import { allStates, isAlive, type JailState } from './state.ts';

const longestBytes = 64 * 1024;

/** A jail without a network of its own has nobody to find. */
export const wantsHosts = (config: ReadonlyMap<string, string>): boolean =>
  isOn(config, 'hosts') && ['vnet', 'addresses'].includes(networkKind(config));

/** What a jail goes by, its tag first; words that cannot be a host name are none. */
export function namesOf(jail: Pick<JailSpec, 'tag' | 'uuid' | 'config'>): readonly string[] {
  const words = [jail.tag, hostnameOf(jail)].map((name) => name.toLowerCase());
  return [...new Set(words)].filter(
    (name) => hostNameProblem(name) === undefined && !ipaddr.isValid(name) && name !== 'localhost',
  );
}

/** Where an address is seen: on a bridge, or by every jail to which the host routes. */
function networkOf(plan: NetworkPlan, nic: string): string | undefined {
  if (plan.nics === undefined) return 'routed';
  const own = plan.nics.find((found) => found.nic === nic);
  if (own === undefined) return undefined;
  if (own.bridge !== null) return `bridge ${own.bridge}`;
  return own.gateway === undefined ? undefined : 'routed';
}

function networksOf(plan: NetworkPlan): ReadonlySet<string | undefined> {
  if (plan.nics === undefined) return new Set(['routed']);
  return new Set(plan.nics.map(({ nic }) => networkOf(plan, nic)));
}

interface Shown extends JailState {
  readonly names: readonly string[];
  readonly network: NetworkPlan;
}

const isShown = (state: JailState): state is Shown =>
  state.names !== undefined && typeof state.network === 'object';

const heading = `# Jails of the same network. iocage keeps these lines: hosts(5), property hosts.`;

/** The lines that a jail sees; pure. A name that is the tag of one jail is no other's, one that several have is nobody's. */
export function linesFor(self: JailState, all: readonly JailState[]): string {
  if (!isShown(self)) return '';
  const mine = networksOf(self.network);
  const rows = all.filter(isShown).flatMap((state) => {
    const addresses = state.network.addresses.filter(({ nic, family, address }) => {
      const network = networkOf(state.network, nic);
      // A link-local address means something only together with an interface.
      const local = family === 6 && ipaddr.parse(address).range() === 'linkLocal';
      return network !== undefined && mine.has(network) && !local;
    });
    return addresses.length === 0
      ? []
      : [{ names: state.names, addresses, key: `${state.pool}/${state.uuid}` }];
  });
  const owners = (name: string, of: (names: readonly string[]) => readonly string[]): number =>
    rows.filter(({ names }) => of(names).includes(name)).length;
  const tags = (names: readonly string[]): readonly string[] => names.slice(0, 1);
  const lines = rows
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .flatMap(({ names, addresses }) => {
      const kept = names.filter((name) =>
        tags(names).includes(name)
          ? owners(name, tags) === 1
          : owners(name, tags) === 0 && owners(name, (each) => each) === 1,
      );
      return kept.length === 0 ? [] : addresses.map(({ address }) => `${address}\t${kept.join(' ')}`);
    });
  return lines.length === 0 ? '' : `${heading}\n${lines.join('\n')}\n`;
}

export const hostsPath = (places: Pick<Places, 'bundle'>): string => join(places.bundle, 'hosts');
const ownPath = (places: Pick<Places, 'bundle'>): string => join(places.bundle, 'hosts.own');

/** Before the container is made: the lines of the jail's own file, which it cannot change while it runs. */
export async function prepareHosts(files: Files, places: Places, root: string): Promise<void> {
  const text = (await files.readBelow(root, 'etc/hosts')) ?? '';
  const own = text === '' || text.endsWith('\n') ? text : `${text}\n`;
  await files.write(ownPath(places), own, { mode: 0o600 });
  // Readable for every user of the jail, who sees this very file.
  await files.write(hostsPath(places), own, { mode: 0o644 });
}

export async function hostsProblems(files: Files, jail: JailSpec): Promise<readonly Problem[]> {
  if (!wantsHosts(jail.config)) return [];
  try {
    const facts = await files.statBelow(jail.root, 'etc/hosts');
    if (facts === undefined) return [];
    if (facts.type !== 'file') return [{ key: 'hosts', problem: '/etc/hosts of the jail is no plain file' }];
    return facts.sizeBytes <= longestBytes
      ? []
      : [{ key: 'hosts', problem: `/etc/hosts of the jail is larger than ${longestBytes / 1024} KiB` }];
  } catch (thrown) {
    // A missing root is told by another check.
    const { code, message } = asIocageError(thrown);
    return code === 'UNSAFE_PATH' ? [{ key: 'hosts', problem: message }] : [];
  }
}

interface NamesArgs {
  readonly pool: string;
  readonly uuid: string;
}

/**
 * Gives every jail the lines of this moment. Nothing locks the whole host's network: a jail that came or
 * went meanwhile is seen by looking once more afterwards, since each is recorded before it looks.
 */
async function refresh(run: StepRun, paths: Paths, without?: NamesArgs): Promise<void> {
  const { files } = run;
  const look = async (): Promise<readonly JailState[]> => {
    const states = (await allStates(files, paths)).filter(
      (state) => isShown(state) && !(state.pool === without?.pool && state.uuid === without.uuid),
    );
    const alive = await Promise.all(states.map((state) => isAlive(files, state)));
    return states.filter((_, index) => alive[index]);
  };
  const print = (states: readonly JailState[]): string =>
    JSON.stringify(states.map(({ pool, uuid, pid }) => [pool, uuid, pid]).sort());
  for (let tries = 0; tries < 20; tries += 1) {
    const states = await look();
    for (const state of states) {
      const places = placesOf(paths, state.pool, state.uuid);
      const own = await files.read(ownPath(places));
      const text = `${own ?? ''}${linesFor(state, states)}`;
      if (own !== undefined && (await files.read(hostsPath(places))) !== text)
        await files.rewrite(hostsPath(places), text);
    }
    if (print(await look()) === print(states)) return;
  }
}

export function namesSteps(paths: Paths) {
  return {
    showNames: stepKind<NamesArgs>('linux.names', {
      title: ({ uuid }) => `tell the jails of its network the names of jail ${uuid}`,
      do: (_, run) => refresh(run, paths),
      undo: (args, run) => refresh(run, paths, args),
    }),
    /** After its processes are gone. */
    forgetNames: stepKind<NamesArgs>('linux.names-forget', {
      title: ({ uuid }) => `take the names of jail ${uuid} from the others`,
      do: (args, run) => refresh(run, paths, args),
      undo: () => Promise.resolve(),
    }),
  };
}
