/**
 * Which words of a command line the manual pages know: the table of `documented.ts` applied to each tool's
 * own order of words. `undocumented()` is for the driver's command lines; the stand-in parses with
 * `parseFlags()` and refuses what that does not know. Values are not judged here.
 */
import { basename } from 'node:path';
import { findWord, wordsOf, type Row } from './documented.ts';

export interface Parsed {
  /** Every value of a flag in order; a flag without value has empty texts. */
  readonly flags: ReadonlyMap<string, readonly string[]>;
  readonly rest: readonly string[];
  /** Flags that the release does not have. */
  readonly unknown: readonly string[];
  /** Flags whose value is not there. */
  readonly lacking: readonly string[];
}

/**
 * Flags as getopt(3) takes them: several in a word, a value in the same word or the next, and the first
 * other word ends them.
 */
export function parseFlags(tool: string, words: readonly string[], release: number): Parsed {
  const flags = new Map<string, string[]>();
  const unknown: string[] = [];
  const lacking: string[] = [];
  const note = (name: string, value = ''): void => void flags.set(name, [...(flags.get(name) ?? []), value]);
  let at = 0;
  for (; at < words.length; at += 1) {
    const word = words[at]!;
    if (word === '--') {
      at += 1;
      break;
    }
    if (!word.startsWith('-') || word === '-') break;
    if (word.startsWith('--')) {
      const [name = '', inline] = word.split(/=(.*)/s);
      const row = findWord(tool, 'flag', name, release);
      if (row === undefined) unknown.push(name);
      else if (row.value === undefined) note(name);
      else if (inline !== undefined) note(name, inline);
      else if (at + 1 < words.length) note(name, words[(at += 1)]);
      else lacking.push(name);
      continue;
    }
    for (let letter = 1; letter < word.length; letter += 1) {
      const name = `-${word[letter]}`;
      const row = findWord(tool, 'flag', name, release);
      if (row === undefined) unknown.push(name);
      else if (row.value === undefined) note(name);
      else {
        const inline = word.slice(letter + 1);
        if (inline !== '') note(name, inline);
        else if (at + 1 < words.length) note(name, words[(at += 1)]);
        else lacking.push(name);
        break;
      }
    }
  }
  return { flags, rest: words.slice(at), unknown, lacking };
}

/** `noallow.mount` is not a spelling, `allow.nomount` is (jail(8)): the last part of the name is negated. */
export function findParameter(name: string, release: number): { row: Row; negated: boolean } | undefined {
  const look = (word: string): Row | undefined =>
    findWord('jail', 'parameter', word, release) ?? findWord('jail', 'pseudo-parameter', word, release);
  const row = look(/^(meta|env)\../.test(name) ? name.split('.')[0]! : name);
  if (row !== undefined) return { row, negated: false };
  const positive = name.replace(/(^|\.)no([^.]+)$/, '$1$2');
  const turned = positive === name ? undefined : look(positive);
  return turned?.value === 'bool' ? { row: turned, negated: true } : undefined;
}

type Check = (words: readonly string[], release: number) => readonly string[];

const flagged = (parsed: Parsed): string[] => [
  ...parsed.unknown,
  ...parsed.lacking.map((flag) => `${flag} without its value`),
];

/** Flags, and what comes after them. */
const simple =
  (tool: string, rest: Check = () => []): Check =>
  (words, release) => {
    const parsed = parseFlags(tool, words, release);
    return [...flagged(parsed), ...rest(parsed.rest, release)];
  };

const oneOf =
  (tool: string, kind: Row['kind']): Check =>
  (words, release) =>
    words.filter((word) => findWord(tool, kind, word, release) === undefined);

const jailCheck: Check = (words, release) => {
  const parsed = parseFlags('jail', words, release);
  const problems = flagged(parsed);
  if (parsed.flags.has('-r') || parsed.flags.has('-R')) return problems;
  if (parsed.rest.length < 2 && !parsed.rest[0]?.includes('=')) return problems;
  for (const word of parsed.rest) {
    const name = word.split('=')[0]!;
    if (findParameter(name, release) === undefined) problems.push(name);
    if (name === 'command') break;
  }
  return problems;
};

const jlsCheck = simple('jls', (names, release) =>
  names.filter(
    (name) =>
      findWord('jls', 'parameter', name, release) === undefined &&
      findParameter(name, release)?.row.kind !== 'parameter',
  ),
);

/** A rule or filter: `SUBJECT:ID:RESOURCE:ACTION=AMOUNT/PER`, in a filter with parts left out (rctl(8)). */
export function parseRule(text: string): {
  subject: string;
  id: string;
  resource: string;
  action: string;
  amount: string;
  per: string;
} {
  const [subject = '', id = '', resource = '', last = ''] = text.split(':');
  const [, action = '', amount = '', per = ''] = /^([^=/]*)=?([^/]*)\/?(.*)$/.exec(last) ?? [];
  return { subject, id, resource, action, amount, per };
}

