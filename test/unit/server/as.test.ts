/** Whom a change is done for reaches the journal, also when it waited for another user's. */
import { describe, expect, it } from 'vitest';
import { ApiHost } from '../../../src/server/api-host.ts';
import type { Context } from '../../../src/ops/operation.ts';
import { makeContext } from '../../../src/iocage.ts';

describe('the user of a request', () => {
  it('is told to every context that is made for it, and to no other', async () => {
    const made: (string | undefined)[] = [];
    const host = new ApiHost({
      makeContext(options) {
        made.push(options.as);
        return {} as Context;
      },
    });
    // What it keeps for questions of its own is nobody's.
    expect(made.splice(0).filter((as) => as !== undefined)).toEqual([]);
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const later = async (): Promise<void> => {
      await held;
      host.context();
    };
    const both = Promise.all([host.runAs('ann', later), host.runAs('bob', later)]);
    host.context();
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
