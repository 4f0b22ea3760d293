/** Rows of `ioc` about what runs: start, stop, restart, exec, console, update, pkg. */
import type { Operation, Words } from '../../../ops/operation.ts';
import type { Context } from '../../../ops/context.ts';
import { jailRestart, jailSoftRestart } from '../../../ops/jail/restart.ts';
import { hostBoot, jailStart } from '../../../ops/jail/start.ts';
import { hostShutdown, jailStop } from '../../../ops/jail/stop.ts';
import { jailFork } from '../../../ops/jail/fork.ts';
import { jailInstall } from '../../../ops/jail/install.ts';
import { jailProvision, type Provisioned } from '../../../ops/jail/provision.ts';
import { fullName } from '../../../ops/jail/matching.ts';
import { jailPkg } from '../../../ops/jail/pkg.ts';
import { jailConsole, jailExec } from '../../../ops/jail/session.ts';
import { jailUpdate } from '../../../ops/jail/update.ts';
import { printResult } from '../../print/result.ts';
import { oneLine } from '../../print/text.ts';
import { exactly, filterWords, usage, type IocRow, type Meaning } from '../row.ts';
import { eachJail, selected, wordFor } from '../select.ts';

interface Named {
  readonly tag: string;
}

/** What the other command prints of it. */
export const asIocage =
  (operation: Operation) =>
  (result: unknown): readonly string[] =>
    printResult(operation.id, result, { format: 'table', header: true }, { flags: {} });

const note = (context: Context, text: string): void =>
  context.emit({ type: 'note', id: '', level: 'info', text });

/** `start --rc`, `stop --rc`: what the service runs. */
function byService(command: string, words: Words, operation: Operation): Meaning {
  if (filterWords(words).length > 0) throw usage(command, '--rc takes no FILTER');
  return { operation, inputs: () => [{}], show: asIocage(operation) };
}

/** `KEY=VALUE`, cut at the first `=`. */
export function pairs(command: string, given: unknown): [string, string][] {
  return ((given ?? []) as string[]).map((text) => {
    const at = text.indexOf('=');
    if (at <= 0) throw usage(command, `-o takes KEY=VALUE, not ${JSON.stringify(text)}`);
    return [text.slice(0, at), text.slice(at + 1)];
  });
}

/** Those that are as wanted already are named and left out, unless there are no others. */
async function notYet(
  command: string,
  words: Words,
  context: Context,
  up: boolean,
): Promise<readonly string[]> {
  const { found, missing } = await selected(command, words, context, 'jails');
  const left = found.filter(({ running }) => (running !== undefined) !== up);
  const skipped = found.filter((known) => !left.includes(known));
  if (left.length + missing.length === 0) return found.map(wordFor);
  for (const { world, jail } of skipped)
    note(context, `${fullName(world, jail)} is ${up ? 'running' : 'down'} already`);
  return [...left.map(wordFor), ...missing];
}

const start: IocRow = {
  name: 'start',
  title: 'Start jails',
  usage: '[-o KEY=VALUE ...] FILTER ... | --rc',
  about:
    'What a jail depends on is started before it. A jail that runs already is told and left alone. With --rc every jail with boot=on is started, by its priority.',
  flags: [
    { key: 'rc', flags: '--rc', doc: 'the jails with boot=on, as at the start of the host' },
    {
      key: 'options',
      flags: '-o, --option <key=value>',
      doc: 'a property that counts for this start only; may be repeated',
      many: true,
    },
  ],
  examples: [
    { line: 'ioc start web', says: 'one jail' },
    { line: `ioc start 'db*' boot=on`, says: 'those whose name begins with db and that start with the host' },
    { line: 'ioc start -o exec_start=/bin/true web', says: 'once without its services' },
  ],
  means(words) {
    if (words.flags['rc'] === true) return byService('start', words, hostBoot);
    const overrides = pairs('start', words.flags['options']);
    return {
      operation: jailStart,
      async inputs(context) {
        const names = await notYet('start', words, context, true);
        const asked = { positionals: names, properties: [], flags: {} };
        const inputs = (await jailStart.command.toInputs(asked, context)) as { jail: string }[];
        // What a jail needs besides starts as it is configured.
        return inputs.map((input) => (names.includes(input.jail) ? { ...input, overrides } : input));
      },
      show: ({ tag, jid }: Named & { jid: number | null }, full) => [
        `${full(tag)} running as JID ${jid ?? '-'}`,
      ],
    };
  },
};

