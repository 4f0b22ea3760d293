/**
 * Who holds the connections of a port. Whoever is not logged in, wherever from, has half of them together: when
 * that, or the port, is full, the one that has been there longest without a login makes room. An account has half of them, and
 * a network so many, but for this host itself. So nobody keeps the others out by holding what there is. Knows
 * no protocol.
 */
import type { Socket } from 'node:net';
import { isLoopback, networkOf, peerAddress } from './address.ts';

type Ends = Pick<Socket, 'remoteAddress' | 'remotePort' | 'localAddress'>;

/** TLS wraps a connection in another object, with the same ends. */
const nameOf = (ends: Ends): string => `${ends.remoteAddress} ${ends.remotePort} ${ends.localAddress}`;

export class Crowd {
  /** Those without a login, in the order in which they came. */
  private readonly strangers = new Map<string, Socket>();
  /** By connection. */
  private readonly users = new Map<string, string>();
  private readonly counts = new Map<string, number>();
  private readonly limits: { readonly port: number; readonly network: number };
  private readonly tell: (address: string, why: string) => void;

  /** @param tell is told of a connection that is refused or has to go */
  constructor(
    limits: { readonly port: number; readonly network: number },
    tell: (address: string, why: string) => void,
  ) {
    this.limits = limits;
    this.tell = tell;
  }

  private get half(): number {
    return Math.max(1, Math.floor(this.limits.port / 2));
  }

  /** A connection comes; one of too many goes. */
  enter(socket: Socket): void {
    const name = nameOf(socket);
    const address = peerAddress(socket.remoteAddress);
    const network = `from ${networkOf(address)}`;
    if (!isLoopback(address) && this.countOf(network) >= this.limits.network) {
      this.tell(address, 'too many connections from there');
      socket.destroy();
      return;
    }
    this.add(network, 1);
    this.strangers.set(name, socket);
    socket.once('close', () => {
      this.add(network, -1);
      this.strangers.delete(name);
      const user = this.users.get(name);
      if (user !== undefined) this.add(user, -1);
      this.users.delete(name);
    });
    const isFull = this.strangers.size + this.users.size > this.limits.port;
    if (!isFull && this.strangers.size <= this.half) return;
    const [longest] = this.strangers.values();
    this.tell(peerAddress(longest!.remoteAddress), 'too many connections without a login');
    longest!.destroy();
  }

  /** Somebody logged in there. @returns false: that account has too many connections already */
  know(ends: Ends, account: string): boolean {
    const name = nameOf(ends);
    if (!this.strangers.has(name)) return true;
    const user = `of ${account}`;
    if (this.countOf(user) >= this.half) return false;
    this.strangers.delete(name);
    this.users.set(name, user);
    this.add(user, 1);
    return true;
  }

  private countOf(what: string): number {
    return this.counts.get(what) ?? 0;
  }

  private add(what: string, more: number): void {
    const count = this.countOf(what) + more;
    if (count === 0) this.counts.delete(what);
    else this.counts.set(what, count);
  }
}
