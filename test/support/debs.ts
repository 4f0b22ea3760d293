/**
 * A package archive of the test's own for a Debian root: packages made by dpkg-deb(1), an index beside
 * them, and the sources.list(5) that knows nothing else. It lies below the root, so no network is needed.
 */
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sh } from './pool.ts';

export interface Deb {
  readonly name: string;
  readonly version: string;
  /** Text of the program /usr/bin/NAME. */
  readonly program: string;
  readonly postinst?: string;
}

const shell = (text: string): string => `#!/bin/sh\n${text}\n`;

function put(path: string, text: string): void {
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, text);
  chmodSync(path, 0o755);
}

/** Makes the archive below `root` anew, with these packages and no others. */
export function layDebs(root: string, debs: readonly Deb[]): void {
  const archive = join(root, 'srv/debs');
  rmSync(archive, { recursive: true, force: true });
  mkdirSync(archive, { recursive: true });
  const scratch = mkdtempSync(join(tmpdir(), 'iocdebs-'));
  try {
    const stanzas = debs.map(({ name, version, program, postinst }) => {
      const tree = join(scratch, `${name}-${version}`);
      const control = [
        `Package: ${name}`,
        `Version: ${version}`,
        'Architecture: all',
        'Maintainer: Nobody <nobody@example.org>',
        `Description: ${name} for tests`,
      ].join('\n');
      put(join(tree, 'DEBIAN/control'), `${control}\n`);
      if (postinst !== undefined) put(join(tree, 'DEBIAN/postinst'), shell(postinst));
      put(join(tree, 'usr/bin', name), shell(program));
      const file = `${name}_${version}_all.deb`;
      sh('dpkg-deb', '--root-owner-group', '-Zgzip', '--build', tree, join(archive, file));
      const bytes = readFileSync(join(archive, file));
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      return `${control}\nFilename: ./${file}\nSize: ${statSync(join(archive, file)).size}\nSHA256: ${sha256}\n`;
    });
    writeFileSync(join(archive, 'Packages'), stanzas.join('\n'));
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  rmSync(join(root, 'etc/apt/sources.list.d'), { recursive: true, force: true });
  mkdirSync(join(root, 'etc/apt/sources.list.d'));
  writeFileSync(join(root, 'etc/apt/sources.list'), 'deb [trusted=yes] file:/srv/debs ./\n');
}
