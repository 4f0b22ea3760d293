/**
 * `debug`: one report to attach to a bug. It reads; the one thing that it writes is the report, into a new
 * file for root alone. It says what it can whatever is broken: a part that fails says why in its place.
 * Secrets are taken out as far as a program can know them.
 */
import { join, resolve } from 'node:path';
import * as z from 'zod';
import { defineRead } from '../operation.ts';
import type { Context } from '../context.ts';
import { failure } from '../../domain/errors.ts';
import { redact } from '../../domain/redact.ts';
import { noPositionals, noProperties } from '../jail/select.ts';
import { reportParts, type Part } from './debug-parts.ts';

/** Of a part, and of the whole report; in characters. */
const partLimit = 64 * 1024;
const reportLimit = 2 * 1024 * 1024;

const debugInput = z.object({
  /** Where the report goes; default `debug` in the state directory. */
  directory: z.string().min(1).optional(),
});

export interface Debug {
  /** Null in a dry run. */
  readonly file: string | null;
  readonly report: readonly Part[];
}

/** Where reports go that nobody gave a place. */
export function debugDirectory(context: Context): string {
  return join(context.paths.state, 'debug');
}

/** Names of reports; nothing else in a directory is one. */
export const reportName = /^iocage-debug-\d{8}T\d{9}Z\.txt$/;

export const hostDebug = defineRead<typeof debugInput, Debug>({
  id: 'host.debug',
  title: 'Write a report to attach to a bug',
  input: debugInput,
  async read(context, input) {
    const directory = resolve(input.directory ?? debugDirectory(context));
    await assertDirectory(context, directory);
    const stamp = context.clock.now().toISOString().replace(/[-:.]/g, '');
    const report: Part[] = [];
    let left = reportLimit;
    for await (const { title, text } of reportParts(context)) {
      const part = { title, text: cut(redact(text.trimEnd()), Math.min(left, partLimit)) };
      left -= part.text.length;
      report.push(part);
      if (left <= 0) break;
    }
    const file = join(directory, `iocage-debug-${stamp}.txt`);
    await context.files.mkdir(directory, { mode: 0o700 });
    await context.files.create(file, printReport(report), { mode: 0o600 });
    return { file: context.dry ? null : file, report };
  },
  command: {
    names: ['debug'],
    group: 'host',
    usage: '',
    flags: [
      {
        key: 'directory',
        flags: '-d, --directory <directory>',
        doc: 'where the report goes; default debug in the state directory',
      },
    ],
    about:
      'Versions, pools, jails with their properties, network, interrupted operations, the last operations and log ' +
      'lines. Passwords and tokens are taken out where they can be recognised; look through it before you attach it.',
    examples: [
      { line: 'iocage debug', says: 'writes the report and prints where' },
      { line: 'iocage debug -d /tmp/report', says: 'into that directory' },
      { line: 'iocage clean -d', says: 'removes the reports again' },
    ],
    toInputs(words) {
      noPositionals('debug', words);
      noProperties('debug', words);
      const directory = words.flags['directory'];
      if (typeof directory === 'string' && directory.startsWith('-'))
        throw failure('USAGE', { problem: 'a directory does not begin with -', command: 'debug' });
      return [directory === undefined ? {} : { directory }];
    },
  },
});

/** What stands in its place may be somebody else's, who would choose where the report goes. */
async function assertDirectory({ files }: Context, path: string): Promise<void> {
  const facts = await files.stat(path);
  if (facts === undefined || facts.type === 'directory') return;
  if (facts.type !== 'symlink') throw failure('FILE_FAILED', { path, why: 'it is no directory' });
  const target = await files.readlink(path);
  const why = `it is a link to ${JSON.stringify(target ?? '')}; name the directory itself`;
  throw failure('UNSAFE_PATH', { path, why });
}

function cut(text: string, limit: number): string {
  return text.length <= limit
    ? text
    : `${text.slice(0, limit)}\n[cut: ${text.length - limit} more characters]`;
}

/** Titles as the Python line wrote them: in capitals, ten dashes below. */
function printReport(parts: readonly Part[]): string {
  return parts.map(({ title, text }) => `${title.toUpperCase()}\n----------\n${text}\n`).join('\n');
}
