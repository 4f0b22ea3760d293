/** What the commands about kinds of jails tell when they are done: promote, rename, reset, clean. */
import type { DestroyedMany } from '../../../ops/jail/destroy-many.ts';
import { oneLine } from '../text.ts';
import { dash, type Views } from './view.ts';

interface Promoted {
  readonly promoted: readonly string[];
  readonly others: readonly string[];
}
interface Renamed {
  readonly uuid: string;
  readonly was: string;
}
interface Reset {
  readonly changes: readonly {
    readonly jail: string;
    readonly key: string;
    readonly old: string;
    readonly new: string | null;
  }[];
}
interface Cleaned {
  readonly destroyed: readonly string[];
  readonly left: readonly string[];
}

export const lifeViews: Views = {
  'jail.promote': {
    shows: 'lines',
    show: ({ promoted, others }: Promoted) => ({
      lines: [
        ...promoted.map((name) => `* promoting filesystem: ${oneLine(name)}`),
        ...others.map((name) => `  INFO: filesystem ${oneLine(name)} is not a clone`),
      ],
    }),
  },
  'jail.rename': {
    shows: 'lines',
    show: ({ uuid, was }: Renamed) => ({ lines: [`Jail: ${dash(was)} renamed to ${dash(uuid)}`] }),
  },
  'property.reset': {
    shows: 'lines',
    show: ({ changes }: Reset) => {
      const several = new Set(changes.map(({ jail }) => jail)).size > 1;
      return {
        lines: changes.map(
          (change) =>
            `${several ? `${change.jail} ` : ''}${change.key}: ${dash(change.old)} -> ${dash(change.new)}`,
        ),
      };
    },
    legacy: ({ changes }: Reset) => changes.map((change) => `** ${change.key}=${dash(change.new)}`),
  },
  'jail.destroy-tree': {
    shows: 'lines',
    show: ({ jails }: { jails: readonly { uuid: string }[] }) => ({
      lines: jails.map(({ uuid }) => `  Destroying: ${oneLine(uuid)}`),
    }),
  },
  'jail.destroy-many': {
    shows: 'lines',
    show: ({ jails }: DestroyedMany) => ({
      lines: jails.flatMap(({ tag, mountpoint, error }) =>
        error === undefined ? [`${oneLine(mountpoint ?? tag)} destroyed`] : [],
      ),
    }),
    remarks: ({ jails }: DestroyedMany) =>
      jails.flatMap(({ tag, error }) =>
        error === undefined ? [] : [`  ERROR: ${oneLine(tag)} is still there: ${oneLine(error.message)}`],
      ),
    trouble: ({ jails }: DestroyedMany) => jails.some(({ error }) => error !== undefined),
  },
  'pool.clean': {
    shows: 'lines',
    show: ({ destroyed }: Cleaned) => ({
      lines:
        destroyed.length === 0
          ? ['Nothing to clean.']
          : destroyed.map((name) => `Destroyed: ${oneLine(name)}`),
    }),
    remarks: ({ left }: Cleaned) =>
      left.map((name) => `  INFO: ${oneLine(name)} stays: iocage did not make it`),
  },
};
