/** `restart`: a stop and a start, or with `-s` the services alone. */
import * as z from 'zod';
import { defineChange, defineSequence } from '../operation.ts';
import { type Context } from '../context.ts';
import { label, type Jail } from '../../domain/jail.ts';
import { toSpec } from '../world/spec.ts';
import type { World } from '../world/world.ts';
import { assertNeedsKnown, startsFor } from './depends.ts';
import { storeStarted } from './last-started.ts';
import { assertRunning, jailInput, lockJail, manyJails, readJail } from './select.ts';
import { jailStart } from './start.ts';
import { assertMounted, readyToStart } from './startable.ts';
import { jailStop } from './stop.ts';
import { assertTrusted } from './trusted-config.ts';

export const jailSoftRestart = defineChange<typeof jailInput, { uuid: string; tag: string }>({
  id: 'jail.soft-restart',
  title: 'Restart the services of a jail',
  effect: 'change',
  recover: 'finish',
  anyFormat: true,
  input: jailInput,
  locks: lockJail,
  async plan(context, input) {
    const { world, jail } = await readJail(context, input.jail);
    await assertRunning(context, jail);
    return {
      subject: label(jail),
      title: `Soft restarting ${label(jail)}`,
      steps: [
        ...(await context.host.softRestartSteps(toSpec(world, jail))),
        ...(await storeStarted(context, jail)),
      ],
      result: () => ({ uuid: jail.uuid, tag: jail.tag }),
    };
  },
  command: {
    names: ['restart -s'],
    group: 'jails',
    usage: 'JAIL ...',
    examples: [],
    toInputs: (words, context) => manyJails('restart', words, context, (_, running) => running),
  },
});

const restartInput = jailInput.extend({
  soft: z.boolean().default(false),
  /** Stopped without exec_prestop and exec_stop. */
  force: z.boolean().optional(),
});

export const jailRestart = defineSequence<typeof restartInput>({
  id: 'jail.restart',
  title: 'Restart jails',
  input: restartInput,
  async sequence(context, { jail: name, soft, force }) {
    const { world, jail } = await readJail(context, name);
    const input = { jail: jail.uuid };
    if (soft) return { operations: [[jailSoftRestart, input]] };
    const running = await context.host.running(jail.realm);
    const up = running.has(jail.uuid);
    if (up) await assertStartable(context, world, jail);
    // First what it depends on: when that fails, the jail has not been stopped for nothing.
    const needed = startsFor(world, [jail], running).filter((uuid) => uuid !== jail.uuid);
    return {
      operations: [
        ...needed.map((uuid) => [jailStart, { jail: uuid, neededBy: jail.tag }] as const),
        ...(up ? [[jailStop, { ...input, force }] as const] : []),
        [jailStart, input],
      ],
      ...(up
        ? { startAgain: { uuid: jail.uuid, subject: label(jail), locks: await lockJail(context, input) } }
        : {}),
    };
  },
  command: {
    names: ['restart', 'reboot'],
    group: 'jails',
    usage: 'JAIL ... | ALL',
    flags: [
      {
        key: 'soft',
        flags: '-s, --soft',
        doc: 'only the services: network, mounts and the jail itself stay',
      },
    ],
    examples: [
      { line: 'iocage restart web', says: 'stop, then start' },
      { line: 'iocage restart -s web', says: 'services only; connections of the network stay up' },
    ],
    async toInputs(words, context) {
      const jails = await manyJails('restart', words, context, (_, running) => running);
      return jails.map((input) => ({ ...input, soft: words.flags['soft'] === true }));
    },
  },
});

/** Before anything is stopped. The jail's own addresses are in use, by itself; the start looks at them. */
async function assertStartable(context: Context, world: World, jail: Jail): Promise<void> {
  assertNeedsKnown(world, jail);
  await assertTrusted(context, world, jail);
  const spec = toSpec(world, jail);
  await assertMounted(context, world, jail, spec);
  await readyToStart(context, jail, spec, ({ key }) => !key.endsWith('_addr'));
}
