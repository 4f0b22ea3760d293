/** `runtime`: the parameters of a running jail, as the kernel has them now. */
import { defineRead } from '../operation.ts';
import { toSpec } from '../world/spec.ts';
import { assertRunning, jailInput, oneJail, readJail } from './select.ts';

export const jailRuntime = defineRead<typeof jailInput, { uuid: string; words: readonly string[] }>({
  id: 'jail.runtime',
  title: 'Show the parameters that a running jail has',
  input: jailInput,
  async read(context, input) {
    const { world, jail } = await readJail(context, input.jail);
    await assertRunning(context, jail);
    return { uuid: jail.uuid, words: await context.host.runtime(toSpec(world, jail)) };
  },
  command: {
    names: ['runtime'],
    group: 'jails',
    usage: 'JAIL',
    examples: [{ line: 'iocage runtime web', says: 'as the kernel sees it now, not as it is configured' }],
    toInputs: (words) => [oneJail('runtime', words)],
  },
});
