/** Rows of `ioc` that take a jail out of the pool and bring it back. */
import { resolve } from 'node:path';
import { imageBackup, type BackedUp } from '../../../ops/image/export-backup.ts';
import { imageExport, type Exported } from '../../../ops/image/export.ts';
import { imageImport } from '../../../ops/image/import.ts';
import { oneLine } from '../../print/text.ts';
import { exactly, usage, type IocRow } from '../row.ts';
import { asIocage } from './life.ts';

/** libiocage called its archive txz, and packed it by gzip. */
const formats: Readonly<Record<string, 'tar' | 'directory' | undefined>> = Object.assign(
  Object.create(null),
  {
    tar: 'tar',
    txz: 'tar',
    directory: 'directory',
  },
);

const exportRow: IocRow = {
  name: 'export',
  title: 'Export a jail to an archive',
  usage: 'JAIL DESTINATION',
  about:
    'DESTINATION ends in .tar.zst, .tar.xz or .tar.gz; its digest and the properties of the jail are written beside it. Nothing of these may be there yet, and the jail must be down. The archive holds all files of the jail, so no release is needed to import it. With --format it is a backup that libiocage reads too: what differs from the release, with every other dataset of the jail, or with -s all of it, in one file (.tar.gz or .txz, always by gzip) or in a directory.',
  flags: [
    {
      key: 'standalone',
      flags: '-s, --standalone',
      doc: 'with --format: all of the jail, so that no release is needed; the usual archive always holds all',
    },
    {
      key: 'format',
      flags: '--format <format>',
      doc: "tar (libiocage's word for it: txz) or directory: a backup of libiocage",
    },
  ],
  examples: [
    { line: 'ioc export web /backup/web.tar.zst', says: 'web.tar.zst, web.sha256 and web.json' },
    { line: 'ioc export --format tar web /backup/web.tar.gz', says: "libiocage's own archive" },
  ],
  means(words) {
    const [jail, destination] = exactly('export', words, 'JAIL', 'DESTINATION');
    const { format, standalone } = words.flags as { format?: string; standalone?: boolean };
    if (format !== undefined) {
      const known = formats[format];
      if (known === undefined)
        throw usage('export', `--format takes tar or directory, not ${JSON.stringify(format)}`);
      return {
        operation: imageBackup,
        inputs: () => [
          { jail: jail!, to: resolve(destination!), format: known, standalone: standalone === true },
        ],
        show: ({ tag, file }: BackedUp, full) => [`${full(tag)} exported to ${oneLine(file)}`],
      };
    }
    return {
      operation: imageExport,
      inputs: () => [{ jail: jail!, to: resolve(destination!) }],
      show: ({ tag, file }: Exported, full) => [`${full(tag)} exported to ${oneLine(file)}`],
    };
  },
};

const importRow: IocRow = {
  name: 'import',
  title: 'Import a jail from an archive',
  usage: '[--hooks] JAIL SOURCE',
  about:
    'SOURCE is an archive of ioc export or of iocage export, with its digest beside it, or a backup of libiocage: its archive, or a directory. What would give an archive of ours power over this host (hooks, mounts, datasets, widened permissions) is left out and told; a backup of libiocage with such is refused. That keeps the format of libiocage until iocage migrate.',
  flags: [{ key: 'hooks', flags: '--hooks', doc: 'take those too: the archive is trusted' }],
  examples: [{ line: 'ioc import web2 /backup/web.tar.zst', says: 'a jail called web2' }],
  means(words) {
    const [jail, source] = exactly('import', words, 'JAIL', 'SOURCE');
    return {
      operation: imageImport,
      inputs: () => [{ name: jail!, image: resolve(source!), hooks: words.flags['hooks'] === true }],
      show: asIocage(imageImport),
    };
  },
};

export const imageRows: readonly IocRow[] = [exportRow, importRow];
