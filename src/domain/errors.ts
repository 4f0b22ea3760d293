/**
 * The error table: one row per code, and the one error class built from it.
 *
 * A row holds the exit status, the HTTP status, the one-line message (what failed, on which thing,
 * why) and the hint (what to type next; `hints.ts` helps). Nothing else in the program words an error.
 */
import { clonesHint, isLikelyKey, startHint } from './hints.ts';

import { bounded, boundedTexts, quote, row, type Row } from './error-row.ts';
import { sourceErrors } from './source-errors.ts';

export { quote };

/** A problem found in input; several are collected and thrown at once. */
export interface Issue {
  /** Where: a property key, a flag or an argument's name. */
  readonly path: string;
  readonly problem: string;
}

/** So many are told; whoever gave more of them looks at these first. */
export const mostIssues = 20;

/** Something wrong in a file: the line from 1, when it is known, and where in the file's structure. */
export interface Flaw {
  readonly line: number | undefined;
  /** `jails.web.properties.boot`; empty for the whole file. */
  readonly path: string;
  readonly problem: string;
}

export const errorTable = {
  // ---- the words are wrong (exit 2)
  USAGE: row({
    exit: 2,
    http: 400,
    message: (d: { problem: string; command?: string }) => d.problem,
    hint: (d) => `see 'iocage help${d.command ? ` ${d.command}` : ''}'`,
  }),
  UNKNOWN_COMMAND: row({
    exit: 2,
    http: 404,
    message: (d: { command: string; near?: string; isId?: boolean }) =>
      `unknown ${d.isId ? 'operation' : 'command'} ${quote(d.command)}`,
    hint: (d) =>
      d.isId
        ? 'docs/library-reference.md has the ids of all operations'
        : (d.near ? `did you mean 'iocage ${d.near}'? ` : '') + `see 'iocage help'`,
  }),
  INVALID_INPUT: row({
    exit: 2,
    http: 400,
    message: (d: { issues: readonly Issue[]; command?: string; ofLibrary?: boolean }) =>
      d.issues.map((issue) => `${issue.path}: ${issue.problem}`).join('; '),
    hint: ({ issues: [first, ...more], command, ofLibrary }) =>
      ofLibrary
        ? 'docs/library-reference.md tells what each call takes'
        : first && more.length === 0 && isLikelyKey(first.path)
          ? `iocage help ${first.path}`
          : `see 'iocage help ${command ?? 'properties'}'`,
  }),
  INVALID_NAME: row({
    exit: 2,
    http: 400,
    message: (d: { what: string; name: string; problem: string }) =>
      `${d.what} ${quote(d.name)} is not valid: ${d.problem}`,
    hint: (d) =>
      d.what === 'user' ? `name a user as it stands in /etc/passwd, or a number` : `choose another ${d.what}`,
  }),
  BAD_FILTER: row({
    exit: 2,
    http: 400,
    message: (d: { filter: string; problem: string }) => `filter ${quote(d.filter)}: ${d.problem}`,
    hint: () => `write names (web, db*, SOURCE/NAME) and terms such as boot=on or state=up`,
  }),
  BAD_DESCRIPTION: row({
    exit: 2,
    http: 400,
    message: (d: { file: string; flaws: readonly Flaw[] }) =>
      d.flaws
        .map(({ line, path, problem }) =>
          [[d.file, line].filter((part) => part !== undefined).join(':'), path, problem]
            .filter((part) => part !== '')
            .join(': '),
        )
        .join('; '),
    hint: () => `'iocage help plan' and docs/plan-apply.md tell what may stand in it`,
  }),
  UNKNOWN_PROPERTY: row({
    exit: 2,
    http: 400,
    message: (d: { key: string; near?: string }) => `unsupported property: ${quote(d.key)}`,
    hint: (d) => (d.near ? `did you mean ${d.near}? ` : '') + `'iocage help properties' lists them all`,
  }),
  READ_ONLY_PROPERTY: row({
    exit: 2,
    http: 400,
    message: (d: { key: string; why: string; migrate?: string }) =>
      `property ${d.key} cannot be set: ${d.why}`,
    hint: (d) =>
      d.migrate === undefined
        ? `'iocage help ${d.key}' tells more about it`
        : `'iocage migrate ${d.migrate}' makes it a jail of ours; it can be undone`,
  }),

  BAD_SETTING: row({
    exit: 2,
    http: 500,
    message: (d: { place: string; why: string }) => `${d.place}: ${d.why}`,
    hint: () => `'iocage serve --print-config' shows all settings with their meaning`,
  }),

  // ---- the state of the machine does not allow it (exit 1)
  NOT_ROOT: row({
    exit: 1,
    http: 403,
    message: (d: { command: string }) => `${d.command} needs root credentials`,
    hint: () => `run it as root, for example with sudo`,
  }),
  NO_ZFS: row({
    exit: 1,
    http: 503,
    message: (d: { why: string }) => `ZFS does not answer: ${d.why}`,
    hint: () => `install OpenZFS or zfs-fuse and start it; 'zpool list' must work before iocage can`,
  }),
  NO_ACTIVE_POOL: row({
    exit: 1,
    http: 409,
    message: () => `no pool is activated for iocage`,
    hint: () => `'zpool list' shows the pools; then 'iocage activate POOL'`,
  }),
  SEVERAL_ACTIVE_POOLS: row({
    exit: 1,
    http: 409,
    message: (d: { pools: readonly string[] }) => `several pools are activated: ${d.pools.join(', ')}`,
    hint: (d) => `choose one with --pool ${d.pools[0]} or the environment variable IOCAGE_POOL`,
  }),
  ...sourceErrors,
  POOL_NOT_FOUND: row({
    exit: 1,
    http: 404,
    message: (d: { pool: string }) => `pool ${quote(d.pool)} not found`,
    hint: () => `'zpool list' shows the pools that are imported`,
  }),
  POOL_NOT_ACTIVE: row({
    exit: 1,
    http: 409,
    message: (d: { pool: string; named?: boolean }) => `pool ${quote(d.pool)} is not activated for iocage`,
    hint: (d) => `iocage ${d.named ? `--pool ${d.pool} ` : ''}activate ${d.pool}`,
  }),
  POOL_IN_USE: row({
    exit: 1,
    http: 409,
    message: (d: { pool: string; jails: readonly string[] }) =>
      `pool ${quote(d.pool)} still has running jails: ${d.jails.join(', ')}`,
    hint: () => `iocage stop ALL`,
  }),
  POOL_UNHEALTHY: row({
    exit: 1,
    http: 409,
    message: (d: { pool: string; health: string }) => `pool ${quote(d.pool)} is ${d.health}`,
    hint: (d) => `zpool status ${d.pool}`,
  }),
  POOL_FULL: row({
    exit: 1,
    http: 507,
    message: (d: { dataset: string; why: string }) => `no space left for ${d.dataset}: ${d.why}`,
    hint: () => `free space ('iocage df', 'zpool list') or raise the quota, then repeat`,
  }),
  NOT_MOUNTED: row({
    exit: 1,
    http: 409,
    message: (d: { dataset: string }) => `dataset ${d.dataset} is not mounted`,
    hint: (d) => `zfs mount ${d.dataset}`,
  }),
  LIMIT_REFUSED: row({
    exit: 1,
    http: 409,
    message: (d: { jail: string; what: string; why: string }) =>
      `the kernel refuses ${d.what} of jail ${d.jail}: ${d.why}`,
    hint: (d) => `'iocage inuse ${d.jail}' shows what it uses`,
  }),
  NO_MATCH: row({
    exit: 1,
    http: 404,
    message: (d: { what: string; filter: string; shownBy: string }) =>
      `no ${d.what} matches ${quote(d.filter)}`,
    hint: (d) => `'${d.shownBy}' shows what there is`,
  }),
  JAIL_NOT_FOUND: row({
    exit: 1,
    http: 404,
    message: (d: { name: string }) => `jail ${quote(d.name)} not found`,
    hint: () => `'iocage list' shows the jails`,
  }),
  FOREIGN_NOT_FOUND: row({
    exit: 1,
    http: 404,
    message: (d: { name: string; tool: string; path: string; isThere: boolean; others: readonly string[] }) =>
      `${d.tool} has no jail ${quote(d.name)} in ${d.path}, ` +
      (d.others.length > 0
        ? `but ${d.others.slice(0, 10).join(', ')}${d.others.length > 10 ? `, and ${d.others.length - 10} more` : ''}`
        : d.isThere
          ? `where none is`
          : `which does not exist`),
    hint: (d) =>
      d.others[0] === undefined
        ? `iocage migrate --from ${d.tool} --path PLACE ${d.name}`
        : `iocage migrate --from ${d.tool} ${d.others[0]}`,
  }),
  JAIL_AMBIGUOUS: row({
    exit: 1,
    http: 409,
    message: (d: { name: string; matches: readonly string[] }) =>
      `multiple matching UUIDs for ${quote(d.name)}: ${d.matches.join(', ')}`,
    hint: () => `give more of the UUID, or the tag`,
  }),
  JAIL_CORRUPT: row({
    exit: 1,
    http: 409,
    message: (d: { name: string; why: string }) => `jail ${quote(d.name)} cannot be used: ${d.why}`,
    hint: () => `iocage doctor`,
  }),
  UNTRUSTED_CONFIG: row({
    exit: 1,
    http: 409,
    message: (d: { jail: string; key: string; path: string; why: string; mend?: string }) =>
      `${d.key} of jail ${d.jail} would have power over this host, and not only root may write it: ${d.path}: ${d.why}`,
    hint: (d) => d.mend ?? `look at what it says, then 'chown 0:0 ${d.path}' and 'chmod go-w ${d.path}'`,
  }),
  UNTRUSTED_ARCHIVE: row({
    exit: 1,
    http: 409,
    message: (d: { file: string; key: string }) =>
      `${d.key} of the jail in ${d.file} would have power over this host: nothing was taken over`,
    hint: () => `when you trust it, add --hooks`,
  }),
  OTHER_FORMAT: row({
    exit: 1,
    http: 409,
    message: (d: { command: string; jail: string; file: string; title: string }) =>
      `'iocage ${d.command}' does not work on jail ${d.jail}, whose configuration is kept in ${d.file} of ${d.title}`,
    hint: (d) => `'iocage migrate ${d.jail.split(' ')[0]}' makes it a jail of ours; it can be undone`,
  }),
  NAME_TAKEN: row({
    exit: 1,
    http: 409,
    message: (d: { what: string; name: string; by: string }) =>
      `${d.what} ${quote(d.name)} is already used by jail ${d.by}`,
    hint: () => `choose another one, or rename that jail with 'iocage set tag=…'`,
  }),
  JAIL_RUNNING: row({
    exit: 1,
    http: 409,
    message: (d: { name: string; action: string }) =>
      `jail ${d.name} is up and running; ${d.action} needs it stopped`,
    hint: (d) => `iocage stop ${d.name.split(' ')[0]}`,
  }),
  ALREADY_UP: row({
    exit: 1,
    http: 409,
    message: (d: { name: string }) => `${d.name} is already up`,
    hint: (d) => `iocage restart ${d.name.split(' ')[0]}`,
  }),
  ALREADY_DOWN: row({
    exit: 1,
    http: 409,
    message: (d: { name: string }) => `${d.name} is already down`,
    hint: () => `'iocage list' shows what is up`,
  }),
  NOT_RUNNING: row({
    exit: 1,
    http: 409,
    message: (d: { name: string }) => `jail ${d.name} is not running`,
    hint: (d) => `iocage start ${d.name.split(' ')[0]}`,
  }),
  RELEASE_NOT_FOUND: row({
    exit: 1,
    http: 404,
    /** `dataset`: where one that is filled by hand has to be. */
    message: (d: { release: string; fetched: readonly string[]; dataset?: string }) =>
      `release ${quote(d.release)} not found locally` +
      (d.fetched.length > 0 ? `; fetched are: ${d.fetched.join(', ')}` : `; none is fetched yet`),
    hint: (d) =>
      d.dataset === undefined
        ? `iocage fetch release=${d.release}`
        : `'zfs create -p ${d.dataset}' makes its place; fill that, and say this again`,
  }),
  RELEASE_NEEDED: row({
    exit: 2,
    http: 400,
    message: (d: { fetched: readonly string[] }) =>
      d.fetched.length > 0
        ? `which release? fetched are: ${d.fetched.join(', ')}`
        : `no release is fetched yet`,
    hint: (d) => (d.fetched[0] ? `add release=${d.fetched[0]}` : `iocage fetch release=bookworm`),
  }),
  RELEASE_IN_USE: row({
    exit: 1,
    http: 409,
    message: (d: { release: string; by: readonly string[] }) =>
      `release ${quote(d.release)} is still used by ${d.by.join(', ')}`,
    hint: () => `destroy those jails first; 'iocage list -l' shows the release of each`,
  }),
  SNAPSHOT_NOT_FOUND: row({
    exit: 1,
    http: 404,
    message: (d: { jail: string; snapshot: string }) =>
      `snapshot not found: jail ${d.jail} has no snapshot ${quote(d.snapshot)}`,
    hint: (d) => `iocage snaplist ${d.jail.split(' ')[0]}`,
  }),
  SNAPSHOT_EXISTS: row({
    exit: 1,
    http: 409,
    message: (d: { jail: string; snapshot: string }) =>
      `jail ${d.jail} already has a snapshot ${quote(d.snapshot)}`,
    hint: () => `choose another name, or remove that one with 'iocage snapremove'`,
  }),
  EDIT_REFUSED: row({
    exit: 2,
    http: 400,
    message: (d: { copy?: string; why: string }) => `the file as it was edited is not used: ${d.why}`,
    hint: (d) =>
      d.copy === undefined
        ? `nothing was changed; the editor has to save to the file that it was started with`
        : `nothing was changed; what was edited is kept in ${d.copy}`,
  }),
  SNAPSHOT_MOUNTED: row({
    exit: 1,
    http: 409,
    message: (d: { jail: string; snapshot: string; path: string }) =>
      `snapshot ${quote(d.snapshot)} of jail ${d.jail} is mounted already, at ${d.path}`,
    hint: (d) => `iocage snapumount ${d.jail.split(' ')[0]}@${d.snapshot}`,
  }),
  SNAPSHOT_NOT_MOUNTED: row({
    exit: 1,
    http: 409,
    message: (d: { jail: string; snapshot: string }) =>
      `that snapshot isn't mounted: ${quote(d.snapshot)} of jail ${d.jail}`,
    hint: (d) => `iocage snapmount ${d.jail.split(' ')[0]}@${d.snapshot}`,
  }),
  HAS_DEPENDENTS: row({
    exit: 1,
    http: 409,
    message: (d: { what: string; dependents: readonly string[] }) =>
      `${d.what} cannot be removed: cloned from it are ${d.dependents.join(', ')}`,
    hint: (d) => clonesHint(d.dependents),
  }),
  HAS_CLONES: row({
    exit: 1,
    http: 409,
    message: (d: { name: string; action: string; clones: readonly string[] }) =>
      `jail ${d.name} has clones, so ${d.action} is refused: ${d.clones.join(', ')}`,
    hint: (d) => clonesHint(d.clones),
  }),
  NEWER_SNAPSHOTS: row({
    exit: 1,
    http: 409,
    message: (d: { snapshot: string; newer: readonly string[] }) =>
      `rolling back to ${d.snapshot} would destroy newer snapshots: ${d.newer.join(', ')}`,
    hint: () => `add -f to agree`,
  }),
  GUARDED: row({
    exit: 1,
    http: 409,
    message: (d: { dataset: string; why: string }) => `refused to destroy ${quote(d.dataset)}: ${d.why}`,
    hint: (d) =>
      `iocage destroys only what it made; look at it with 'zfs list -r ${d.dataset.split('@')[0]}'`,
  }),
  DATASET_EXISTS: row({
    exit: 1,
    http: 409,
    message: (d: { dataset: string }) => `dataset ${quote(d.dataset)} already exists`,
    hint: (d) => `iocage does not adopt what it did not make; look at it with 'zfs list -r ${d.dataset}'`,
  }),
  DATASET_NOT_FOUND: row({
    exit: 1,
    http: 404,
    message: (d: { dataset: string }) => `dataset ${quote(d.dataset)} does not exist`,
    hint: () => `'zfs list' shows what there is; 'iocage doctor' looks for what is damaged`,
  }),
  DATASET_BUSY: row({
    exit: 1,
    http: 409,
    message: (d: { dataset: string; tries: number }) =>
      `dataset ${quote(d.dataset)} stays busy after ${d.tries} tries`,
    hint: (d) =>
      `a process has a file open there or stands in it, or another mount namespace holds it: ` +
      `grep -l ${d.dataset.split('@')[0]} /proc/*/mountinfo`,
  }),
  LOCKED: row({
    exit: 1,
    http: 423,
    message: (d: { lock: string; holder: string }) => `${d.lock} is in use by ${d.holder}`,
    hint: () => `wait for it to end, then repeat`,
  }),
  NAMES_CHANGED: row({
    exit: 1,
    http: 409,
    message: (d: { command: string }) =>
      `while '${d.command}' waited for another command, jails were made or got other names`,
    hint: () => `nothing was done; look with 'iocage list', then repeat`,
  }),
  UNFINISHED: row({
    exit: 1,
    http: 409,
    message: (d: { what: string; count: number }) =>
      `${d.count} interrupted operation${d.count === 1 ? '' : 's'} left: ${d.what}`,
    hint: () => `iocage doctor`,
  }),
  NOT_CONFIRMED: row({
    exit: 1,
    http: 409,
    message: () => `Command not confirmed.  No action taken.`,
    hint: () =>
      `only a terminal can answer the question; to go ahead without it add -y or -f, see the command's help`,
  }),
  START_FAILED: row({
    exit: 1,
    http: 500,
    message: (d: { jail: string; why: string }) => `jail ${d.jail} did not start: ${d.why}`,
    hint: ({ jail, why }) => startHint(jail.split(' ')[0]!, why),
  }),
  PROGRAM_FAILED: row({
    exit: 1,
    http: 500,
    message: (d: { program: string; jail: string; why: string; log: string }) =>
      `${d.program} failed in ${d.jail}: ${d.why}`,
    hint: (d) => `tail -n 50 ${d.log}`,
  }),
  HEALTH_FAILED: row({
    exit: 1,
    http: 500,
    message: (d: { command: string; jail: string; why: string; log: string }) =>
      `${d.jail} is not well: the health check ${quote(d.command)} failed: ${d.why}`,
    hint: (d) => `tail -n 50 ${d.log}`,
  }),
  BASE_UPDATE_FAILED: row({
    exit: 1,
    http: 502,
    message: (d: { of: string; why: string }) => `the base system of ${d.of} was not updated: ${d.why}`,
  }),
  NO_PACKAGE_MANAGER: row({
    exit: 1,
    http: 409,
    message: (d: { of: string }) =>
      `${d.of} has no package manager that iocage knows and can run here (apt-get, apk; on FreeBSD pkg)`,
    hint: () => `a Debian, Ubuntu or Alpine release has one: 'iocage fetch release=bookworm'`,
  }),
  WAY_BACK_KEPT: row({
    exit: 1,
    http: 409,
    message: (d: { jail: string; from: string }) =>
      `${d.jail} can still be put back to ${d.from}, which would be lost`,
    hint: (d) =>
      `'iocage upgrade --done ${d.jail}' gives that up, 'iocage upgrade --back ${d.jail}' goes back`,
  }),
  NO_WAY_BACK: row({
    exit: 1,
    http: 404,
    message: (d: { jail: string }) => `nothing is kept of what ${d.jail} was before an upgrade`,
    hint: (d) => `'iocage snaplist ${d.jail.split(' ')[0]}' shows its snapshots`,
  }),
  PACKAGES_IN_THE_WAY: row({
    exit: 1,
    http: 409,
    message: (d: { jail: string; database: string }) =>
      `packages were installed or updated in ${d.jail}: with other files of the release ${d.database} would not be true`,
    hint: (d) => `upgrade it with its package manager: 'iocage console ${d.jail}'`,
  }),
  UNSUPPORTED: row({
    exit: 1,
    http: 501,
    message: (d: { what: string; why: string }) => `${d.what} is not possible here: ${d.why}`,
  }),
  MISSING_TOOL: row({
    exit: 1,
    http: 503,
    message: (d: { tool: string; package?: string; why?: string }) =>
      `program ${quote(d.tool)} is not installed` + (d.why ? `; it is needed to ${d.why}` : ''),
    hint: (d) => (d.package ? `apt-get install ${d.package}` : undefined),
  }),
  DOWNLOAD_FAILED: row({
    exit: 1,
    http: 502,
    message: (d: { url: string; why: string }) => `failed fetching ${d.url}: ${d.why}`,
    hint: () => `check the address and the network, then repeat; what was complete is kept`,
  }),
  REPOSITORY_FAILED: row({
    exit: 1,
    http: 502,
    message: (d: { repository: string; why: string }) => `repository ${d.repository}: ${d.why}`,
    hint: (d) => `git ls-remote ${d.repository}`,
  }),
  PLUGIN_NOT_FOUND: row({
    exit: 1,
    http: 404,
    message: (d: { plugin: string; directory: string }) =>
      `plugin ${quote(d.plugin)} not found: there is no definition ${d.directory}/${d.plugin}.json`,
    hint: () => `'iocage list -P -R' lists the plugins that there are`,
  }),
  CHECKSUM_MISMATCH: row({
    exit: 1,
    http: 422,
    message: (d: { file: string; expected: string; actual: string }) =>
      `checksum mismatch of ${quote(d.file)}: expected ${d.expected}, got ${d.actual}`,
    hint: () => `the file is not used; fetch it again or correct the digest`,
  }),
  UNSAFE_ARCHIVE: row({
    exit: 1,
    http: 422,
    message: (d: { file: string; member: string; why: string }) =>
      `archive ${quote(d.file)} is refused: member ${quote(d.member)} ${d.why}`,
    hint: () => `such an archive could write outside of the jail; take one from a source that you trust`,
  }),
  BAD_ARCHIVE: row({
    exit: 1,
    http: 422,
    message: (d: { file: string; why: string }) => `archive ${quote(d.file)} cannot be used: ${d.why}`,
    hint: () => `compare its SHA-256 with the publisher's, and fetch it again`,
  }),
  IMAGE_NOT_FOUND: row({
    exit: 1,
    http: 404,
    message: (d: { name: string; place: string; present: readonly string[] }) =>
      `package or image ${quote(d.name)} not found in ${d.place}` +
      (d.present.length > 0 ? `; there are: ${[...new Set(d.present)].slice(0, 10).join(', ')}` : ''),
    hint: () => `name the archive's path, or make one with 'iocage export JAIL'`,
  }),
  IMAGE_AMBIGUOUS: row({
    exit: 1,
    http: 409,
    message: (d: { name: string; matches: readonly string[] }) =>
      `several images match ${quote(d.name)}: ${d.matches.join(', ')}`,
    hint: (d) => `name one by its path: iocage import ${d.matches.at(-1)}`,
  }),
  PLAN_CHANGED: row({
    exit: 1,
    http: 409,
    message: (d: { file: string; expected: string; actual: string }) =>
      `the plan is out of date: it was ${d.expected.slice(0, 12)}, now it would be ${d.actual.slice(0, 12)}`,
    hint: (d) => `nothing was done; 'iocage plan ${d.file}' shows what it would be now`,
  }),
  RECORDED: row({
    exit: 1,
    http: 409,
    message: (d: { name: string; state: string }) => `jail ${d.name} ${d.state}`,
    hint: () => `'snapremove JAIL@ioc-record' forgets a recording, without '@ioc-recorded' it goes on`,
  }),
  HOST_UNREACHABLE: row({
    exit: 1,
    http: 502,
    message: (d: { host: string; why: string }) => `host ${quote(d.host)} cannot be reached by ssh: ${d.why}`,
    hint: (d) => `'ssh ${d.host} iocage version' must work as root without a question`,
  }),
  OTHER_HOST: row({
    exit: 1,
    http: 502,
    message: (d: { host: string; message: string; code?: string; hint?: string }) =>
      `on host ${d.host}: ${d.message}`,
    hint: (d) => (d.hint === undefined ? undefined : `there: ${d.hint}`),
  }),
  DIVERGED: row({
    exit: 1,
    http: 409,
    message: (d: { jail: string; why: string; base?: string; dataset?: string }) =>
      `jail ${d.jail} is there and is no earlier state of the one that is sent: ${d.why}`,
    hint: (d) =>
      d.base === undefined || d.dataset === undefined
        ? `nothing was changed; destroy or rename the one or the other`
        : `to give up what is different: 'zfs set readonly=on ${d.dataset}', then 'iocage rollback -f ${d.jail.split(' ')[0]}@${d.base}'`,
  }),
  CHECKSUM_MISSING: row({
    exit: 1,
    http: 422,
    message: (d: { file: string; expected: string }) =>
      `missing checksum file: ${quote(d.file)} has no SHA-256 beside it in ${quote(d.expected)}`,
    hint: () => `put it there, or give it as sha256=DIGEST`,
  }),
  BOOTSTRAP_FAILED: row({
    exit: 1,
    http: 502,
    message: (d: { suite: string; mirror: string; why: string }) =>
      `suite ${quote(d.suite)} could not be installed from ${d.mirror}: ${d.why}`,
    hint: () => `check the name and the network, or name another mirror=URL`,
  }),
  UNSAFE_PATH: row({
    exit: 1,
    http: 409,
    message: (d: { path: string; why: string; mend?: string }) =>
      `path ${quote(d.path)} is refused: ${d.why}`,
    hint: (d) => d.mend ?? `nothing was written; 'ls -ld' shows what stands there`,
  }),
  FILE_FAILED: row({
    exit: 1,
    http: 500,
    message: (d: { path: string; why: string }) => `${d.path}: ${d.why}`,
    hint: (d) =>
      d.why.includes('read-only')
        ? `'zfs get -r readonly DATASET' shows what closes it, 'zfs set readonly=off DATASET' opens it`
        : `look at it with 'ls -ld ${d.path}'`,
  }),
  COMMAND_FAILED: row({
    exit: 1,
    http: 500,
    message: (d: { argv: readonly string[]; status: string; stderr: string }) =>
      `${d.argv.join(' ')} failed (${d.status})` + (d.stderr ? `: ${d.stderr}` : ''),
    hint: (d) => {
      const log = /(?:^| )see (\/\S+)$/.exec(d.stderr)?.[1];
      return log === undefined ? `that command, run by hand, may tell more` : `tail -n 50 ${log}`;
    },
  }),
  ACCOUNT_EXISTS: row({
    exit: 1,
    http: 409,
    message: (d: { name: string }) => `account ${quote(d.name)} exists already`,
    hint: (d) => `iocage user passwd ${d.name}`,
  }),
  ACCOUNT_NOT_FOUND: row({
    exit: 1,
    http: 404,
    message: (d: { name: string }) => `account ${quote(d.name)} not found`,
    hint: () => `iocage user list`,
  }),
  LISTEN_FAILED: row({
    exit: 1,
    http: 500,
    message: (d: { address: string; port: number; why: string }) =>
      `cannot listen on ${d.address}, port ${d.port}: ${d.why}`,
    hint: () => `'ss -ltnp' shows who listens; 'iocage serve --listen ADDRESS' takes another address`,
  }),
  CERTIFICATE_FAILED: row({
    exit: 1,
    http: 500,
    message: (d: { path: string; why: string }) => `certificate ${d.path} cannot be used: ${d.why}`,
    hint: (d) => `openssl x509 -in ${d.path} -noout -text`,
  }),
  OUTPUT_LOST: row({
    exit: 1,
    http: 500,
    message: (d: { why: string }) => `standard output cannot be written: ${d.why}`,
  }),
  CANCELLED: row({
    exit: 1,
    http: 409,
    message: (d: { operation: string }) => `${d.operation} was cancelled; what it had done was undone`,
    hint: () => `repeat it at any time`,
  }),
  INTERNAL: row({
    exit: 1,
    http: 500,
    message: (d: { why: string }) => `internal error: ${d.why}`,
    hint: () => `this is a bug in iocage; please report it with the output of IOCAGE_DEBUG=1`,
  }),
} as const;

