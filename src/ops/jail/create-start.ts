/**
 * `create … start=on`, `clone … start=on`: makes the jails, then starts them. The start is an operation
 * of its own: a jail that does not start stays, and the answer says why.
 */
import * as z from 'zod';
import { defineFleet, type FleetOperation, type Operation, type RunOther, type Words } from '../operation.ts';
import { valueOf } from '../../domain/config.ts';
import { yesNo } from '../../domain/codec/choice.ts';
import { asIocageError, type IocageError } from '../../domain/errors.ts';
import { startsFor } from './depends.ts';
import { readWorld } from '../world/read.ts';
import { jailStart } from './start.ts';
import type { Created } from './new-jail.ts';

export interface CreatedAndStarted extends Created {
  readonly started: readonly { readonly uuid: string; readonly tag: string; readonly error?: IocageError }[];
}

const input = z.object({ create: z.unknown(), start: z.boolean() });

/** The same command with `start=`; the words without it are those of `make`. */
export function andStart(make: Operation, id: string): FleetOperation<typeof input, CreatedAndStarted> {
  return defineFleet<typeof input, CreatedAndStarted>({
    id,
    title: `${make.title}, and start what was made`,
    input,
    async fleet(context, { create, start }, run) {
      const made = (await run(make, create)).result as Created;
      // A dry run has made nothing that could be looked at.
      if (!start || context.dry) return { ...made, started: [] };
      const world = await readWorld(context);
      const started: CreatedAndStarted['started'][number][] = [];
      for (const { uuid, tag } of made.jails) {
        const jails = world.jails.filter((jail) => jail.uuid === uuid);
        const running = await context.host.running(world.realm);
        const error = await startAll(run, startsFor(world, jails, running));
        started.push({ uuid, tag, ...(error === undefined ? {} : { error }) });
      }
      return { ...made, started };
    },
    command: {
      ...make.command,
      names: [make.command.names[0]],
      examples: [],
      async toInputs(words, context) {
        const rest = { ...words, properties: words.properties.filter(([key]) => key !== 'start') };
        const inputs = await make.command.toInputs(rest, context);
        const start = valueOf(new Map(words.properties), 'start', yesNo) ?? false;
        return inputs.map((create) => ({ create, start }));
      },
    },
  });
}

/** One after the other, up to the first failure, which is the answer. */
async function startAll(run: RunOther, uuids: readonly string[]): Promise<IocageError | undefined> {
  try {
    for (const uuid of uuids) await run(jailStart, { jail: uuid });
    return undefined;
  } catch (thrown) {
    return asIocageError(thrown);
  }
}

/** For `command.instead` of create and clone. */
export function startAsWell(words: Words, operation: () => Operation): Operation | undefined {
  return words.properties.some(([key]) => key === 'start') ? operation() : undefined;
}
