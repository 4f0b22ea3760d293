/**
 * The command line: from words to an exit status. It knows the grammar and the printing; what the
 * commands do stands in the registry it is given. It never touches the machine itself.
 */
import { failure } from '../domain/errors.ts';
import { properties } from '../domain/properties/index.ts';
import type { Operation } from '../ops/operation.ts';
import { findOperation } from './commands.ts';
import { runCommandLine } from './command-line.ts';
import { candidates } from './completion/candidates.ts';
import { liveNames, lookingContext } from './completion/live.ts';
import { completionScripts } from './completion/scripts.ts';
import { defaultGlobals, type Globals } from './globals.ts';
import { parseCommand } from './grammar.ts';
import { commandHelp, flagsOf, overview, propertiesHelp, propertyHelp } from './help.ts';
import { invoke, type Product } from './invoke.ts';
import { printError } from './print/error.ts';
import { printJson } from './print/result.ts';
import { views } from './print/views.ts';
import { type Terminal } from './terminal.ts';
import { version } from '../domain/version.ts';

export type { Product } from './invoke.ts';

/**
 * Runs a command line.
 *
 * @param argv the words after the program's name
 * @returns the exit status: 0 success, 1 the machine's state does not allow it, 2 the words are wrong, 128 and the
 *   signal's number for what a signal cancelled; for exec and console the status of the program in the jail
 */
export function main(argv: readonly string[], terminal: Terminal, product: Product): Promise<number> {
  return runCommandLine(argv, terminal, {
    dispatch: (words, globals) => dispatch(words, globals, terminal, product),
    error: printError,
    format: (globals) => globals.format ?? 'table',
    debug: (globals) => globals.debug === true || (terminal.env['IOCAGE_DEBUG'] ?? '') !== '',
  });
}

function write(terminal: Terminal, lines: readonly string[]): 0 {
  terminal.stdout.write(`${lines.join('\n')}\n`);
  return 0;
}

const printsTable = (operation: Operation): boolean =>
  Object.hasOwn(views, operation.id) && views[operation.id]!.shows === 'table';

async function dispatch(
  words: readonly string[],
  early: Partial<Globals>,
  terminal: Terminal,
  product: Product,
): Promise<number> {
  const { operations } = product;
  const [name, ...after] = words;
  if (early.version) return showVersion(terminal, early);
  // COMPAT: the original shows its usage and succeeds when it is called without a command.
  if (name === undefined) return write(terminal, overview(operations));
  if (name === 'completion') return showCompletion(terminal, after);
  if (name === '__complete') return complete(after, terminal, product);
  if (name === 'help') return write(terminal, helpOn(operations, after));
  if (name === 'version' && !operations.some((operation) => operation.command.names.includes('version'))) {
    return showVersion(terminal, parseCommand({ names: ['version'] }, false, after, early).globals);
  }
  const operation = findOperation(operations, name);
  const tables = printsTable(operation);
  if (early.help || (after.length === 1 && after[0] === 'help'))
    return write(terminal, commandHelp(operation, tables));
  const row = { ...operation.command, flags: flagsOf(operation) };
  const parsed = parseCommand(row, tables, after, early);
  if (parsed.globals.help) return write(terminal, commandHelp(operation, tables));
  const debug = parsed.globals.debug || (terminal.env['IOCAGE_DEBUG'] ?? '') !== '';
  const called = { ...parsed.words, called: name };
  const meant = operation.command.instead?.(called) ?? operation;
  return invoke(product, terminal, meant, {
    ...parsed,
    words: called,
    globals: { ...parsed.globals, debug },
  });
}

function showVersion(terminal: Terminal, globals: Partial<Globals>): 0 {
  const { format, help } = { ...defaultGlobals, ...globals };
  if (help) return write(terminal, ['usage: iocage version']);
  return write(terminal, [format === 'json' ? printJson({ version }) : `iocage ${version}`]);
}

function showCompletion(terminal: Terminal, [shell, ...more]: readonly string[]): 0 {
  const known = Object.keys(completionScripts);
  if (shell === undefined || shell === '--help' || shell === '-h' || shell === 'help')
    return write(terminal, [`usage: iocage completion ${known.join('|')}`]);
  if (!known.includes(shell) || more.length > 0) {
    throw failure('USAGE', { problem: `completion takes one of ${known.join(', ')}` });
  }
  terminal.stdout.write(completionScripts[shell]!);
  return 0;
}

/** What the scripts of `completion` call; it never fails. */
async function complete(words: readonly string[], terminal: Terminal, product: Product): Promise<0> {
  const live = liveNames(() => lookingContext(terminal, product));
  const found = await candidates(words, { operations: product.operations, properties, printsTable }, live);
  return found.length === 0 ? 0 : write(terminal, found);
}

function helpOn(operations: readonly Operation[], after: readonly string[]): readonly string[] {
  const [topic, ...more] = after;
  if (
    topic === undefined ||
    topic === 'help' ||
    topic === '--help' ||
    topic === 'version' ||
    topic === 'completion'
  )
    return overview(operations);
  if (more.length > 0)
    throw failure('USAGE', { problem: `one topic, please: ${more.join(' ')} is too much` });
  if (topic === 'properties') return propertiesHelp(properties);
  const named = operations.find((operation) => operation.command.names.includes(topic));
  if (named) return commandHelp(named, printsTable(named));
  const property = properties.find(({ key }) => key === topic);
  if (property) return propertyHelp(property);
  // Fails with the nearest command.
  return commandHelp(findOperation(operations, topic), false);
}
