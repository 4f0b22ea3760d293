/**
 * Translation of a jail's addresses to the host's: the rules of a jail in pf(4), in an anchor of its own, or
 * in ipfw(4), under a number of its own; never a rule set that the host's administrator made. Pure.
 *
 * pf(4) looks into an anchor only where the main rule set says so; ipfw(4) translates for several jails only
 * where a packet goes on after a translation. Both are the administrator's to decide, so a start asks.
 */
import type { Problem } from '../host.ts';
import type { PlannedForward } from '../both/network.ts';
import { forwardProblems, forwardsOf, ports } from '../both/nat-block.ts';
import { sameJail } from '../both/state.ts';
import { collect } from '../both/wanted.ts';
import type { Exec } from '../system.ts';
import { firstTried, type Places } from './names.ts';
import type { NetFacts } from './net-facts.ts';
import type { JailState } from './state.ts';
import type { JailToPlan } from '../both/planning.ts';
import type { PlannedNat } from './planned.ts';

/**
 * Numbers of ipfw(8) that jails get, where nobody else has them: before most of what people write, of which the usual
 * start is 100 or 1000. rc.firewall(8) has 50 for the host's own translation, loaded now or not.
 */
const ours = { from: 20, count: 60 };
const hostsOwn = 50;

export function planTranslation(
  jail: JailToPlan,
  places: Places,
  nic: string,
  addresses: readonly string[],
  facts: NetFacts,
  problems: Problem[],
): PlannedNat | undefined {
  let forwards: readonly PlannedForward[] = [];
  collect(problems, 'nat_forwards', () => {
    forwards = forwardsOf(jail.config.get('nat_forwards'));
  });
  problems.push(...forwardProblems(forwards, jail, facts, new Set()));
  if (jail.config.get('nat_backend') === 'pf')
    return { nic, addresses, forwards, by: { kind: 'pf', anchor: places.anchor } };
  const address = ownAddress(nic, facts);
  if (address === undefined)
    return void problems.push({ key: 'nat_interface', problem: `${nic} has no IPv4 address of the host's` });
  const numberOf = ({ network }: JailState): readonly number[] =>
    network?.nat?.by.kind === 'ipfw' ? [network.nat.by.number] : [];
  const isOwn = (state: JailState): boolean => sameJail(jail, state);
  // What an earlier run of this jail left goes before the start.
  const left = new Set(facts.jails.filter(isOwn).flatMap(numberOf));
  const taken = new Set([
    hostsOwn,
    ...facts.jails.filter((other) => !isOwn(other)).flatMap(numberOf),
    ...[...(facts.ipfwNumbers ?? [])].filter((number) => !left.has(number)),
  ]);
  const start = firstTried(places.hash, ours.count);
  for (let tried = 0; tried < ours.count; tried += 1) {
    const number = ours.from + ((start + tried) % ours.count);
    if (!taken.has(number)) return { nic, addresses, forwards, by: { kind: 'ipfw', number, address } };
  }
  const until = ours.from + ours.count - 1;
  const problem = `ipfw has no number from ${ours.from} to ${until} left for another jail; nat_backend=pf has no such bound`;
  return void problems.push({ key: 'nat_backend', problem });
}

/** The first one that no jail was given. */
function ownAddress(nic: string, { interfaces, jails }: NetFacts): string | undefined {
  const given = jails.flatMap(({ network }) =>
    network === undefined || network.nics !== undefined
      ? []
      : network.addresses.filter(({ present }) => present !== true).map(({ address }) => address),
  );
  return interfaces
    .find(({ name }) => name === nic)
    ?.addresses.find(({ family, address }) => family === 4 && !given.includes(address))?.address;
}

/**
 * The anchor's rules as pfctl(8) reads them. Every word was checked before: names, numbers, addresses. `:0` is the
 * interface's first address: with the others, which are those of jails, each connection would leave by another one in
 * turn, and a forwarded port would be taken away from every jail.
 */
export function pfRules({ nic, addresses, forwards }: PlannedNat): string {
  const [target = ''] = addresses;
  const range = (from: number, until: number): string => (from === until ? `${from}` : `${from}:${until}`);
  return [
    ...addresses.map((address) => `nat on ${nic} inet from ${address} to any -> (${nic}:0)`),
    ...forwards.map(
      ({ protocol, from, until, to }) =>
        `rdr pass on ${nic} inet proto ${protocol} from any to (${nic}:0) port ${range(from, until)}` +
        ` -> ${target} port ${from === until ? to : `${to}:*`}`,
    ),
    '',
  ].join('\n');
}