/** The code of an error, such as `JAIL_NOT_FOUND`. */
export type ErrorCode = keyof typeof errorTable;
export type ErrorDetails<C extends ErrorCode> = Parameters<(typeof errorTable)[C]['message']>[0];

/** An undo that failed while an operation was being unwound; shown, never hidden. */
export interface UndoFailure {
  readonly step: string;
  readonly message: string;
}

/**
 * The one error that operations throw on purpose. Anything else that reaches a door is a bug and is
 * shown as INTERNAL.
 */
export class IocageError extends Error {
  /** `IocageError`. */
  override readonly name = 'IocageError';
  /** Which error: a row of the table. */
  readonly code: ErrorCode;
  /** What to do next, in words; often a command. */
  readonly hint: string | undefined;
  /** What the message is made of. */
  readonly details: Readonly<Record<string, unknown>>;
  /** What could not be undone after the failure; empty when everything was. */
  undoFailures: readonly UndoFailure[] = [];

  /** @internal Errors are made by {@link failure}. */
  constructor(code: ErrorCode, details: Record<string, unknown>, options?: { cause?: unknown }) {
    const row = errorTable[code] as unknown as Row<Record<string, unknown>>;
    super(bounded(row.message(details)), options);
    this.code = code;
    this.details = details;
    const hint = row.hint?.(details);
    this.hint = hint === undefined ? undefined : bounded(hint);
  }

