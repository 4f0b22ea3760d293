/** `ioc set`: values of one jail, or of the defaults, set and taken back in one call. */
import * as z from 'zod';
import { defineFleet } from '../operation.ts';
import { findJail } from '../../domain/jail.ts';
import { readWorld } from '../world/read.ts';
import { propertyReset } from './reset.ts';
import { propertySet } from './set.ts';

const changeInput = z.object({
  /** A jail, or the word `default`. */
  jail: z.string().min(1),
  properties: z.array(z.tuple([z.string(), z.string()])).default([]),
  /** Keys whose values are taken back. */
  unset: z.array(z.string()).default([]),
});

interface Change {
  readonly jail: string;
  readonly key: string;
  readonly old: string | null;
  readonly new: string | null;
  /** False when a running jail gets it only at its next start. */
  readonly live?: boolean;
}

export const propertyChange = defineFleet<typeof changeInput, { tag: string; changes: readonly Change[] }>({
  id: 'property.change',
  title: 'Set properties of a jail, and take others back',
  input: changeInput,
  async fleet(context, { jail, properties, unset }, run) {
    const tag = jail === 'default' ? jail : findJail((await readWorld(context)).jails, jail).tag;
    const changes: Change[] = [];
    const add = async (...[operation, input]: Parameters<typeof run>): Promise<void> => {
      const { result } = await run(operation, input);
      // A dry run has changed nothing.
      changes.push(...((result as { changes?: readonly Change[] }).changes ?? []));
    };
    if (properties.length > 0) await add(propertySet, { jails: [jail], properties });
    if (unset.length > 0) await add(propertyReset, { jails: [jail], keys: unset });
    return { tag, changes };
  },
  command: {
    names: ['set'],
    group: 'configuration',
    usage: 'PROPERTY=VALUE ... JAIL | default',
    examples: [],
    toInputs: ({ positionals, properties }) => positionals.map((jail) => ({ jail, properties })),
  },
});