const stop: IocRow = {
  name: 'stop',
  title: 'Stop jails',
  usage: '[-f] FILTER ... | --rc',
  flags: [
    { key: 'rc', flags: '--rc', doc: 'every running jail, as at the end of the host' },
    { key: 'force', flags: '-f, --force', doc: 'without exec_prestop and exec_stop' },
  ],
  examples: [
    { line: 'ioc stop web', says: 'one jail' },
    { line: `ioc stop '*'`, says: 'every jail that runs' },
  ],
  means(words) {
    if (words.flags['rc'] === true) return byService('stop', words, hostShutdown);
    const force = words.flags['force'] === true;
    return {
      operation: jailStop,
      inputs: async (context) =>
        (await notYet('stop', words, context, false)).map((jail) => ({ jail, force })),
      show: ({ tag }: Named, full) => [`${full(tag)} stopped`],
    };
  },
};

const restart: IocRow = {
  name: 'restart',
  title: 'Restart the services of jails, or the jails themselves',
  usage: '[-s] [-f] FILTER ...',
  about:
    'Without -s only the services are stopped and started again: the jail itself, its network and its mounts stay. With -s the jail is stopped and started.',
  flags: [
    { key: 'shutdown', flags: '-s, --shutdown', doc: 'stop the jail and start it again' },
    { key: 'force', flags: '-f, --force', doc: 'the same, without exec_prestop and exec_stop' },
  ],
  examples: [
    { line: 'ioc restart web', says: 'only its services' },
    { line: `ioc restart -s 'web*'`, says: 'the jails, one after the other' },
  ],
  means(words) {
    const force = words.flags['force'] === true;
    const whole = force || words.flags['shutdown'] === true;
    return {
      operation: whole ? jailRestart : jailSoftRestart,
      inputs: async (context) =>
        (await eachJail('restart', words, context, 'jails')).map((input) =>
          force ? { ...input, force } : input,
        ),
      show: ({ tag }: Named, full) => [`${full(tag)} restarted`],
    };
  },
};

const exec: IocRow = {
  name: 'exec',
  title: 'Run a command in a jail',
  usage: '[-u USER] [-f] JAIL [--] COMMAND [ARG ...]',
  about:
    "Everything after the jail is the command, passed on word by word; no shell reads it. The exit status is the command's.",
  passThrough: true,
  flags: [
    { key: 'user', flags: '-u, --user <user>', doc: 'as this user of the jail' },
    {
      key: 'fork',
      flags: '-f, --fork',
      doc: 'in a jail that is down: it is started without its services for it, and stopped again',
    },
  ],
  examples: [
    { line: 'ioc exec web hostname', says: 'one program' },
    { line: 'ioc exec -f web ls /etc', says: 'in a jail that is down' },
  ],
  means({ positionals: [jail, ...given], flags }) {
    const argv = given[0] === '--' ? given.slice(1) : given;
    if (jail === undefined) throw usage('exec', 'missing JAIL');
    if (argv.length === 0) throw usage('exec', 'missing COMMAND');
    const user = flags['user'] === undefined ? {} : { jailUser: flags['user'] };
    return {
      operation: flags['fork'] === true ? jailFork : jailExec,
      inputs: () => [{ jail, argv, ...user }],
    };
  },
};

const console: IocRow = {
  name: 'console',
  title: 'Log in to a jail',
  usage: '[-s] JAIL',
  flags: [{ key: 'start', flags: '-s, --start', doc: 'start the jail first when it is down' }],
  examples: [{ line: 'ioc console -s web', says: 'a login shell, in a jail that is started if need be' }],
  means(words) {
    const [jail] = exactly('console', words, 'JAIL');
    return {
      operation: jailConsole,
      inputs: () => [{ jail: jail!, start: words.flags['start'] === true }],
    };
  },
};

