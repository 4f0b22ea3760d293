/** Cases of `every-step.ts`: datasets handed to a jail, mounted snapshots, scheduled snapshots, fstab. */
import type { StepCase } from './every-step.ts';

export function diskCases(run: (operation: string, input: unknown) => Promise<unknown>): readonly StepCase[] {
  const nothing = () => Promise.resolve();
  const tolerant = (promise: Promise<unknown>) => promise.catch(() => undefined);
  const victim = (...properties: readonly (readonly [string, string])[]) => ({
    kind: 'clone',
    release: 'busybox',
    name: 'victim',
    properties: [['ip4', 'disable'], ...properties],
  });
  const destroy = () => run('jail.destroy', { jail: 'victim' });
  const kept = { jail: 'source', snapshot: 'kept' };
  const line = (target: string) => ['/var/empty', target, 'tmpfs', 'rw', '0', '0'];

  return [
    {
      operation: 'jail.start',
      variant: 'with a dataset that is made for it',
      input: () => ({ jail: 'victim' }),
      // Anew each time: the first start makes the datasets, and they stay.
      prepare: async () => {
        await tolerant(run('jail.create', victim(['jail_zfs', 'on'])));
      },
      reset: async () => {
        await run('jail.stop', { jail: 'victim' });
        await destroy();
      },
      cleanUp: async () => void (await tolerant(destroy())),
    },
    {
      operation: 'snapshot.mount',
      input: () => kept,
      prepare: async () => {
        // The dataset that holds all mounted snapshots stays when the last one goes.
        await tolerant(run('snapshot.mount', kept));
        await tolerant(run('snapshot.unmount', kept));
      },
      reset: () => run('snapshot.unmount', kept),
    },
    {
      operation: 'snapshot.unmount',
      input: () => kept,
      prepare: async () => {
        await tolerant(run('snapshot.mount', kept));
      },
      reset: nothing,
    },
    {
      operation: 'snapshot.rotate',
      input: () => ({ jail: 'victim' }),
      prepare: async () => {
        await tolerant(run('jail.create', victim(['snapshot_schedule', 'hourly=2,yearly=1'])));
      },
      reset: async () => {
        await run('snapshot.remove', { jail: 'victim', snapshot: 'ALL' });
      },
      cleanUp: destroy,
    },
    {
      operation: 'fstab.change',
      variant: 'another line in its place',
      input: () => ({ jail: 'source', add: line('/srv'), replace: 0 }),
      prepare: async () => {
        await tolerant(run('fstab.change', { jail: 'source', remove: ['0'] }));
        await run('fstab.change', { jail: 'source', add: line('/mnt') });
      },
      reset: nothing,
      cleanUp: () => run('fstab.change', { jail: 'source', remove: ['0'] }),
    },
  ];
}
