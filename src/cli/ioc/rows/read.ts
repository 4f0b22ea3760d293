/** Rows of `ioc` that tell what there is, and `set`, which changes what they tell. */
import { matchesName, parseFilter } from '../../../domain/filter.ts';
import { findProperty } from '../../../domain/properties/index.ts';
import { propertyGet } from '../../../ops/jail/get.ts';
import { propertyChange } from '../../../ops/jail/change.ts';
import { jailQuery, type Queried } from '../../../ops/jail/query.ts';
import { releaseRemote, type RemoteRelease, type RemoteReleases } from '../../../ops/release/remote.ts';
import { releaseList, type ListedRelease } from '../../../ops/release/list.ts';
import { sourceList } from '../../../ops/host/sources.ts';
import { oneLine } from '../../print/text.ts';
import { assertSort, cellText, formatFlags, formatSpellings, lookOf } from '../print.ts';
import { printRecords, toObjects, type Records } from '../print.ts';
import { exactly, filterWords, usage, type IocRow, type Meaning } from '../row.ts';
import { eachJail } from '../select.ts';

const short = ['jid', 'full_name', 'running', 'release', 'ip4_addr'];
const long = [...short, 'ip6_addr'];

function columnsOf(
  flags: Readonly<Record<string, unknown>>,
  otherwise: readonly string[],
): readonly string[] {
  const given = flags['columns'];
  if (given === undefined) return flags['long'] === true ? long : otherwise;
  if (flags['long'] === true) throw usage('list', '-l and -o exclude each other');
  const columns = String(given)
    .split(',')
    .map((column) => column.trim().toLowerCase())
    .filter((column) => column !== '');
  if (columns.length === 0) throw usage('list', '-o takes columns with commas between them');
  return [...new Set(columns)];
}

const releaseColumns: Readonly<Record<string, (release: ListedRelease) => string | number | null>> = {
  name: ({ name }) => name,
  full_name: ({ name }) => name,
  kind: ({ kind }) => kind,
  fetched_at: ({ fetchedAt }) => fetchedAt,
  used: ({ usedBytes }) => usedBytes,
  jails: ({ jails }) => jails,
};

/** libiocage had `eol` as a yes or no; where nobody knows it is neither. */
const remoteColumns: Readonly<Record<string, (release: RemoteRelease) => string | null>> = {
  name: ({ name }) => name,
  eol: ({ support }) => ({ 'end of life': 'yes', supported: 'no', unknown: null })[support],
  until: ({ endOfLife }) => endOfLife,
  fetched: ({ fetched }) => (fetched ? 'yes' : 'no'),
};

/** The columns that were asked for, of what has a fixed set of them. */
function recordsOf<T>(
  things: readonly T[],
  columns: readonly string[],
  known: Readonly<Record<string, (thing: T) => string | number | null>>,
): Records {
  const wrong = columns.find((column) => !Object.hasOwn(known, column));
  if (wrong !== undefined)
    throw usage('list', `there is no column ${wrong}; there are ${Object.keys(known).join(', ')}`);
  return { columns, rows: things.map((thing) => columns.map((column) => known[column]!(thing))) };
}

