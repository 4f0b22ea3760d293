/** Step kinds for files from other machines, kept on POOL/iocage/download/RELEASE. */
import { join } from 'node:path';
import { stepKind } from '../../driver/step.ts';
import { stampProperty } from '../../driver/storage.ts';
import { IocageError } from '../../domain/errors.ts';

/**
 * The dataset that a release's files are downloaded to. Undone, it stays when files have arrived in
 * it: they are a cache, and the next try goes on from them instead of fetching gigabytes again.
 */
export const createDownloadDataset = stepKind<{ dataset: string; mountpoint: string }>('download.dataset', {
  title: ({ dataset }) => `create dataset ${dataset}`,
  async do({ dataset }, { storage, operationId }) {
    try {
      await storage.create(dataset, { [stampProperty]: operationId });
    } catch (error) {
      if (!(error instanceof IocageError) || error.code !== 'DATASET_EXISTS') throw error;
    }
  },
  async undo({ dataset, mountpoint }, { storage, files, operationId, note }) {
    if ((await storage.local(dataset))?.get(stampProperty) !== operationId) return;
    if ((await files.list(mountpoint)).length > 0) {
      note(`${mountpoint} is kept: the next fetch goes on from what has arrived`);
      return;
    }
    await storage.destroy(dataset, { recursive: false, madeBy: operationId });
  },
});

const again = (name: string, why: string): string => `downloading ${name}: ${why}; trying again`;

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
        onTrouble: (why) => progress(again(name, why)),
      });
    },
    undo: () => Promise.resolve(),
  },
);

/** So many at once: more would only share the same line, and servers count connections. */
const atOnce = 3;

/** Several verified files beside each other; the first failure ends the rest, and what has arrived stays for the next try. */
export const downloadFiles = stepKind<{
  directory: string;
  files: readonly { readonly url: string; readonly name: string; readonly sha256: string }[];
}>('download.files', {
  title: ({ files }) => `download ${files.map(({ name }) => name).join(', ')}`,
  async do({ directory, files }, { downloads, signal, progress }) {
    const stop = new AbortController();
    const both = AbortSignal.any([signal, stop.signal]);
    const bytes = new Map<string, { done: number; total: number | undefined }>();
    const tell = (): void => {
      const all = [...bytes.values()];
      const sum = (of: (one: (typeof all)[number]) => number): number =>
        all.reduce((n, one) => n + of(one), 0);
      const known = bytes.size === files.length && all.every(({ total }) => total !== undefined);
      const running = files.filter(({ name }) => {
        const state = bytes.get(name);
        return state !== undefined && state.done !== state.total;
      });
      const names = (running.length === 0 ? files : running).map(({ name }) => name).join(', ');
      progress(
        `downloading ${names}`,
        sum(({ done }) => done),
        known ? sum(({ total }) => total ?? 0) : undefined,
      );
    };
    const queue = [...files];
    let first: { error: unknown } | undefined;
    const worker = async (): Promise<void> => {
      for (let file = queue.shift(); file !== undefined && first === undefined; file = queue.shift()) {
        const { url, name, sha256 } = file;
        try {
          await downloads.file({
            url,
            path: join(directory, name),
            sha256,
            signal: both,
            onProgress(done, total) {
              bytes.set(name, { done, total });
              tell();
            },
            onTrouble: (why) => progress(again(name, why)),
          });
        } catch (error) {
          first ??= { error };
          stop.abort();
        }
      }
    };
    await Promise.all(Array.from({ length: Math.min(atOnce, files.length) }, worker));
    if (first !== undefined) throw first.error;
  },
  undo: () => Promise.resolve(),
});

export const downloadKinds = [createDownloadDataset, downloadFile, downloadFiles];
