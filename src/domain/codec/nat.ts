/**
 * Port forwards of a jail behind NAT, as the Python line writes them: `none` or a comma list of
 * `PROTO(P)`, `PROTO(P:H)`, `PROTO(A-B)` with P in the jail, H on the host, PROTO tcp, udp or
 * tcp/udp; a bare number is tcp. Also the private prefix addresses are taken from.
 */
import type { Codec } from '../property.ts';
import { ValueProblem } from '../property.ts';
import { textWith } from './text.ts';

export interface PortForward {
  readonly protocol: 'tcp' | 'udp' | 'tcp/udp';
  /** Ports in the jail, both ends included. */
  readonly from: number;
  readonly to: number;
  /** Port on the host that leads to `from`; a range keeps its numbers. */
  readonly host: number;
}

function port(text: string): number {
  const number = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (number < 1 || number > 65535) throw new ValueProblem(`${JSON.stringify(text)} is no port (1 to 65535)`);
  return number;
}

function parseForward(text: string): PortForward {
  if (/^\d+$/.test(text)) return { protocol: 'tcp', from: port(text), to: port(text), host: port(text) };
  const match = /^(tcp|udp|tcp\/udp|udp\/tcp)\((\d+)(?:([:-])(\d+))?\)$/i.exec(text);
  if (!match)
    throw new ValueProblem(
      `${JSON.stringify(text)} is no forward; tcp(80), tcp(80:8080), udp(5000-5010) are`,
    );
  const named = match[1]!.toLowerCase();
  const protocol = named === 'udp/tcp' ? 'tcp/udp' : (named as PortForward['protocol']);
  const first = port(match[2]!);
  if (match[4] === undefined) return { protocol, from: first, to: first, host: first };
  const second = port(match[4]);
  if (match[3] === ':') return { protocol, from: first, to: first, host: second };
  if (second < first) throw new ValueProblem(`the range ${first}-${second} runs backwards`);
  return { protocol, from: first, to: second, host: first };
}

function collide(a: PortForward, b: PortForward): boolean {
  const sharesProtocol = a.protocol === b.protocol || a.protocol === 'tcp/udp' || b.protocol === 'tcp/udp';
  return sharesProtocol && a.host <= b.host + (b.to - b.from) && b.host <= a.host + (a.to - a.from);
}

/** An empty list for `none`. Two forwards cannot take the same port of the host. */
export const natForwards: Codec<readonly PortForward[]> = {
  kind: 'port forwards',
  parse(text) {
    const value = text.trim();
    if (value.toLowerCase() === 'none') return [];
    const list = value.split(',').map((item) => parseForward(item.replace(/\s/g, '')));
    for (const [index, forward] of list.entries()) {
      if (list.slice(0, index).some((other) => collide(forward, other)))
        throw new ValueProblem(`port ${forward.host} of the host is forwarded twice`);
    }
    return list;
  },
  print: (list) =>
    list.length === 0
      ? 'none'
      : list
          .map(({ protocol, from, to, host }) =>
            to !== from
              ? `${protocol}(${from}-${to})`
              : `${protocol}(${from}${host === from ? '' : `:${host}`})`,
          )
          .join(','),
};

/** The first two octets of a private IPv4 network (RFC 1918), e.g. `172.16`. */
export const natPrefix = textWith('two octets', (text) =>
  /^(?:10\.(?:0|[1-9]\d?|1\d\d|2[0-4]\d|25[0-5])|172\.(?:1[6-9]|2\d|3[01])|192\.168)$/.test(text)
    ? undefined
    : `${JSON.stringify(text)} is not the start of a private network: 10.0 to 10.255, 172.16 to 172.31, 192.168`,
);
