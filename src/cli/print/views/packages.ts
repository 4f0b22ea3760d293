/** `update`: what changed, and the way back. */
import { oneLine } from '../text.ts';
import { dash, type View, type Views } from './view.ts';

interface Updated {
  readonly tag: string;
  readonly of: 'jail' | 'release';
  readonly snapshot: string;
  readonly changes:
    | readonly {
        readonly name: string;
        readonly from: string | null;
        readonly to: string | null;
      }[]
    | null;
}

export const updated: View = {
  shows: 'lines',
  show: ({ tag, changes }: Updated) => {
    const name = dash(tag);
    if (changes === null) return { lines: [`${name} updated successfully.`] };
    if (changes.length === 0) return { lines: [`${name}: nothing to update.`] };
    return {
      lines: [
        ...changes.map(
          (each) => `  ${oneLine(`${each.name} ${each.from ?? '-'} -> ${each.to ?? 'removed'}`)}`,
        ),
        `${name} updated successfully: ${changes.length} package${changes.length === 1 ? '' : 's'}.`,
      ],
    };
  },
  remarks: ({ tag, of, snapshot }: Updated) => [
    of === 'jail'
      ? `  INFO: snapshot ${dash(snapshot)} is kept: 'iocage rollback ${dash(tag)}@${dash(snapshot)}' goes back`
      : `  INFO: snapshot ${dash(snapshot)} of the release is kept`,
  ],
};

export const packageViews: Views = { 'jail.update': updated };
