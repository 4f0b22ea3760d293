/**
 * The manual page iocage(8), made from the same rows as the commands themselves, with the macros of
 * man(7), which mandoc and groff both read. Pure; the build writes it.
 */
import type { Operation } from '../ops/operation.ts';
import { errorTable } from '../domain/errors.ts';
import { propertyGroups, type Property } from '../domain/property.ts';
import { globalRows } from './globals.ts';
import { commandsOf, flagsOf, groupTitles, propertyFacts } from './help.ts';
import { version } from '../domain/version.ts';

/** Text that roff takes literally: no escapes, no requests, dashes that can be copied. */
export function roff(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll('\n', ' ')
    .replace(/^([.'])/, '\\&$1');
}
export const bold = (text: string): string => `\\fB${roff(text)}\\fR`;

/** A tagged paragraph. */
export function item(tag: string, ...paragraphs: readonly string[]): readonly string[] {
  const filled = paragraphs.filter((paragraph) => paragraph !== '');
  return [
    '.TP',
    tag,
    ...filled.flatMap((paragraph, index) => (index === 0 ? [paragraph] : ['.sp', paragraph])),
  ];
}

function command(operation: Operation): readonly string[] {
  const { names, usage, about, examples } = operation.command;
  const [name, ...others] = names;
  const title = `${roff(operation.title)}.`;
  const also = others.length === 0 ? '' : `Also called ${others.map(bold).join(', ')}.`;
  const flags = flagsOf(operation).flatMap((flag) => item(bold(flag.flags), `${roff(flag.doc)}.`));
  const shown = examples.flatMap(({ line, says }) => item(`\\fC${roff(line)}\\fR`, roff(says)));
  return [
    ...item(`${bold(name)} ${roff(usage)}`.trimEnd(), title, also, about ? roff(about) : ''),
    ...(flags.length + shown.length === 0 ? [] : ['.RS', ...flags, ...shown, '.RE']),
  ];
}

function commands(operations: readonly Operation[]): readonly string[] {
  return groupTitles.flatMap(([group, title]) => {
    const names = commandsOf(operations, group);
    if (names.length === 0) return [];
    const rows = names.flatMap(({ name, title: says }) => {
      const found = operations.find((operation) => operation.command.names[0] === name);
      return found ? command(found) : item(bold(name), `${roff(says)}.`);
    });
    return [`.SS ${roff(title)}`, ...rows];
  });
}

function property(row: Property): readonly string[] {
  const facts = propertyFacts(row).map(([what, says]) => `${roff(what)}: ${roff(says)}`);
  return [
    ...item(`${bold(row.key)}=${roff(row.codec.kind)}`, roff(row.doc)),
    ...facts.flatMap((fact) => ['.br', fact]),
  ];
}

export function section(title: string, lines: readonly string[]): readonly string[] {
  return [`.SH ${title}`, ...lines];
}

/** @param date `YYYY-MM-DD` */
export function manualPage(
  operations: readonly Operation[],
  properties: readonly Property[],
  date: string,
): string {
  const lines = [
    `.\\" Made from the tables of commands, properties and errors; do not edit.`,
    `.TH IOCAGE 8 "${date}" "iocage ${version}" "System Manager's Manual"`,
    ...section('NAME', ['iocage \\- jails on ZFS']),
    ...section('SYNOPSIS', [
      `${bold('iocage')} [\\fIoption\\fR ...] \\fIcommand\\fR [\\fIword\\fR ...]`,
      '.br',
      `${bold('iocage help')} [\\fIcommand\\fR | \\fIproperty\\fR | properties]`,
    ]),
    ...section('DESCRIPTION', [
      roff(
        'iocage keeps jails as ZFS datasets: on FreeBSD they run as jail(8) jails, on Linux as system containers. ' +
          'All configuration is stored in ZFS user properties of the datasets themselves.',
      ),
      '.PP',
      roff(
        'A jail is named by its UUID, by the beginning of its UUID (four digits or more), or by its tag. ' +
          'Words of the form property=value are assignments; other words are names. Flags may stand anywhere ' +
          'before a word --, except where a command passes words on to a program: there they stand before the jail.',
      ),
      '.PP',
      roff(
        'Every change is planned first, written to a journal and undone when a step fails. ' +
          'What a killed command leaves behind, iocage doctor completes or undoes.',
      ),
    ]),
    ...section('OPTIONS', [
      'Before or after the command.',
      ...globalRows.flatMap((row) =>
        item(
          bold(row.flags),
          `${roff(row.doc)}${row.tablesOnly ? ' (on commands that print a table)' : ''}.`,
        ),
      ),
    ]),
    ...section('COMMANDS', commands(operations)),
    ...section(
      'PROPERTIES',
      propertyGroups.flatMap((group) => {
        const rows = properties.filter((row) => row.group === group);
        return rows.length === 0 ? [] : [`.SS ${roff(group)}`, ...rows.flatMap(property)];
      }),
    ),
    ...section('ENVIRONMENT', [
      ...item(bold('IOCAGE_POOL'), 'The pool to work on, as with \\-\\-pool.'),
      ...item(bold('IOCAGE_PROGRESS'), 'never: no lines of progress, as with \\-\\-progress.'),
      ...item(bold('IOCAGE_DEBUG'), 'When not empty, as with \\-\\-debug.'),
      ...item(bold('NO_COLOR'), 'When not empty, nothing is coloured.'),
    ]),
    ...section('EXIT STATUS', [
      ...item(bold('0'), 'Success.'),
      ...item(
        bold('1'),
        'The state of the machine does not allow it; with several jails, at least one failed.',
      ),
      ...item(bold('2'), 'The words are wrong.'),
      ...item(
        bold('129, 130, 143'),
        roff('Cancelled by SIGHUP, SIGINT (Ctrl-C) or SIGTERM: 128 and the number of the signal.'),
        roff(
          'What was done is undone before the command ends; a stop or destroy that has begun is finished instead, ' +
            'with the status of its own. SIGTERM and SIGHUP do not break off the undoing; a second Ctrl-C does, and ' +
            'iocage doctor does the rest.',
        ),
      ),
      '.PP',
      'exec, console and chroot answer the exit status of the program.',
    ]),
    ...section('DIAGNOSTICS', [
      roff(
        'An error is one line on standard error and a hint. With --json it is an object {"error": {"code", "message", "hint", "details"}}; the codes are:',
      ),
      '.PP',
      roff(`${Object.keys(errorTable).sort().join(', ')}.`),
    ]),
    ...section('SEE ALSO', [roff('zfs(8), zpool(8), jail(8), rctl(8), crun(1)')]),
  ];
  return `${lines.join('\n')}\n`;
}
