/** Step kinds for files from other machines, kept on POOL/iocage/download/RELEASE. */
import { join } from 'node:path';
import { stepKind } from '../../driver/step.ts';
import { IocageError } from '../../domain/errors.ts';

const stamp = 'org.freebsd.iocage:op';

/**
 * The dataset that a release's files are downloaded to. Undone, it stays when files have arrived in
 * it: they are a cache, and the next try goes on from them instead of fetching gigabytes again.
 */
export const createDownloadDataset = stepKind<{ dataset: string; mountpoint: string }>('download.dataset', {
  title: ({ dataset }) => `create dataset ${dataset}`,
  async do({ dataset }, { storage, operationId }) {
    try {
      await storage.create(dataset, { [stamp]: operationId });
    } catch (error) {
      if (!(error instanceof IocageError) || error.code !== 'DATASET_EXISTS') throw error;
    }
  },
  async undo({ dataset, mountpoint }, { storage, files, operationId, note }) {
    if ((await storage.local(dataset))?.get(stamp) !== operationId) return;
    if ((await files.list(mountpoint)).length > 0) {
      note(`${mountpoint} is kept: the next fetch goes on from what has arrived`);
      return;
    }
    await storage.destroy(dataset, { recursive: false, madeBy: operationId });
  },
});

/** One file; verified when its digest is known, resumed when an earlier try broke off. */
export const downloadFile = stepKind<{ url: string; directory: string; name: string; sha256?: string }>(
  'download.file',
  {
    title: ({ name }) => `download ${name}`,
    async do({ url, directory, name, sha256 }, { downloads, signal, progress }) {
      await downloads.file({
        url,
        path: join(directory, name),
        ...(sha256 === undefined ? {} : { sha256 }),
        signal,
        onProgress: (done, total) => progress(`downloading ${name}`, done, total),
      });
    },
    undo: () => Promise.resolve(),
  },
);

export const downloadKinds = [createDownloadDataset, downloadFile];
