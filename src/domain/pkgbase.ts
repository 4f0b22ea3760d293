/**
 * The base system of FreeBSD 15 and newer as packages (freebsd-base(7)): where they are, how they are verified, and
 * the words of pkg(8) that install and update them below a root. Pure.
 */

/** A repository's file, pkg.conf(5), and what pkg(8) is told about the root that it is for. */
export interface BaseRepository {
  readonly conf: string;
  /** `FreeBSD:15:amd64` */
  readonly abi: string;
  /** As `__FreeBSD_version` counts: `1500000`. pkg(8) 2.0 took no ABI without it. */
  readonly osversion: string;
}

/** Everything of base.txz that a jail can use. */
export const usualBase = ['FreeBSD-set-base-jail'];

/** The oldest release that has its base system as packages. */
export const firstPkgbase = 15;

/** @param server `https://pkg.FreeBSD.org`, or a mirror of it */
export function baseRepository(release: string, arch: string, server: string | undefined): BaseRepository {
  const [major = '', minor = ''] = release.replace(/-.*/, '').split('.');
  const abi = `FreeBSD:${major}:${arch === 'arm64' ? 'aarch64' : arch}`;
  const osversion = String(Number(major) * 100_000 + Number(minor || 0) * 1000);
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
  return { conf, abi, osversion };
}

/** pkg(8) for a root of another release than the host's, with that one repository only. */
export function basePkg(
  root: string,
  repositories: string,
  { abi, osversion }: Pick<BaseRepository, 'abi' | 'osversion'>,
  words: readonly string[],
): readonly string[] {
  const options = [`ABI=${abi}`, `OSVERSION=${osversion}`, 'IGNORE_OSVERSION=yes'];
  return ['pkg', '-r', root, '-R', repositories, ...options.flatMap((option) => ['-o', option]), ...words];
}
