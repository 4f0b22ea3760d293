/** Cases of `every-step.ts`: upgrade and rebase, and the ways back from them. */
import type { StepCase } from './every-step.ts';

export function upgradeCases(
  run: (operation: string, input: unknown) => Promise<unknown>,
): readonly StepCase[] {
  const tolerant = (promise: Promise<unknown>) => promise.catch(() => undefined);
  const jail = 'victim';
  const release = 'next';
  /** A release of its own, from a jail that has something more. */
  const prepared = (kind: string) => async () => {
    // A second fetch would be an update.
    const { releases } = (await run('release.list', {})) as { releases: readonly { name: string }[] };
    if (!releases.some(({ name }) => name === release))
      await run('release.fetch', { release, jail: 'source' });
    await tolerant(
      run('jail.create', { kind, release: 'busybox', name: jail, properties: [['ip4', 'disable']] }),
    );
  };
  const back = () => run('jail.upgrade-back', { jail });
  const cleanUp = async () => {
    await run('jail.destroy', { jail });
    await run('release.destroy', { release });
  };
  const upgraded = (kind: string) => async () => {
    await prepared(kind)();
    await tolerant(run('jail.upgrade', { jail, release }));
  };
  const nothing = () => Promise.resolve();
  const kinds = ['thick', 'clone', 'base'];
  return [
    ...kinds.map((kind) => ({
      operation: 'jail.upgrade',
      variant: kind,
      input: () => ({ jail, release }),
      prepare: prepared(kind),
      reset: back,
      cleanUp,
    })),
    {
      operation: 'jail.upgrade',
      variant: 'running, with a health check',
      input: () => ({ jail, release, health: 'exit 0' }),
      prepare: async () => {
        await prepared('clone')();
        await tolerant(run('jail.start', { jail }));
      },
      reset: async () => {
        await run('jail.stop', { jail });
        await back();
      },
      cleanUp: async () => {
        await run('jail.stop', { jail });
        await cleanUp();
      },
    },
    {
      operation: 'jail.rebase',
      input: () => ({ jail }),
      prepare: prepared('clone'),
      reset: back,
      cleanUp,
    },
    ...['upgrade', 'rebase'].map((verb) => ({
      operation: `jail.${verb}-look`,
      input: () => ({ jail, release }),
      prepare: prepared('clone'),
      reset: nothing,
      cleanUp,
    })),
    ...['thick', 'clone'].flatMap((kind) => [
      {
        operation: 'jail.upgrade-back',
        variant: kind,
        input: () => ({ jail }),
        prepare: upgraded(kind),
        reset: nothing,
        cleanUp,
      },
      {
        operation: 'jail.upgrade-done',
        variant: kind,
        input: () => ({ jail }),
        prepare: async () => {
          await tolerant(run('jail.destroy', { jail }));
          await upgraded(kind)();
        },
        reset: nothing,
        cleanUp,
      },
    ]),
  ];
}
