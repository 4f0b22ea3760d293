/** Jails whose configuration another tool keeps in a file are not for every operation. */
import { failure } from '../../domain/errors.ts';
import { label } from '../../domain/jail.ts';
import type { ChangeOperation } from '../operation.ts';
import type { Context } from '../context.ts';
import { worldSeen } from '../world/seen.ts';
import { wordsOf } from './route.ts';

/** What an operation that knows only properties of datasets did to such a jail would count for nothing. */
export async function refuseFiles(
  context: Context,
  operation: ChangeOperation,
  input: Readonly<Record<string, unknown>>,
  locks: readonly string[],
): Promise<void> {
  const world = await worldSeen(context);
  const jail = world?.jails.find(
    ({ file, realm, uuid }) => file !== undefined && locks.includes(`jail:${realm}:${uuid}`),
  );
  if (jail?.file === undefined) return;
  // It is not worked on, but in the way.
  if (wordsOf(operation, input).fresh.includes(jail.uuid))
    throw failure('NAME_TAKEN', { what: 'name', name: jail.uuid, by: jail.uuid });
  const { name: file, title } = jail.file;
  throw failure('OTHER_FORMAT', { command: operation.command.names[0], jail: label(jail), file, title });
}
