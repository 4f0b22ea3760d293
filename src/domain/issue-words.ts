/**
 * What a schema says against a value, in the words of our messages. A schema's own message goes before these;
 * without them zod's would be printed, which are made for programmers. Pure; the issues of zod 4.
 */
import type * as z from 'zod';

const things: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  bigint: 'a whole number',
  boolean: 'yes or no',
  array: 'a list',
  tuple: 'a list',
  object: 'a map',
  record: 'a map',
  map: 'a map',
  date: 'a time',
};

/** What the bound is a bound of. */
function amount(bound: number | bigint | string | Date, origin: string): string {
  if (origin === 'string') return `${String(bound)} characters`;
  return origin === 'array' ? `${String(bound)} entries` : String(bound);
}

/**
 * For the `error` of `safeParse`.
 *
 * @example schema.safeParse(raw, { error: issueWords })
 */
export function issueWords(issue: z.core.$ZodRawIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined
        ? 'it is missing'
        : `it is not ${things[issue.expected] ?? issue.expected}`;
    case 'too_small': {
      const { minimum, origin } = issue;
      if (Number(minimum) === 1 && origin === 'string') return 'it is empty';
      return `it is less than ${amount(minimum, origin)}`;
    }
    case 'too_big':
      return `it is more than ${amount(issue.maximum, issue.origin)}`;
    case 'invalid_value':
      return `it is none of ${issue.values.map(String).join(', ')}`;
    case 'unrecognized_keys':
      return `there is no ${issue.keys.map((key) => JSON.stringify(key)).join(', ')} here`;
    default:
      return 'it has not the form that it has to have';
  }
}