const rctlCheck = simple('rctl', (rules, release) =>
  rules.flatMap((text) => {
    const { subject, resource, action, per } = parseRule(text);
    const known = (kind: Row['kind'], word: string): readonly string[] =>
      word === '' || findWord('rctl', kind, word, release) ? [] : [word];
    return [
      ...known('type', subject),
      ...known('resource', resource),
      ...known('action', action),
      ...known('type', per),
    ];
  }),
);

const looksLikeAddress = (word: string): boolean => /^(\d+\.){3}\d+|^[0-9a-fA-F]*:[0-9a-fA-F:.]*/.test(word);

const ifconfigCheck: Check = (words, release) => {
  const parsed = parseFlags('ifconfig', words, release);
  const problems = flagged(parsed);
  const [, ...rest] = ['-a', '-l', '-g'].some((flag) => parsed.flags.has(flag))
    ? ['', ...parsed.rest]
    : parsed.rest;
  for (let at = 0; at < rest.length; at += 1) {
    const word = rest[at]!;
    const family = findWord('ifconfig', 'type', word, release);
    if (family !== undefined) {
      if (['ether', 'link', 'lladdr'].includes(word)) at += 1;
      continue;
    }
    const row = findWord('ifconfig', 'word', word, release);
    if (row === undefined && !looksLikeAddress(word)) problems.push(word);
    if (row?.value !== undefined) at += 1;
  }
  const base = parsed.rest[0]?.replace(/\d+[ab]?$/, '') ?? '';
  if (rest.some((word) => word === 'create' || word === 'plumb'))
    if (findWord('ifconfig', 'module', base, release) === undefined) problems.push(base);
  return problems;
};

const routeCheck = simple('route', (words, release) => {
  const [verb = '', ...rest] = words;
  const problems = oneOf('route', 'verb')([verb], release).slice();
  for (let at = 0; at < rest.length; at += 1) {
    if (!rest[at]!.startsWith('-')) continue;
    const row = findWord('route', 'word', rest[at]!, release);
    if (row === undefined) problems.push(rest[at]!);
    else if (row.value !== undefined) at += 1;
  }
  return problems;
});

/** Options of `-o`: what every type has and what the type has besides. */
export function findMountOption(type: string, option: string, release: number): Row | undefined {
  const name = option.split('=')[0]!;
  return findWord('mount', 'option', name, release) ?? findWord(`mount ${type}`, 'option', name, release);
}

const mountCheck: Check = (words, release) => {
  const parsed = parseFlags('mount', words, release);
  const type = parsed.flags.get('-t')?.at(-1) ?? 'ufs';
  return [
    ...flagged(parsed),
    ...oneOf('mount', 'type')(type.split(','), release),
    ...(parsed.flags.get('-o') ?? [])
      .flatMap((list) => list.split(','))
      .filter((option) => findMountOption(type, option, release) === undefined),
  ];
};

const nullfsCheck: Check = (words, release) => {
  const parsed = parseFlags('mount_nullfs', words, release);
  const options = (parsed.flags.get('-o') ?? []).flatMap((list) => list.split(','));
  return [...flagged(parsed), ...options.filter((option) => !findMountOption('nullfs', option, release))];
};

/** Words of a rule that are neither condition nor action, or whose value is not there. */
export function ruleProblems(words: readonly string[], release: number): readonly string[] {
  const problems: string[] = [];
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at]!;
    const row =
      findWord('devfs rule', 'condition', word, release) ?? findWord('devfs rule', 'action', word, release);
    if (row === undefined) problems.push(word);
    else if (row.value !== undefined && words[(at += 1)] === undefined) problems.push(word);
  }
  return problems;
}

const devfsCheck = simple('devfs', (words, release) => {
  const [verb = '', ...rest] = words;
  if (verb !== 'rule') return oneOf('devfs', 'verb')([verb], release);
  return simple('devfs rule', ([action = '', ...spec], at) => [
    ...oneOf('devfs rule', 'verb')([action], at),
    ...(action === 'add' || action === 'apply'
      ? ruleProblems(/^\d+$/.test(spec[0] ?? '') ? spec.slice(1) : spec, at)
      : []),
  ])(rest, release);
});

const sysctlCheck = simple('sysctl', (names, release) =>
  names
    .map((name) => name.split('=')[0]!)
    .filter((name) => !name.startsWith('security.jail.param.'))
    .filter((name) => findWord('sysctl', 'variable', name, release) === undefined),
);

/** A program that runs another: what that one is told is looked at too, where it is a tool of the table. */
const wrapper =
  (tool: string, own: number): Check =>
  (words, release) => {
    const parsed = parseFlags(tool, words, release);
    const inner = parsed.rest.slice(own);
    const known = inner[0] !== undefined && basename(inner[0]) in grammars;
    return [...flagged(parsed), ...(known ? undocumented(inner, release) : [])];
  };

