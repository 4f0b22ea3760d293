/**
 * Package managers: how a root file system shows which one it has, and the words that each wants. Pure;
 * they run in a container only. See apt-get(8), apk(8), and pkg(8) for the verbs that all are called by.
 */

export interface PackageCommand {
  /** What it is for people. */
  readonly title: string;
  readonly argv: readonly string[];
  /** Besides those of the manager. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Where a container sees the package mirror of its release. */
export const mirrorPlace = '/.ioc-pkg';

/** Words for packages that lie at {@link mirrorPlace}. */
export interface PackageMirror {
  /** Makes it ready and fetches the catalogue, one after the other. */
  readonly prepare: readonly PackageCommand[];
  /** Without the names; fetches them and what they need, and installs nothing. */
  readonly fetch: PackageCommand;
  /** What makes them ready to be installed. */
  readonly finish?: readonly PackageCommand[];
  /** Without the names; fails when one of them cannot be installed from there, where the fetch does not say so. */
  readonly check?: PackageCommand;
  /** Where the files of packages lie, folders in it included, and how their names end. */
  readonly archives: { readonly folder: string; readonly ending: string };
  /** Without the names; from there alone, where nothing can be written. */
  readonly install: PackageCommand;
}

export interface PackageManager {
  readonly name: 'apt' | 'apk' | 'pkg';
  /** Its programs run on that one only; default on each. */
  readonly kernel?: 'linux' | 'freebsd';
  /** One of these files below the root tells that it is there. */
  readonly programs: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly refresh: PackageCommand;
  readonly upgrade: PackageCommand;
  /** Without the names. */
  readonly install: PackageCommand;
  /** Takes downloaded packages away. */
  readonly clean?: PackageCommand;
  /** Absent where packages cannot be laid by for jails without a network. */
  readonly mirror?: PackageMirror;
  /** Where it keeps what is installed, below the root, and how to read that. */
  readonly database: string;
  /** Absent where the file is no text. */
  readonly parse?: (text: string) => ReadonlyMap<string, string>;
  /** In its place: a line for sh(1) that writes a package and its version on each line of the file `$1`; see `parseTold`. */
  readonly tell?: string;
  /** Verbs of pkg(8) in its own words; a list runs one after the other, the user's words behind the last. */
  readonly verbs: Readonly<Record<string, readonly (readonly string[])[]>>;
  /** Switches of pkg(8) that it has not, and needs not. */
  readonly drop: readonly string[];
}

/** A stanza's fields that tell a package: name, version, and a test whether it counts. */
function parseStanzas(
  text: string,
  name: RegExp,
  version: RegExp,
  counts: (stanza: string) => boolean,
): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const stanza of text.split(/\n\n+/)) {
    const [, key] = name.exec(stanza) ?? [];
    const [, value] = version.exec(stanza) ?? [];
    if (key !== undefined && value !== undefined && counts(stanza)) found.set(key, value);
  }
  return found;
}

// A mirror that says nothing is asked for each file twice as often as it is tried, for 30 s each: 12 minutes for three
// suites. Where it has given the catalogue it may take its time for the packages.
const aptPatience = ['Acquire::Retries=0', 'Acquire::http::Timeout=15', 'Acquire::https::Timeout=15'].flatMap(
  (word) => ['-o', word],
);

// A failed download is a failure of the update; apt alone would only warn.
const aptStrict = ['-o', 'APT::Update::Error-Mode=any'];
// What the administrator changed below /etc stays; nobody is there to be asked.
const aptQuiet = [
  ...['-y', '-q', '-o', 'Dpkg::Use-Pty=0'],
  ...['-o', 'Dpkg::Options::=--force-confdef', '-o', 'Dpkg::Options::=--force-confold'],
];

// Catalogues and packages lie there; the signatures and sums by which apt knows them are checked there too.
// Its own caches of both are not kept, so that the jail's stay what they are.
const aptMirrored = [
  `Dir::State::lists=${mirrorPlace}/lists`,
  `Dir::Cache::archives=${mirrorPlace}/archives`,
  'Dir::Cache::pkgcache=',
  'Dir::Cache::srcpkgcache=',
].flatMap((word) => ['-o', word]);

