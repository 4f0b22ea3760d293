/** What `migrate` tells: what became of the jail, and how to go on or back. */
import { label } from '../../../domain/jail.ts';
import { oneLine } from '../text.ts';
import { dash, type View, type Views } from './view.ts';

interface Migrated {
  readonly uuid: string;
  readonly tag: string;
  readonly from: string;
  readonly kept: string;
  readonly properties: readonly { readonly key: string; readonly value: string }[];
}

const settled = (says: string): View => ({
  shows: 'lines',
  show: ({ uuid, tag, file }: { uuid: string; tag: string; file: string }) => ({
    lines: [`${dash(label({ uuid, tag }))}: ${says} ${oneLine(file)}`],
  }),
  quiet: ({ uuid }: { uuid: string }) => [dash(uuid)],
});

interface Adopted extends Omit<Migrated, 'kept'> {
  readonly original: string;
  readonly left: readonly { readonly what: string; readonly why: string }[];
}

export const migrateViews: Views = {
  'jail.adopt': {
    shows: 'lines',
    show: ({ uuid, from, original, properties }: Adopted) => ({
      lines: [
        `${dash(uuid)}: copied from ${oneLine(original)} of ${oneLine(from)}`,
        ...properties.map(({ key, value }) => `  ${key}=${oneLine(value)}`),
      ],
    }),
    remarks: ({ from, left }: Adopted) => [
      ...left.map(({ what, why }) => `  INFO: not taken over: ${oneLine(what)}: ${oneLine(why)}`),
      `  INFO: nothing of ${oneLine(from)} was changed; remove the original with its own commands when all is well`,
    ],
    quiet: ({ uuid }: Adopted) => [dash(uuid)],
  },
  'jail.migrate': {
    shows: 'lines',
    show: ({ uuid, tag, from, kept, properties }: Migrated) => ({
      lines: [
        `${dash(label({ uuid, tag }))}: from ${oneLine(from)}; its file is kept as ${oneLine(kept)}`,
        ...properties.map(({ key, value }) => `  ${key}=${oneLine(value)}`),
      ],
    }),
    remarks: ({ tag }: Migrated) => [
      `  INFO: 'iocage migrate --back ${dash(tag)}' goes back; 'iocage migrate --confirm ${dash(tag)}' removes the file`,
    ],
    quiet: ({ uuid }: Migrated) => [dash(uuid)],
  },
  'jail.migrate-confirm': settled('removed'),
  'jail.migrate-back': settled('configured again by'),
  'jail.migrate-to': settled('configured by'),
};
