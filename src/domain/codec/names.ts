/** Codecs of the names in `../name.ts`: the same rules, as values of properties. */
import type { Codec } from '../property.ts';
import { ValueProblem } from '../property.ts';
import { hostNameProblem, isUuid, nameProblem } from '../name.ts';
import { parseSwitch } from './choice.ts';
import { textWith } from './text.ts';

export const hostName = textWith('host name', hostNameProblem);
export const tag = textWith('tag', (text) => nameProblem('tag', text));
export const jailName = textWith('UUID or name', (text) => nameProblem('jail', text));
export const releaseName = textWith('release', (text) => nameProblem('release', text));
export const poolName = textWith('pool', (text) => nameProblem('pool', text));
export const userName = textWith('user', (text) => nameProblem('user', text));

/** A host's identity: the UUID of /etc/hostid or the 32 digits of /etc/machine-id. */
export const hostId = textWith('host id', (text) =>
  isUuid(text) || /^[0-9A-Fa-f]{8,32}$/.test(text) ? undefined : 'it is neither a UUID nor a machine id',
);

/**
 * The two meanings of `template`: a switch that says that the jail is a template, or the name of the
 * template that it was made from. null for `none`.
 */
export const templateOf: Codec<boolean | string | null> = {
  kind: 'yes|no or template',
  choices: ['yes', 'no'],
  parse(text) {
    const value = text.trim();
    if (value.toLowerCase() === 'none') return null;
    const marked = parseSwitch(value);
    if (marked !== undefined) return marked;
    const problem = nameProblem('tag', value);
    if (problem) throw new ValueProblem(problem);
    return value;
  },
  print: (value) => (typeof value === 'boolean' ? (value ? 'yes' : 'no') : (value ?? 'none')),
};
