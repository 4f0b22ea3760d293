/** What a FreeBSD jail says of its packages: by a real sh(1), and read as what anybody may have written. */
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { packageManagers, parseTold } from '../../../src/domain/packages.ts';

describe('the packages of a FreeBSD jail', () => {
  let directory: string;
  const tell = packageManagers.find(({ name }) => name === 'pkg')!.tell!;
  const told = (script: string): string | undefined => {
    const file = join(directory, 'told');
    writeFileSync(file, 'stale\n');
    writeFileSync(join(directory, 'pkg'), `#!/bin/sh\n${script}\n`);
    chmodSync(join(directory, 'pkg'), 0o755);
    execFileSync('sh', ['-c', tell, 'sh', file], { env: { PATH: `${directory}:/usr/bin:/bin` } });
    return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
  };
  beforeEach(() => void (directory = mkdtempSync(join(tmpdir(), 'told-'))));
  afterEach(() => rmSync(directory, { recursive: true }));

  it('are told by pkg query, and none where pkg is not there', () => {
    expect(told('[ "$1" = -N ] || printf "%s|" "$@"')).toBe(String.raw`query|%n\t%v|`);
    expect(told('exit 1')).toBe('');
  });

  it('are not known where pkg cannot say it, which is no failure', () => {
    expect(told('[ "$1" = -N ] || { echo half; exit 70; }')).toBeUndefined();
  });

  it('are names and versions, and no other line is', () => {
    const text =
      'curl\t8.10.1\npy311-a+b\t1.0_2,1\n\u001b[31mred\t1\nx\t1\t2\nempty\t\n' + `${'n'.repeat(200)}\t1\n`;
    expect([...parseTold(text)]).toEqual([
      ['curl', '8.10.1'],
      ['py311-a+b', '1.0_2,1'],
    ]);
  });
});
