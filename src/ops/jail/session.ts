/** `exec`, `console`, `chroot`: the caller's terminal goes to a program; its exit status is the answer. */
import * as z from 'zod';
import { defineSession } from '../operation.ts';
import type { Context } from '../context.ts';
import { failure } from '../../domain/errors.ts';
import { label } from '../../domain/jail.ts';
import { assertUserName } from '../../domain/name.ts';
import type { JailSpec } from '../../driver/host.ts';
import { runOperation } from '../run/run.ts';
import { toSpec } from '../world/spec.ts';
import { jailInput, manyJails, oneJail, readJail } from './select.ts';
import { jailStart } from './start.ts';

async function runningSpec(context: Context, name: string, startFirst: boolean): Promise<JailSpec> {
  const { world, jail } = await readJail(context, name);
  const spec = toSpec(world, jail);
  if (!(await context.host.running(jail.realm)).has(jail.uuid)) {
    if (!startFirst) throw failure('NOT_RUNNING', { name: label(jail) });
    await runOperation(context, jailStart, { jail: jail.uuid });
  }
  return spec;
}

const execInput = jailInput.extend({
  argv: z
    .array(z.string())
    .min(1, 'a command is missing')
    .refine(([program]) => program !== '', 'the command is empty'),
  hostUser: z.string().optional(),
  jailUser: z.string().optional(),
  start: z.boolean().default(false),
  /** The program gets the caller's proxy settings. */
  keepProxy: z.boolean().default(false),
});

export const jailExec = defineSession<typeof execInput>({
  id: 'jail.exec',
  title: 'Run a command in a running jail',
  input: execInput,
  async session(context, input) {
    for (const user of [input.hostUser, input.jailUser]) if (user !== undefined) assertUserName(user);
    if (input.hostUser !== undefined && input.jailUser !== undefined) {
      throw failure('USAGE', { problem: '-u and -U exclude each other', command: 'exec' });
    }
    const spec = await runningSpec(context, input.jail, input.start);
    return context.host.exec(spec, input.argv, {
      ...(input.hostUser === undefined ? {} : { hostUser: input.hostUser }),
      ...(input.jailUser === undefined ? {} : { jailUser: input.jailUser }),
      ...(input.keepProxy ? { keepProxy: true } : {}),
    });
  },
  command: {
    names: ['exec'],
    group: 'jails',
    usage: '[-u USER | -U USER] JAIL|ALL COMMAND [ARG ...]',
    passThrough: true,
    flags: [
      { key: 'hostUser', flags: '-u, --host_user <user>', doc: 'as this user of the host' },
      { key: 'jailUser', flags: '-U, --jail_user <user>', doc: 'as this user of the jail' },
      { key: 'start', flags: '-f, --force', doc: 'start the jail first when it is down' },
      {
        key: 'keepProxy',
        flags: '-p, --keep_proxy',
        doc: 'with the proxy variables of the caller (http_proxy, …)',
      },
    ],
    about:
      "Everything after the jail is the command, passed on word by word; no shell reads it. The exit status is the command's.",
    examples: [
      { line: 'iocage exec web hostname', says: 'one program' },
      { line: `iocage exec web sh -c 'ls /etc | wc -l'`, says: 'a shell line' },
      { line: 'iocage exec -U www-data web id', says: 'as a user of the jail' },
    ],
    async toInputs(words, context) {
      const [jail, ...given] = words.positionals;
      if (jail === undefined) throw failure('USAGE', { problem: 'missing UUID', command: 'exec' });
      // `exec JAIL -- COMMAND` is how scripts for the Python line keep their flags apart.
      const argv = given[0] === '--' ? given.slice(1) : given;
      if (argv.length === 0) throw failure('USAGE', { problem: 'missing command', command: 'exec' });
      const { hostUser, jailUser } = words.flags;
      const rest = {
        argv,
        ...(hostUser === undefined ? {} : { hostUser }),
        ...(jailUser === undefined ? {} : { jailUser }),
        start: words.flags['start'] === true,
        keepProxy: words.flags['keepProxy'] === true,
      };
      if (jail !== 'ALL') return [{ jail, ...rest }];
      const all = { positionals: ['ALL'], properties: [], flags: {} };
      return (await manyJails('exec', all, context, (_, running) => running)).map((input) => ({
        ...input,
        ...rest,
      }));
    },
  },
});

const consoleInput = jailInput.extend({ start: z.boolean().default(false) });

export const jailConsole = defineSession<typeof consoleInput>({
  id: 'jail.console',
  title: 'Log in to a running jail',
  input: consoleInput,
  session: async (context, input) =>
    context.host.console(await runningSpec(context, input.jail, input.start)),
  command: {
    names: ['console'],
    group: 'jails',
    usage: 'JAIL',
    flags: [{ key: 'start', flags: '-f, --force', doc: 'start the jail first when it is down' }],
    examples: [
      { line: 'iocage console web', says: 'a login shell; how is told by the property login_flags' },
    ],
    toInputs: (words) => [{ ...oneJail('console', words), start: words.flags['start'] === true }],
  },
});

const chrootInput = jailInput.extend({ argv: z.array(z.string()).default([]) });

export const jailChroot = defineSession<typeof chrootInput>({
  id: 'jail.chroot',
  title: "Run a program with a jail's root directory, without the jail",
  input: chrootInput,
  async session(context, input) {
    const { world, jail } = await readJail(context, input.jail);
    return context.host.chroot(toSpec(world, jail), input.argv.length > 0 ? input.argv : ['/bin/sh']);
  },
  command: {
    names: ['chroot'],
    group: 'jails',
    usage: 'JAIL [COMMAND [ARG ...]]',
    passThrough: true,
    about:
      'No isolation at all: the program runs as root on the host and only sees another root directory. Meant for repairs of a jail that is down.',
    examples: [{ line: 'iocage chroot web /bin/sh', says: 'a shell in the files of a stopped jail' }],
    toInputs(words) {
      const [jail, ...argv] = words.positionals;
      if (jail === undefined) throw failure('USAGE', { problem: 'missing UUID', command: 'chroot' });
      return [{ jail, argv }];
    },
  },
});