const verbThenFlags =
  (tool: string): Check =>
  ([verb = '', ...rest], release) => {
    const unknown = oneOf(tool, 'verb')([verb], release);
    if (unknown.length > 0 || wordsOf(`${tool} ${verb}`, 'flag').size === 0) return unknown;
    return flagged(parseFlags(`${tool} ${verb}`, rest, release));
  };

const afterFlag =
  (tool: string, flag: string): Check =>
  (words, release) => {
    const values = parseFlags(tool, words, release).flags.get(flag) ?? [];
    return oneOf(`${tool} ${flag}`, 'word')(values, release);
  };

const grammars: Readonly<Record<string, Check>> = {
  jail: jailCheck,
  jls: jlsCheck,
  jexec: wrapper('jexec', 1),
  rctl: rctlCheck,
  ifconfig: ifconfigCheck,
  route: routeCheck,
  netstat: simple('netstat'),
  pfctl: (words, release) => [
    ...simple('pfctl')(words, release),
    ...afterFlag('pfctl', '-F')(words, release),
    ...afterFlag('pfctl', '-s')(words, release),
  ],
  ipfw: simple('ipfw', ([verb = ''], release) => oneOf('ipfw', 'verb')([verb], release)),
  dhclient: simple('dhclient'),
  chroot: simple('chroot'),
  rtsol: simple('rtsol'),
  rtsold: simple('rtsold'),
  pgrep: simple('pgrep'),
  pkill: (words, release) =>
    simple('pkill')(/^-(TERM|KILL|HUP|INT)$/.test(words[0] ?? '') ? words.slice(1) : words, release),
  sockstat: simple('sockstat'),
  mount: mountCheck,
  mount_nullfs: nullfsCheck,
  umount: simple('umount'),
  devfs: devfsCheck,
  cpuset: wrapper('cpuset', 0),
  sysctl: sysctlCheck,
  kldload: simple('kldload', oneOf('kldload', 'module')),
  kldunload: simple('kldunload'),
  kldstat: simple('kldstat'),
  kenv: simple('kenv'),
  hostname: simple('hostname'),
  uname: simple('uname'),
  'freebsd-version': simple('freebsd-version'),
  service: simple('service', ([, verb], release) =>
    verb === undefined ? [] : oneOf('service', 'verb')([verb], release),
  ),
  lockf: wrapper('lockf', 1),
  setfib: wrapper('setfib', 0),
  login: simple('login'),
  xargs: wrapper('xargs', 0),
  mtree: simple('mtree'),
  pwd_mkdb: simple('pwd_mkdb'),
  cap_mkdb: simple('cap_mkdb'),
  sha256: simple('sha256'),
  chflags: simple('chflags', ([words = ''], release) => oneOf('chflags', 'word')(words.split(','), release)),
  daemon: wrapper('daemon', 0),
  dd: (words, release) =>
    words.map((word) => word.split('=')[0]!).filter((name) => !findWord('dd', 'word', name, release)),
  ...Object.fromEntries(
    'tar stat rm cp mkdir chmod chown mkfifo tee cat realpath gzip xz zstd'
      .split(' ')
      .map((tool) => [tool, simple(tool)]),
  ),
  find: simple('find', (words, release) =>
    oneOf('find', 'word')(
      words.filter((word) => /^-[a-z]/.test(word)),
      release,
    ),
  ),
  grep: simple('grep'),
  mv: simple('mv'),
  ps: simple('ps'),
  tail: simple('tail'),
  wc: simple('wc'),
  pkg: simple('pkg', verbThenFlags('pkg')),
  'pkg-static': simple('pkg', verbThenFlags('pkg')),
  'freebsd-update': simple('freebsd-update', oneOf('freebsd-update', 'verb')),
  'hbsd-update': simple('hbsd-update'),
  etcupdate: ([first = '', ...rest], release) =>
    first.startsWith('-') || first === ''
      ? flagged(parseFlags('etcupdate', [first, ...rest].filter(Boolean), release))
      : [...oneOf('etcupdate', 'verb')([first], release), ...flagged(parseFlags('etcupdate', rest, release))],
  fetch: simple('fetch'),
  // The rest of zfs(8) is OpenZFS's own, the same on every system, and real in the tests.
  zfs: () => [],
  zpool: () => [],
};

/** Tools whose command lines can be judged. */
export const judged: readonly string[] = Object.keys(grammars);

/**
 * What of a command line no manual page documents (for that release), as `TOOL: WORD`; empty when all is
 * known. A tool that the table does not have is itself undocumented.
 *
 * @param release such as `13.2` or `15`; a word that came later counts as unknown
 */
export function undocumented(argv: readonly string[], release = 15): readonly string[] {
  const tool = basename(argv[0] ?? '');
  const check = grammars[tool];
  if (check === undefined) return [`${tool}: no tool of the table`];
  return check(argv.slice(1), release).map((problem) =>
    problem.includes(': ') ? problem : `${tool}: ${problem}`,
  );
}
