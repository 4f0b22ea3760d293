/** `pkg`: the jail's own package manager on the caller's terminal, in the jail; its exit status is the answer. */
import * as z from 'zod';
import { defineSession } from '../operation.ts';
import type { Context } from '../context.ts';
import { asIocageError, failure, type IocageError } from '../../domain/errors.ts';
import { label } from '../../domain/jail.ts';
import { pkgCommands } from '../../domain/packages.ts';
import { operationId } from '../run/record.ts';
import { ownSource } from '../source/sources.ts';
import { runOperation } from '../run/run.ts';
import { toSpec } from '../world/spec.ts';
import { jailInstall } from './install.ts';
import { getPackageManager } from './packages.ts';
import { jailInput, readJail } from './select.ts';
import { jailStart } from './start.ts';
import { jailStop } from './stop.ts';

const pkgInput = jailInput.extend({
  argv: z.array(z.string()).min(1, 'a command for the package manager is missing'),
});

/** Verbs of pkg(8) and their like, by what they do to packages. */
const changes: Readonly<Record<string, string>> = { install: 'install', delete: 'remove', remove: 'remove' };

/** Events around a program that has the caller's terminal; it is nobody's step, and is in no record. */
async function told(
  context: Context,
  subject: string,
  argv: readonly string[],
  work: () => Promise<number>,
): Promise<number> {
  const verb = argv[0] ?? '';
  const which = Object.hasOwn(changes, verb) ? { which: [changes[verb]!] } : {};
  const id = operationId(context);
  const title = `Running the package manager of ${subject}: ${verb}`;
  const step = { index: 0, count: 1, kind: 'jail.pkg', title, ...which };
  const started = context.clock.now().getTime();
  const durationMs = (): number => context.clock.now().getTime() - started;
  const source = await ownSource(context);
  context.emit({ type: 'operation.begin', id, operation: 'jail.pkg', title, subject, ...source, steps: 1 });
  context.emit({ type: 'step.begin', id, step });
  const failed = (error: IocageError): void => {
    context.emit({ type: 'step.failed', id, step, error, tolerated: false });
    context.emit({ type: 'operation.failed', id, durationMs: durationMs(), error });
  };
  try {
    const status = await work();
    if (status === 0) {
      context.emit({ type: 'step.done', id, step, durationMs: durationMs() });
      context.emit({ type: 'operation.done', id, durationMs: durationMs(), result: status });
    } else failed(failure('COMMAND_FAILED', { argv, status: `exit ${status}`, stderr: '' }));
    return status;
  } catch (thrown) {
    failed(asIocageError(thrown));
    throw thrown;
  }
}

export const jailPkg = defineSession<typeof pkgInput>({
  id: 'jail.pkg',
  title: 'Run the package manager of a jail',
  input: pkgInput,
  async session(context, input) {
    const { world, jail } = await readJail(context, input.jail);
    const spec = toSpec(world, jail);
    const manager = await getPackageManager(context, spec.root, `jail ${label(jail)}`);
    const wasUp = (await context.host.running(jail.realm)).has(jail.uuid);
    if (!wasUp) await runOperation(context, jailStart, { jail: jail.uuid });
    try {
      return await told(context, label(jail), input.argv, async () => {
        for (const argv of pkgCommands(manager, input.argv as [string, ...string[]])) {
          const status = await context.host.exec(spec, argv, {});
          if (status !== 0) return status;
        }
        return 0;
      });
    } finally {
      if (!wasUp) await runOperation(context, jailStop, { jail: jail.uuid });
    }
  },
  command: {
    names: ['pkg'],
    group: 'jails',
    usage: '[--mirror] JAIL COMMAND [ARG ...]',
    flags: [
      {
        key: 'mirror',
        flags: '--mirror',
        doc: 'install what `iocage mirror` fetched for the release; no network is used',
      },
    ],
    instead: ({ flags }) => (flags['mirror'] === true ? jailInstall : undefined),
    passThrough: true,
    about:
      'apt-get(8) or apk(8), whichever the jail has; it runs in the jail, with the network of the jail. Of pkg(8), install, delete, ' +
      'update, upgrade, info, list, which and search are translated, install and upgrade with the newest catalogue; other commands and all arguments are passed on as they are. ' +
      'A jail that is down is started for it and stopped again.',
    examples: [
      { line: 'iocage pkg web install -y nginx', says: 'one more package' },
      { line: 'iocage pkg web info', says: 'what is installed' },
      { line: 'iocage pkg --mirror web install nginx', says: 'from the package mirror of its release' },
    ],
    toInputs({ positionals: [jail, ...argv] }) {
      if (jail === undefined) throw failure('USAGE', { problem: 'missing UUID', command: 'pkg' });
      if (argv.length === 0)
        throw failure('USAGE', {
          problem: 'missing command for the package manager, such as install',
          command: 'pkg',
        });
      return [{ jail, argv }];
    },
  },
});
