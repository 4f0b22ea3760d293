/** How ifconfig(8) shows an interface: one line at the margin, the rest behind a tab. */
import type { Machine, Nic } from '../machine.ts';

const hexMask = (prefix: number): string =>
  `0x${(prefix === 0 ? 0 : (0xffffffff << (32 - prefix)) >>> 0).toString(16).padStart(8, '0')}`;

function broadcast(address: string, prefix: number): string {
  const number = address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
  const host = prefix === 32 ? 0 : 2 ** (32 - prefix) - 1;
  const top = number - (number % (host + 1)) + host;
  return [24, 16, 8, 0].map((shift) => Math.floor(top / 2 ** shift) % 256).join('.');
}

function flagWords(nic: Nic): readonly string[] {
  return [
    ...(nic.up ? ['UP'] : []),
    nic.kind === 'lo' ? 'LOOPBACK' : 'BROADCAST',
    ...(nic.up ? ['RUNNING'] : []),
    ...(nic.options.includes('promisc') ? ['PROMISC'] : []),
    ...(nic.kind === 'lo' ? [] : ['SIMPLEX']),
    'MULTICAST',
    ...(nic.up ? ['LOWER_UP'] : []),
  ];
}

/** @param format `inet:cidr` and such, as `-f` takes it */
export function printNic(machine: Machine, nic: Nic, format: string): string {
  const cidr = /inet:cidr/.test(format);
  const cidr6 = /inet6:cidr/.test(format);
  const off = nic.options.includes('ifdisabled');
  const lines = [
    `${nic.name}: flags=1008843<${flagWords(nic).join(',')}> metric 0 mtu ${nic.mtu}`,
    ...(nic.description === undefined ? [] : [`description: ${nic.description}`]),
    'options=0',
    ...(nic.ether === undefined ? [] : [`ether ${nic.ether}`]),
    ...nic.inet.map(({ address, prefix }) => {
      const end = nic.kind === 'lo' ? '' : ` broadcast ${broadcast(address, prefix)}`;
      return cidr ? `inet ${address}/${prefix}${end}` : `inet ${address} netmask ${hexMask(prefix)}${end}`;
    }),
    ...nic.inet6.map(({ address, prefix }) =>
      [
        cidr6 ? `inet6 ${address}/${prefix}` : `inet6 ${address} prefixlen ${prefix}`,
        // nd6_dad_start() of nd6_nbr.c does not even begin where IPv6 is switched off.
        ...(off ? ['tentative'] : nic.options.includes(`duplicated=${address}`) ? ['duplicated'] : []),
      ].join(' '),
    ),
  ];
  if (nic.kind === 'bridge') {
    lines.push(
      `id ${nic.ether} priority 32768 hellotime 2 fwddelay 15`,
      'maxage 20 holdcnt 6 proto rstp maxaddr 2000 timeout 1200',
      `root id ${nic.ether} priority 32768 ifcost 0 port 0`,
    );
    for (const id of nic.members) {
      const member = machine.nics.find((other) => other.id === id);
      lines.push(
        `member: ${member?.name} flags=143<LEARNING,DISCOVER,AUTOEDGE,AUTOPTP>`,
        `        ifmaxaddr 0 port ${id} priority 128 path cost 2000`,
      );
    }
  }
  const fib = nic.options.find((option) => option.startsWith('fib='))?.slice(4);
  lines.push(`groups: ${nic.groups.join(' ')}`);
  if (fib !== undefined && fib !== '0') lines.push(`fib: ${fib}`);
  if (nic.kind !== 'lo' && nic.kind !== 'bridge') {
    lines.push(
      'media: Ethernet 10Gbase-T (10Gbase-T <full-duplex>)',
      `status: ${nic.up ? 'active' : 'no carrier'}`,
    );
  }
  lines.push(
    off
      ? 'nd6 options=29<PERFORMNUD,IFDISABLED,AUTO_LINKLOCAL>'
      : 'nd6 options=21<PERFORMNUD,AUTO_LINKLOCAL>',
  );
  return `${lines.filter((line) => line !== 'groups: ').join('\n\t')}\n`;
}
