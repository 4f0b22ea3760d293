/**
 * The steps that add a jail's network to the host and take it back. The plan is written to the jail's
 * record first, so that whatever interrupts the work, what may have been added is known.
 *
 * See ip-netns(8), sysctl(8). Nothing here looks at what it did not add.
 */
import { stepKind, type StepRun } from '../step.ts';
import type { Paths, RunOptions } from '../system.ts';
import { failure } from '../../domain/errors.ts';
import { bridgeTableRemoval } from './bridge-filter.ts';
import { insideLines, linkLines, removalLines, routeLines } from './net-batch.ts';
import { forwardProblems } from '../both/nat-block.ts';
import { hasNft } from './nat-plan.ts';
import { filterRemoval, filterTables } from './net-filter.ts';
import { holderOf } from '../both/planning.ts';
import { sysctlKeys } from './net-plan.ts';
import { networkTitle, restoreSysctls } from '../both/sysctls.ts';
import type { NetworkPlan, PlannedAddress } from './planned.ts';
import { placesOf } from './names.ts';
import { allStates, readState, recordState, type JailState } from './state.ts';
import {
  announced,
  announceLines,
  giveBackLines,
  isVnet,
  vnetInsideLines,
  vnetInsideSysctls,
  vnetLinkLines,
  vnetRemovalLines,
  type VnetPlan,
} from './vnet-batch.ts';

export interface NetworkArgs {
  readonly pool: string;
  readonly uuid: string;
  readonly plan: NetworkPlan;
}

const batch = (lines: readonly string[]): { input: string } => ({ input: `${lines.join('\n')}\n` });

async function setSysctls(
  run: StepRun,
  settings: readonly { key: string; value: string }[],
  how: Pick<RunOptions, 'accept'> = {},
): Promise<void> {
  if (settings.length === 0) return;
  await run.exec.change(['sysctl', '-q', '-w', ...settings.map(({ key, value }) => `${key}=${value}`)], how);
}

/** Of the link itself; they go with it, so they are not recorded. */
function linkSysctls(plan: NetworkPlan): readonly { key: string; value: string }[] {
  const link = `net/ipv4/conf/${plan.link}`;
  return [
    { key: sysctlKeys.forward4(plan.link), value: '1' },
    // The jail may send from its own addresses only; its table does that for IPv6.
    { key: `${link}/rp_filter`, value: '1' },
    { key: `${link}/send_redirects`, value: '0' },
    ...(plan.addresses.some(({ family }) => family === 6)
      ? [{ key: sysctlKeys.acceptRa(plan.link), value: '0' }]
      : [{ key: sysctlKeys.disable6(plan.link), value: '1' }]),
  ];
}

/** A link to the host alone carries what the host forwards; the jail may send from its own address only. */
function gatewaySysctls(plan: VnetPlan): readonly { key: string; value: string }[] {
  return plan.nics
    .filter(({ gateway }) => gateway !== undefined)
    .flatMap(({ link }) => [
      { key: sysctlKeys.forward4(link), value: '1' },
      { key: `net/ipv4/conf/${link}/rp_filter`, value: '1' },
      { key: `net/ipv4/conf/${link}/send_redirects`, value: '0' },
      { key: sysctlKeys.disable6(link), value: '1' },
    ]);
}

async function applyRouted(plan: NetworkPlan, run: StepRun): Promise<void> {
  await run.exec.change(['ip', '-batch', '-'], batch([...linkLines(plan), ...routeLines(plan)]));
  await setSysctls(run, [...plan.sysctls, ...linkSysctls(plan)]);
  await run.exec.change(['ip', '-n', plan.netns, '-batch', '-'], batch(insideLines(plan)));
}

async function applyVnet(plan: VnetPlan, run: StepRun): Promise<void> {
  await run.exec.change(['ip', '-batch', '-'], batch(vnetLinkLines(plan)));
  await setSysctls(run, [...plan.sysctls, ...gatewaySysctls(plan)]);
  const inside = ['nsenter', `--net=/run/netns/${plan.netns}`];
  // -e: a kernel without IPv6 has none of these, and nothing to keep out.
  await run.exec.change([...inside, 'sysctl', '-q', '-e', '-w', ...vnetInsideSysctls(plan)]);
  await run.exec.change(['ip', '-n', plan.netns, '-batch', '-'], batch(vnetInsideLines(plan)));
  if (announced(plan).length === 0) return;
  await bridgesReady(plan, run);
  await run.exec.change(['ip', '-n', plan.netns, '-batch', '-'], batch(announceLines(plan)));
}

