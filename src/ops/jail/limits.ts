/**
 * `cap`, `uncap`, `limits`, `inuse`: resource limits of running jails, and what they use. The words of
 * rctl(8) are used whatever the kernel; the host driver knows what it makes of them.
 */
import * as z from 'zod';
import { defineChange, defineRead, type EverySource } from '../operation.ts';
import type { Context } from '../context.ts';
import type { JailSpec, LimitRule, NotApplied } from '../../driver/host.ts';
import type { Step } from '../../driver/system.ts';
import { limitResources, type LimitKey } from '../../domain/codec/limit.ts';
import { configOf, isOn } from '../../domain/config.ts';
import { failure } from '../../domain/errors.ts';
import { findJail, label, type Jail } from '../../domain/jail.ts';
import { getProperty } from '../../domain/properties/index.ts';
import { inFull } from '../source/each.ts';
import { readWorld } from '../world/read.ts';
import { toSpec } from '../world/spec.ts';
import type { World } from '../world/world.ts';
import { jailInput, lockJail, noProperties, oneJail, readJail } from './select.ts';

const resources = Object.keys(limitResources) as readonly LimitKey[];

/**
 * Steps that bring new values of limits into a running jail, as they will be once `pairs` are stored.
 * None when no limit is among them.
 */
export async function liveLimits(
  context: Context,
  world: World,
  jail: Jail,
  pairs: readonly (readonly [string, string])[],
): Promise<readonly Step[]> {
  if (!pairs.some(([key]) => getProperty(key).group === 'limit')) return [];
  const config = configOf(jail, world.defaults, pairs);
  return context.host.limitSteps({ ...toSpec(world, jail), config }, 'apply');
}

async function runningSpec(context: Context, name: string): Promise<{ jail: Jail; spec: JailSpec }> {
  const { world, jail } = await readJail(context, name);
  const spec = toSpec(world, jail);
  if (!(await context.host.running(jail.realm)).has(jail.uuid))
    throw failure('NOT_RUNNING', { name: label(jail) });
  return { jail, spec };
}

interface Capped {
  readonly uuid: string;
  readonly tag: string;
  /** False: `rlimits` is off, and nothing was done. */
  readonly rlimits: boolean;
  readonly rules: readonly LimitRule[];
  readonly notApplied: readonly NotApplied[];
}

const limitsOnly = (list: readonly NotApplied[]): readonly NotApplied[] =>
  list.filter(({ key }) => getProperty(key).group === 'limit');

export const jailCap = defineChange<typeof jailInput, Capped>({
  id: 'jail.cap',
  title: 'Put the resource limits of a running jail into force',
  effect: 'change',
  recover: 'undo',
  anyFormat: true,
  input: jailInput,
  locks: lockJail,
  async plan(context, input) {
    const { jail, spec } = await runningSpec(context, input.jail);
    // COMPAT: nothing happens, and it is no error, while the master switch is off.
    const rlimits = isOn(spec.config, 'rlimits');
    return {
      subject: label(jail),
      title: `Limiting ${label(jail)}`,
      steps: rlimits ? await context.host.limitSteps(spec, 'apply') : [],
      result: async () => ({
        uuid: jail.uuid,
        tag: jail.tag,
        rlimits,
        rules: (await context.host.limits(spec)).rules,
        notApplied: rlimits ? limitsOnly(context.host.notApplied(spec)) : [],
      }),
    };
  },
  command: {
    names: ['cap'],
    group: 'configuration',
    usage: 'JAIL',
    about:
      'The limits become those of the properties, whatever was in force before. Needs rlimits=on; while it is off nothing is done.',
    examples: [
      { line: 'iocage set rlimits=on memoryuse=512M:deny web', says: 'a running jail is limited at once' },
      { line: 'iocage cap web', says: 'after uncap: all limits again' },
    ],
    toInputs: (words) => [oneJail('cap', words)],
  },
});

export const jailUncap = defineChange<
  typeof jailInput,
  { uuid: string; tag: string; rules: readonly LimitRule[] }
>({
  id: 'jail.uncap',
  title: 'Lift the resource limits of a running jail',
  effect: 'change',
  recover: 'undo',
  anyFormat: true,
  input: jailInput,
  locks: lockJail,
  async plan(context, input) {
    const { jail, spec } = await runningSpec(context, input.jail);
    return {
      subject: label(jail),
      title: `Lifting the limits of ${label(jail)}`,
      steps: await context.host.limitSteps(spec, 'release'),
      result: async () => ({
        uuid: jail.uuid,
        tag: jail.tag,
        rules: (await context.host.limits(spec)).rules,
      }),
    };
  },
  command: {
    names: ['uncap'],
    group: 'configuration',
    usage: 'JAIL',
    about:
      'Until cap, the next start, or the next time that one of its limits is set. The properties stay as they are, and so do the CPUs of cpuset.',
    examples: [{ line: 'iocage uncap web', says: 'no limits for a while' }],
    toInputs: (words) => [oneJail('uncap', words)],
  },
});

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

const someInput = z.object({ jail: z.string().min(1).optional() });

function ofAll<J extends { readonly name: string }>(): EverySource<
  z.output<typeof someInput>,
  { one: boolean; jails: readonly J[] }
> {
  return {
    applies: ({ jail }) => jail === undefined,
    merge: (answers) => ({
      one: false,
      jails: answers.flatMap(({ source, result }) => inFull(source, result.jails)),
    }),
  };
}

function noneOrOne(command: string, words: Parameters<typeof oneJail>[1]): { jail?: string } {
  noProperties(command, words);
  return words.positionals.length === 0 ? {} : oneJail(command, words);
}

export const jailLimits = defineRead<typeof someInput, { one: boolean; jails: readonly Limited[] }>({
  id: 'jail.limits',
  title: 'Show which resource limits are in force',
  input: someInput,
  everySource: ofAll<Limited>(),
  async read(context, { jail: name }) {
    const world = await readWorld(context);
    const running = await context.host.running(world.realm);
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
    toInputs: (words) => [noneOrOne('limits', words)],
  },
});

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

export const jailInuse = defineRead<typeof someInput, { one: boolean; jails: readonly Used[] }>({
  id: 'jail.inuse',
  title: 'Show what running jails use',
  input: someInput,
  everySource: ofAll<Used>(),
  async read(context, { jail: name }) {
    const world = await readWorld(context);
    const running = await context.host.running(world.realm);
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
    toInputs: (words) => [noneOrOne('inuse', words)],
  },
});
