/**
 * Which jails are meant: `web*`, `a,b`, `one/db`, `boot=on`, `state=up`. Parsed once, then asked for each
 * resource. Pure. Names by themselves are joined with OR, `key=value` terms with AND, the values of one term
 * with OR. Source: libiocage, "Filter grammar"; two names of it matched nothing, since it joined them with AND.
 */
import { failure } from './errors.ts';
import { fits, isPattern, parseGlob, type Glob } from './glob.ts';
import { isUuid } from './name.ts';

/** `[SOURCE/]NAME`. */
export interface Selector {
  readonly source?: string;
  readonly name: Glob;
}

/** `KEY=VALUE[,VALUE]`. */
export interface Term {
  readonly key: string;
  /** One of them has to fit. */
  readonly values: readonly Glob[];
}

/** A filter that was parsed; see {@link parseFilter}. */
export interface Filter {
  /** One of them has to fit, when there are any. */
  readonly names: readonly Selector[];
  /** `name=…`: each has to fit, by one of its selectors. */
  readonly nameTerms: readonly (readonly Selector[])[];
  /** Each has to fit. */
  readonly terms: readonly Term[];
}

/** A value that a filter can be compared with; null is unset. */
export type FilterValue = string | number | boolean | null | readonly string[];

/** What a filter is asked about. */
export interface Filterable {
  /** The source that it comes from, when sources have names. */
  readonly source?: string;
  /** Every word that it goes by: a jail's tag and its UUID. */
  readonly names: readonly string[];
  /** A property or an attribute; undefined when there is none of that name. A list fits if one element does. */
  value(key: string): FilterValue | undefined;
}

function bad(filter: string, problem: string): Error {
  return failure('BAD_FILTER', { filter, problem });
}

/** Cuts at each separator that no `\` stands before; the escapes stay. */
function cut(text: string, separator: RegExp): string[] {
  const parts = [''];
  for (let index = 0; index < text.length; index += 1) {
    const character = text[index]!;
    if (character === '\\' && /[\s,]/.test(text[index + 1] ?? '')) {
      index += 1;
      parts.push(parts.pop()! + character + text[index]!);
    } else if (separator.test(character)) parts.push('');
    else parts.push(parts.pop()! + character);
  }
  return parts;
}

const plain = (text: string): string => text.replace(/\\([\s,])/g, '$1');
const escaped = (text: string): string => text.replace(/[\s,]/g, '\\$&');

/** @example parseSelector('one/web*') // source one, names that begin with web */
function parseSelector(text: string): Selector {
  const slash = text.indexOf('/');
  const source = slash < 0 ? undefined : text.slice(0, slash);
  const name = plain(text.slice(slash + 1));
  if (name === '') throw bad(text, 'a name is empty');
  if (name.startsWith('-')) throw bad(text, `a name begins with '-', which would be taken for a flag`);
  if (name.includes('/')) throw bad(text, 'a name holds one / at most, behind its source');
  if (source === undefined) return { name: parseGlob(name) };
  if (!isSourceName(source)) throw bad(text, `${JSON.stringify(source)} is no name of a source`);
  return { source, name: parseGlob(name) };
}

/** Letters and digits, one `-` or `_` between them. */
export function isSourceName(text: string): boolean {
  return text.split(/[-_]/).every((part) => /^[A-Za-z0-9]+$/.test(part));
}

const states: Readonly<Record<string, string>> = { running: 'up', stopped: 'down' };

function parseTerm(key: string, text: string, term: string): Term {
  if (!/^[A-Za-z0-9_.:-]+$/.test(key) || key.startsWith('-'))
    throw bad(term, `${JSON.stringify(key)} is no name of a property`);
  const values = cut(text, /,/).map(plain);
  const globs = key === 'state' ? values.map((value) => states[value] ?? value) : values;
  return { key, values: globs.map(parseGlob) };
}

/**
 * @param words one or several words of a command line; each may hold several terms with blanks between them.
 * @throws BAD_FILTER
 */
