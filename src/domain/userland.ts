/**
 * What a FreeBSD root says it is: freebsd-version(1) is a script that carries its own patch level. It is read
 * and never run: what is in a jail is its root user's.
 */
/** @example parseUserland('USERLAND_VERSION="14.2-RELEASE-p1"\n') === '14.2-RELEASE-p1' */
export function parseUserland(script: string): string | undefined {
  return /^USERLAND_VERSION="(\d{1,2}\.\d{1,2}-[A-Z]+\d*(?:-p\d{1,4})?)"$/m.exec(script)?.[1];
}

/** What hbsd-update(8) wrote down of the build that it installed last: `hbsd-v1600021-…`. */
export async function hardenedBuildOf(
  files: { readBelow(root: string, path: string): Promise<string | undefined> },
  root: string,
): Promise<string | undefined> {
  const text = await files.readBelow(root, 'var/db/hbsd-update/version').catch(() => undefined);
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}(?=\n?$)/.exec(text ?? '')?.[0];
}

/** Undefined where no FreeBSD lies, or one that does not say it. */
export async function userlandOf(
  files: { readBelow(root: string, path: string): Promise<string | undefined> },
  root: string,
): Promise<string | undefined> {
  const script = await files.readBelow(root, 'bin/freebsd-version').catch(() => undefined);
  return script === undefined ? undefined : parseUserland(script);
}
