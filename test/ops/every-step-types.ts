/** Cases of `every-step.ts`: kinds of jails, promote, rename, reset, clean. */
import type { StepCase } from './every-step.ts';

export function typeCases(run: (operation: string, input: unknown) => Promise<unknown>): readonly StepCase[] {
  const nothing = () => Promise.resolve();
  const tolerant = (promise: Promise<unknown>) => promise.catch(() => undefined);
  const destroy = (jail: string) => run('jail.destroy', { jail });
  const victim = { kind: 'clone', release: 'busybox', name: 'victim', properties: [] };
  const set = (jail: string, ...properties: readonly (readonly [string, string])[]) =>
    run('property.set', { jails: [jail], properties });
  const mould = async () => {
    await tolerant(run('jail.create', { ...victim, name: 'mould' }));
    await set('mould', ['template', 'yes']);
  };
  const unmould = async () => {
    await tolerant(destroy('mould'));
  };
  const reset = [
    ['notes', 'to go'],
    ['securelevel', '3'],
  ] as const;

  return [
    {
      operation: 'jail.create',
      variant: 'basejail',
      input: () => ({ ...victim, kind: 'base' }),
      reset: () => destroy('victim'),
    },
    {
      operation: 'jail.create',
      variant: 'basejail of a clone, all properties stored',
      input: () => ({ ...victim, kind: 'clone-base', storeAll: true }),
      reset: () => destroy('victim'),
    },
    {
      operation: 'jail.create',
      variant: 'copy of a template',
      input: () => ({ template: 'mould', kind: 'thick', name: 'victim' }),
      prepare: mould,
      reset: () => destroy('victim'),
      cleanUp: unmould,
    },
    {
      operation: 'jail.clone',
      variant: 'full copy',
      input: () => ({ jail: 'source', name: 'victim', thick: true }),
      reset: () => destroy('victim'),
    },
    {
      operation: 'jail.destroy-tree',
      input: () => ({ jail: 'victim' }),
      prepare: async () => {
        await tolerant(run('jail.create', { kind: 'empty', name: 'victim' }));
        await tolerant(run('jail.clone', { jail: 'victim', name: 'victim_2' }));
      },
      reset: nothing,
    },
    {
      operation: 'jail.create',
      variant: 'from a template, two',
      input: () => ({ template: 'mould', name: 'victim', count: 2 }),
      prepare: mould,
      reset: async () => {
        await destroy('victim_1');
        await destroy('victim_2');
      },
      cleanUp: unmould,
    },
    {
      operation: 'jail.clone',
      variant: 'two',
      input: () => ({ jail: 'source', name: 'victim', count: 2 }),
      reset: async () => {
        await destroy('victim_1');
        await destroy('victim_2');
      },
    },
    {
      operation: 'property.set',
      variant: 'template=yes, with another tag',
      input: () => ({
        jails: ['victim'],
        properties: [
          ['template', 'yes'],
          ['tag', 'golden'],
        ],
      }),
      prepare: async () => {
        await tolerant(run('jail.create', victim));
      },
      reset: () => set('victim', ['template', 'no'], ['tag', 'victim']),
    },
    {
      operation: 'property.set',
      variant: 'a template is a jail again, by its type',
      input: () => ({ jails: ['victim'], properties: [['type', 'jail']] }),
      prepare: () => set('victim', ['type', 'template']),
      reset: nothing,
      cleanUp: () => destroy('victim'),
    },
    {
      operation: 'jail.promote',
      input: () => ({ jail: 'victim' }),
      prepare: async () => {
        await tolerant(run('jail.clone', { jail: 'source', name: 'victim' }));
      },
      reset: () => run('jail.promote', { jail: 'source' }),
      cleanUp: () => destroy('victim'),
    },
    {
      operation: 'jail.rename',
      input: () => ({ jail: 'victim', name: 'other_name' }),
      prepare: async () => {
        await tolerant(
          run('jail.create', {
            ...victim,
            properties: [['jail_zfs_dataset', 'iocage/jails/victim/data']],
          }),
        );
      },
      reset: () => run('jail.rename', { jail: 'other_name', name: 'victim' }),
      cleanUp: () => destroy('victim'),
    },
    {
      operation: 'property.reset',
      input: () => ({ jails: ['victim'] }),
      prepare: async () => {
        await tolerant(run('jail.create', victim));
        await set('victim', ...reset);
      },
      reset: nothing,
      cleanUp: () => destroy('victim'),
    },
    {
      operation: 'pool.clean',
      variant: 'templates',
      input: () => ({ what: ['templates'], force: true }),
      prepare: mould,
      reset: nothing,
    },
  ];
}
