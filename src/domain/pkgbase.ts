/**
 * The base system of FreeBSD 15 and newer as packages (freebsd-base(7)): where they are, how they are verified, and
 * the words of pkg(8) that install and update them below a root. Pure.
 */

/** A repository's file, pkg.conf(5), and what pkg(8) is told about the root that it is for. */
export interface BaseRepository {
  readonly conf: string;
  /** `FreeBSD:15:amd64` */
  readonly abi: string;
}

/** Everything of base.txz that a jail can use. */
export const usualBase = ['FreeBSD-set-base-jail'];

/** The oldest release that has its base system as packages. */
export const firstPkgbase = 15;

/** @param server `https://pkg.FreeBSD.org`, or a mirror of it */
export function baseRepository(release: string, arch: string, server: string | undefined): BaseRepository {
  const [major = '', minor = ''] = release.replace(/-.*/, '').split('.');
  const abi = `FreeBSD:${major}:${arch === 'arm64' ? 'aarch64' : arch}`;
  const branch = /-(STABLE|CURRENT|PRERELEASE|ALPHA\d*)$/.test(release)
    ? 'base_latest'
    : `base_release_${minor}`;
  // The project's own name stands for many servers, which the name service tells (`pkg+`, `srv`).
  const [url, mirrors] =
    server === undefined ? ['pkg+https://pkg.FreeBSD.org', 'srv'] : [server.replace(/\/+$/, ''), 'none'];
  const conf = `FreeBSD-base: {
  url: "${url}/${abi}/${branch}",
  mirror_type: "${mirrors}",
  signature_type: "fingerprints",
  fingerprints: "/usr/share/keys/pkgbase-${major}",
  enabled: yes
}
`;
  return { conf, abi };
}

/** pkg(8) for a root of another release than the host's, with that one repository only. */
export function basePkg(
  root: string,
  repositories: string,
  { abi }: Pick<BaseRepository, 'abi'>,
  words: readonly string[],
): readonly string[] {
  return ['pkg', '-r', root, '-R', repositories, '-o', `ABI=${abi}`, '-o', 'IGNORE_OSVERSION=yes', ...words];
}