const update: IocRow = {
  name: 'update',
  title: 'Update the packages of jails',
  usage: 'FILTER ...',
  about:
    'A snapshot comes first; when the update fails the jail goes back to it. Of a basejail its release is updated, for all that share it.',
  examples: [{ line: `ioc update 'web*'`, says: 'one after the other; one failing does not stop the rest' }],
  means: (words) => ({
    operation: jailUpdate,
    inputs: async (context) =>
      (await eachJail('update', words, context, 'jails')).map(({ jail }) => ({ name: jail })),
    show: asIocage(jailUpdate),
  }),
};

const pkg: IocRow = {
  name: 'pkg',
  title: 'Install packages in a jail, or remove them',
  usage: '[-r] JAIL PACKAGE ...',
  about:
    'By the package manager of the jail (apt-get(8) or apk(8)), in the jail, with its network; a jail without any installs what `iocage mirror` fetched for its release. A jail that is down is started for it and stopped again. Packages that are there already are left alone; when an installation fails the jail is as before.',
  flags: [{ key: 'remove', flags: '-r, --remove', doc: 'remove the packages' }],
  examples: [
    { line: 'ioc pkg web nginx', says: 'installs nginx' },
    { line: 'ioc pkg -r web nginx', says: 'and removes it' },
  ],
  means(words) {
    const [jail, ...names] = filterWords(words);
    if (jail === undefined) throw usage('pkg', 'missing JAIL');
    if (names.length === 0) throw usage('pkg', 'missing PACKAGE');
    if (words.flags['remove'] === true)
      return {
        operation: jailPkg,
        inputs: () => [{ jail, argv: ['delete', '-y', ...assertPackages(names)] }],
      };
    return {
      operation: jailInstall,
      inputs: () => [{ jail, names }],
      show: asIocage(jailInstall),
    };
  },
};

const provision: IocRow = {
  name: 'provision',
  title: 'Set jails up by a script, a plugin or puppet',
  usage: '[-o KEY=VALUE ...] FILTER ...',
  about:
    'provision.method says how: script (provision.source is a script, or a directory or git repository with one, named by #FILE), ix (the definition of a plugin, a JSON file or its address) or puppet (a directory or repository of manifests). provision.rev is the branch, tag or commit of a repository. All of it runs in the jail, as its root, and nothing on the host; a jail that is down is started for it and stopped again, and one that is up is restarted where it has to see files. A snapshot comes first, and when something fails the jail goes back to it. What lies on this host must belong to root, and nobody else may write to it.',
  flags: [
    {
      key: 'options',
      flags: '-o, --option <key=value>',
      doc: 'provision.method, provision.source or provision.rev for this time; may be repeated',
      many: true,
    },
  ],
  examples: [
    { line: 'ioc provision web', says: 'by the script that the property provision.source names' },
    {
      line: `ioc provision -o provision.method=script -o provision.source=/root/all.sh '*'`,
      says: 'every jail by this one',
    },
    {
      line: 'ioc provision -o provision.source=https://git.example.org/setup.git#web.sh -o provision.rev=v1 web',
      says: 'by web.sh of a repository, at the tag v1',
    },
  ],
  means(words) {
    const overrides = pairs('provision', words.flags['options']);
    return {
      operation: jailProvision,
      inputs: async (context) =>
        (await eachJail('provision', words, context, 'jails')).map((input) => ({ ...input, overrides })),
      show: ({ tag, source, snapshot }: Provisioned, full) => [
        `${full(tag)} provisioned by ${oneLine(source)}; before it: ${full(tag)}@${snapshot}`,
      ],
    };
  },
};

/** They go to a program as its words. */
function assertPackages(names: readonly string[]): readonly string[] {
  const wrong = names.find((name) => !/^[A-Za-z0-9][A-Za-z0-9.+_/-]*$/.test(name) || name.endsWith('-'));
  if (wrong !== undefined) throw usage('pkg', `${JSON.stringify(wrong)} is no name of a package`);
  return names;
}

export const lifeRows: readonly IocRow[] = [start, stop, restart, exec, console, update, pkg, provision];