export function parseFilter(words: string | readonly string[]): Filter {
  const names: Selector[] = [];
  const nameTerms: Selector[][] = [];
  const terms: Term[] = [];
  for (const word of typeof words === 'string' ? [words] : words) {
    const parts = cut(word, /\s/).filter((part) => part !== '');
    if (parts.length === 0 && typeof words !== 'string') throw bad(word, 'it is empty');
    for (const part of parts) {
      const equals = part.indexOf('=');
      const key = part.slice(0, Math.max(equals, 0));
      const selectors = (): Selector[] => cut(part.slice(equals + 1), /,/).map(parseSelector);
      if (equals < 0) names.push(...selectors());
      else if (key === 'name') nameTerms.push(selectors());
      else terms.push(parseTerm(key, part.slice(equals + 1), part));
    }
  }
  return { names, nameTerms, terms };
}

/** What a text says: `yes true on 1` true, `no false off 0` false, `none`, `-` and nothing null, in any case. */
export function coerce(text: string): boolean | string | null {
  const word = text.toLowerCase();
  if (['yes', 'true', 'on', '1'].includes(word)) return true;
  if (['no', 'false', 'off', '0'].includes(word)) return false;
  return ['none', '-', ''].includes(word) ? null : text;
}

/** How libiocage shows a value: `yes`, `no`, `-` for nothing, lists with commas. */
export function valueText(value: FilterValue): string {
  if (value === null) return '-';
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (typeof value === 'number') return String(value);
  if (typeof value !== 'string') return value.length === 0 ? '-' : value.join(',');
  const meant = coerce(value);
  return typeof meant === 'string' ? meant : valueText(meant);
}

/** Whether a value of a property fits one value of a term. */
export function valueFits(glob: Glob, value: FilterValue): boolean {
  if (Array.isArray(value) && value.some((element: string) => valueFits(glob, element))) return true;
  const shown = valueText(value);
  if (fits(glob, shown) || (typeof value === 'string' && fits(glob, value))) return true;
  if (isPattern(glob)) return false;
  return coerce(glob.text) === (typeof value === 'number' ? coerce(String(value)) : coerce(shown));
}

function selects({ source, name }: Selector, resource: Pick<Filterable, 'source' | 'names'>): boolean {
  if (source !== undefined && source !== resource.source) return false;
  return resource.names.some(
    (word) => fits(name, word) || (name.text.length === 8 && isUuid(word) && word.startsWith(name.text)),
  );
}

/** Whether its names allow it; enough to leave one out before anything of it is read. */
export function matchesName(filter: Filter, resource: Pick<Filterable, 'source' | 'names'>): boolean {
  const one = (selectors: readonly Selector[]): boolean => selectors.some((each) => selects(each, resource));
  return (filter.names.length === 0 || one(filter.names)) && filter.nameTerms.every(one);
}

/** @throws UNKNOWN_PROPERTY */
export function matches(filter: Filter, resource: Filterable): boolean {
  if (!matchesName(filter, resource)) return false;
  return filter.terms.every(({ key, values }) => {
    const value = resource.value(key);
    if (value === undefined) throw failure('UNKNOWN_PROPERTY', { key });
    return values.some((glob) => valueFits(glob, value));
  });
}

function selectorText({ source, name }: Selector): string {
  return (source === undefined ? '' : `${source}/`) + escaped(name.text);
}

/** As words that {@link parseFilter} takes again. */
export function printFilter({ names, nameTerms, terms }: Filter): string[] {
  return [
    ...names.map(selectorText),
    ...nameTerms.map((selectors) => `name=${selectors.map(selectorText).join(',')}`),
    ...terms.map(({ key, values }) => `${key}=${values.map(({ text }) => escaped(text)).join(',')}`),
  ];
}

/**
 * In words, for people: what is looked for.
 *
 * @example explain(parseFilter(['a', 'b*', 'boot=on'])) === 'name is a or b*, and boot is on'
 */
export function explain({ names, nameTerms, terms }: Filter): string {
  const said = (key: string, values: readonly string[]): string => `${key} is ${values.join(' or ')}`;
  const all = [
    ...[names, ...nameTerms].flatMap((list) =>
      list.length === 0
        ? []
        : [
            said(
              'name',
              list.map(({ source, name }) => [source, name.text].filter(Boolean).join('/')),
            ),
          ],
    ),
    ...terms.map(({ key, values }) =>
      said(
        key,
        values.map(({ text }) => text || 'none'),
      ),
    ),
  ];
  return all.length === 0 ? 'all' : all.join(', and ');
}
