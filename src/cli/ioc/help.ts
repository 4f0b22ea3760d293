/** Help of `ioc` as text, made from its rows. Pure. */
import type { Flag } from '../../ops/operation.ts';
import { entries, helpColumns } from '../help.ts';
import { wrap } from '../print/text.ts';
import { iocGlobalRows } from './globals.ts';
import type { IocRow } from './row.ts';
import { iocRows } from './table.ts';

const both = (rows: readonly Pick<Flag, 'flags' | 'doc'>[]): readonly string[] =>
  entries(rows.map(({ flags, doc }) => [flags, doc] as const));

const early = iocGlobalRows.filter((row) => row.early === true).map(({ flags }) => flags.split(/,? /, 1)[0]!);

export function overview(): readonly string[] {
  return [
    'usage: ioc [OPTION ...] COMMAND [WORD ...]',
    '',
    'A jail manager: the commands of libiocage, over the same jails as iocage.',
    '',
    `Options, before the command; all but ${early.join(', ')} also behind it`,
    ...both(iocGlobalRows),
    '',
    'Commands',
    ...entries(iocRows.map(({ name, title }) => [name, title] as const)),
    '',
    ...wrap(
      `A FILTER is a name (web), a pattern (web*, db+), several of them (a,b), SOURCE/NAME, or a term (boot=on, state=up). ` +
        `More: 'ioc COMMAND --help', 'ioc list --help' about filters, and docs/ioc.md.`,
      helpColumns,
    ),
  ];
}

export function rowHelp(row: IocRow): readonly string[] {
  const lines = [`ioc ${row.name} - ${row.title}`, '', `usage: ioc ${row.name} ${row.usage}`.trimEnd()];
  if (row.about) lines.push('', ...wrap(row.about, helpColumns));
  if (row.flags) lines.push('', 'Flags', ...both(row.flags));
  lines.push('', 'Examples', ...row.examples.flatMap(({ line, says }) => [`  ${line}`, `      ${says}`]));
  const shared = iocGlobalRows.filter((option) => !option.early);
  const spellings = shared.map((option) => option.flags.replace(/,.*$/, '').replace(/ .*$/, ''));
  lines.push('', ...wrap(`Every command also takes ${spellings.join(', ')}: see 'ioc --help'.`, helpColumns));
  return lines;
}
