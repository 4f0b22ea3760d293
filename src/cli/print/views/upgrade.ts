/** What `upgrade` and `rebase` tell: counts when they are done, every path when they only looked. */
import { oneLine, padEnd } from '../text.ts';
import { dash, type View, type Views } from './view.ts';

interface Upgraded {
  readonly uuid: string;
  readonly tag: string;
  readonly from: string;
  readonly to: string;
  readonly fresh: boolean;
  readonly changes: readonly { readonly path: string; readonly what: string }[];
  readonly conflicts: readonly { readonly path: string; readonly why: string; readonly beside?: string }[];
}

/** `3 added, 1 merged` */
function counted({ changes }: Upgraded): string {
  const counts = new Map<string, number>();
  for (const { what } of changes) counts.set(what, (counts.get(what) ?? 0) + 1);
  return counts.size === 0
    ? 'nothing differs'
    : [...counts]
        .map(([what, count]) => `${count} ${what === 'permissions' ? 'with other permissions' : what}`)
        .join(', ');
}

const conflictLines = ({ conflicts }: Upgraded): readonly string[] =>
  conflicts.map(
    ({ path, why, beside }) =>
      `conflict     /${oneLine(path)}: ${why}${beside === undefined ? '' : `; the new one: /${oneLine(beside)}`}`,
  );

const heading = ({ uuid, tag, from, to }: Upgraded): string =>
  `${dash(uuid)} (${dash(tag)}): ${from === to ? `${dash(to)} as it is now` : `${dash(from)} -> ${dash(to)}`}`;

const done: View = {
  shows: 'lines',
  show: (result: Upgraded) => ({
    lines: [`${heading(result)}: ${counted(result)}`, ...conflictLines(result)],
  }),
  remarks: ({ tag }: Upgraded) => [
    `  INFO: 'iocage upgrade --back ${dash(tag)}' goes back; 'iocage upgrade --done ${dash(tag)}' drops what that needs`,
  ],
  quiet: ({ uuid }: Upgraded) => [dash(uuid)],
};

const looked: View = {
  shows: 'lines',
  show: (result: Upgraded) => ({
    lines: [
      `${heading(result)}: ${counted(result)}`,
      ...result.changes.map(({ path, what }) => `${padEnd(what, 11)}  /${oneLine(path)}`),
      ...conflictLines(result),
    ],
  }),
};

const settled = (says: string): View => ({
  shows: 'lines',
  show: ({ uuid, tag, release }: { uuid: string; tag: string; release: string }) => ({
    lines: [`${dash(uuid)} (${dash(tag)}): ${says} ${dash(release)}`],
  }),
});

export const upgradeViews: Views = {
  'jail.upgrade': done,
  'jail.rebase': done,
  'jail.upgrade-look': looked,
  'jail.rebase-look': looked,
  'jail.upgrade-back': settled('is back to'),
  'jail.upgrade-done': settled('stays with'),
};
