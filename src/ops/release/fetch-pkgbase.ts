/** `fetch --pkgbase`: a release of FreeBSD 15 or newer whose base system is packages, installed by the host's pkg(8). */
import { dirname, join } from 'node:path';
import type { Context } from '../context.ts';
import { failure } from '../../domain/errors.ts';
import { baseRepository, firstPkgbase, usualBase } from '../../domain/pkgbase.ts';
import { freebsdArch, isFreebsdRelease } from '../../domain/release.ts';
import { installBase } from '../steps/base-packages.ts';
import { writeDefaults } from '../steps/release.ts';
import type { Filling, Place } from './filling.ts';
import type { FetchInput } from './fetch-words.ts';

/** What packages of a release's base system are taken from; also for its updates. */
export async function repositoryOf(context: Context, release: string, server: string | undefined) {
  const arch = freebsdArch((await context.exec.read(['uname', '-m'])).stdout) ?? 'amd64';
  return baseRepository(release, arch, server);
}

export async function planPkgbase(
  context: Context,
  input: FetchInput,
  { name, root }: Place,
): Promise<Filling> {
  const refuse = (why: string) => failure('UNSUPPORTED', { what: `fetching ${name} as packages`, why });
  if (context.host.kernel !== 'freebsd') throw refuse('pkg(8) of FreeBSD installs them');
  if (!isFreebsdRelease(name) || Number.parseInt(name, 10) < firstPkgbase)
    throw refuse(`FreeBSD has its base system as packages from ${firstPkgbase} on`);
  const repository = await repositoryOf(context, name, input.server);
  const work = join(dirname(root), 'updates');
  const packages = input.sets ?? usualBase;
  return {
    kind: 'pkgbase',
    source: input.server ?? 'https://pkg.FreeBSD.org',
    sha256: undefined,
    before: [],
    fill: [
      installBase({
        release: name,
        root,
        work,
        packages,
        keys: input.keys ?? '/usr/share/keys',
        ...repository,
      }),
      writeDefaults({ root }),
    ],
  };
}
