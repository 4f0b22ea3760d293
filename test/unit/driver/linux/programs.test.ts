/** A root with FreeBSD's programs is told before anything is touched: Linux cannot run them. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { programsProblem } from '../../../../src/driver/linux/check.ts';
import { NodeFiles } from '../../../../src/driver/node/files.ts';

let top: string;
beforeEach(() => void (top = mkdtempSync(join(tmpdir(), 'iocage-programs-'))));
afterEach(() => rmSync(top, { recursive: true }));

function root(name: string, loader: boolean): string {
  mkdirSync(join(top, name, 'libexec'), { recursive: true });
  if (loader) writeFileSync(join(top, name, 'libexec/ld-elf.so.1'), '');
  return join(top, name);
}
const problem = async (jail: object) => (await programsProblem(new NodeFiles(), jail as any))?.problem;

it('by the loader in its root, or in the base that it shows', async () => {
  const [free, linux] = [root('13.2-RELEASE', true), root('web', false)];
  expect(await problem({ root: linux })).toBeUndefined();
  expect(await problem({ root: free })).toMatch(/FreeBSD's, which this kernel cannot run$/);
  expect(await problem({ root: linux, base: { release: '13.2-RELEASE', root: free } })).toMatch(/FreeBSD/);
  expect(await problem({ root: linux, base: { release: 'gone', root: undefined } })).toBeUndefined();
  expect(await problem({ root: join(top, 'gone') })).toBeUndefined();
});

it('follows no link that root of the jail made', async () => {
  mkdirSync(join(top, 'evil'));
  symlinkSync(join(root('13.2-RELEASE', true), 'libexec'), join(top, 'evil/libexec'));
  expect(await problem({ root: join(top, 'evil') })).toBeUndefined();
});