const aptMirror: PackageMirror = {
  prepare: [
    // apt-get(8) makes no directories outside of its own.
    {
      title: 'make the directories of the mirror',
      argv: ['mkdir', '-p', ...['lists', 'archives'].map((name) => `${mirrorPlace}/${name}/partial`)],
    },
    {
      title: 'apt-get update',
      argv: ['apt-get', 'update', '-q', ...aptStrict, ...aptMirrored, ...aptPatience],
    },
  ],
  fetch: {
    title: 'apt-get --download-only install',
    argv: ['apt-get', ...aptQuiet, ...aptMirrored, '--download-only', 'install', '--'],
  },
  archives: { folder: 'archives', ending: '.deb' },
  install: {
    title: 'apt-get --no-download install',
    argv: ['apt-get', ...aptQuiet, ...aptMirrored, '--no-download', 'install', '--'],
  },
};

const apt: PackageManager = {
  name: 'apt',
  programs: ['usr/bin/apt-get'],
  env: { DEBIAN_FRONTEND: 'noninteractive', DEBIAN_PRIORITY: 'critical', LC_ALL: 'C', NEEDRESTART_MODE: 'a' },
  refresh: { title: 'apt-get update', argv: ['apt-get', 'update', '-q', ...aptStrict, ...aptPatience] },
  upgrade: { title: 'apt-get upgrade', argv: ['apt-get', ...aptQuiet, 'upgrade', '--with-new-pkgs'] },
  install: { title: 'apt-get install', argv: ['apt-get', ...aptQuiet, 'install', '--'] },
  clean: { title: 'apt-get clean', argv: ['apt-get', 'clean'] },
  mirror: aptMirror,
  database: 'var/lib/dpkg/status',
  parse: (text) =>
    parseStanzas(text, /^Package: (\S+)$/m, /^Version: (\S+)$/m, (stanza) =>
      /^Status: \S+ \S+ installed$/m.test(stanza),
    ),
  verbs: {
    install: [
      ['apt-get', 'update', '-qq', ...aptPatience],
      ['apt-get', 'install'],
    ],
    delete: [['apt-get', 'remove']],
    update: [['apt-get', 'update']],
    upgrade: [
      ['apt-get', 'update', '-qq', ...aptPatience],
      ['apt-get', 'upgrade', '--with-new-pkgs'],
    ],
    info: [['dpkg-query', '--list']],
    list: [['dpkg-query', '--listfiles']],
    which: [['dpkg-query', '--search']],
    search: [['apt-cache', 'search']],
    lock: [['apt-mark', 'hold']],
    unlock: [['apt-mark', 'unhold']],
  },
  drop: [],
};

const apk: PackageManager = {
  name: 'apk',
  programs: ['sbin/apk', 'usr/sbin/apk', 'usr/bin/apk'],
  env: { LC_ALL: 'C' },
  refresh: { title: 'apk update', argv: ['apk', 'update'] },
  upgrade: { title: 'apk upgrade', argv: ['apk', 'upgrade'] },
  install: { title: 'apk add', argv: ['apk', 'add', '--'] },
  database: 'lib/apk/db/installed',
  parse: (text) => parseStanzas(text, /^P:(\S+)$/m, /^V:(\S+)$/m, () => true),
  verbs: {
    install: [['apk', 'add', '--update-cache']],
    delete: [['apk', 'del']],
    remove: [['apk', 'del']],
    update: [['apk', 'update']],
    upgrade: [['apk', 'upgrade', '--update-cache']],
    info: [['apk', 'info', '-v']],
    list: [['apk', 'info', '--contents']],
    which: [['apk', 'info', '--who-owns']],
    search: [['apk', 'search']],
    clean: [['apk', 'cache', 'clean']],
  },
  drop: ['-y', '--yes'],
};

