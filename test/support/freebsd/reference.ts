/** `docs/freebsd-reference.md`, printed from the table of documented words. */
import { documented, type Kind, type Row } from './documented.ts';

const kinds: Readonly<Record<Kind, string>> = {
  flag: 'flag',
  verb: 'command',
  parameter: 'kernel parameter',
  'pseudo-parameter': 'parameter of jail(8) itself',
  word: 'word',
  condition: 'condition of a rule',
  action: 'action',
  resource: 'resource',
  type: 'type',
  option: 'option',
  variable: 'variable',
  module: 'module or interface',
};

const since = (release: number): string => (release === 12 ? '12 or before' : String(release));

function line(row: Row): string {
  const value = row.value === undefined ? '' : `, value: ${row.value}`;
  const start = row.initial === undefined ? '' : ` (a new jail has \`${row.initial}\`)`;
  const what = `${kinds[row.kind]}${value}${start}`;
  return `| \`${row.tool}\` | \`${row.word}\` | ${what} | ${row.page} | ${since(row.since)} |`;
}

const rooms: readonly (readonly [string, readonly string[]])[] = [
  ['Jails', ['jail', 'jls', 'jexec', 'login', 'setfib', 'pgrep', 'pkill']],
  ['File systems and devices', ['mount', 'mount_nullfs', 'umount', 'devfs', 'zfs']],
  [
    'Files',
    [
      ...[
        'tar',
        'find',
        'stat',
        'mtree',
        'sha256',
        'chflags',
        'xargs',
        'rm',
        'cp',
        'mkdir',
        'chmod',
        'chown',
        'mkfifo',
      ],
      ...['tee', 'cat', 'realpath', 'gzip', 'xz', 'zstd', 'pwd_mkdb', 'cap_mkdb'],
    ],
  ],
  ['Network', ['ifconfig', 'route', 'netstat', 'pfctl', 'ipfw', 'dhclient', 'rtsol', 'rtsold', 'sockstat']],
  ['Limits', ['rctl', 'cpuset']],
  [
    'The host',
    [
      'sysctl',
      'chroot',
      'kldload',
      'kldstat',
      'kldunload',
      'kenv',
      'hostname',
      'uname',
      'freebsd-version',
      'service',
      'lockf',
    ],
  ],
  // What the shell lines around a console log run.
  ['Console logs', ['daemon', 'dd', 'grep', 'mv', 'ps', 'tail', 'wc']],
  ['Software', ['pkg', 'freebsd-update', 'hbsd-update', 'etcupdate', 'fetch']],
];

const head = `# FreeBSD: every word we use

No FreeBSD kernel is at hand where this is developed. What iocage says to FreeBSD's tools is therefore held against this table: every
flag, parameter, resource and rule word, the manual page that documents it, and the oldest release that has it. The table is data,
[test/support/freebsd/documented.ts](../test/support/freebsd/documented.ts); this page is printed from it, and a test fails when the
two differ, or when a command line of the FreeBSD driver holds a word that is not in it.

Releases: "12 or before" is the oldest that is looked at. Where a manual page does not tell in which minor release a word came, the
next major release stands here, so that nothing is used too early.
`;

const tail = `## The stand-in

\`test/support/freebsd/\` pretends to be such a host: programs of the same names that keep a machine (jails, interfaces, mounts, rules) in a
file. They take their grammar from the table above, for the release the test names, and fail as FreeBSD does, in its words and with
its exit status: on unknown words, and on known ones in the wrong order (a jail that exists, an interface that was given away, an
unmount of what is busy, a rule for a resource that there is not). Only \`zfs\` is real. A test writes:

\`\`\`ts
const host = standIn({ release: '14.2-RELEASE', racct: false });
await host.exec.change(['ifconfig', 'epair', 'create']); // as the driver runs it
host.fail({ tool: 'ifconfig', match: 'addm', nth: 2 }); // or: what: 'hang'
host.change((machine) => machine.programs.push({ match: '/etc/rc', status: 1 }));
host.machine().nics; // what there is now
host.undocumented(); // words of all calls so far that no page knows
\`\`\`

\`host.bin\` holds the same as programs, to be put first in a \`PATH\`.

It is stricter than FreeBSD where a mistake would go unnoticed: a devfs rule set without rules (FreeBSD makes an empty one, and the jail
sees every device), a relative path of a jail, \`zfs jail\` of a dataset without \`jailed=on\` or for a jail that may not mount it.
Such an answer says \`stand-in\`.

It is no kernel. It does not know how long things take, packets, permissions of devices, what a process in a jail may do, or what
FreeBSD gets wrong. The first run on a real host will tell.

## The host suite on FreeBSD

[.github/workflows/freebsd.yml](../.github/workflows/freebsd.yml) runs the tests of \`test/host\` as they are on FreeBSD 13, 14 and 15, as root, each
on a pool in a file that carries the marker property. By hand, on a machine of your own:

\`\`\`sh
pkg install node22 npm-node22 bash curl zstd
kldload -n zfs nullfs fdescfs tmpfs procfs linprocfs if_bridge if_epair pf
npm ci && npm run build
test/support/with-zfs env IOCAGE_HOST_TESTS=1 npx vitest run --project host
\`\`\`

Nobody has run it yet. The shared set-up knows both systems: the pool, the laboratory's look at the host (\`test/support/host-state.ts\`), the
small test release (of rescue(8) instead of busybox), terminals by script(1), lists of files, owners in tar(1). What is still Linux's own:

| tests | why |
| --- | --- |
| \`linux\`, \`isolation\`, \`run-as\`, \`network\`, \`vnet\`, \`names\`, \`vnet-pool\` | about crun, name spaces and iproute2; skipped, with the reason in the name. FreeBSD's counterpart are the contract and the goldens on the stand-in |
| \`limits\`, \`processes\`, parts of \`cli\` and \`packages\` | look into \`/proc\` and control groups; on FreeBSD rctl(8) and \`jls\` answer, and limits need \`kern.racct.enable=1\` at boot |
| \`packages\`, \`plan-packages\`, parts of \`upgrade\` and \`fetch\` | apt, dpkg and debootstrap; pkg(8) and freebsd-update(8) need the network |
| \`sequences\`, \`how-to\` | mount tmpfs on \`/mnt\` and \`/srv\` in a mount name space of their own, which FreeBSD has not; on a machine to throw away that does no harm |
| parts of \`fetch\`, \`image\`, \`package\` | archives that are forged with \`--transform\` and \`-I\` of GNU tar; \`gtar\` from packages in front of the PATH does |
| parts of \`activate\`, \`bad-input\`, \`fetch\`, \`upgrade\` | become another user by setpriv(1); \`su -m\` does it there |
| \`/proc/mounts\` in \`plan\`, \`fstab\`, \`disk\` | \`mount -p\` says it there |
`;

export function referencePage(): string {
  const named = (tool: string): string => tool.split(' ')[0]!;
  const parts = rooms.map(([title, tools]) => {
    const rows = documented.filter((row) => tools.includes(named(row.tool)));
    return [
      `## ${title}`,
      '',
      '| tool | word | what | manual page | since |',
      '| --- | --- | --- | --- | --- |',
      ...rows.map(line),
      '',
    ].join('\n');
  });
  return [head, ...parts, tail].join('\n');
}

/** Tools of the table that no part of the page shows. */
export const unshown = (): readonly string[] => {
  const there = new Set(rooms.flatMap(([, tools]) => tools));
  return [...new Set(documented.map((row) => row.tool.split(' ')[0]!))].filter((tool) => !there.has(tool));
};
