/** Whose word counts: a file, the directories above it, and what links lead to, on real files. */
import { chmodSync, lchownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NodeFiles } from '../../../src/driver/node/files.ts';
import { trustProblem } from '../../../src/server/trusted-file.ts';

let place: string;
beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'iocage-trust-'));
  for (const name of ['open', 'open/inner', 'closed']) mkdirSync(join(place, name), { mode: 0o755 });
  for (const name of ['open/inner', 'closed']) writeFileSync(join(place, name, 'file'), '', { mode: 0o600 });
  chmodSync(join(place, 'open'), 0o777);
});
afterEach(() => rmSync(place, { recursive: true }));

const problem = (...path: string[]) => trustProblem(new NodeFiles(), join(place, ...path));
const link = (to: string, ...path: string[]) => symlinkSync(to, join(place, ...path));

describe('a file that decides', () => {
  it('is as good as the directories above it', async () => {
    expect(await problem('closed/file')).toBeUndefined();
    expect(await problem('closed/none')).toBeUndefined();
    const said = `others may write ${join(place, 'open')}, on the way to it; chmod go-w it`;
    expect(await problem('open/inner/file')).toBe(said);
    expect(await problem('open/../closed/file')).toBeUndefined();
    chmodSync(join(place, 'open'), 0o1777);
    expect(await problem('open/inner/file')).toBeUndefined();
  });

  it('and as what its links lead through', async () => {
    link(join(place, 'open/inner/file'), 'closed/absolute');
    link('../open/inner', 'closed/directory');
    link('file', 'closed/beside');
    link('loop', 'closed/loop');
    for (const path of ['closed/absolute', 'closed/directory/file'])
      expect(await problem(path)).toContain(`others may write ${join(place, 'open')}`);
    expect(await problem('closed/beside')).toBeUndefined();
    expect(await problem('closed/loop')).toBeUndefined();
    chmodSync(join(place, 'open'), 0o755);
    expect(await problem('closed/directory/file')).toBeUndefined();
  });

  it.skipIf(process.geteuid?.() !== 0)(
    'no link of somebody else in a directory of all counts (needs root)',
    async () => {
      chmodSync(join(place, 'open'), 0o1777);
      link(join(place, 'closed/file'), 'open/theirs');
      lchownSync(join(place, 'open/theirs'), 65534, 65534);
      expect(await problem('open/theirs')).toBe(
        `the link ${join(place, 'open/theirs')} belongs to another user`,
      );
    },
  );
});
