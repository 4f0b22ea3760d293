/** What send, receive and init-host tell when they are done. */
import { oneLine } from '../text.ts';
import { dash, type View, type Views } from './view.ts';

interface Sent {
  readonly uuid: string;
  readonly tag: string;
  readonly host: string;
  readonly pool: string;
  readonly snapshot: string;
  readonly incremental: boolean;
  readonly leftOut: readonly string[];
}

const sent: View = {
  shows: 'lines',
  show: ({ uuid, tag, host, pool, snapshot, incremental }: Sent) => ({
    lines: [
      `Jail: ${dash(uuid)} (${dash(tag)}) sent to ${dash(host)}:${dash(pool)} ` +
        `(${incremental ? 'what is new' : 'whole'}, @${dash(snapshot)})`,
    ],
  }),
  quiet: ({ snapshot }: Sent) => [dash(snapshot)],
  remarks: ({ leftOut }: Sent) =>
    (leftOut ?? []).map((name) => `  INFO: dataset ${oneLine(name)} is not below the jail and was not sent`),
};

const received: View = {
  shows: 'lines',
  show: ({ uuid, tag, dataset }: { uuid: string; tag: string; dataset: string }) => ({
    lines: [`Jail: ${dash(uuid)} (${dash(tag)}) received as ${dash(dataset)}`],
  }),
  quiet: ({ uuid }: { uuid: string }) => [dash(uuid)],
};

export const transferViews: Views = {
  'jail.send': sent,
  'transfer.receive': received,
  'transfer.ask': {
    shows: 'lines',
    show: ({ pool, datasets }: { pool: string; datasets: readonly { path: string; base?: string }[] }) => ({
      lines: [
        `pool ${dash(pool)}`,
        ...datasets.map(({ path, base }) => `dataset ${dash(path)}: guid ${dash(base)}`),
      ],
    }),
  },
  'host.init': {
    shows: 'lines',
    show: ({ host, pool }: { host: string; pool: string }) => ({
      lines: [`Pool ${dash(pool)} of ${dash(host)} is ready for jails.`],
    }),
  },
};
