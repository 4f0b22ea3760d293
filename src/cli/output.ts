/**
 * A stream of the process as the command line writes to it. A reader that goes away (`iocage start web | head -1`)
 * must not end an operation half-way, nor be an error; a disk that is full must be told, but at the end.
 */
import type { TextOut } from './terminal.ts';

/**
 * When all that was written to it is with the kernel, or cannot be. A pipe takes some 64 KiB at once and the rest as it is
 * read, on FreeBSD a quarter of that: a program that ends before has cut it off.
 */
export function written(stream: NodeJS.WritableStream): Promise<void> {
  return new Promise((done) => stream.write('', () => done()));
}

export function forgiving(stream: NodeJS.WriteStream): TextOut {
  let problem: NodeJS.ErrnoException | undefined;
  stream.on('error', (error) => {
    problem ??= error;
  });
  return {
    write: (text) => problem !== undefined || stream.write(text),
    async lost() {
      if (problem === undefined) await written(stream);
      // Streams tell their errors a moment after the write that had them.
      await new Promise((done) => setImmediate(done));
      if (problem === undefined || problem.code === 'EPIPE') return undefined;
      return problem.message.replace(/^[A-Z0-9]+: |, write$/g, '');
    },
    get isTTY() {
      return stream.isTTY;
    },
    get columns() {
      return stream.columns;
    },
  };
}