/**
 * What ipfw(8) is told, a call each. `nat` is the translation's own number space. With `ip` and not `if`: at every address
 * that somebody adds to an interface or takes away, ifaddr_change() of ip_fw_nat.c sets such a translation to the last
 * one there, which is another jail's.
 */
export function ipfwCommands(
  nat: PlannedNat,
  { number, address: own }: { readonly number: number; readonly address: string },
): readonly (readonly string[])[] {
  const [target = ''] = nat.addresses;
  const redirects = nat.forwards.flatMap(({ protocol, from, until, to }) => {
    const inside = from === until ? `${to}` : `${to}-${to + (until - from)}`;
    return ['redirect_port', protocol, `${target}:${inside}`, ports({ protocol, from, until, to })];
  });
  const rule = ['ipfw', '-q', 'add', `${number}`, 'nat', `${number}`, 'ip4'];
  return [
    ['ipfw', '-q', 'nat', `${number}`, 'config', 'ip', own, 'same_ports', ...redirects],
    ...nat.addresses.map((address) => [...rule, 'from', address, 'to', 'any', 'out', 'via', nat.nic]),
    [...rule, 'from', 'any', 'to', own, 'in', 'via', nat.nic],
  ];
}

/** Numbers that rules and translations have, whoever made them: of `ipfw list` and of `ipfw nat show config`. */
export function parseIpfwNumbers(text: string): ReadonlySet<number> {
  return new Set([...text.matchAll(/^(?:ipfw nat )?(\d+) /gm)].map(([, number]) => Number(number)));
}

export async function readIpfwNumbers(exec: Exec): Promise<ReadonlySet<number>> {
  const asked = [
    ['ipfw', 'list'],
    ['ipfw', 'nat', 'show', 'config'],
  ];
  const texts = await Promise.all(asked.map((argv) => exec.read(argv, { accept: 'any' })));
  return new Set(texts.flatMap(({ stdout }) => [...parseIpfwNumbers(stdout)]));
}

/** Of `ipfw list NUMBER`: whether all of its rules are a jail's, and there is one. */
export function areOurs(text: string, number: number): boolean {
  const rules = text.split('\n').filter((line) => line.trim() !== '');
  return rules.length > 0 && rules.every((line) => new RegExp(`^0*${number} nat ${number} `).test(line));
}

/** Why the packet filter of the host does not do it. Reads what is loaded, changes nothing. */
export async function natProblems(exec: Exec, nat: PlannedNat, facts: NetFacts): Promise<readonly Problem[]> {
  const key = 'nat_backend';
  if (nat.by.kind === 'ipfw') {
    if (facts.sysctl.get('net.inet.ip.fw.enable') !== '1')
      return [
        {
          key,
          problem:
            "ipfw is not enabled; 'sysrc firewall_enable=YES firewall_nat_enable=YES' and start it, or 'iocage set nat_backend=pf default'",
        },
      ];
    if (facts.sysctl.get('net.inet.ip.fw.one_pass') !== '0')
      return [
        {
          key,
          problem:
            "ipfw takes a translated packet for passed; 'sysctl net.inet.ip.fw.one_pass=0' lets it go on to the other rules",
        },
      ];
    // A module of its own, which ipfw(8) does not load.
    if ((await exec.read(['kldstat', '-q', '-m', 'ipfw_nat'], { accept: 'any' })).status !== 0)
      return [
        {
          key,
          problem:
            "ipfw cannot translate; 'kldload ipfw_nat' loads it, and 'sysrc firewall_nat_enable=YES' at every boot",
        },
      ];
    return [];
  }
  const { status, stdout } = await exec.read(['pfctl', '-s', 'nat'], { accept: 'any' });
  if (status !== 0)
    return [{ key, problem: "pf does not answer; 'sysrc pf_enable=YES' and 'service pf start' load it" }];
  const { stdout: info } = await exec.read(['pfctl', '-s', 'info'], { accept: 'any' });
  if (!/^Status: Enabled/m.test(info))
    return [
      { key, problem: "pf is loaded but not enabled; 'sysrc pf_enable=YES' and 'service pf start' do it" },
    ];
  const missing = ['nat-anchor', 'rdr-anchor'].filter(
    (word) => !new RegExp(`^${word} "iocage/\\*"`, 'm').test(stdout),
  );
  if (missing.length === 0) return [];
  const lines = missing.map((word) => `${word} "iocage/*"`).join(' and ');
  return [{ key, problem: `pf.conf has no line ${lines}; add it and run 'service pf reload'` }];
}
