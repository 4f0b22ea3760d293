/** Values that become files or mounts of a jail: the resolver's lines, volumes, jailed datasets. */
import type { Codec } from '../property.ts';
import { ValueProblem } from '../property.ts';
import { canonicalAddress } from '../address.ts';
import { datasetProblem } from '../name.ts';
import { pathProblem, wordsOrNone } from './text.ts';

/** `copy`: a file of the host. `keep`: the jail's file stays as it is. `lines`: the file's content. */
export type Resolver =
  | { readonly kind: 'copy'; readonly path: string }
  | { readonly kind: 'keep' }
  | { readonly kind: 'lines'; readonly lines: readonly string[] };

/** Keywords of resolver(5) and resolv.conf(5). */
const keywords = ['nameserver', 'search', 'domain', 'options', 'sortlist'];
const hostFile = '/etc/resolv.conf';

function resolverLine(text: string): string {
  const line = text.trim().replace(/\s+/g, ' ');
  const [keyword = '', ...words] = line.split(' ');
  if (!keywords.includes(keyword))
    throw new ValueProblem(
      `${JSON.stringify(keyword)} is no line of resolv.conf; ${keywords.join(', ')} are`,
    );
  if (words.length === 0) throw new ValueProblem(`${keyword} needs a word behind it`);
  if (keyword === 'nameserver') {
    const address = words[0]!.replace(/%[A-Za-z0-9_.-]{1,15}$/, '');
    if (words.length > 1 || !(canonicalAddress(address, 4) ?? canonicalAddress(address, 6)))
      throw new ValueProblem(`${JSON.stringify(words.join(' '))} is no address of a name server`);
  }
  return line;
}

/**
 * `none` copies the host's file at start, `/dev/null` leaves the jail's file alone, another path names
 * the file to copy, anything else is the file's lines with `;` between.
 *
 * @example resolver.parse('search example.org;nameserver 10.0.0.1')
 */
export const resolver: Codec<Resolver> = {
  kind: 'resolver lines',
  choices: ['none', '/dev/null'],
  parse(text) {
    const value = text.trim();
    if (value.toLowerCase() === 'none') return { kind: 'copy', path: hostFile };
    if (value === '/dev/null') return { kind: 'keep' };
    if (value.startsWith('/')) {
      const problem = pathProblem(value);
      if (problem) throw new ValueProblem(problem);
      return { kind: 'copy', path: value };
    }
    const lines = value
      .split(';')
      .filter((line) => line.trim() !== '')
      .map(resolverLine);
    if (lines.length === 0) throw new ValueProblem('there is no line in it');
    return { kind: 'lines', lines };
  },
  print(value) {
    if (value.kind === 'keep') return '/dev/null';
    if (value.kind === 'lines') return value.lines.join(';');
    return value.path === hostFile ? 'none' : value.path;
  },
};

/** A directory or file of the host shown in the jail. */
export interface Volume {
  readonly source: string;
  /** Path inside the jail; the source's path when none was given. */
  readonly target: string;
  /** Mount options; `rw` when none was given. */
  readonly options: readonly string[];
}

/** `HOSTPATH[:JAILPATH[:OPTION,OPTION ...]]` with blanks between; an empty list for `none`. */
export const volumes: Codec<readonly Volume[]> = {
  kind: 'volumes',
  parse(text) {
    const value = text.trim();
    if (value.toLowerCase() === 'none') return [];
    const list = value.split(/\s+/).map((item): Volume => {
      const [source = '', target = source, options = 'rw', ...more] = item.split(':');
      if (more.length > 0)
        throw new ValueProblem(`${JSON.stringify(item)} is not HOSTPATH[:JAILPATH[:OPTIONS]]`);
      const problem = pathProblem(source) ?? pathProblem(target);
      if (problem) throw new ValueProblem(`${JSON.stringify(item)}: ${problem}`);
      if (!/^[a-z0-9_][a-z0-9_-]*(?:,[a-z0-9_][a-z0-9_-]*)*$/.test(options))
        throw new ValueProblem(`${JSON.stringify(options)} are no mount options`);
      return { source, target, options: options.split(',') };
    });
    const twice = list.find(
      ({ target }, index) => list.findIndex((other) => other.target === target) !== index,
    );
    if (twice) throw new ValueProblem(`${twice.target} is a target twice`);
    return list;
  },
  print(list) {
    if (list.length === 0) return 'none';
    return list
      .map(({ source, target, options }) => {
        const text = options.join(',');
        if (text !== 'rw') return `${source}:${target}:${text}`;
        return target === source ? source : `${source}:${target}`;
      })
      .join(' ');
  },
};

/** Datasets without the pool's name, blanks between; null for `none`. */
export const datasets = wordsOrNone('datasets', (text) => {
  const problem = datasetProblem(text);
  return problem && `is no dataset: ${problem}`;
});