/** The kernel opens a bridge's new port some milliseconds after the pair is up; what is sent before is lost. */
async function bridgesReady(plan: VnetPlan, run: StepRun): Promise<void> {
  const ours = new Set(announced(plan).map(({ link }) => link));
  for (let tries = 0; tries < 20 && !run.dry; tries += 1) {
    const { stdout } = await run.exec.read(['ip', '-j', 'link', 'show', 'type', 'veth']);
    const links = JSON.parse(stdout.trim() || '[]') as { ifname?: string; operstate?: string }[];
    if (links.every(({ ifname = '', operstate }) => !ours.has(ifname) || operstate === 'UP')) return;
    await run.clock.sleep(10);
  }
}

/**
 * The kernel refuses a second route to one address, but not a second jail with it on a bridge, nor a second
 * forward of one port. Both jails have recorded their plan before they look, so the later one always sees
 * the other.
 */
async function refuseTaken({ pool, uuid, plan }: NetworkArgs, run: StepRun, paths: Paths): Promise<void> {
  const jails = await allStates(run.files, paths);
  const self = { pool, uuid };
  const taken = plan.addresses.flatMap((address) => {
    const bridge = plan.nics?.find(({ nic }) => nic === address.nic)?.bridge ?? '';
    const holder = plan.nics && holderOf(address, self, jails, bridge);
    return holder === undefined ? [] : [`${address.address} is in use by jail ${holder}`];
  });
  const forwards = forwardProblems(plan.nat?.forwards ?? [], self, { jails }, new Set());
  const [why] = [...taken, ...forwards.map(({ problem }) => problem)];
  if (why !== undefined) throw failure('START_FAILED', { jail: uuid, why });
}

async function apply(args: NetworkArgs, run: StepRun, paths: Paths): Promise<void> {
  const { pool, uuid, plan } = args;
  await recordState(run.files, placesOf(paths, pool, uuid).state, { pool, uuid, network: plan });
  if (plan.nics !== undefined || plan.nat !== undefined) await refuseTaken(args, run, paths);
  await (isVnet(plan) ? applyVnet(plan, run) : applyRouted(plan, run));
  const tables = filterTables(plan);
  if (tables !== '') await run.exec.change(['nft', '-f', '-'], { input: tables });
}

/** A route to the address over somebody else's link is somebody else's, and so is the proxy entry. */
async function isMine(address: PlannedAddress, plan: NetworkPlan, run: StepRun): Promise<boolean> {
  const family = address.family === 4 ? '-4' : '-6';
  const { stdout } = await run.exec.read(['ip', '-j', family, 'route', 'show', address.address]);
  const routes = JSON.parse(stdout.trim() || '[]') as { dev?: string }[];
  return routes.every((route) => route.dev === plan.link);
}

async function myAddresses(plan: NetworkPlan, run: StepRun): Promise<readonly PlannedAddress[]> {
  const mine: PlannedAddress[] = [];
  for (const address of plan.addresses) if (await isMine(address, plan, run)) mine.push(address);
  return mine;
}

async function remove({ pool, uuid, plan }: NetworkArgs, run: StepRun, paths: Paths): Promise<void> {
  // Before the address goes, so that nothing is ever sent to whoever has it next.
  const tables = filterRemoval(plan);
  if (tables !== '') await run.exec.change(['nft', '-f', '-'], { input: tables });
  await giveBack(plan, run);
  // -force: what is already gone does not keep the rest from going.
  await run.exec.change(['ip', '-force', '-batch', '-'], {
    ...batch(isVnet(plan) ? vnetRemovalLines(plan) : removalLines(plan, await myAddresses(plan, run))),
    accept: 'any',
  });
  if (!run.dry && (await run.files.stat(`/run/netns/${plan.netns}`)) !== undefined) {
    throw failure('FILE_FAILED', { path: `/run/netns/${plan.netns}`, why: 'the network namespace stays' });
  }
  await restoreSysctls(
    plan.sysctls,
    { pool, uuid },
    () => allStates(run.files, paths),
    (settings, how) => setSysctls(run, settings, how === 'back' ? { accept: 'any' } : {}),
  );
  await forgetNetwork(run, placesOf(paths, pool, uuid).state);
}

