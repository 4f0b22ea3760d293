/**
 * Jails whose configuration another tool keeps in a file of their dataset. No file is looked for where this
 * program made the jail. What is read lies below the dataset's mount point, no link is followed, the size is
 * bounded, no child process is started, and nothing is ever written here.
 */
import type { Context } from '../context.ts';
import { identityKeys } from '../../domain/config.ts';
import { asIocageError } from '../../domain/errors.ts';
import {
  configFiles,
  readConfig,
  readDefaults,
  type ConfigFileName,
} from '../../domain/format/config-file.ts';
import type { Dialect } from '../../domain/format/dialect.ts';
import { FormatProblem } from '../../domain/format/members.ts';
import type { Jail } from '../../domain/jail.ts';

type Reader = Pick<Context, 'files'>;

/** Files open at a time. */
const atOnce = 16;

/**
 * The jails again, those with a configuration file as the file says; one whose file cannot be used with the
 * reason as its problem.
 *
 * @param top mount point of `POOL/iocage`, where the tools keep their defaults
 */
export async function withFiles(
  context: Reader,
  jails: readonly Jail[],
  top: string,
): Promise<readonly Jail[]> {
  const result = [...jails];
  const asked = [...jails.keys()].filter((at) => !jails[at]!.made && jails[at]!.mountpoint !== undefined);
  const defaults = new Map<string, Promise<ReadonlyMap<string, string>>>();
  const defaultsOf = (dialect: Dialect): Promise<ReadonlyMap<string, string>> => {
    const known = defaults.get(dialect.title) ?? readAllDefaults(context, dialect, top);
    defaults.set(dialect.title, known);
    return known;
  };
  for (let from = 0; from < asked.length; from += atOnce) {
    const some = asked.slice(from, from + atOnce);
    const read = await Promise.all(some.map((at) => withFile(context, jails[at]!, defaultsOf)));
    for (const [index, at] of some.entries()) result[at] = read[index]!;
  }
  return result;
}

async function withFile(
  context: Reader,
  jail: Jail,
  defaultsOf: (dialect: Dialect) => Promise<ReadonlyMap<string, string>>,
): Promise<Jail> {
  let name: ConfigFileName = configFiles[0];
  try {
    for (name of configFiles) {
      const text = await context.files.readBelow(jail.mountpoint!, name);
      if (text === undefined) continue;
      const { dialect, values } = readConfig({ name, text }, jail.uuid);
      return asConfigured(
        jail,
        { name, text, title: dialect.title },
        dialect,
        values,
        await defaultsOf(dialect),
      );
    }
    return jail;
  } catch (error) {
    // Whoever may not look into the directory of a jail with properties still sees those.
    if (jail.ours && isDenied(error)) return jail;
    return { ...jail, ours: false, problem: reasonOf(name, error) };
  }
}

function asConfigured(
  jail: Jail,
  file: NonNullable<Jail['file']>,
  dialect: Dialect,
  values: ReadonlyMap<string, string>,
  defaults: ReadonlyMap<string, string>,
): Jail {
  // Properties that the tool left on the dataset when it began to keep a file count no more.
  const beside = [...jail.local].filter(([key]) => !dialect.keeps(key));
  const local = new Map([...beside, ...values]);
  const template = jail.template || local.get('type') === 'template';
  const { problem: _, ...rest } = jail;
  return { ...rest, file, local, defaults, template, tag: local.get('tag') ?? jail.uuid, ours: true };
}

/** The defaults of that tool: its file's over its built-in ones. */
export async function readAllDefaults(
  { files }: Reader,
  dialect: Dialect,
  top: string,
): Promise<ReadonlyMap<string, string>> {
  const stored = new Map(Object.entries(dialect.builtIn));
  for (const name of dialect.defaultFiles) {
    try {
      const text = await files.readBelow(top, name);
      if (text === undefined) continue;
      for (const [key, value] of readDefaults(name, text, dialect))
        if (!identityKeys.has(key)) stored.set(key, value);
      break;
    } catch (error) {
      throw new FormatProblem(`the defaults cannot be used: ${reasonOf(name, error)}`);
    }
  }
  return stored;
}

function isDenied(error: unknown): boolean {
  return [error, (error as Error).cause].some(
    (one) => (one as NodeJS.ErrnoException | undefined)?.code === 'EACCES',
  );
}

function reasonOf(name: string, error: unknown): string {
  if (!(error instanceof FormatProblem)) return asIocageError(error).message;
  return error.message.startsWith('the defaults') ? error.message : `${name}: ${error.message}`;
}
