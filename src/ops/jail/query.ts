/** `ioc list`: the jails that a filter means, with the columns that are wanted; constant numbers of child processes. */
import * as z from 'zod';
import { defineRead } from '../operation.ts';
import type { FilterValue } from '../../domain/filter.ts';
import { findJail } from '../../domain/jail.ts';
import { allKeys, assertKnownKey, matchingJails, valueOfJail } from './matching.ts';

const queryInput = z.object({
  /** This one, whatever it is, in the place of a filter. */
  jail: z.string().min(1).optional(),
  /** Names and terms; none means all. */
  filter: z.array(z.string()).default([]),
  which: z.enum(['jails', 'templates', 'both']).default('jails'),
  /** Properties, and attributes such as `running` and `jid`. */
  columns: z
    .array(z.string().min(1))
    .min(1)
    .default([...allKeys]),
});

export interface Queried {
  readonly columns: readonly string[];
  /** The values of each jail, in the order of the columns. */
  readonly rows: readonly (readonly FilterValue[])[];
  /** Jails that cannot be used, and why. */
  readonly problems: readonly { readonly jail: string; readonly problem: string }[];
}

export const jailQuery = defineRead<typeof queryInput, Queried>({
  id: 'jail.query',
  title: 'Find jails by a filter, with the columns that are wanted',
  input: queryInput,
  everySource: {
    applies: ({ jail }) => jail === undefined,
    merge: (answers) => ({
      columns: answers[0]!.result.columns,
      rows: answers.flatMap(({ result }) => result.rows),
      problems: answers.flatMap(({ source, result }) =>
        result.problems.map(({ jail, problem }) => ({ jail: `${source}/${jail}`, problem })),
      ),
    }),
  },
  async read(context, { jail: name, filter, which, columns }) {
    for (const column of columns) assertKnownKey(column);
    const matching = await matchingJails(context, filter, name === undefined ? which : 'both');
    const one = name === undefined ? undefined : findJail(matching.world.jails, name);
    const found = matching.found.filter(({ jail }) => one === undefined || jail === one);
    return {
      columns,
      rows: found.map((known) => columns.map((column) => valueOfJail(known, column) ?? null)),
      problems: found.flatMap(({ jail }) =>
        jail.problem === undefined ? [] : [{ jail: jail.tag, problem: jail.problem }],
      ),
    };
  },
  command: {
    names: ['list'],
    group: 'jails',
    usage: '[FILTER ...]',
    examples: [],
    toInputs: ({ positionals, properties }) => [
      { filter: [...positionals, ...properties.map((pair) => pair.join('='))], columns: ['name'] },
    ],
  },
});