/** pkg-repo(8) goes into no directory whose name begins with a dot, the one that it is told included. */
const pkgPlace = `${mirrorPlace}/repo`;

/** The one repository there is while packages are installed from the mirror; see pkg.conf(5). */
const pkgRepository = `ioc-mirror: {
  url: "file://${pkgPlace}",
  mirror_type: "none",
  signature_type: "none",
  enabled: yes
}
`;

// Its text and its words are constant; it runs in the container alone.
const pkgShell = (title: string, script: string, ...words: readonly string[]): PackageCommand => ({
  title,
  argv: ['sh', '-c', `set -e; umask 022; ${script}`, 'sh', pkgPlace, ...words],
});

const fromPkgMirror = { REPOS_DIR: `${mirrorPlace}/conf` };

/**
 * A repository of pkg's own, pkg-repository(5). The release's pkg fetches it, by the repositories, keys and ABI of the
 * release, and checks all signatures; what lies there then is nobody else's and is not signed again. pkg
 * itself goes along: a jail has only pkg(7), which takes `Latest/pkg.pkg` of the first repository.
 */
const pkgMirror: PackageMirror = {
  prepare: [
    pkgShell(
      'make the directories of the mirror',
      'mkdir -p "$1/All" "$1/Latest" "$2"; printf %s "$3" >"$2/ioc-mirror.conf"',
      fromPkgMirror.REPOS_DIR,
      pkgRepository,
    ),
    { title: 'pkg update', argv: ['pkg', 'update', '-f'] },
  ],
  fetch: { title: 'pkg fetch', argv: ['pkg', 'fetch', '-y', '-d', '-o', pkgPlace, 'pkg'] },
  finish: [
    pkgShell(
      'show pkg to pkg(7)',
      'new=$(find "$1/All" -type f -name "pkg-[0-9]*.pkg" -exec ls -t {} + | head -n 1); test -n "$new"; cp -p "$new" "$1/Latest/pkg.pkg"',
    ),
    { title: 'pkg repo', argv: ['pkg', 'repo', pkgPlace] },
  ],
  // `pkg fetch` of a name that is not there ends with status 0.
  check: { title: 'pkg install -F', argv: ['pkg', 'install', '-y', '-F'], env: fromPkgMirror },
  archives: { folder: 'repo/All', ending: '.pkg' },
  install: { title: 'pkg install', argv: ['pkg', 'install', '-y'], env: fromPkgMirror },
};

/** pkg(7) in the base system fetches pkg(8) itself when it is called for the first time; both ask unless told. */
const pkg: PackageManager = {
  name: 'pkg',
  kernel: 'freebsd',
  programs: ['usr/local/sbin/pkg', 'usr/sbin/pkg'],
  env: { ASSUME_ALWAYS_YES: 'yes' },
  refresh: { title: 'pkg update', argv: ['pkg', 'update'] },
  upgrade: { title: 'pkg upgrade', argv: ['pkg', 'upgrade', '-y'] },
  install: { title: 'pkg install', argv: ['pkg', 'install', '-y'] },
  clean: { title: 'pkg clean', argv: ['pkg', 'clean', '-a', '-y'] },
  mirror: pkgMirror,
  database: 'var/db/pkg/local.sqlite',
  // Where pkg(8) itself is not there yet, nothing is, and it is not to be fetched for this. It never fails: what it
  // cannot say is not known, and that is no reason to take an update back.
  tell: `umask 077; rm -f "$1"; if pkg -N >/dev/null 2>&1; then pkg query '%n\\t%v' >"$1" || rm -f "$1"; else : >"$1"; fi; true`,
  verbs: {},
  drop: [],
};

export const packageManagers: readonly PackageManager[] = [apt, apk, pkg];

/**
 * The user's words for a package manager, as command lines that run one after the other. Verbs of pkg(8)
 * are translated, others are the manager's own.
 *
 * @example pkgCommands(apk, ['install', '-y', 'nginx']) // [['apk', 'add', '--update-cache', 'nginx']]
 */
