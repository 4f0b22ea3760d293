/**
 * Bad values of every command's flags and of every operation's input: what is said of them is one line in our own
 * words, never those of the library that checked them.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { commands, furtherCommands } from '../../src/commands.ts';
import { asIocageError } from '../../src/domain/errors.ts';
import { flagsOf } from '../../src/cli/help.ts';
import { parseCommand } from '../../src/cli/grammar.ts';
import { checkInput } from '../../src/ops/run/input.ts';
import { openFakeWorld, type FakeWorld } from '../support/fake-world.ts';

/** How zod puts things. */
const foreign =
  /invalid (input|option|string|key|element|uuid|date)|too (small|big)|expected|received|unrecognized|zod|undefined|\[object|NaN\b/i;

const rows = [...commands, ...furtherCommands];
let world: FakeWorld;
beforeAll(async () => {
  world = await openFakeWorld();
  await world.run('jail.create', { kind: 'empty', name: 'web' });
});
afterAll(() => world.close());

function judge(thrown: unknown, where: string): void {
  const error = asIocageError(thrown);
  expect(error.code, `${where}: ${String(thrown)}`).not.toBe('INTERNAL');
  expect(error.message, where).not.toMatch(/[\n\r]/);
  // What was typed may be told again.
  expect(error.message.replace(/"(?:[^"\\]|\\.)*"/g, '""'), where).not.toMatch(foreign);
}

/** What the words of a command become; nothing is run. */
async function inputs(name: string, words: readonly string[]): Promise<void> {
  const operation = rows.find(({ command }) => command.names[0] === name)!;
  const row = { ...operation.command, flags: flagsOf(operation) };
  const parsed = parseCommand(row, false, words, {});
  const called = { ...parsed.words, called: name };
  const meant = operation.command.instead?.(called) ?? operation;
  for (const input of await meant.command.toInputs(called, world.context())) checkInput(meant.input, input);
}

const bad = fc.oneof(
  fc.constantFrom(
    '',
    ' ',
    '0',
    '00',
    '1.5',
    '1e9',
    '999999999999999999999',
    'NaN',
    'null',
    'é',
    'a\nb',
    '/',
    '..',
  ),
  fc.string({ maxLength: 12 }),
  fc.constant('x'.repeat(5000)),
);

describe('what is said of a bad value', () => {
  const flags = rows.flatMap((operation) =>
    flagsOf(operation)
      .filter(({ flags: spelling }) => /[<[]/.test(spelling))
      .map(({ flags: spelling }) => [operation.command.names[0], /--[a-z_-]+/.exec(spelling)?.[0]] as const)
      .filter(([, flag]) => flag !== undefined),
  );

  it.each(flags)('%s %s', async (name, flag) => {
    await fc.assert(
      fc.asyncProperty(bad, fc.constantFrom([], ['web'], ['web', 'x=y']), async (value, more) => {
        const words = [`${flag}=${value}`, ...more];
        await inputs(name, words).catch((thrown: unknown) => judge(thrown, JSON.stringify([name, ...words])));
      }),
      { numRuns: 40 },
    );
  });

  it.each(rows.map((operation) => [operation.id, operation.input as z.ZodType] as const))(
    'the input of %s',
    (id, schema) => {
      const shape = schema instanceof z.ZodObject ? Object.keys(schema.shape as object) : [];
      const value = fc.oneof(
        bad,
        fc.anything({ maxDepth: 2 }),
        fc.integer(),
        fc.double(),
        fc.constant(undefined),
      );
      const object = fc.record(Object.fromEntries(shape.map((key) => [key, value])), { requiredKeys: [] });
      fc.assert(
        fc.property(fc.oneof(object, fc.anything({ maxDepth: 1 })), (input) => {
          try {
            checkInput(schema, input);
          } catch (thrown) {
            judge(thrown, id);
          }
        }),
        { numRuns: 60 },
      );
    },
  );

  it.each(['0', '-1', '00', '1000', '99999', 'x', '', '1e2', '0x10'])('count=%s', async (text) => {
    const says = `count takes a number from 1 to 999, not ${JSON.stringify(text)}`;
    for (const name of ['create', 'clone'])
      await expect(inputs(name, [...(name === 'clone' ? ['web'] : []), `count=${text}`])).rejects.toThrow(
        says,
      );
  });

  it('count=007 are seven', () => expect(inputs('create', ['count=007'])).resolves.toBeUndefined());
});
