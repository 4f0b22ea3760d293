/**
 * What could stand in the place of the last word of a command line, from the registry, the property
 * table and what lives on the pool. Names that a shell would have to quote are left out.
 */
import type { Operation } from '../../ops/operation.ts';
import type { Property } from '../../domain/property.ts';
import { ownCommands } from '../commands.ts';
import { globalRows, type GlobalRow } from '../globals.ts';
import { parseCommand, parseEarly } from '../grammar.ts';
import { flagsOf } from '../help.ts';
import { completionScripts } from './scripts.ts';

/** Names on the pool; each may cost a look at the machine, so each is asked for only when it is needed. */
export interface Live {
  jails(): Promise<readonly string[]>;
  releases(): Promise<readonly string[]>;
  snapshots(jail: string): Promise<readonly string[]>;
  pools(): Promise<readonly string[]>;
  /** Of sources that have a name; none where the pool is the only one. */
  sources(): Promise<readonly string[]>;
  /** Tags and file names without their endings, of what `export` and `package` wrote. */
  images(): Promise<readonly string[]>;
}

export interface Tables {
  readonly operations: readonly Operation[];
  readonly properties: readonly Property[];
  /** Whether the operation prints a table, as the grammar needs to know. */
  readonly printsTable: (operation: Operation) => boolean;
  /** Options of every command; default those of iocage. */
  readonly shared?: readonly GlobalRow[];
  /** Commands that have no operation; default those of iocage. */
  readonly own?: readonly string[];
}

/** A place for a positional word, as the usage line of a command shows it. */
interface Slot {
  readonly words: readonly string[];
  readonly many: boolean;
}

/**
 * The places of a usage line; flags and assignments are no places.
 *
 * @example slotsOf('JAIL ... | ALL') // [{ words: ['JAIL', 'ALL'], many: true }]
 */
export function slotsOf(usage: string): readonly Slot[] {
  const slots: { words: string[]; many: boolean }[] = [];
  let or = false;
  let dropped = true;
  const places = usage.replace(/\[-[^[\]]*\]/g, '').replace(/[[\]]/g, '');
  for (const token of places.split(/\s+/)) {
    // Another form of the command, by a flag.
    if (or && token.startsWith('-')) break;
    if (token === '|') or = true;
    else if (token === '...') {
      if (!dropped) slots.at(-1)!.many = true;
    } else {
      dropped = token === '' || token.startsWith('-') || token.includes('=');
      if (!dropped && or && slots.length > 0) slots.at(-1)!.words.push(...token.split('|'));
      else if (!dropped) slots.push({ words: token.split('|'), many: false });
      or = false;
    }
  }
  return slots;
}

/** Keys that the usage line takes as assignments; `PROPERTY` stands for every property that can be set. */
function keysOf(operation: Operation, properties: readonly Property[]): readonly string[] {
  const named = [...operation.command.usage.matchAll(/([A-Za-z_0-9]+)=[A-Z]/g)].map(([, key = '']) => key);
  const making = /create|clone/.test(operation.id);
  return named.flatMap((key) =>
    key === 'PROPERTY'
      ? properties
          .filter((row) => row.access === 'set' || (making && row.access === 'create'))
          .map((row) => row.key)
      : [key],
  );
}

async function assignments(
  operation: Operation,
  word: string,
  { properties }: Tables,
  live: Live,
): Promise<readonly string[]> {
  const keys = keysOf(operation, properties);
  const at = word.indexOf('=');
  if (at < 0) return keys.map((key) => `${key}=`);
  const key = word.slice(0, at);
  if (!keys.includes(key)) return [];
  const values =
    key === 'release'
      ? await live.releases()
      : key === 'depends'
        ? await live.jails()
        : (properties.find((row) => row.key === key)?.codec.choices ?? []);
  return values.map((value) => `${key}=${value}`);
}

async function jailsAt(word: string, live: Live): Promise<readonly string[]> {
  const jails = await live.jails();
  // A tag may hold an @ itself; what begins a jail's name is taken for one.
  if (!word.includes('@') || jails.some((jail) => jail.startsWith(word) && jail !== word)) return jails;
  const jail = word.slice(0, word.lastIndexOf('@'));
  return (await live.snapshots(jail)).map((snapshot) => `${jail}@${snapshot}`);
}

