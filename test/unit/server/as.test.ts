/** Whom a change is done for reaches the journal, also when it waited for another user's. */
import { describe, expect, it } from 'vitest';
import { ApiHost } from '../../../src/server/api-host.ts';
import type { Runner } from '../../../src/server/runner.ts';
import { makeContext } from '../../../src/iocage.ts';

describe('the user of a request', () => {
  it('is told with everything that is asked for it, and with nothing else', async () => {
    const made: (string | undefined)[] = [];
    const runner: Runner = {
      ask: async (_question, asked) => void made.push((asked as { as?: string }).as) as never,
      close: async () => undefined,
    };
    const host = new ApiHost({ runner, kernel: { kernel: 'linux', notApplied: () => [] } });
    const run = (): Promise<unknown> => host.run('jail.list', {}).catch(() => undefined);
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const later = async (): Promise<void> => {
      await held;
      await run();
    };
    const both = Promise.all([host.runAs({ user: 'ann' }, later), host.runAs({ user: 'bob' }, later)]);
    await run();
    release();
    await both;
    expect(made).toEqual([undefined, 'ann', 'bob']);
  });

  it.skipIf(process.platform !== 'linux')(
    'is what a context says of itself (needs a kernel with a driver)',
    async () => {
      expect(await makeContext({ as: 'ann' }).self()).toMatchObject({ by: { as: 'ann' } });
    },
  );
});