  /** Exit status of a command: 1 the state of the machine does not allow it, 2 the words are wrong. */
  get exit(): 1 | 2 {
    return errorTable[this.code].exit;
  }

  /** Status of an HTTP answer. */
  get http(): number {
    return errorTable[this.code].http;
  }

  /** Code, message, hint and details, as `--json` prints them. */
  toJSON(): Record<string, unknown> {
    return {
      code: this.code,
      message: this.message,
      ...(this.hint === undefined ? {} : { hint: this.hint }),
      details: boundedTexts(this.details),
      ...(this.undoFailures.length > 0 ? { undoFailures: this.undoFailures } : {}),
    };
  }
}

/** The same error, with the command that was typed in it, where its hint would name none. */
export function namingCommand(thrown: unknown, command: string): unknown {
  if (!(thrown instanceof IocageError) || thrown.code !== 'INVALID_INPUT' || 'command' in thrown.details)
    return thrown;
  const named = new IocageError('INVALID_INPUT', { ...thrown.details, command }, { cause: thrown.cause });
  named.undoFailures = thrown.undoFailures;
  return named;
}

/**
 * Makes an error from its row.
 *
 * @example throw failure('JAIL_NOT_FOUND', { name: 'web' });
 */
export function failure<C extends ErrorCode>(
  code: C,
  ...[details, options]: unknown extends ErrorDetails<C>
    ? [details?: Record<string, never>, options?: { cause?: unknown }]
    : [details: ErrorDetails<C>, options?: { cause?: unknown }]
): IocageError {
  return new IocageError(code, (details ?? {}) as Record<string, unknown>, options);
}

/** Turns whatever was thrown into an IocageError; strangers become INTERNAL. */
export function asIocageError(error: unknown): IocageError {
  if (error instanceof IocageError) return error;
  // The system refused something that no door put into words (a full disk, a permission).
  if (error instanceof Error && 'syscall' in error && 'code' in error) {
    const path = 'path' in error ? String(error.path) : String(error.syscall);
    return new IocageError('FILE_FAILED', { path, why: error.message }, { cause: error });
  }
  const why = error instanceof Error ? error.message : String(error);
  return new IocageError('INTERNAL', { why }, { cause: error });
}
