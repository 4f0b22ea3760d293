/** Answers that are kept with the facts that they were made of: many clients ask the same. */
import type { Json } from './json.ts';
import { keepText } from './json.ts';

type JsonObject = { readonly [key: string]: Json };

const made = new WeakMap<object, Map<string, JsonObject>>();
/** Of one set of facts; so many that walks over all jails fit in, and no more. */
const mostAnswers = 2000;

/** @param name what was asked of the facts */
export function kept(facts: object, name: string, make: () => JsonObject): Json {
  const answers = made.get(facts) ?? new Map<string, JsonObject>();
  made.set(facts, answers);
  const known = answers.get(name) ?? keepText(make());
  if (answers.size >= mostAnswers) answers.clear();
  answers.set(name, known);
  return known;
}
