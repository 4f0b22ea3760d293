/**
 * Streams between hosts, zfs-send(8) and zfs-receive(8). One stream for one snapshot: no `-R` and no
 * `-I`, whose holds stay for ever in zfs-fuse when the reader dies; no `-p`, since a stream must not say
 * where it is mounted here. Never `-F`: what diverged is refused by ZFS itself.
 */
import type { Exec } from '../system.ts';
import type { Storage, StreamPart } from '../storage.ts';
import { failure } from '../../domain/errors.ts';
import * as argv from './argv.ts';
import { zfsFailure } from './failure.ts';
import type { Runner } from './run.ts';

type Transfer = Pick<Storage, 'send' | 'receive' | 'relay' | 'abortReceive' | 'tokenGuid'>;

/** What the writer says when the reader went away, with or without reading all; why it went is the reader's to tell. */
const echo = /broken pipe|connection reset|signal received|SIGPIPE|ended by SIG(KILL|TERM|PIPE)/i;

const diverged =
  /most recent snapshot of .* does not match incremental source|has been modified( since most recent snapshot)?|destination .* has been modified/i;

export function zfsTransfer(exec: Exec, run: Runner): Transfer {
  return {
    async send(parts, { head, command, signal, onBytes }) {
      const writers = parts.map((part) => argv.send(part));
      const { reader, failed } = await exec.relay({
        head,
        writers,
        reader: command,
        ...(signal === undefined ? {} : { signal }),
        ...(onBytes === undefined ? {} : { onBytes }),
      });
      if (failed !== undefined && !echo.test(`${failed.status} ${failed.stderr}`)) {
        const part = parts[writers.findIndex((words) => words === failed.argv)] as StreamPart;
        throw zfsFailure(failed, part.snapshot);
      }
      return reader;
    },

    async receive(dataset, { resumable, from, signal }) {
      const words = argv.receive(dataset, resumable);
      if (from !== undefined) return run.pipe([from, words], dataset, signal);
      const result = await exec.change(words, {
        accept: 'any',
        ownInput: true,
        ...(signal === undefined ? {} : { signal }),
      });
      if (result.status === 0) return;
      const refusal = { argv: words, status: `exit status ${result.status}`, stderr: result.stderr };
      const cause = zfsFailure(refusal, dataset);
      if (diverged.test(result.stderr))
        throw failure('DIVERGED', { jail: dataset, why: 'it was changed here since then' }, { cause });
      throw cause;
    },

    relay: (part, dataset) => run.pipe([argv.send(part), argv.receive(dataset, false)], dataset),

    abortReceive: (dataset) => run.change(argv.abortReceive(dataset), dataset),

    async tokenGuid(token) {
      const result = await run.ask(argv.readToken(token));
      const hexadecimal = /^\s*toguid = 0x([0-9a-f]+)$/m.exec(`${result.stdout}\n${result.stderr}`)?.[1];
      return result.status === 0 && hexadecimal !== undefined
        ? String(BigInt(`0x${hexadecimal}`))
        : undefined;
    },
  };
}