const list: IocRow = {
  name: 'list',
  title: 'List jails, templates, releases or sources',
  usage: '[-t | -r [-R] | -d] [-l | -o COLUMN,...] [-s COLUMN] [-f FORMAT] [FILTER ...]',
  about:
    'A FILTER is a name, which may hold * for anything and + for at least one character, several with commas between them, or a term such as boot=on or state=up,corrupt. Names add to each other, terms take away. Every property is a column, and name, uuid, source, running, state, jid, template, dataset_name, path, identifier and format besides.',
  spellings: formatSpellings,
  flags: [
    { key: 'template', flags: '-t, --template', doc: 'templates' },
    { key: 'release', flags: '-r, --release', doc: 'releases' },
    { key: 'release', flags: '-b, --base', doc: 'the same' },
    { key: 'remote', flags: '-R, --remote', doc: 'with -r: those of FreeBSD that can be fetched' },
    { key: 'sources', flags: '-d, --dataset', doc: 'the sources, and the dataset of each' },
    { key: 'sources', flags: '-p, --pools', doc: 'the same' },
    { key: 'long', flags: '-l, --long', doc: 'the IPv6 address too' },
    { key: 'sort', flags: '-s, --sort <column>', doc: 'sort by this column' },
    { key: 'columns', flags: '-o, --output <columns>', doc: 'these columns, with commas between them' },
    ...formatFlags,
  ],
  examples: [
    { line: 'ioc list', says: 'all jails' },
    { line: `ioc list 'web*' state=up`, says: 'those that run and whose name begins with web' },
    { line: 'ioc list -f csv -o name,boot,quota -s quota', says: 'other columns, for a spreadsheet' },
    { line: 'ioc list -r', says: 'the releases' },
  ],
  means(words): Meaning {
    const { flags } = words;
    const look = lookOf('list', flags);
    const kinds = ['template', 'release', 'sources'].filter((kind) => flags[kind] === true);
    if (flags['remote'] === true && flags['release'] !== true) throw usage('list', '-R goes with -r');
    if (kinds.length > 1) throw usage('list', '-t, -r and -d exclude each other');
    const show = (records: Records) => printRecords('list', records, look);
    if (kinds[0] === 'release') {
      const filter = parseFilter(filterWords(words));
      if (filter.terms.length > 0) throw usage('list', 'releases are found by their names only');
      if (flags['remote'] === true)
        return {
          operation: releaseRemote,
          inputs: () => [{}],
          show: ({ releases }: RemoteReleases) =>
            show(
              recordsOf(
                releases.filter(({ name }) => matchesName(filter, { names: [name] })),
                columnsOf(flags, ['name', 'eol']),
                remoteColumns,
              ),
            ),
          remarks: ({ notes }: RemoteReleases) => notes.map((note) => `ioc: ${oneLine(note)}`),
        };
      return {
        operation: releaseList,
        inputs: () => [{}],
        show: ({ releases }: { releases: readonly ListedRelease[] }) =>
          show(
            recordsOf(
              releases.filter(({ name }) => matchesName(filter, { names: [name] })),
              columnsOf(
                { ...flags, long: undefined },
                flags['long'] === true ? Object.keys(releaseColumns) : ['full_name'],
              ),
              releaseColumns,
            ),
          ),
      };
    }
    if (kinds[0] === 'sources') {
      const [word] = filterWords(words);
      if (word !== undefined) throw usage('list', `-d takes no FILTER: ${word}`);
      return {
        operation: sourceList,
        inputs: () => [{}],
        show: ({ sources }: { sources: readonly { name: string; dataset: string }[] }) =>
          show(
            recordsOf(sources, columnsOf(flags, ['name', 'dataset']), {
              name: ({ name }) => name,
              dataset: ({ dataset }) => dataset,
            }),
          ),
      };
    }
    const columns = columnsOf(flags, short);
    assertSort('list', columns, look);
    const which = flags['template'] === true ? 'templates' : 'jails';
    return {
      operation: jailQuery,
      inputs: () => [{ filter: filterWords(words), which, columns }],
      show,
      json: toObjects,
      remarks: ({ problems }: Queried) =>
        problems.map(
          ({ jail, problem }) => `ioc: warning: ${oneLine(jail)} cannot be used: ${oneLine(problem)}`,
        ),
    };
  },
};

const defaults = ['default', 'defaults'];

interface Value {
  readonly key: string;
  readonly value: string | null;
}

