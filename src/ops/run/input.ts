/** The first step of every operation: what came from outside is checked against its schema. Pure. */
import type { z } from 'zod';
import { failure, mostIssues } from '../../domain/errors.ts';
import { issueWords } from '../../domain/issue-words.ts';

/** Checks raw input against the operation's schema; its problems are thrown at once. */
export function checkInput<I extends z.ZodType>(schema: I, raw: unknown): z.output<I> {
  // Most processes check one input in their life: code made for it would cost more than it saves.
  const parsed = schema.safeParse(raw, { error: issueWords, jitless: true });
  if (parsed.success) return parsed.data;
  const { issues } = parsed.error;
  const told = issues.slice(0, mostIssues).map((issue) => ({
    path: issue.path.map(String).join('.') || 'input',
    problem: issue.message,
  }));
  const more = issues.length - told.length;
  throw failure('INVALID_INPUT', {
    issues: more > 0 ? [...told, { path: `${more} more`, problem: 'left out' }] : told,
  });
}
