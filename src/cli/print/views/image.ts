/** What export and import tell when they are done. */
import { oneLine } from '../text.ts';
import { dash, size, type View, type Views } from './view.ts';

interface Exported {
  readonly file: string;
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly leftOut: readonly string[];
}

const exported: View = {
  shows: 'lines',
  show: ({ file, sha256, sizeBytes }: Exported) => ({
    lines: [`Image saved to: ${oneLine(file)} (${size(sizeBytes)})`, `SHA-256: ${dash(sha256)}`],
  }),
  quiet: ({ file }: Exported) => [oneLine(file)],
  remarks: ({ leftOut }: Exported) =>
    (leftOut ?? []).map(
      (dataset) => `  INFO: ${oneLine(dataset)} is a dataset of its own and not in the image`,
    ),
};

interface Imported {
  readonly jails: readonly { readonly uuid: string; readonly tag: string }[];
  readonly metadata: boolean;
  readonly dropped: readonly { readonly what: string; readonly why: string }[];
  readonly foreignKernel?: string;
}

const imported: View = {
  shows: 'lines',
  show: ({ jails }: Imported) => ({
    lines: jails.map(({ uuid, tag }) => `Successfully imported: ${dash(uuid)} (${dash(tag)})`),
  }),
  quiet: ({ jails }: Imported) => jails.map(({ uuid }) => dash(uuid)),
  remarks: ({ metadata, dropped, foreignKernel }: Imported) => [
    ...(metadata ? [] : ['  INFO: the image has no metadata: the jail has default properties']),
    ...(foreignKernel === undefined
      ? []
      : [`  INFO: the image was made on ${dash(foreignKernel)}; its programs may not run here`]),
    ...(dropped ?? []).map(({ what, why }) => `  INFO: not taken over: ${oneLine(what)}: ${oneLine(why)}`),
  ],
};

const packaged: View = {
  ...exported,
  show: ({ file, sha256, sizeBytes }: Exported) => ({
    lines: [`Package saved to: ${oneLine(file)} (${size(sizeBytes)})`, `SHA-256: ${dash(sha256)}`],
  }),
};

export const imageViews: Views = {
  'image.export': exported,
  'image.import': imported,
  'image.streams': imported,
  'image.package': packaged,
};
