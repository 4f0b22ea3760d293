/** The jails of a host that can be gone through, asked by a filter, and made. */
import type * as z from 'zod';
import { jailQuery } from '../ops/jail/query.ts';
import type { Reaching } from './access.ts';
import {
  inSourceOf,
  Jail,
  type CreateOptions,
  type FoundJail,
  type JailFacts,
  type JailOrigin,
} from './jail.ts';
import { optionsOf, texts, wordsOf } from './given.ts';
import { Listing } from './listing.ts';
import type { Operation } from './operation.ts';

/** Names and terms, as `ioc list` takes them: `web*`, `boot=on`, `['a', 'b', 'state=up']`. */
export type FilterWords = string | readonly string[];

/** The columns of every jail that is listed. */
const columns = [
  ...['name', 'uuid', 'full_name', 'source', 'state', 'running', 'jid', 'release', 'type', 'template'],
  ...['ip4_addr', 'ip6_addr', 'dataset_name', 'problem'],
];

/** The jails of a host, or its templates. */
export class Jails implements AsyncIterable<FoundJail> {
  private readonly host: Reaching;
  private readonly which: 'jails' | 'templates';

  /** @internal See {@link Host.jails}. */
  constructor(host: Reaching, which: 'jails' | 'templates') {
    this.host = host;
    this.which = which;
  }

  /** All of them, in the order of their datasets. */
  [Symbol.asyncIterator](): AsyncIterator<FoundJail> {
    return this.list()[Symbol.asyncIterator]();
  }

  /**
   * Those that a filter means, read in one go.
   *
   * @param options `columns`: further properties for the facts of each
   */
  list(filter: FilterWords = [], options: { readonly columns?: readonly string[] } = {}): Listing<FoundJail> {
    return new Listing(async () =>
      query(
        this.host,
        { filter: wordsOf(filter), which: this.which },
        optionsOf(options, ['columns']).columns,
      ),
    );
  }

  /** The one that a name means, as the commands take it. @throws JAIL_NOT_FOUND, JAIL_AMBIGUOUS */
  async get(name: string): Promise<FoundJail> {
    return (await query(this.host, { jail: name }))[0]!;
  }

  /** Creates a jail; without a name it gets a UUID. */
  create(jail: NewJail = {}): Operation<Jail> {
    const { name, from, ...options } = optionsOf(jail);
    return new Jail(name, this.host).create(from, options);
  }
}

/** A jail to create. */
export interface NewJail extends CreateOptions {
  readonly name?: string;
  /** A release, by its name alone or as an object; default the release that suits the host. */
  readonly from?: string | JailOrigin;
}

async function query(
  host: Reaching,
  asked: Omit<z.input<typeof jailQuery.input>, 'columns'>,
  more: readonly string[] = [],
): Promise<readonly FoundJail[]> {
  const wanted = [...new Set([...columns, ...texts('columns', more)])];
  const { rows } = await host.access.operation(jailQuery, () => ({ ...asked, columns: wanted }));
  return rows.map((values) => {
    const facts = Object.fromEntries(
      wanted.map((key, index) => [key, values[index]!]),
    ) as unknown as JailFacts;
    return new Jail(inSourceOf(facts.full_name, facts.uuid), host, facts) as FoundJail;
  });
}
