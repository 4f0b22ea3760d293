/** The reference page of all properties, made from the table: `docs/properties.md` and nothing else. */
import type { Property, PropertyGroup } from '../property.ts';
import { propertyGroups } from '../property.ts';
import { properties } from './index.ts';

const titles: Readonly<Record<PropertyGroup, string>> = {
  network: 'Network',
  jail: 'Kernel, start and stop',
  limit: 'Resource limits',
  custom: 'Identity, kind and bookkeeping',
  zfs: 'ZFS',
  sync: 'Replication',
  fetch: 'Fetch',
  git: 'Plugins',
};

const effects = { applied: 'yes', not: 'no' } as const;

/** Text for a cell of a table: `|` would end the cell, and `<` begin a tag. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('<', '\\<').replaceAll('*', '\\*');
}

function code(text: string): string {
  return `\`${text.replaceAll('|', '\\|')}\``;
}

function access(row: Property): string {
  if (row.access === 'tool') return ` Read-only: ${cell(row.why ?? '')}.`;
  if (row.defaultsOnly) return ' Set on `default` only.';
  if (row.access === 'create') return ' Given at create only.';
  return row.live ? ' Takes effect at once.' : '';
}

function line(row: Property): string {
  const { kind, choices = [] } = row.codec;
  const value = kind === 'choice' ? choices.map(code).join(', ') : cell(kind);
  const cells = [
    code(row.key),
    `${cell(row.doc)}${access(row)}`,
    value,
    row.default === null ? '-' : code(row.default),
    code(row.example),
    cell(row.freebsd),
    `${effects[row.linux.effect]}: ${cell(row.linux.note)}`,
    row.source,
  ];
  return `| ${cells.join(' | ')} |`;
}

/** The page, Markdown, one table per group; ends with a line break. */
export function propertyReference(): string {
  const parts = [
    '# Properties',
    'Made from the property table in `src/domain/properties/` by `npm run docs`; do not edit by hand.',
    'A jail keeps its properties in ZFS, as `org.freebsd.iocage:KEY` on its dataset; those of the group ZFS are' +
      " the dataset's own. `iocage get KEY JAIL` and `iocage get all JAIL` show them, `iocage set KEY=VALUE JAIL`" +
      ' changes them, and `default` in the place of JAIL stands for jails that do not say otherwise. The' +
      " jail's own value comes before the stored default, and that before the built-in value.",
    'Switches are read in every spelling (`1`, `on`, `yes`, `true` and `0`, `off`, `no`, `false`) and stored in the' +
      ' one shown here. Sizes take `K`, `M`, `G`, `T`, `P`.',
    'The column *Linux* says whether a Linux host applies the property: `yes`, or `no` (kept and shown, with the' +
      ' reason).',
  ];
  for (const group of propertyGroups) {
    const rows = properties.filter((row) => row.group === group);
    parts.push(
      `## ${titles[group]}`,
      [
        '| property | meaning | value | default | example | FreeBSD | Linux | source |',
        '| --- | --- | --- | --- | --- | --- | --- | --- |',
        ...rows.map(line),
      ].join('\n'),
    );
  }
  return `${parts.join('\n\n')}\n`;
}
