/** Reading commands that answer for one jail that is named, or for all jails of every source. */
import * as z from 'zod';
import type { EverySource, Words } from '../operation.ts';
import { inFull } from '../source/each.ts';
import { noProperties, oneJail } from './select.ts';

export const allOrOne = z.object({ jail: z.string().min(1).optional() });

export interface AllOrOne<J> {
  /** Whether it was named. */
  readonly one: boolean;
  readonly jails: readonly J[];
}

export function ofAll<J extends { readonly name: string }>(): EverySource<
  z.output<typeof allOrOne>,
  AllOrOne<J>
> {
  return {
    applies: ({ jail }) => jail === undefined,
    merge: (answers) => ({ one: false, jails: inFull(answers, ({ jails }) => jails) }),
  };
}

export function wordsOfAllOrOne(command: string, words: Words): z.input<typeof allOrOne> {
  noProperties(command, words);
  return words.positionals.length === 0 ? {} : oneJail(command, words);
}
