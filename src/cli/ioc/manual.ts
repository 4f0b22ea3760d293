/** The manual page ioc(8), made from the rows. Pure; the build writes it. */
import { version } from '../../domain/version.ts';
import { bold, item, roff, section } from '../manual.ts';
import { iocGlobalRows } from './globals.ts';
import type { IocRow } from './row.ts';
import { iocRows } from './table.ts';

function command({ name, usage, title, about, flags = [], examples }: IocRow): readonly string[] {
  return [
    ...item(`${bold(name)} ${roff(usage)}`.trimEnd(), `${roff(title)}.`, about ? roff(about) : ''),
    '.RS',
    ...flags.flatMap((flag) => item(bold(flag.flags), `${roff(flag.doc)}.`)),
    ...examples.flatMap(({ line, says }) => item(`\\fC${roff(line)}\\fR`, roff(says))),
    '.RE',
  ];
}

/** @param date `YYYY-MM-DD` */
export function iocManualPage(date: string): string {
  const lines = [
    `.\\" Made from the table of commands; do not edit.`,
    `.TH IOC 8 "${date}" "iocage ${version}" "System Manager's Manual"`,
    ...section('NAME', ['ioc \\- jails on ZFS, by the command line of libiocage']),
    ...section('SYNOPSIS', [`${bold('ioc')} [\\fIoption\\fR ...] \\fIcommand\\fR [\\fIword\\fR ...]`]),
    ...section('DESCRIPTION', [
      roff(
        'ioc has the commands and options of libiocage. It works on the same jails as iocage(8) and does the same things; ' +
          'iocage(8) tells what the properties are, and how a change that was broken off is completed or undone.',
      ),
      '.PP',
      roff(
        'A FILTER is a name (web), a pattern with * for anything and + for at least one character, several of them with commas ' +
          'between them, SOURCE/NAME, or a term KEY=VALUE[,VALUE ...] such as boot=on or state=up. One of the names has to fit, ' +
          'and all of the terms. Every property is a KEY, and what ioc list --help names besides. ' +
          'A command with several jails goes on when one fails; the exit status is 1 then.',
      ),
    ]),
    ...section('OPTIONS', [
      ...iocGlobalRows.flatMap((row) => item(bold(row.flags), `${roff(row.doc)}.`)),
      '.PP',
      roff('-d and --version stand before the command.'),
    ]),
    ...section('COMMANDS', iocRows.flatMap(command)),
    ...section('ENVIRONMENT', [
      ...item(bold('IOCAGE_POOL'), 'The pool to work on when several are activated.'),
      ...item(bold('IOCAGE_PROGRESS'), 'never: no lines about what goes on.'),
      ...item(bold('NO_COLOR'), 'When not empty, nothing is coloured.'),
    ]),
    ...section('EXIT STATUS', [
      ...item(bold('0'), 'Success.'),
      ...item(bold('1'), 'Something failed, nothing matched, or the question was not answered with yes.'),
      ...item(bold('2'), 'The words are wrong.'),
      '.PP',
      'exec and console answer the exit status of the program; what a signal cancelled has 128 and its number.',
    ]),
    ...section('SEE ALSO', [roff('iocage(8), zfs(8), jail(8)')]),
  ];
  return `${lines.join('\n')}\n`;
}
