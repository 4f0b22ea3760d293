/** `fstab -l`: the lines of a jail's fstab with their index, as the Python line shows them. */
import { dash, type Ask, type Shown, type Views } from './view.ts';

interface Mounts {
  readonly mounts: readonly {
    readonly index: number;
    readonly source: string;
    readonly target: string;
    readonly type: string;
    readonly options: string;
  }[];
}

function mountTable({ mounts }: Mounts, _: Ask): Shown {
  return {
    table: {
      columns: ['INDEX', 'SOURCE', 'TARGET', 'TYPE', 'OPTIONS'],
      rows: mounts.map((row) => [
        String(row.index),
        ...[row.source, row.target, row.type, row.options].map((cell) => dash(cell)),
      ]),
    },
  };
}

export const fstabViews: Views = { 'fstab.list': { shows: 'table', show: mountTable } };
