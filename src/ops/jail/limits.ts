/** `limits`: which resource limits of jails are in force, and why the others are not. */
import { defineRead } from '../operation.ts';
import type { Context } from '../context.ts';
import { limitResources } from '../../domain/codec/limit.ts';
import { isOn } from '../../domain/config.ts';
import { findJail, type Jail } from '../../domain/jail.ts';
import { getProperty } from '../../domain/properties/index.ts';
import { readWithRunning } from '../world/read.ts';
import { toSpec } from '../world/spec.ts';
import type { World } from '../world/world.ts';
import { allOrOne, ofAll, wordsOfAllOrOne, type AllOrOne } from './all-or-one.ts';

const resources = Object.keys(limitResources);

interface Limited {
  readonly uuid: string;
  readonly tag: string;
  readonly name: string;
  readonly state: 'up' | 'down';
  readonly rlimits: boolean;
  /** CPUs that it is bound to at this moment. */
  readonly cpus: string | null;
  readonly limits: readonly {
    readonly key: string;
    readonly value: string;
    readonly inForce: boolean;
    /** Why it is not. */
    readonly why?: string;
  }[];
}

async function limitedOf(context: Context, world: World, jail: Jail, up: boolean): Promise<Limited> {
  const spec = toSpec(world, jail);
  const { rules, cpus } = up ? await context.host.limits(spec) : { rules: [], cpus: undefined };
  const active = new Map(rules.map(({ key, value }) => [key, value]));
  const refused = new Map(context.host.notApplied(spec).map(({ key, why }) => [key, why]));
  const rlimits = isOn(spec.config, 'rlimits');
  const limits = resources.flatMap((key): Limited['limits'] => {
    const now = active.get(key);
    const value = spec.config.get(key) ?? 'off';
    const here = now === undefined ? [] : [{ key, value: now, inForce: true }];
    if (value === 'off' || value === now || value === getProperty(key).default) return here;
    const why =
      refused.get(key) ?? (up ? `not in force; 'iocage cap' puts it into force` : 'the jail is down');
    return [...here, { key, value, inForce: false, why }];
  });
  const { uuid, tag } = jail;
  return { uuid, tag, name: tag, state: up ? 'up' : 'down', rlimits, cpus: cpus ?? null, limits };
}

export const jailLimits = defineRead<typeof allOrOne, AllOrOne<Limited>>({
  id: 'jail.limits',
  title: 'Show which resource limits are in force',
  input: allOrOne,
  everySource: ofAll<Limited>(),
  async read(context, { jail: name }) {
    const { world, running } = await readWithRunning(context);
    const chosen =
      name === undefined
        ? world.jails.filter((jail) => jail.problem === undefined)
        : [findJail(world.jails, name)];
    const jails = await Promise.all(
      chosen.map((jail) => limitedOf(context, world, jail, running.has(jail.uuid))),
    );
    return {
      one: name !== undefined,
      jails: jails.filter(({ limits, cpus }) => name !== undefined || limits.length > 0 || cpus !== null),
    };
  },
  command: {
    names: ['limits'],
    group: 'configuration',
    usage: '[JAIL]',
    about: 'A limit that is set and not in force is listed with the reason.',
    examples: [
      { line: 'iocage limits web', says: 'of one jail' },
      { line: 'iocage limits', says: 'of all jails that have any' },
    ],
    toInputs: (words) => [wordsOfAllOrOne('limits', words)],
  },
});
