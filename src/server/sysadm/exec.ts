/** `execjail`: runs a program in a jail, as a user of the jail; its lines become keys. */
import type { JailOutput } from '../../ops/jail/run.ts';
import type { ApiHost } from '../api-host.ts';
import type { Action } from './action.ts';
import type { Json } from './json.ts';
import { errorLine, operationError } from './errors.ts';
import { ActionProblem, checkName, type Fields } from './fields.ts';
import { toPairs } from './lines.ts';
import { splitWords } from './split.ts';

/** What jexec(8) says of a program that cannot be run; a shell that says so itself is left its words. */
const notRun: Readonly<Record<number, string>> = {
  126: 'Permission denied',
  127: 'No such file or directory',
};

/** The answer for a program that has ended. Pure. */
export function execAnswer(
  program: string,
  output: JailOutput,
  how: { readonly raw: boolean; readonly cut: boolean },
): Json {
  const more = how.raw ? { exitcode: String(output.status), stdout: output.stdout } : {};
  if (output.status === 0) return { success: toPairs(output.lines, how.cut), ...more };
  const said = output.lines.join('\n').trimEnd();
  const why = notRun[output.status];
  const unsaid = why === undefined ? `exit status ${output.status}` : `jexec: execvp: ${program}: ${why}`;
  return { error: said === '' ? unsaid : said, ...more };
}

async function execJail(host: ApiHost, fields: Fields): Promise<Json> {
  const command = fields.required('command');
  const user = fields.required('user');
  const jail = fields.jail();
  const argv = splitWords(command);
  checkName('user', user);
  if (argv.length === 0) throw new ActionProblem('Invalid command');
  try {
    const output = await host.session<JailOutput>('jail.run', { jail, argv, jailUser: user });
    return execAnswer(argv[0]!, output, {
      raw: fields.text('output') === 'raw',
      cut: host.settings.legacyTruncation,
    });
  } catch (thrown) {
    const error = operationError(thrown);
    if (error.code !== 'NOT_RUNNING') throw new ActionProblem(errorLine(error, 'jail'));
    const uuid = (await host.knownJail(jail))?.uuid ?? jail;
    throw new ActionProblem(`jexec: jail "ioc-${uuid}" not found`);
  }
}

export const execActions: Readonly<Record<string, Action>> = {
  execjail: { access: 'full', run: execJail },
};
