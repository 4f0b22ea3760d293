/**
 * The grammar of the command line: commander finds options and flags; the rest is sorted as the
 * original iocage does it, into `property=value` words and others, flags anywhere. Knows nothing of
 * what a command does. Words that begin with `-` and are no flag of the command are refused, so that
 * no name can ever be taken for an option of a tool.
 */
import { Command, CommanderError, Option } from 'commander';
import type { CommandWords, Flag, Words } from '../ops/operation.ts';
import { failure, type IocageError } from '../domain/errors.ts';
import { defaultGlobals, globalRows, type GlobalRow, type Globals } from './globals.ts';

export interface ParsedCommand {
  readonly globals: Globals;
  readonly words: Words;
}

function usage(error: unknown, command?: string): IocageError {
  if (!(error instanceof CommanderError)) throw error;
  const problem = error.message.replace(/^error: /, '').replace(/\s*\n\s*/g, ' ');
  return failure('USAGE', { problem, ...(command === undefined ? {} : { command }) });
}

function silentCommand(name: string): Command {
  return new Command(name)
    .exitOverride()
    .configureOutput({ writeOut: () => undefined, writeErr: () => undefined })
    .helpOption(false)
    .allowExcessArguments()
    .argument('[words...]');
}

/** Adds an option, leaving out the spellings that an earlier option has already. */
function addOption(
  command: Command,
  flags: string,
  heard: (text: string | undefined) => void,
  choices?: readonly string[],
): void {
  const wanted = new Option(flags);
  const taken = new Set(command.options.flatMap((option) => [option.short, option.long]));
  const spellings = [wanted.short, wanted.long].filter(
    (spelling) => spelling !== undefined && spelling !== null && !taken.has(spelling),
  );
  if (spellings.length === 0) return;
  const value = /\s*[<[].*$/.exec(flags)?.[0] ?? '';
  const option = new Option(spellings.join(', ') + value);
  command.addOption(option);
  // The raw events are used instead of commander's collected values: they come in order, also for
  // flags that are given several times, and know no prototype keys.
  command.on(`option:${option.name()}`, (text: string | null | undefined) => {
    if (choices !== undefined && !choices.includes(text ?? '')) {
      throw new CommanderError(
        2,
        'iocage.choice',
        `option '${option.long ?? option.short}' takes one of ${choices.join(', ')}`,
      );
    }
    heard(text ?? undefined);
  });
}

function addGlobals(command: Command, rows: readonly GlobalRow[], collected: Partial<Globals>): void {
  for (const row of rows) {
    addOption(
      command,
      row.flags,
      (text) => Object.assign(collected, row.set(text ?? '', collected)),
      row.choices,
    );
  }
}

/** Splits off the options before the command. `rest` begins with the command's name. */
export function parseEarly(argv: readonly string[]): { globals: Partial<Globals>; rest: readonly string[] } {
  const globals: Partial<Globals> = {};
  const command = silentCommand('iocage').passThroughOptions();
  addGlobals(
    command,
    globalRows.filter((row) => row.tablesOnly !== true),
    globals,
  );
  addOption(command, '-h', () => Object.assign(globals, { help: true }));
  try {
    command.parse(argv, { from: 'user' });
  } catch (error) {
    throw usage(error);
  }
  return { globals, rest: command.args };
}

/**
 * Moves flags whose value may be left out (`--clone [count]`) so that they take the next word only
 * when it is a number: `create -c 3` counts, `create -c release=x` does not take `release=x`.
 */
function settleOptionalValues(words: readonly string[], options: readonly Option[]): readonly string[] {
  const find = (word: string): Option | undefined => {
    const short = /^-[A-Za-z]+$/.test(word) ? `-${word.at(-1)}` : undefined;
    return options.find((option) => option.long === word || (short !== undefined && option.short === short));
  };
  const kept: string[] = [];
  const bare: string[] = [];
  let index = 0;
  for (; index < words.length && words[index] !== '--'; index += 1) {
    const word = words[index]!;
    const option = find(word);
    const next = words[index + 1];
    if (option?.required) {
      if (next?.startsWith('-')) {
        throw new CommanderError(2, 'iocage.value', `option '${word}' needs a value, not '${next}'`);
      }
      kept.push(word, ...(next === undefined ? [] : [next]));
      index += 1;
    } else if (option?.optional) {
      if (next !== undefined && /^\d+$/.test(next)) {
        kept.push(word, next);
        index += 1;
      } else {
        bare.push(word);
      }
    } else {
      kept.push(word);
    }
  }
  return [...kept, ...bare, ...words.slice(index)];
}

function isNegated(flag: Flag): boolean {
  return new Option(flag.flags).negate;
}

function addFlags(command: Command, flags: readonly Flag[], collected: Record<string, unknown>): void {
  for (const flag of flags) {
    addOption(command, flag.flags, (text) => {
      const value = text === undefined ? !isNegated(flag) : flag.parse ? flag.parse(text) : text;
      collected[flag.key] = flag.many
        ? [...((collected[flag.key] as unknown[] | undefined) ?? []), value]
        : value;
    });
  }
}

/** `property=value`, cut at the first `=`; undefined for other words. */
function asProperty(word: string): readonly [string, string] | undefined {
  const at = word.indexOf('=');
  return at > 0 ? [word.slice(0, at), word.slice(at + 1)] : undefined;
}

/** COMPAT: the Python line's `-NU` for `--noupdate`, of any flag that has both spellings. */
function spellNegations(words: readonly string[], options: readonly Option[]): readonly string[] {
  const end = words.indexOf('--');
  return words.map((word, index) => {
    const letter = end < 0 || index < end ? /^-N([A-Z])$/.exec(word)?.[1] : undefined;
    const positive = options.find(({ short }) => letter !== undefined && short === `-${letter}`)?.long;
    const negative = positive?.replace('--', '--no');
    return negative !== undefined && options.some(({ long }) => long === negative) ? negative : word;
  });
}

/**
 * Sorts the words after a command.
 *
 * @param tables whether the command prints a table, where `-h` means "no header" and not help
 * @throws USAGE
 */
export function parseCommand(
  row: Pick<CommandWords, 'names' | 'flags' | 'passThrough'>,
  tables: boolean,
  after: readonly string[],
  early: Partial<Globals> = {},
): ParsedCommand {
  const name = row.names[0];
  const globals: Partial<Globals> = { ...early };
  const flags: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  const command = silentCommand(name);
  if (row.passThrough) command.passThroughOptions();
  addFlags(command, row.flags ?? [], flags);
  addGlobals(
    command,
    globalRows.filter((global) => !global.early && (tables || !global.tablesOnly)),
    globals,
  );
  addOption(command, '-h', () => Object.assign(globals, { help: true }));
  try {
    const words = row.passThrough
      ? after
      : settleOptionalValues(spellNegations(after, command.options), command.options);
    command.parse(words, { from: 'user' });
  } catch (error) {
    throw usage(error, name);
  }
  const operands = command.args;
  const checked = row.passThrough ? operands.slice(0, 1) : operands;
  // commander takes `-5` for a negative number; here nothing that can be named begins with a dash.
  const dashed = checked.find((word) => /^-\d/.test(word));
  if (dashed !== undefined) throw failure('USAGE', { problem: `unknown option '${dashed}'`, command: name });
  const properties = row.passThrough
    ? []
    : operands.flatMap((word) => {
        const pair = asProperty(word);
        return pair === undefined ? [] : [pair];
      });
  const positionals = row.passThrough ? operands : operands.filter((word) => asProperty(word) === undefined);
  return {
    // A command may have a short word of its own for it.
    globals: { ...defaultGlobals, ...globals, ...(flags['dryRun'] === true ? { dryRun: true } : {}) },
    words: { positionals, properties, flags: { ...flags } },
  };
}
