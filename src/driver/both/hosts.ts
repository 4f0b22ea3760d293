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
import type { Files } from '../system.ts';
import type { JailSpec, Problem } from '../host.ts';
import { isOn } from '../../domain/config.ts';
import { asIocageError } from '../../domain/errors.ts';
import { hostNameProblem } from '../../domain/name.ts';
import { hostnameOf } from './hostname.ts';

const longestBytes = 64 * 1024;

/** What matters here of a network's plan. */
export interface NamedNetwork {
  readonly addresses: readonly { readonly nic: string; readonly family: 4 | 6; readonly address: string }[];
  readonly nics?: readonly {
    readonly nic: string;
    readonly bridge: string | null;
    readonly gateway?: string;
  }[];
}

/** What matters here of the record of a jail; without a plan of its network it is not known to anybody. */
export interface NamedJail {
  readonly pool: string;
  readonly uuid: string;
  readonly names?: readonly string[];
  readonly network?: NamedNetwork | 'host' | 'own';
}

/** A jail without a network of its own has nobody to find. */
export const wantsHosts = (
  config: ReadonlyMap<string, string>,
  network: 'host' | 'own' | 'addresses' | 'vnet',
): boolean => isOn(config, 'hosts') && (network === 'vnet' || network === 'addresses');

/** What a jail goes by, its tag first; words that cannot be a host name are none. */
export function namesOf(jail: Pick<JailSpec, 'tag' | 'uuid' | 'config'>): readonly string[] {
  const words = [jail.tag, hostnameOf(jail)].map((name) => name.toLowerCase());
  return [...new Set(words)].filter(
    (name) => hostNameProblem(name) === undefined && !ipaddr.isValid(name) && name !== 'localhost',
  );
}

/** Where an address is seen: on a bridge, or by every jail to which the host routes. */
function networkOf(plan: NamedNetwork, nic: string): string | undefined {
  if (plan.nics === undefined) return 'routed';
  const own = plan.nics.find((found) => found.nic === nic);
  if (own === undefined) return undefined;
  if (own.bridge !== null) return `bridge ${own.bridge}`;
  return own.gateway === undefined ? undefined : 'routed';
}

function networksOf(plan: NamedNetwork): ReadonlySet<string | undefined> {
  if (plan.nics === undefined) return new Set(['routed']);
  return new Set(plan.nics.map(({ nic }) => networkOf(plan, nic)));
}

interface Shown extends NamedJail {
  readonly names: readonly string[];
  readonly network: NamedNetwork;
}

const isShown = (state: NamedJail): state is Shown =>
  state.names !== undefined && typeof state.network === 'object';

const heading = `# Jails of the same network. iocage keeps these lines: hosts(5), property hosts.`;

/** The lines that a jail sees; pure. A name that is the tag of one jail is no other's, one that several have is nobody's. */
export function linesFor(self: NamedJail, all: readonly NamedJail[]): string {
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

/** @param directory of the jail's own, below the run directory */
export const hostsPath = (directory: string): string => join(directory, 'hosts');
const ownPath = (directory: string): string => join(directory, 'hosts.own');

/** Before the container is made: the lines of the jail's own file, which it cannot change while it runs. */
export async function prepareHosts(files: Files, directory: string, root: string): Promise<void> {
  const text = (await files.readBelow(root, 'etc/hosts')) ?? '';
  const own = text === '' || text.endsWith('\n') ? text : `${text}\n`;
  await files.write(ownPath(directory), own, { mode: 0o600 });
  // Readable for every user of the jail, who sees this very file.
  await files.write(hostsPath(directory), own, { mode: 0o644 });
}

/** After the jail is gone. */
export async function removeHosts(files: Files, directory: string): Promise<void> {
  await files.remove(hostsPath(directory));
  await files.remove(ownPath(directory));
  await files.rmdir(directory);
}

/** Of a jail that wants names. */
export async function hostsProblems(files: Files, jail: JailSpec): Promise<readonly Problem[]> {
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

export interface NamesArgs {
  readonly pool: string;
  readonly uuid: string;
}

/** What a kernel's driver knows of its jails. */
export interface NamesDriver {
  readonly kernel: 'linux' | 'freebsd';
  /** Records of the jails that run, of every pool. */
  running(run: StepRun): Promise<readonly NamedJail[]>;
  directory(jail: NamesArgs): string;
}

/**
 * Gives every jail the lines of this moment. Nothing locks the whole host's network: a jail that came or
 * went meanwhile is seen by looking once more afterwards, since each is recorded before it looks.
 */
async function refresh(run: StepRun, driver: NamesDriver, without?: NamesArgs): Promise<void> {
  const { files } = run;
  const look = async (): Promise<readonly Shown[]> =>
    (await driver.running(run))
      .filter(isShown)
      .filter(({ pool, uuid }) => !(pool === without?.pool && uuid === without.uuid));
  const print = (states: readonly Shown[]): string =>
    JSON.stringify(states.map(({ pool, uuid, names, network }) => [pool, uuid, names, network]).sort());
  for (let tries = 0; tries < 20; tries += 1) {
    const states = await look();
    for (const state of states) {
      const directory = driver.directory(state);
      const own = await files.read(ownPath(directory));
      const text = `${own ?? ''}${linesFor(state, states)}`;
      if (own !== undefined && (await files.read(hostsPath(directory))) !== text)
        await files.rewrite(hostsPath(directory), text);
    }
    if (print(await look()) === print(states)) return;
  }
}

export function namesSteps(driver: NamesDriver) {
  return {
    showNames: stepKind<NamesArgs>(`${driver.kernel}.names`, {
      title: ({ uuid }) => `tell the jails of its network the names of jail ${uuid}`,
      do: (_, run) => refresh(run, driver),
      undo: (args, run) => refresh(run, driver, args),
    }),
    /** After its processes are gone. */
    forgetNames: stepKind<NamesArgs>(`${driver.kernel}.names-forget`, {
      title: ({ uuid }) => `take the names of jail ${uuid} from the others`,
      do: (args, run) => refresh(run, driver, args),
      undo: () => Promise.resolve(),
    }),
  };
}