/** Names of the devices in a network namespace, loopback and tunnels aside; none when it is gone. */
async function devicesIn(netns: string, run: StepRun): Promise<readonly string[]> {
  if ((await run.files.stat(`/run/netns/${netns}`)) === undefined) return [];
  const { stdout } = await run.exec.read(['ip', '-n', netns, '-j', '-d', 'link', 'show'], { accept: 'any' });
  const rows = JSON.parse(stdout.trim() || '[]') as {
    ifname?: string;
    linkinfo?: { info_kind?: string };
  }[];
  return rows
    .filter(({ ifname, linkinfo }) => ifname !== 'lo' && linkinfo?.info_kind !== 'tun')
    .flatMap(({ ifname }) => ifname ?? []);
}

/** Devices of the host come home before their namespace goes: with it, those that are no hardware would go too. */
async function giveBack(plan: NetworkPlan, run: StepRun): Promise<void> {
  const moved = plan.moved ?? [];
  if (moved.length === 0) return;
  const inside = async (): Promise<readonly string[]> => {
    const there = run.dry ? moved.map(({ nic }) => nic) : await devicesIn(plan.netns, run);
    return moved.map(({ nic }) => nic).filter((nic) => there.includes(nic));
  };
  const lines = giveBackLines(await inside(), process.pid);
  if (lines.length > 0) {
    const argv = ['ip', '-n', plan.netns, '-force', '-batch', '-'];
    const { stderr } = await run.exec.change(argv, { ...batch(lines), accept: 'any' });
    const [left] = run.dry ? [] : await inside();
    if (left !== undefined)
      throw failure('COMMAND_FAILED', {
        argv,
        status: `${left} stays in ${plan.netns}`,
        stderr: stderr.trim(),
      });
  }
  const up = moved.filter((device) => device.up).map(({ nic }) => `link set dev ${nic} up`);
  if (up.length > 0) await run.exec.change(['ip', '-force', '-batch', '-'], { ...batch(up), accept: 'any' });
}

async function forgetNetwork(run: StepRun, path: string): Promise<void> {
  const state = await readState(run.files, path);
  if (state === undefined) return;
  const { network: _, ...rest } = state;
  if (rest.pid === undefined) await run.files.remove(path);
  else await run.files.write(path, `${JSON.stringify(rest satisfies JailState, null, 1)}\n`, { mode: 0o600 });
}

const title = (verb: string, { plan }: NetworkArgs): string =>
  `${networkTitle(verb, plan)} (network namespace ${plan.netns})`;

export function networkSteps(paths: Paths) {
  return {
    /** What goes by this jail's names although no record tells of it; the routes go with the link. */
    dropNetwork: stepKind<{ pool: string; uuid: string }>('linux.network-drop', {
      title: ({ uuid }) => `remove the network that jail ${uuid} has without a record`,
      async do({ pool, uuid }, run) {
        const { link, netns, table } = placesOf(paths, pool, uuid);
        // Those of a vnet jail are numbered, four at most.
        const links = ['', 'v0', 'v1', 'v2', 'v3'].map((end) => `link del ${link}${end}`);
        if (await hasNft(run.files)) {
          await run.exec.change(['nft', '-f', '-'], { input: filterRemoval({ nat: { table }, table }) });
          // A kernel without the family has no such table.
          await run.exec.change(['nft', '-f', '-'], { input: bridgeTableRemoval(table), accept: 'any' });
        }
        await run.exec.change(['ip', '-force', '-batch', '-'], { ...batch(links), accept: 'any' });
        // With the pairs gone, what is left was handed over; whether it was up is lost with the record.
        const moved = (await devicesIn(netns, run)).map((nic) => ({ nic, up: false }));
        await giveBack({ netns, link, addresses: [], sysctls: [], moved }, run);
        await run.exec.change(['ip', 'netns', 'del', netns], { accept: 'any' });
      },
      undo: () => Promise.resolve(),
    }),
    applyNetwork: stepKind<NetworkArgs>('linux.network', {
      title: (args) => title('set up', args),
      do: (args, run) => apply(args, run, paths),
      undo: (args, run) => remove(args, run, paths),
    }),
    removeNetwork: stepKind<NetworkArgs>('linux.network-remove', {
      title: (args) => title('remove', args),
      do: (args, run) => remove(args, run, paths),
    }),
  };
}
