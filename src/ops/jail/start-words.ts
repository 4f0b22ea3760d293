/** What may be said to `start`: its input, and the jails that those which are named need besides. */
import * as z from 'zod';
import { findJail } from '../../domain/jail.ts';
import type { Words } from '../operation.ts';
import type { Context } from '../context.ts';
import { bySource } from '../source/find.ts';
import { fullName } from '../source/sources.ts';
import { readWorld } from '../world/read.ts';
import { neededBy, startsFor } from './depends.ts';
import { jailInput, manyJails } from './select.ts';

export const startInput = jailInput.extend({
  /** A template too. */
  force: z.boolean().default(false),
  /** Name of the jail that depends on it, when it is started for that one. */
  neededBy: z.string().optional(),
  /** Values that count for this start and are not stored. */
  overrides: z.array(z.tuple([z.string(), z.string()])).default([]),
});

type StartInput = z.input<typeof startInput>;

/** The jails asked for and those that they need, in an order in which each finds what it needs up. */
export async function startInputs(words: Words, context: Context): Promise<readonly StartInput[]> {
  const asked = await manyJails('start', words, context, (jail, running) => !running && !jail.template);
  const force = words.flags['force'] === true ? { force: true } : {};
  const inputs: StartInput[] = [];
  const names = asked.map(({ jail }) => jail);
  for (const { context: own, words } of await bySource(context, names))
    for (const input of await withNeeded(own, words))
      inputs.push({ ...input, jail: await fullName(own, input.jail), ...force });
  return inputs;
}

/** In one source. */
async function withNeeded(context: Context, asked: readonly string[]): Promise<readonly StartInput[]> {
  const world = await readWorld(context);
  const found = asked.map((jail) => {
    try {
      return findJail(world.jails, jail);
    } catch {
      return undefined; // its own start says what is wrong with the name
    }
  });
  const jails = found.filter((jail) => jail !== undefined);
  const uuids = startsFor(world, jails, await context.host.running(world.realm));
  // Words stay as they were typed: an error names what its reader knows.
  const wordFor = new Map(found.map((jail, index) => [jail?.uuid, asked[index]!]));
  const lost = asked.filter((_, index) => found[index] === undefined);
  const inputs = uuids.map((uuid): StartInput => {
    const word = wordFor.get(uuid);
    return word === undefined ? { jail: uuid, ...neededBy(world, jails, uuid) } : { jail: word };
  });
  return [...inputs, ...lost.map((jail) => ({ jail }))];
}
