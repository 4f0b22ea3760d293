/**
 * `cap`, `uncap`: the resource limits of a running jail put into force and lifted. The words of rctl(8) are used
 * whatever the kernel; the host driver knows what it makes of them.
 */
import { defineChange } from '../operation.ts';
import { type Context } from '../context.ts';
import type { JailSpec, LimitRule, NotApplied } from '../../driver/host.ts';
import type { Step } from '../../driver/system.ts';
import { configOf, isOn } from '../../domain/config.ts';
import { label, type Jail } from '../../domain/jail.ts';
import { getProperty } from '../../domain/properties/index.ts';
import { toSpec } from '../world/spec.ts';
import type { World } from '../world/world.ts';
import { assertRunning, jailInput, lockJail, oneJail, readJail } from './select.ts';

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
  await assertRunning(context, jail);
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
