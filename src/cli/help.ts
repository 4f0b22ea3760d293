/** Help as text, made from the registry, the global options and the property table. Pure. */
import type { CommandWords, Flag, Operation } from '../ops/operation.ts';
import { propertyGroups, type Property } from '../domain/property.ts';
import { globalRows } from './globals.ts';
import { ownCommands } from './commands.ts';
import { padEnd, wrap } from './print/text.ts';

/** Columns of help: a terminal's usual width, whatever the terminal, so that help can be compared. */
export const helpColumns = 80;

export const groupTitles: readonly (readonly [CommandWords['group'], string])[] = [
  ['jails', 'Jails'],
  ['data', 'Snapshots and data'],
  ['releases', 'Releases'],
  ['configuration', 'Configuration'],
  ['host', 'Host and pool'],
  ['help', 'Help'],
];

/** Two columns; the left one at most 28 wide, the right one wrapped. */
export function entries(rows: readonly (readonly [string, string])[]): readonly string[] {
  const left = Math.min(28, Math.max(...rows.map(([word]) => word.length), 0)) + 2;
  return rows.flatMap(([word, says]) => {
    const lines = wrap(says, helpColumns - left - 2);
    const first =
      word.length + 2 > left
        ? [`  ${word}`, `  ${' '.repeat(left)}${lines[0] ?? ''}`]
        : [`  ${padEnd(word, left)}${lines[0] ?? ''}`];
    return [...first, ...lines.slice(1).map((line) => `  ${' '.repeat(left)}${line}`)].map((line) =>
      line.trimEnd(),
    );
  });
}

/** Rows of one group, by name; a command is listed once, under its first name. */
export function commandsOf(
  operations: readonly Operation[],
  group: CommandWords['group'],
): readonly { readonly name: string; readonly title: string }[] {
  const rows = operations
    .filter((operation) => operation.command.group === group)
    .map((operation) => ({ name: operation.command.names[0], title: operation.title }));
  const own =
    group === 'help' ? ownCommands.filter((command) => rows.every((row) => row.name !== command.name)) : [];
  return [...rows, ...own.map(({ name, title }) => ({ name, title }))].sort((a, b) =>
    a.name.localeCompare(b.name),
  );
}

/** One line's worth of the options that every command takes; `iocage help` says what they do. */
function globalReminder(tables: boolean): readonly string[] {
  const rows = globalRows.filter((row) => !row.early && (tables || !row.tablesOnly));
  const spellings = rows.map((row) => row.flags.replace(/,.*$/, '').replace(/ .*$/, ''));
  return ['', ...wrap(`Every command also takes ${spellings.join(', ')}: see 'iocage help'.`, helpColumns)];
}

export function overview(operations: readonly Operation[]): readonly string[] {
  const lines = ['usage: iocage [OPTION ...] COMMAND [WORD ...]'];
  for (const [group, title] of groupTitles) {
    const rows = commandsOf(operations, group);
    if (rows.length > 0)
      lines.push('', title, ...entries(rows.map(({ name, title: says }) => [name, says] as const)));
  }
  const options = globalRows.map(
    (row) => [row.flags, row.doc + (row.tablesOnly ? ', on commands that print a table' : '')] as const,
  );
  lines.push('', 'Options, before or after the command', ...entries(options));
  lines.push(
    '',
    ...wrap(
      'A jail is named by its UUID, the beginning of its UUID (four digits or more), or its tag.',
      helpColumns,
    ),
    `More: 'iocage help COMMAND', 'iocage help properties', 'iocage help PROPERTY'.`,
  );
  return lines;
}

/** Flags that the command line adds to operations that destroy: the way past the question. */
const forceFlags: readonly Flag[] = [
  { key: 'force', flags: '-f, --force', doc: 'go ahead without the question' },
  { key: 'yes', flags: '-y, --yes', doc: 'answer the question with yes, and nothing more' },
];

/** The operation's flags and those that its effect brings along. */
export function flagsOf(operation: Operation): readonly Flag[] {
  const own = operation.command.flags ?? [];
  if (operation.effect !== 'destroy') return own;
  return [...own, ...forceFlags.filter(({ key }) => own.every((flag) => flag.key !== key))];
}

export function commandHelp(operation: Operation, tables: boolean): readonly string[] {
  const { command } = operation;
  const [name, ...others] = command.names;
  const lines = [
    `iocage ${name} - ${operation.title}`,
    '',
    `usage: iocage ${name} ${command.usage}`.trimEnd(),
  ];
  if (others.length > 0) lines.push(`also:  ${others.map((other) => `iocage ${other}`).join(', ')}`);
  if (command.about) lines.push('', ...wrap(command.about, helpColumns));
  const flags = flagsOf(operation);
  if (flags.length > 0)
    lines.push('', 'Flags', ...entries(flags.map((flag) => [flag.flags, flag.doc] as const)));
  if (command.passThrough) {
    lines.push(
      '',
      ...wrap(
        'Flags and options stand before the jail; all words after it are passed on as they are.',
        helpColumns,
      ),
    );
  }
  if (command.examples.length > 0) {
    lines.push(
      '',
      'Examples',
      ...command.examples.flatMap(({ line, says }) => [`  ${line}`, `      ${says}`]),
    );
  }
  lines.push(...globalReminder(tables));
  return lines;
}

const groupNames: Readonly<Record<Property['group'], string>> = {
  network: 'Network',
  jail: 'Jail',
  limit: 'Resource limits',
  custom: 'iocage',
  zfs: 'ZFS',
  sync: 'Synchronisation',
  fetch: 'Fetch',
  git: 'Git',
};

export function propertiesHelp(properties: readonly Property[]): readonly string[] {
  const lines = ["Properties, with their built-in values; 'iocage help PROPERTY' tells more."];
  for (const group of propertyGroups) {
    const rows = properties.filter((property) => property.group === group);
    if (rows.length === 0) continue;
    lines.push('', groupNames[group]);
    lines.push(
      ...entries(
        rows.map((property) => [`${property.key}=${property.default ?? '-'}`, property.doc] as const),
      ),
    );
  }
  return lines;
}

const linuxEffects: Readonly<Record<Property['linux']['effect'], string>> = {
  applied: 'takes effect',
  not: 'stored and shown; has no effect',
};
const accesses: Readonly<Record<Property['access'], string>> = {
  set: 'any time',
  create: 'only when the jail is made',
  tool: 'only by iocage itself',
};

/** As it is typed: a pipe, a semicolon or a blank is the shell's unless it is quoted. */
const shellWord = (text: string): string => (/[^\w@%+=:,./-]/.test(text) ? `"${text}"` : text);

/** What there is to know of a property besides its sentence, by heading. */
export function propertyFacts(property: Property): readonly (readonly [string, string])[] {
  const restart = property.access === 'tool' || property.live ? '' : '; a running jail needs a restart';
  const { effect, note } = property.linux;
  return [
    ['value', property.codec.choices ? property.codec.choices.join(', ') : property.codec.kind],
    ['built-in', property.default ?? 'none'],
    ['may be set', accesses[property.access] + restart],
    ['on FreeBSD', property.freebsd],
    ['on Linux', linuxEffects[effect] + (note ? `: ${note}` : '')],
    [
      'example',
      property.access === 'tool'
        ? `iocage get ${property.key} JAIL`
        : `iocage set ${property.key}=${shellWord(property.example)} JAIL`,
    ],
    ['source', property.source],
  ];
}

export function propertyHelp(property: Property): readonly string[] {
  return [property.key, '', ...wrap(property.doc, helpColumns), '', ...entries(propertyFacts(property))];
}
