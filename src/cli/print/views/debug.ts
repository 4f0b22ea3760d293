/** `debug` and `clean -d`. */
import { dash, type Views } from './view.ts';

export const debugViews: Views = {
  'host.debug': {
    shows: 'lines',
    show: ({ file }: { file: string | null }) => ({
      lines: [file === null ? 'Nothing was written.' : `Report: ${dash(file)}`],
    }),
    remarks: ({ file }: { file: string | null }) =>
      file === null ? [] : ['  INFO: look through it before you attach it'],
  },
  'host.clean-debug': {
    shows: 'lines',
    show: ({ removed }: { removed: readonly string[] }) => ({
      lines: removed.length === 0 ? ['No report is there.'] : removed.map((path) => `Removed: ${dash(path)}`),
    }),
  },
};
