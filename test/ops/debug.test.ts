/** Where `debug` puts its report, on the fakes; what stands in it is judged in test/host/history-debug.test.ts. */
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openFakeWorld, type FakeWorld } from '../support/fake-world.ts';

describe('debug -d', () => {
  let world: FakeWorld;
  const at = (name: string): string => join(world.directory, name);
  const debug = (directory: string) => world.run<{ file: string }>('host.debug', { directory });
  beforeAll(async () => {
    world = await openFakeWorld();
  });
  afterAll(() => world.close());

  it('makes the directory, or takes one that is there', async () => {
    for (const directory of [at('new/reports'), at('new')]) {
      const { file } = await debug(directory);
      expect(file.startsWith(`${directory}/iocage-debug-`)).toBe(true);
      expect(existsSync(file)).toBe(true);
    }
  });

  it('follows no link, whether it leads somewhere or not, and says what stands there', async () => {
    mkdirSync(at('elsewhere'));
    symlinkSync(at('elsewhere'), at('link'));
    symlinkSync(at('nowhere'), at('dangling'));
    writeFileSync(at('file'), '');
    for (const [name, says] of [
      ['link', `it is a link to "${at('elsewhere')}"; name the directory itself`],
      ['link/', `it is a link to "${at('elsewhere')}"; name the directory itself`],
      ['dangling', `it is a link to "${at('nowhere')}"; name the directory itself`],
      ['file', 'it is no directory'],
      ['file/below', 'a part of the path is not a directory'],
    ] as const)
      await expect(debug(at(name)), name).rejects.toThrow(says);
    expect(readdirSync(at('elsewhere'))).toEqual([]);
    expect(existsSync(at('nowhere'))).toBe(false);
  });
});
