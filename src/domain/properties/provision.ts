/** Rows of the group `custom` about `ioc provision`. Keys as libiocage spells them. */
import { choice } from '../codec/choice.ts';
import { orNone, textWith } from '../codec/text.ts';
import { isPluginName, provisionMethods, readSource, revisionProblem } from '../provision.ts';
import type { Property } from '../property.ts';
import { applied, property } from './row.ts';

const read = {
  freebsd: 'read by ioc provision',
  linux: applied('read by ioc provision'),
  live: true,
  source: 'libiocage',
} as const;

const source = textWith('path or address', (text) => {
  if (isPluginName(text)) return undefined;
  const found = readSource(text);
  return typeof found === 'string' ? found : undefined;
});

export const provision: readonly Property[] = [
  property('custom', {
    key: 'provision.method',
    codec: choice('none', ...provisionMethods),
    default: 'none',
    doc: 'How ioc provision sets the jail up: by a script, by a plugin definition (ix) or by puppet; all of it runs in the jail.',
    example: 'script',
    ...read,
  }),
  property('custom', {
    key: 'provision.source',
    codec: orNone(source),
    default: 'none',
    doc: 'What provision.method takes: a file or directory of the host, the address of a git repository or a definition, or the name of a plugin; #FILE names a script in it.',
    example: 'https://git.example.org/setup.git#web.sh',
    ...read,
  }),
  property('custom', {
    key: 'provision.rev',
    codec: orNone(textWith('revision', revisionProblem)),
    default: 'none',
    doc: 'Branch, tag or commit of the git repository that ioc provision takes; none: its default branch.',
    example: 'v1.2',
    ...read,
  }),
];
