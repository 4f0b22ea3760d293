/**
 * The command `ioc`: libiocage's command line over the operations of `iocage`. From words to an exit status; it
 * has the grammar, the runs and the questions of the other one, and its own rows and looks.
 */
import { failure } from '../../domain/errors.ts';
import { findProperty, properties } from '../../domain/properties/index.ts';
import { version } from '../../domain/version.ts';
import { propertiesHelp, propertyHelp } from '../help.ts';
import { runCommandLine } from '../command-line.ts';
import { liveNames, lookingContext } from '../completion/live.ts';
import type { Globals } from '../globals.ts';
import { defaultGlobals } from '../globals.ts';
import { parseCommand } from '../grammar.ts';
import { invoke, type Product } from '../invoke.ts';
import { type Terminal } from '../terminal.ts';
import { iocGlobalRows, loudnessOf, type LogLevel } from './globals.ts';
import { iocCandidates, iocScripts } from './completion.ts';
import { overview, rowHelp } from './help.ts';
import type { IocRow } from './row.ts';
import { iocSkin } from './skin.ts';
import { asOperation, findRow, iocRows } from './table.ts';

/**
 * Runs a command line.
 *
 * @param argv the words after the program's name
 * @returns as `main` of `iocage`: 0 success, 1 failed or refused, 2 wrong words; of exec and console the program's
 */
export function iocMain(argv: readonly string[], terminal: Terminal, product: Product): Promise<number> {
  return runCommandLine(argv, terminal, {
    rows: iocGlobalRows,
    dispatch: (words, globals) => dispatch(words, globals, terminal, product),
    error: iocSkin(loudnessOf('info')).error,
    format: () => 'table',
    debug: (globals) => globals.debug === true,
  });
}

function write(terminal: Terminal, lines: readonly string[]): 0 {
  terminal.stdout.write(`${lines.join('\n')}\n`);
  return 0;
}

/** Two-letter words behind one dash, before the words that are none of ours. */
function spelled(row: IocRow, words: readonly string[]): readonly string[] {
  const end = words.indexOf('--');
  return words.map((word, index) =>
    row.passThrough === true || (end >= 0 && index > end) || !Object.hasOwn(row.spellings ?? {}, word)
      ? word
      : row.spellings![word]!,
  );
}

function showCompletion(terminal: Terminal, [shell = '', ...more]: readonly string[]): 0 {
  const known = Object.keys(iocScripts);
  if (!known.includes(shell) || more.length > 0)
    throw failure('USAGE', { problem: `completion takes one of ${known.join(', ')}` });
  terminal.stdout.write(iocScripts[shell]!);
  return 0;
}

/** What the scripts of `completion` call; it never fails. */
async function complete(words: readonly string[], terminal: Terminal, product: Product): Promise<0> {
  const found = await iocCandidates(
    words,
    liveNames(() => lookingContext(terminal, product)),
  );
  return found.length === 0 ? 0 : write(terminal, found);
}

/** Of a command, of `properties`, or of one of them. */
function helpOn(topic: string | undefined): readonly string[] {
  if (topic === undefined) return overview();
  if (topic === 'properties') return propertiesHelp(properties);
  const property = iocRows.some(({ name }) => name === topic) ? undefined : findProperty(topic);
  return property === undefined ? rowHelp(findRow(topic)) : propertyHelp(property);
}

async function dispatch(
  words: readonly string[],
  early: Partial<Globals>,
  terminal: Terminal,
  product: Product,
): Promise<number> {
  const [name, ...after] = words;
  if (early.version === true) return write(terminal, [`ioc ${version}`]);
  if (name === undefined) return write(terminal, overview());
  if (name === 'completion') return showCompletion(terminal, after);
  if (name === '__complete') return complete(after, terminal, product);
  if (name === 'help') return write(terminal, helpOn(after[0]));
  const row = findRow(name);
  if (early.help === true) return write(terminal, rowHelp(row));
  const grammar = {
    names: [row.name] as const,
    ...(row.flags === undefined ? {} : { flags: row.flags }),
    ...(row.passThrough === undefined ? {} : { passThrough: true }),
  };
  const parsed = parseCommand(grammar, false, spelled(row, after), early, iocGlobalRows);
  const globals: Globals = { ...defaultGlobals, ...parsed.globals };
  if (globals.help) return write(terminal, rowHelp(row));
  const meaning = row.means(parsed.words);
  const loudness = loudnessOf((globals.logLevel ?? 'info') as LogLevel);
  return invoke(
    product,
    terminal,
    asOperation(row, meaning),
    { ...parsed, globals },
    iocSkin(loudness, meaning),
  );
}
