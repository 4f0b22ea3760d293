/** `stop`: the host driver says which steps that takes. Whatever became of a jail, it can be stopped. */
import { join } from 'node:path';
import * as z from 'zod';
import { failure } from '../../domain/errors.ts';
import { label, type Jail } from '../../domain/jail.ts';
import type { JailSpec } from '../../driver/host.ts';
import { shutdownWith } from '../host/boot.ts';
import { defineChange } from '../operation.ts';
import { type Context } from '../context.ts';
import { toSpec } from '../world/spec.ts';
import type { World } from '../world/world.ts';
import { ignoreFlag, jailInput, lockJail, manyJails, readJail } from './select.ts';
import type { Life } from './start.ts';
import { hookKeys, untrusted } from './trusted-config.ts';

const stopInput = jailInput.extend({
  /** Without exec_prestop and exec_stop; a jail that is down is no failure. */
  force: z.boolean().default(false),
});

export const jailStop = defineChange<typeof stopInput, Life>({
  id: 'jail.stop',
  title: 'Stop jails',
  effect: 'change',
  recover: 'finish',
  anyFormat: true,
  input: stopInput,
  locks: lockJail,
  async plan(context, input) {
    const { world, jail } = await readJail(context, input.jail);
    const up = (await context.host.running(jail.realm)).has(jail.uuid);
    const spec = await specToStop(context, world, jail, up);
    // A jail that ended by itself may have left its network behind.
    const steps = up
      ? await context.host.stopSteps(spec, { force: input.force })
      : ((await context.host.leftoverSteps?.(spec)) ?? []);
    if (!up && steps.length === 0 && !input.force) throw failure('ALREADY_DOWN', { name: label(jail) });
    return {
      subject: label(jail),
      title: `Stopping ${label(jail)}`,
      steps,
      result: () => ({ uuid: jail.uuid, tag: jail.tag, state: 'down', jid: null, notApplied: [] }),
    };
  },
  command: {
    names: ['stop'],
    group: 'jails',
    usage: 'JAIL ... | ALL',
    examples: [
      { line: 'iocage stop web', says: 'runs exec_stop, ends what is left, takes the network down' },
      { line: 'iocage stop ALL', says: 'every running jail' },
    ],
    flags: [
      {
        key: 'force',
        flags: '-f, --force',
        doc: 'without exec_prestop and exec_stop; a jail that is down is no failure',
      },
      ignoreFlag,
      { key: 'rc', flags: '--rc', doc: 'same as rcshutdown: every running jail, in reverse order' },
    ],
    instead: (words) => (words.flags['rc'] === true ? hostShutdown : undefined),
    async toInputs(words, context) {
      const asked = await manyJails('stop', words, context, (_, running) => running);
      return words.flags['force'] === true ? asked.map((input) => ({ ...input, force: true })) : asked;
    },
  },
});

export const hostShutdown = shutdownWith(jailStop);

/**
 * Also when its configuration broke while it ran: what a stop takes back was written down at the start. Hooks that
 * others may have written meanwhile, or that nobody can tell any more, do not run for it.
 */
async function specToStop(context: Context, world: World, jail: Jail, up: boolean): Promise<JailSpec> {
  const { problem, ...rest } = jail;
  const broken = up ? problem : undefined;
  const mountpoint = jail.mountpoint ?? join(world.mountpoint, jail.dataset.slice(world.root.length));
  const spec = toSpec(world, broken === undefined ? jail : { ...rest, mountpoint });
  const foreign = await untrusted(context, world, jail);
  const why = foreign === undefined ? broken : `${foreign.path}: ${foreign.why}`;
  if (why === undefined) return spec;
  const text = `no hooks are run: ${why}`;
  context.emit({ type: 'note', id: '', level: 'warning', text });
  return { ...spec, config: new Map([...spec.config, ...hookKeys.map((key) => [key, 'none'] as const)]) };
}
