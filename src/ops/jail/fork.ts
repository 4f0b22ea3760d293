/**
 * Runs a program in a jail that is down: the jail is started without its services for it and stopped again,
 * whatever becomes of the program. Its exit status is the answer. A record says so meanwhile: where this process
 * is killed, `doctor` stops the jail.
 */
import type { OpenJournal } from '../../driver/system.ts';
import { defineSession } from '../operation.ts';
import type { Context } from '../context.ts';
import { asIocageError, failure } from '../../domain/errors.ts';
import { label, type Jail } from '../../domain/jail.ts';
import { assertUserName } from '../../domain/name.ts';
import { beginAround, operationId } from '../run/record.ts';
import { runOperation } from '../run/run.ts';
import { toSpec } from '../world/spec.ts';
import { runInput } from './run.ts';
import { jailLock, readJail } from './select.ts';
import { jailStart } from './start.ts';
import { jailStop } from './stop.ts';

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
  tidies: true,
  async session(context, { jail: name, argv, jailUser }) {
    if (jailUser !== undefined) assertUserName(jailUser);
    const { world, jail } = await readJail(context, name);
    if ((await context.host.running(jail.realm)).has(jail.uuid))
      throw failure('ALREADY_UP', { name: label(jail) });
    const spec = toSpec(world, jail);
    const starting = { jail: jail.uuid, overrides: withoutServices };
    if (context.dry) {
      await runOperation(context, jailStart, starting);
      return 0;
    }
    const record = await beginAround(context, {
      id: operationId(context),
      operation: 'jail.fork',
      title: `Running a command in ${label(jail)}`,
      subject: label(jail),
      locks: [jailLock(jail)],
      stopAgain: jail.uuid,
    });
    try {
      await runOperation(context, jailStart, starting);
    } catch (thrown) {
      await record.mark({ mark: 'end', outcome: 'failed', error: asIocageError(thrown).message });
      throw thrown;
    }
    try {
      return await context.host.exec(spec, argv, {
        ...(jailUser === undefined ? {} : { jailUser }),
        signal: context.signal,
      });
    } finally {
      await stopAgain(context, jail, record);
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

/** What was started for this goes, also after a Ctrl-C; what does not stop is left to doctor. */
async function stopAgain(context: Context, { uuid }: Jail, record: OpenJournal): Promise<void> {
  const calm = { ...context, signal: new AbortController().signal };
  try {
    await runOperation(calm, jailStop, { jail: uuid, force: true });
    await record.mark({ mark: 'end', outcome: 'done' });
  } catch (thrown) {
    await record.mark({ mark: 'left', error: asIocageError(thrown).message });
    throw thrown;
  }
}
