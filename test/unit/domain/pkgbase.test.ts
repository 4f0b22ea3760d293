/** The repository of a base system as packages, and the words of pkg(8) for it. */
import { expect, it } from 'vitest';
import { basePkg, baseRepository } from '../../../src/domain/pkgbase.ts';

it.each([
  ['15.0-RELEASE', 'amd64', 'FreeBSD:15:amd64', 'base_release_0', '1500000'],
  ['15.1-RELEASE', 'arm64', 'FreeBSD:15:aarch64', 'base_release_1', '1501000'],
  ['16.0-CURRENT', 'amd64', 'FreeBSD:16:amd64', 'base_latest', '1600000'],
])('%s on %s is %s', (release, arch, abi, branch, osversion) => {
  const repository = baseRepository(release, arch, undefined);
  expect(repository).toMatchObject({ abi, osversion });
  expect(repository.conf).toContain(`url: "pkg+https://pkg.FreeBSD.org/${abi}/${branch}"`);
  // pkg(8) 2.0.0 reads no configuration with one of the two alone.
  expect(basePkg('/root', '/repos', repository, ['update'])).toEqual([
    ...['pkg', '-r', '/root', '-R', '/repos'],
    ...['-o', `ABI=${abi}`, '-o', `OSVERSION=${osversion}`, '-o', 'IGNORE_OSVERSION=yes', 'update'],
  ]);
});
