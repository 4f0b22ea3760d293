/** Completion of `ioc`: the scripts of the other command under its name, and the words of its rows. */
import { properties } from '../../domain/properties/index.ts';
import type { Operation } from '../../ops/operation.ts';
import { candidates, type Live } from '../completion/candidates.ts';
import { completionScripts } from '../completion/scripts.ts';
import { iocGlobalRows } from './globals.ts';
import type { IocRow } from './row.ts';
import { iocRows } from './table.ts';

export const iocScripts: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(completionScripts).map(([shell, text]) => [shell, text.replaceAll('iocage', 'ioc')]),
);

/** Only its words are looked at; it is never run. */
const asWords = (row: IocRow): Operation => ({
  id: row.name,
  title: row.title,
  effect: 'session',
  input: undefined,
  session: () => Promise.reject(new Error('completion runs nothing')),
  command: {
    names: [row.name],
    group: 'help',
    usage: row.places ?? row.usage,
    ...(row.flags === undefined ? {} : { flags: row.flags }),
    ...(row.passThrough === undefined ? {} : { passThrough: true }),
    examples: [],
    toInputs: () => [],
  },
});

/** @param given the words after `ioc`; the last one is to be completed */
export function iocCandidates(given: readonly string[], live: Live): Promise<readonly string[]> {
  const tables = {
    operations: iocRows.map(asWords),
    properties,
    printsTable: () => false,
    shared: iocGlobalRows,
    own: ['help', 'completion'],
  };
  return candidates(given, tables, live);
}
