/**
 * The commands of the server: `serve` and `user`. Rows like those of the operations, so that help,
 * completion and the manual know them. The server itself is loaded when it is asked for.
 */
import { z } from 'zod';
import { failure } from '../domain/errors.ts';
import { defineRead, defineSession, type Operation, type Words } from '../ops/operation.ts';
import type { ListedAccount } from './user.ts';

function refuseFurther(words: Words, most: number, command: string): void {
  const extra = words.positionals[most] ?? words.properties[0]?.join('=');
  if (extra !== undefined) throw failure('USAGE', { problem: `'${extra}' is too much`, command });
}

const serveInput = z.object({
  config: z.string().startsWith('/', 'takes an absolute path').optional(),
  listen: z.string().optional(),
});

const toServeInputs = (words: Words): readonly unknown[] => {
  refuseFurther(words, 0, 'serve');
  return [{ config: words.flags['config'], listen: words.flags['listen'] }];
};

const serveConfig = defineRead({
  id: 'server.config',
  title: 'Print the settings of the server',
  input: serveInput,
  command: {
    names: ['serve'],
    usage: '--print-config',
    group: 'host',
    toInputs: toServeInputs,
    examples: [],
  },
  async read(context, input): Promise<{ readonly text: string }> {
    const { printConfig } = await import('./serve.ts');
    return { text: await printConfig(context, input) };
  },
});

const serve = defineSession({
  id: 'server.serve',
  title: 'Answer the SysAdm API over REST and WebSocket',
  input: serveInput,
  command: {
    names: ['serve'],
    usage: '',
    group: 'host',
    flags: [
      { key: 'config', flags: '--config <file>', doc: 'settings, instead of /etc/iocage/serve.conf' },
      { key: 'listen', flags: '--listen <addresses>', doc: 'addresses to listen on (127.0.0.1 without it)' },
      { key: 'printConfig', flags: '--print-config', doc: 'print every setting with its meaning and value' },
    ],
    toInputs: toServeInputs,
    instead: (words) => (words.flags['printConfig'] === true ? serveConfig : undefined),
    about:
      'Runs until it is told to stop, and then finishes what it is doing. REST is on port 12151, WebSocket on port 12150, TLS always; the certificate is made at the first start. See docs/sysadm.md.',
    examples: [
      { line: 'iocage serve', says: 'for programs on this host' },
      { line: 'iocage serve --listen 192.0.2.10', says: 'for others too, on that address' },
      { line: 'iocage serve --print-config', says: 'every setting; as a file, it may be edited' },
    ],
  },
  async session(context, input): Promise<number> {
    const { serve: run } = await import('./serve.ts');
    return run(context, input);
  },
});

const accountList = defineRead({
  id: 'account.list',
  title: "List the server's accounts",
  input: z.object({}),
  command: { names: ['user'], usage: 'list', group: 'host', toInputs: () => [{}], examples: [] },
  async read(context): Promise<readonly ListedAccount[]> {
    const { listAccounts } = await import('./user.ts');
    return listAccounts(context);
  },
});

const name = z.string().min(1, 'names an account');
const userInput = z.discriminatedUnion('verb', [
  z.object({
    verb: z.literal('add'),
    name,
    role: z.enum(['admin', 'operator']),
    certificate: z.string().optional(),
  }),
  z.object({ verb: z.literal('passwd'), name }),
  z.object({ verb: z.literal('remove'), name }),
]);
const verbs = ['add', 'list', 'passwd', 'remove'];

const user = defineSession({
  id: 'account.change',
  title: "Make, list, change and remove the server's accounts",
  input: userInput,
  command: {
    names: ['user'],
    usage: 'add|list|passwd|remove [NAME]',
    group: 'host',
    flags: [
      {
        key: 'role',
        flags: '--role <role>',
        doc: 'admin (the default) may do everything, operator may look',
      },
      {
        key: 'certificate',
        flags: '--certificate <file>',
        doc: 'with add: a TLS client certificate (PEM) that logs in, instead of a password',
      },
    ],
    toInputs(words) {
      const [verb = '', account] = words.positionals;
      refuseFurther(words, verb === 'list' ? 1 : 2, 'user');
      if (!verbs.includes(verb))
        throw failure('USAGE', { problem: `user takes one of ${verbs.join(', ')}`, command: 'user' });
      if (verb === 'list') return [{}];
      if (account === undefined)
        throw failure('USAGE', { problem: `user ${verb} takes a name`, command: 'user' });
      const { role = 'admin', certificate } = words.flags;
      if (verb !== 'add' && (words.flags['role'] ?? certificate) !== undefined)
        throw failure('USAGE', { problem: `--role and --certificate belong to 'user add'`, command: 'user' });
      return [verb === 'add' ? { verb, name: account, role, certificate } : { verb, name: account }];
    },
    instead: (words) => (words.positionals[0] === 'list' ? accountList : undefined),
    about:
      'These accounts log in to the API of iocage serve, and nowhere else. The password is asked for, or is the first line of standard input.',
    examples: [
      { line: 'iocage user add ann', says: 'an administrator; asks for the password' },
      { line: 'iocage user add bob --role operator', says: 'one who may look, and change nothing' },
      { line: 'iocage user passwd ann', says: 'a new password; sessions of the old one end' },
    ],
  },
  async session(context, input): Promise<number> {
    const { changeAccounts } = await import('./user.ts');
    process.stdout.write(`${await changeAccounts(context, input)}\n`);
    return 0;
  },
});

/** Those with a command of their own. */
export const serverCommands: readonly Operation[] = [serve, user];
/** Those that another command leads to. */
export const furtherServerCommands: readonly Operation[] = [serveConfig, accountList];
