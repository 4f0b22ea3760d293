/** Finds the operation that a command's name calls. */
import type { Operation } from '../ops/operation.ts';
import { failure } from '../domain/errors.ts';
import { nearest } from '../domain/nearest.ts';

/** Commands that the command line answers itself, without a pool. */
export const ownCommands: readonly {
  readonly name: string;
  readonly usage: string;
  readonly title: string;
}[] = [
  { name: 'help', usage: '[COMMAND | PROPERTY | properties]', title: 'Show help' },
  { name: 'completion', usage: 'bash|zsh|fish', title: 'Print what a shell loads to complete words' },
  { name: 'version', usage: '', title: 'Print the version' },
];

/** @throws UNKNOWN_COMMAND with the name that was probably meant */
export function findOperation(operations: readonly Operation[], name: string): Operation {
  const found = operations.find((operation) => operation.command.names.includes(name));
  if (found) return found;
  const names = [
    ...operations.flatMap((operation) => operation.command.names),
    ...ownCommands.map((own) => own.name),
  ];
  const near = nearest(name, names);
  throw failure('UNKNOWN_COMMAND', { command: name, ...(near === undefined ? {} : { near }) });
}
