/** The commands of `ioc`, by name: one row each. */
import type { Operation } from '../../ops/operation.ts';
import { failure } from '../../domain/errors.ts';
import { nearest } from '../../domain/nearest.ts';
import type { IocRow, Meaning } from './row.ts';
import { dataRows } from './rows/data.ts';
import { hostRows } from './rows/host.ts';
import { imageRows } from './rows/image.ts';
import { lifeRows } from './rows/life.ts';
import { makeRows } from './rows/make.ts';
import { readRows } from './rows/read.ts';

export const iocRows: readonly IocRow[] = [
  ...readRows,
  ...makeRows,
  ...lifeRows,
  ...dataRows,
  ...imageRows,
  ...hostRows,
].sort((a, b) => (a.name < b.name ? -1 : 1));

/** @throws UNKNOWN_COMMAND */
export function findRow(name: string): IocRow {
  const found = iocRows.find((row) => row.name === name);
  if (found !== undefined) return found;
  const near = nearest(
    name,
    iocRows.map((row) => row.name),
  );
  throw failure('UNKNOWN_COMMAND', { command: name, ...(near === undefined ? {} : { near }) });
}

/** The operation that is meant, called by the row's name and with its inputs. */
export function asOperation(row: IocRow, { operation, inputs }: Meaning): Operation {
  return {
    ...operation,
    command: {
      names: [row.name],
      group: operation.command.group,
      usage: row.usage,
      ...(row.flags === undefined ? {} : { flags: row.flags }),
      examples: row.examples,
      toInputs: (_words, context) => inputs(context),
    },
  };
}
