/** The command on the pool of a lab, for what must succeed and for what must be refused and change nothing. */
import { expect } from 'vitest';
import { commandIn, comparable, type Ran } from './command.ts';
import type { Lab } from './lab.ts';

export function expecting(lab: () => Lab) {
  const run = (...words: readonly string[]): Ran => commandIn(lab().environment)(...words);
  return {
    run,
    /** Standard output. */
    ok(...words: readonly string[]): string {
      const ran = run(...words);
      expect(ran.status, `${words.join(' ')}: ${ran.stderr}`).toBe(0);
      return ran.stdout;
    },
    /** Standard error. */
    refused(...words: readonly string[]): string {
      const before = comparable(lab().state());
      const ran = run(...words);
      expect(ran.status, words.join(' ')).not.toBe(0);
      expect(comparable(lab().state()), words.join(' ')).toEqual(before);
      return ran.stderr;
    },
  };
}
