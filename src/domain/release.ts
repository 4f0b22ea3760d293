/**
 * What a release is: which names mean FreeBSD distribution sets and which a Debian suite, where the
 * sets lie on the server (release(7)), and the files that iocage adds so that every release has an
 * `/etc/rc` and an `/etc/rc.shutdown`, which is what `exec_start` and `exec_stop` run by default.
 */

export const releaseKinds = ['debootstrap', 'tar', 'freebsd', 'pkgbase', 'folder', 'jail'] as const;
export type ReleaseKind = (typeof releaseKinds)[number];

/** `14.1-RELEASE`, `15.0-CURRENT`, `14.2-RC1`, … */
export function isFreebsdRelease(name: string): boolean {
  return /^[0-9]{1,2}\.[0-9]{1,2}-(RELEASE|STABLE|CURRENT|PRERELEASE|ALPHA[0-9]*|BETA[0-9]*|RC[0-9]*)$/.test(
    name,
  );
}

/** `15-STABLE`, `16-CURRENT`: HardenedBSD builds branches only, whose names have no minor number. */
export function isHardenedBsdRelease(name: string): boolean {
  return /^[0-9]{1,2}-(STABLE|CURRENT)$/.test(name);
}

/** A suite's name as Debian and Ubuntu form them: `bookworm`, `noble`, `sid`. */
export function isSuiteName(name: string): boolean {
  return /^[a-z][a-z0-9-]{1,40}$/.test(name);
}

export const hardenedBsdServer = 'https://installers.hardenedbsd.org';

/** Directory of the newest build of a branch. */
export function hardenedBsdDirectory(name: string, arch: string): string {
  const branch = name.endsWith('-CURRENT') ? 'current' : name.toLowerCase();
  return `/pub/${branch}/${arch}/${arch === 'arm64' ? 'aarch64' : arch}/installer/LATEST`;
}

export const freebsdServer = 'https://download.freebsd.org';

/** FreeBSD's word for the processor, from `uname -m`. */
export function freebsdArch(machine: string): string | undefined {
  const words: Readonly<Record<string, string>> = {
    x86_64: 'amd64',
    amd64: 'amd64',
    aarch64: 'arm64',
    arm64: 'arm64',
  };
  return words[machine.trim()];
}

/**
 * Directory of a release below the server. Builds from a branch lie under `snapshots`; releases and
 * the candidates for them under `releases`.
 */
export function freebsdDirectory(name: string, arch: string): string {
  const branch = /-(STABLE|CURRENT|PRERELEASE|ALPHA[0-9]*)$/.test(name);
  return `/ftp/${branch ? 'snapshots' : 'releases'}/${arch}/${name}`;
}

/** Directory below the server that lists the releases. */
export const freebsdIndex = (arch: string): string => `/ftp/releases/${arch}/`;

/** Sets that are fetched when none are named; those that the MANIFEST does not list are left out. */
export function defaultSets(arch: string): readonly string[] {
  return arch === 'amd64' ? ['base.txz', 'lib32.txz', 'src.txz'] : ['base.txz', 'src.txz'];
}

/** An address to write down and to show: its query may hold a secret. */
export function redacted(url: string): string {
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname}`;
}

/** `ftp.example.org` to `https://ftp.example.org`; an `http://` that was written stays. */
export function serverUrl(server: string): string {
  const url = /^https?:\/\//.test(server) ? server : `https://${server}`;
  return url.replace(/\/+$/, '');
}

/** `/etc/rc` for a release that has none: the start scripts of run level 2, in their order. */
export const rcScript = `#!/bin/sh
# Written by iocage, because the release had no /etc/rc. exec_start runs it when the jail starts.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
RUNLEVEL=2 PREVLEVEL=N
export PATH RUNLEVEL PREVLEVEL
for script in /etc/rc2.d/S*; do
  [ -x "$script" ] || continue
  "$script" start </dev/null || echo "$script: exit status $?"
done
[ -x /etc/rc.local ] && /etc/rc.local </dev/null
exit 0
`;

/** `/etc/rc.shutdown`: the stop scripts, then the services that have only a start script, last started first. */
export const rcShutdownScript = `#!/bin/sh
# Written by iocage, because the release had no /etc/rc.shutdown. exec_stop runs it when the jail stops.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
RUNLEVEL=0 PREVLEVEL=2
export PATH RUNLEVEL PREVLEVEL
for script in /etc/rc0.d/K*; do
  [ -x "$script" ] || continue
  "$script" stop </dev/null || echo "$script: exit status $?"
done
rest=
for script in /etc/rc2.d/S*; do
  service=\${script#/etc/rc2.d/S[0-9][0-9]}
  for link in /etc/rc0.d/K[0-9][0-9]"$service"; do
    [ -x "$link" ] || [ ! -x "$script" ] || rest="$script $rest"
  done
done
for script in $rest; do
  "$script" stop </dev/null || echo "$script: exit status $?"
done
exit 0
`;