async function inSlot(slot: Slot, word: string, tables: Tables, live: Live): Promise<readonly string[]> {
  const found = await Promise.all(
    slot.words.map(async (what): Promise<readonly string[]> => {
      if (what === 'JAIL' || what === 'FILTER') return live.jails();
      if (what.startsWith('JAIL@')) return jailsAt(word, live);
      if (what === 'RELEASE') return live.releases();
      if (what === 'POOL') return live.pools();
      if (what === 'SOURCE') return live.sources();
      if (what === 'IMAGE') return live.images();
      if (what === 'PROPERTY') return tables.properties.map((row) => row.key);
      return what === 'ALL' || /^[a-z]+$/.test(what) ? [what] : [];
    }),
  );
  // A foreign dataset may be called so, and the command would take it for a flag.
  return found.flat().filter((name) => !name.startsWith('-'));
}

const spellings = (flags: string): readonly string[] => flags.match(/(?<![\w-])--?[A-Za-z][\w-]*/g) ?? [];
const takesWord = (flags: string): string | undefined => /<([^>]+)>/.exec(flags)?.[1];

/** What the flag before the word asks for; undefined when the word is no flag's. */
async function afterFlag(
  flags: readonly { readonly flags: string; readonly choices?: readonly string[] }[],
  before: string | undefined,
  live: Live,
): Promise<readonly string[] | undefined> {
  if (!before?.startsWith('-')) return undefined;
  const flag = flags.find((row) => spellings(row.flags).includes(before));
  const what = flag && takesWord(flag.flags);
  if (flag === undefined || what === undefined) return undefined;
  if (flag.choices) return flag.choices;
  if (what === 'release') return live.releases();
  if (before === '--source') return live.sources();
  return before === '--pool' ? live.pools() : [];
}

async function words(given: readonly string[], tables: Tables, live: Live): Promise<readonly string[]> {
  const { operations, properties, shared: rows = globalRows } = tables;
  const word = given.at(-1) ?? '';
  const before = given.at(-2);
  const shared = rows.map(({ flags, choices }) => ({ flags, ...(choices ? { choices } : {}) }));
  // A flag that still wants its word is no line that the grammar takes.
  const lacking = await afterFlag(shared, before, live);
  if (lacking) return lacking;
  const [name, ...after] = parseEarly(given.slice(0, -1), rows).rest;
  const commands = [
    ...operations.flatMap((operation) => operation.command.names),
    ...(tables.own ?? ownCommands.map((own) => own.name)),
  ];
  if (name === undefined)
    return word.startsWith('-') ? shared.flatMap((row) => spellings(row.flags)) : commands;
  if (name === 'help')
    return after.length > 0 ? [] : [...commands, 'properties', ...properties.map(({ key }) => key)];
  if (name === 'completion') return after.length > 0 ? [] : Object.keys(completionScripts);
  const called = operations.find((operation) => operation.command.names.includes(name));
  if (called === undefined) return [];
  const flags = [...flagsOf(called), ...shared];
  const asked = await afterFlag(flagsOf(called), before, live);
  if (asked) return asked;
  const row = { ...called.command, flags: flagsOf(called) };
  const parsed = parseCommand(row, tables.printsTable(called), after, {}, rows).words;
  if (called.command.passThrough && parsed.positionals.length > 0) return [];
  if (word.startsWith('-')) return flags.flatMap((flag) => spellings(flag.flags));
  const operation = called.command.instead?.({ ...parsed, called: name }) ?? called;
  const slots = slotsOf(operation.command.usage);
  const last = slots.at(-1);
  const slot = slots[parsed.positionals.length] ?? (last?.many ? last : undefined);
  return [
    ...(slot === undefined || word.includes('=') ? [] : await inSlot(slot, word, tables, live)),
    ...(await assignments(operation, word, tables, live)),
  ];
}

/** What a shell reads as one word without quotes. */
const plain = /^[A-Za-z0-9_.@:=,+/%-]+$/;

/**
 * @param given the words after `iocage`; the last one, perhaps empty, is to be completed
 * @returns whole words, each once, sorted; none when the words before are wrong or the pool is not there
 */
export async function candidates(
  given: readonly string[],
  tables: Tables,
  live: Live,
): Promise<readonly string[]> {
  const word = given.at(-1) ?? '';
  try {
    const found = (await words(given, tables, live)).filter(
      (text) => text.startsWith(word) && plain.test(text),
    );
    return [...new Set(found)].sort();
  } catch {
    // Nobody wants an error in the middle of typing.
    return [];
  }
}
