/**
 * Runs a program in a running jail without a terminal and collects what it writes: exec for callers that
 * are no terminal, such as the server. What is collected is bounded, since it is kept in memory.
 */
import * as z from 'zod';
import { defineSession } from '../operation.ts';
import { failure } from '../../domain/errors.ts';
import { assertUserName } from '../../domain/name.ts';
import { toSpec } from '../world/spec.ts';
import { assertRunning, jailInput, readJail } from './select.ts';

/** Characters of both streams together. */
const maxOutput = 4 * 1024 * 1024;

/** A program with its arguments, and who runs it. */
export const runInput = jailInput.extend({
  argv: z
    .array(z.string())
    .min(1, 'a command is missing')
    .refine(([program]) => program !== '', 'the command is empty'),
  /** User looked up in the jail; default root. */
  jailUser: z.string().optional(),
});

/** What a program in a jail wrote, and how it ended. */
export interface JailOutput {
  /** Of the program, or 128 + the number of the signal that ended it. */
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
  /** The lines of both in the order in which they were complete. */
  readonly lines: readonly string[];
}

export const jailRun = defineSession<typeof runInput, JailOutput>({
  id: 'jail.run',
  title: 'Run a command in a running jail and collect its output',
  input: runInput,
  async session(context, { jail: name, argv, jailUser }) {
    if (jailUser !== undefined) assertUserName(jailUser);
    const { world, jail } = await readJail(context, name);
    const spec = toSpec(world, jail);
    await assertRunning(context, jail);
    const tooMuch = new AbortController();
    const text = { stdout: '', stderr: '' };
    const rest = { stdout: '', stderr: '' };
    const lines: string[] = [];
    const status = await context.host.exec(spec, argv, {
      ...(jailUser === undefined ? {} : { jailUser }),
      signal: AbortSignal.any([context.signal, tooMuch.signal]),
      onOutput(part, stream) {
        if (tooMuch.signal.aborted) return;
        text[stream] += part;
        const complete = (rest[stream] + part).split(/\r\n|\n/);
        rest[stream] = complete.pop() ?? '';
        lines.push(...complete);
        if (text.stdout.length + text.stderr.length > maxOutput) tooMuch.abort();
      },
    });
    if (tooMuch.signal.aborted) {
      const problem = `the command wrote more than ${maxOutput / 1024 / 1024} MB and was ended`;
      throw failure('INVALID_INPUT', { issues: [{ path: 'argv', problem }] });
    }
    for (const stream of ['stdout', 'stderr'] as const) if (rest[stream] !== '') lines.push(rest[stream]);
    return { status, ...text, lines };
  },
  command: {
    names: ['exec'],
    group: 'jails',
    usage: 'JAIL COMMAND [ARG ...]',
    examples: [],
    toInputs: ({ positionals: [jail, ...argv] }) => [{ jail, argv }],
  },
});
