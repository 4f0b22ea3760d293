/** Rows of `ioc` that take a jail out of the pool and bring it back. */
import { resolve } from 'node:path';
import { imageExport, type Exported } from '../../../ops/image/export.ts';
import { imageImport } from '../../../ops/image/import.ts';
import { oneLine } from '../../print/text.ts';
import { exactly, type IocRow } from '../row.ts';
import { asIocage } from './life.ts';

const exportRow: IocRow = {
  name: 'export',
  title: 'Export a jail to an archive',
  usage: 'JAIL DESTINATION',
  about:
    'DESTINATION ends in .tar.zst, .tar.xz or .tar.gz; its digest and the properties of the jail are written beside it. Nothing of these may be there yet, and the jail must be down. The archive holds all files of the jail, so no release is needed to import it.',
  flags: [
    { key: 'standalone', flags: '-s, --standalone', doc: 'accepted: an archive always holds the whole jail' },
  ],
  examples: [{ line: 'ioc export web /backup/web.tar.zst', says: 'web.tar.zst, web.sha256 and web.json' }],
  means(words) {
    const [jail, destination] = exactly('export', words, 'JAIL', 'DESTINATION');
    return {
      operation: imageExport,
      inputs: () => [{ jail: jail!, to: resolve(destination!) }],
      show: ({ tag, file }: Exported) => [`${oneLine(tag)} exported to ${oneLine(file)}`],
    };
  },
};

const importRow: IocRow = {
  name: 'import',
  title: 'Import a jail from an archive',
  usage: '[--hooks] JAIL SOURCE',
  about:
    'SOURCE is an archive of ioc export or of iocage export, with its digest beside it. What would give it power over this host (hooks, mounts, datasets, widened permissions) is left out and told.',
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
