/** Where downloaded files of a release go: POOL/iocage/download/RELEASE. */
import type { Context } from '../operation.ts';
import type { Step } from '../../driver/system.ts';
import { createDownloadDataset } from '../steps/download.ts';
import type { Place } from './fetch.ts';

/** The step that makes the dataset; it makes nothing when an earlier fetch left it. */
export function createDownload(_context: Context, { download }: Place): readonly Step[] {
  return [createDownloadDataset(download)];
}

/** An address to write down: its query may hold a secret. */
export function redacted(url: string): string {
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname}`;
}