const get: IocRow = {
  name: 'get',
  title: 'Show properties of a jail, or the defaults',
  usage: 'PROPERTY|all JAIL|defaults | -a JAIL|defaults | -p',
  about: 'Everything that is a column of list can be asked for, such as running and jid.',
  flags: [
    { key: 'all', flags: '-a, --all', doc: 'all of them' },
    { key: 'pool', flags: '-p, --pool', doc: 'the pool that is in use' },
  ],
  examples: [
    { line: 'ioc get boot web', says: 'one value' },
    { line: 'ioc get all web', says: 'one key:value a line' },
    { line: 'ioc get -a defaults', says: 'what holds for jails that say nothing else' },
  ],
  means(words): Meaning {
    const { flags } = words;
    if (flags['pool'] === true) {
      exactly('get', words);
      return {
        operation: propertyGet,
        inputs: () => [{ key: 'pool', jail: 'default' }],
        show: ({ value }: Value) => [value ?? '-'],
      };
    }
    const places = flags['all'] === true ? ['JAIL'] : ['PROPERTY', 'JAIL'];
    const [only, ...others] = words.positionals;
    if (places.length > 1 && only !== undefined && others.length === 0 && findProperty(only) === undefined)
      throw usage('get', `missing PROPERTY: 'ioc get all ${oneLine(only)}' shows all of them`);
    const given = exactly('get', words, ...places);
    const key = flags['all'] === true ? 'all' : given[0]!;
    const jail = given.at(-1)!;
    const line = (name: string, value: string): string => `${name}:${oneLine(value)}`;
    if (defaults.includes(jail))
      return {
        operation: propertyGet,
        inputs: () => [{ key, jail: 'default' }],
        show: (result: Value | { properties: readonly Value[] }) =>
          'properties' in result
            ? result.properties.map(({ key: name, value }) => line(name, value ?? '-')).sort()
            : [oneLine(result.value ?? '-')],
      };
    return {
      operation: jailQuery,
      inputs: () => [{ jail, ...(key === 'all' ? {} : { columns: [key] }) }],
      json: (result: Queried) => toObjects(result)[0],
      show: ({ columns, rows: [row = []] }: Queried) =>
        key === 'all'
          ? columns.map((name, index) => line(name, cellText(row[index] ?? null)))
          : [oneLine(cellText(row[0] ?? null))],
    };
  },
};

interface Changed {
  readonly changes: readonly {
    readonly jail: string;
    readonly key: string;
    readonly old: string | null;
    readonly new: string | null;
    readonly live?: boolean;
  }[];
}

const set: IocRow = {
  name: 'set',
  title: 'Set properties of jails, or defaults; take them back',
  usage: 'KEY=VALUE | KEY ... FILTER|defaults',
  about:
    'The last word says which jails. A KEY without a value is taken back: the default counts again. Each jail is changed by itself; of one jail all values are set, or none.',
  examples: [
    { line: 'ioc set boot=on priority=10 web', says: 'two properties' },
    { line: `ioc set quota=20G 'db*'`, says: 'of several jails' },
    { line: 'ioc set notes web', says: 'web has no notes any more' },
  ],
  means(words): Meaning {
    const { properties } = words;
    const keys = words.positionals.slice(0, -1);
    const target = words.positionals.at(-1);
    if (target === undefined) throw usage('set', 'missing JAIL');
    if (keys.length + properties.length === 0)
      throw usage('set', findProperty(target) === undefined ? 'missing KEY=VALUE' : 'missing JAIL');
    return {
      operation: propertyChange,
      async inputs(context) {
        const jails = defaults.includes(target)
          ? [{ jail: 'default' }]
          : await eachJail('set', { positionals: [target], properties: [], flags: {} }, context, 'both');
        return jails.map(({ jail }) => ({ jail, properties, unset: keys }));
      },
      show: ({ tag, changes }: Changed & { tag: string }, full) => {
        const changed = changes.filter((change) => change.old !== change.new);
        if (changed.length === 0) return [`${full(tag)} unchanged`];
        const later =
          tag !== 'default' && changed.some(({ live }) => live === false) ? ' (from its next start on)' : '';
        return [`${full(tag)} updated: ${changed.map((change) => change.key).join(', ')}${later}`];
      },
    };
  },
};

export const readRows: readonly IocRow[] = [list, get, set];
