/**
 * Runs a program in a jail that is down: the jail is started without its services for it and stopped again,
 * whatever becomes of the program. Its exit status is the answer.
 */
import { defineSession } from '../operation.ts';
import { failure } from '../../domain/errors.ts';
import { label } from '../../domain/jail.ts';
import { assertUserName } from '../../domain/name.ts';
import { runOperation } from '../run.ts';
import { toSpec } from '../world.ts';
import { runInput } from './run.ts';
import { readJail } from './select.ts';
import { jailStart, jailStop } from './start.ts';

/** What would run beside the program. */
const withoutServices = [
  ['exec_start', 'true'],
  ['exec_poststart', 'none'],
  ['wait_for', 'none'],
] as const;

export const jailFork = defineSession<typeof runInput>({
  id: 'jail.fork',
  title: 'Run a command in a jail that is down, without its services',
  input: runInput,
  async session(context, { jail: name, argv, jailUser }) {
    if (jailUser !== undefined) assertUserName(jailUser);
    const { world, jail } = await readJail(context, name);
    if ((await context.host.running(jail.realm)).has(jail.uuid))
      throw failure('ALREADY_UP', { name: label(jail) });
    const spec = toSpec(world, jail);
    await runOperation(context, jailStart, { jail: jail.uuid, overrides: withoutServices });
    try {
      return await context.host.exec(spec, argv, jailUser === undefined ? {} : { jailUser });
    } finally {
      // What was started for this goes, also after a Ctrl-C.
      const calm = { ...context, signal: new AbortController().signal };
      await runOperation(calm, jailStop, { jail: jail.uuid, force: true });
    }
  },
  command: {
    names: ['exec'],
    group: 'jails',
    usage: 'JAIL COMMAND [ARG ...]',
    examples: [],
    toInputs: ({ positionals: [jail, ...argv] }) => [{ jail, argv }],
  },
});