export function pkgCommands(
  { name, verbs, drop }: PackageManager,
  [verb, ...words]: readonly [string, ...string[]],
): readonly (readonly string[])[] {
  const own = name === 'apt' ? 'apt-get' : name;
  const lines = Object.hasOwn(verbs, verb) ? verbs[verb]! : [[own, verb]];
  const kept = words.filter((word) => !drop.includes(word));
  return [...lines.slice(0, -1), [...lines.at(-1)!, ...kept]];
}

/** Those of the names that are not there, a category of FreeBSD's ports aside, in any version where none is named; all, where nothing is known. */
export function lackingPackages(
  installed: ReadonlyMap<string, string> | undefined,
  names: readonly string[],
): readonly string[] {
  return names.filter((word) => {
    const [name = '', version] = word.replace(/^.*\//, '').split('=');
    const now = installed?.get(name);
    return now === undefined || (version !== undefined && now !== version);
  });
}

/** A package that is another one than before, new or gone. */
export interface PackageChange {
  readonly name: string;
  /** Null: it was not there before. */
  readonly from: string | null;
  /** Null: it is gone. */
  readonly to: string | null;
}

/** Lines of `tell`. What is no line of a package is none: a jail wrote them. */
export function parseTold(text: string): ReadonlyMap<string, string> {
  return new Map(
    [...text.matchAll(/^([\w.+-]{1,128})\t([\w.+,~:-]{1,128})$/gm)].map(([, name, version]) => [
      name!,
      version!,
    ]),
  );
}

/** What differs between two states of a database, by name; null when one of them could not be read. */
export function packageChanges(
  before: ReadonlyMap<string, string> | undefined,
  after: ReadonlyMap<string, string> | undefined,
): readonly PackageChange[] | null {
  if (before === undefined || after === undefined) return null;
  const names = [...new Set([...before.keys(), ...after.keys()])].sort();
  return names
    .map((name) => ({ name, from: before.get(name) ?? null, to: after.get(name) ?? null }))
    .filter(({ from, to }) => from !== to);
}

/**
 * A name, a name with a category of FreeBSD's ports before it, either with a version. Never with a sign at
 * its end that apt-get(8) would read as an order (`name-` removes).
 */
const listedName = /^(?:[A-Za-z0-9][\w.+-]*\/)?[A-Za-z0-9](?:[\w.+-]*[A-Za-z0-9+])?(?:=[\w.+~:-]+)?$/;

export const mostListed = 1000;

/**
 * The names in a list of packages: words, one a line or more, `#` begins a remark; or the Python line's
 * JSON object with an array `pkgs`.
 *
 * @returns the names without repetition, or what is wrong in words.
 * @example parsePackageList('nginx\ncurl # for tests\n') // { names: ['nginx', 'curl'] }
 */
export function parsePackageList(
  text: string,
): { readonly names: readonly string[] } | { readonly problem: string } {
  const found = text.trimStart().startsWith('{') ? fromJson(text) : fromWords(text);
  if (typeof found === 'string') return { problem: found };
  const names = [...new Set(found)];
  if (names.length === 0) return { problem: 'it names no package' };
  if (names.length > mostListed) return { problem: `more than ${mostListed} packages` };
  const bad = names.find((name) => name.length > 128 || !listedName.test(name));
  return bad === undefined
    ? { names }
    : { problem: `${JSON.stringify(bad.slice(0, 60))} is no name of a package` };
}

function fromWords(text: string): readonly string[] {
  return text
    .split('\n')
    .flatMap((line) => line.replace(/(^|\s)#.*$/, '').split(/\s+/))
    .filter((word) => word !== '');
}

function fromJson(text: string): readonly string[] | string {
  try {
    const { pkgs } = JSON.parse(text) as { pkgs?: unknown };
    if (Array.isArray(pkgs) && pkgs.every((name) => typeof name === 'string')) return pkgs;
    return 'its JSON has no list "pkgs" of names';
  } catch {
    return 'it begins like JSON and is none';
  }
}
