/** `inuse`: what running jails use of the resources that can be limited, and how often a limit was run into. */
import { defineRead } from '../operation.ts';
import { limitResources } from '../../domain/codec/limit.ts';
import { failure } from '../../domain/errors.ts';
import { findJail, label } from '../../domain/jail.ts';
import { readWithRunning } from '../world/read.ts';
import { toSpec } from '../world/spec.ts';
import { allOrOne, ofAll, wordsOfAllOrOne, type AllOrOne } from './all-or-one.ts';

const resources = Object.keys(limitResources);

interface Used {
  readonly uuid: string;
  readonly tag: string;
  readonly name: string;
  /** By resource: bytes, seconds, percent or a count; null: this kernel does not count it. */
  readonly used: Readonly<Record<string, number | null>>;
  readonly hits: Readonly<Record<string, number>>;
  /** The limits in force, as AMOUNT:ACTION. */
  readonly limits: Readonly<Record<string, string>>;
}

export const jailInuse = defineRead<typeof allOrOne, AllOrOne<Used>>({
  id: 'jail.inuse',
  title: 'Show what running jails use',
  input: allOrOne,
  everySource: ofAll<Used>(),
  async read(context, { jail: name }) {
    const { world, running } = await readWithRunning(context);
    const one = name === undefined ? undefined : findJail(world.jails, name);
    if (one !== undefined && !running.has(one.uuid)) throw failure('NOT_RUNNING', { name: label(one) });
    const chosen = (one === undefined ? world.jails : [one]).filter(
      (jail) => jail.problem === undefined && running.has(jail.uuid),
    );
    const usage = await context.host.usage(
      world.realm,
      chosen.map(({ uuid }) => uuid),
    );
    const jails = chosen.map(async (jail): Promise<Used> => {
      const { uuid, tag } = jail;
      const { rules } = await context.host.limits(toSpec(world, jail));
      const found = usage.get(uuid);
      return {
        uuid,
        tag,
        name: tag,
        used: Object.fromEntries(resources.map((key) => [key, found?.used.get(key) ?? null])),
        hits: Object.fromEntries(found?.hits ?? []),
        limits: Object.fromEntries(rules.map(({ key, value }) => [key, value])),
      };
    });
    return { one: one !== undefined, jails: await Promise.all(jails) };
  },
  command: {
    names: ['inuse'],
    group: 'configuration',
    usage: '[JAIL]',
    about:
      'HITS counts how often a limit was run into since the start: memoryuse processes that were ended, maxproc forks that failed, pcpu slices of time in which the jail had to wait.',
    examples: [
      { line: 'iocage inuse web', says: 'every resource of one jail' },
      { line: 'iocage inuse', says: 'one line for each running jail' },
      { line: 'iocage inuse --format legacy', says: 'comma separated, as the original printed it' },
    ],
    toInputs: (words) => [wordsOfAllOrOne('inuse', words)],
  },
});
