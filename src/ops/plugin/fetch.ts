/**
 * `fetch -P`: a new jail with a plugin in it. The jail is created, provisioned by the plugin's definition, and gone
 * again when that fails; each is an operation of its own, so a kill between the two leaves a jail without its plugin,
 * which `ioc provision` completes.
 */
import * as z from 'zod';
import { defineFleet, type Words } from '../operation.ts';
import type { Context } from '../context.ts';
import { asIocageError, failure } from '../../domain/errors.ts';
import { holderOf } from '../../domain/jail.ts';
import { isPluginName } from '../../domain/provision.ts';
import { jailCreate } from '../jail/create.ts';
import { jailDestroy } from '../jail/destroy.ts';
import { jailProvision, type Provisioned } from '../jail/provision.ts';
import { runOperation } from '../run/run.ts';
import { readWorld } from '../world/read.ts';
import type { World } from '../world/world.ts';
import { getPlugin, type Plugin } from './known.ts';

const fetchInput = z.object({
  plugin: z.string().refine(isPluginName, 'is no name of a plugin'),
  /** Of the jail; default the plugin's, with a number when it is taken. */
  name: z.string().min(1).optional(),
  release: z.string().min(1).optional(),
  properties: z.array(z.tuple([z.string(), z.string()])).default([]),
});

export interface PluginFetched extends Provisioned {
  readonly plugin: string;
}

export const pluginFetch = defineFleet<typeof fetchInput, PluginFetched>({
  id: 'plugin.fetch',
  title: 'Make a jail with a plugin',
  input: fetchInput,
  async fleet(context, { plugin: id, name, release, properties }, run) {
    const world = await readWorld(context);
    const plugin = await getPlugin(context, world, id);
    const jail = name ?? freeName(world, id);
    const wanted = release ?? releaseFor(context, world, plugin);
    await run(jailCreate, {
      name: jail,
      ...(wanted === undefined ? {} : { release: wanted }),
      properties: [...properties, ['provision.method', 'ix'], ['provision.source', id]],
    });
    if (context.dry) {
      // What that would do is asked of a jail that is there.
      const text = `${jail} would be provisioned by plugin ${id} then, and destroyed if that failed`;
      context.emit({ type: 'note', id: '', level: 'info', text });
      return { plugin: id, ...emptied(jail, id) };
    }
    try {
      const { result } = await run(jailProvision, { jail });
      return { plugin: id, ...(result as Provisioned) };
    } catch (thrown) {
      // Also when it was cancelled: nobody asked for a jail without its plugin.
      const calm = { ...context, signal: new AbortController().signal };
      await runOperation(calm, jailDestroy, { jail, force: true }).catch((left: unknown) => {
        // Why it failed is what counts, and not that it is still there.
        const { message } = asIocageError(left);
        const error = asIocageError(thrown);
        error.undoFailures = [...(error.undoFailures ?? []), { step: `destroy ${jail}`, message }];
        throw error;
      });
      throw thrown;
    }
  },
  command: {
    names: ['fetch -P'],
    group: 'releases',
    usage: '',
    examples: [],
    toInputs: toPluginInputs,
  },
});

const emptied = (jail: string, source: string): Provisioned => ({
  ...{ uuid: jail, tag: jail, method: 'ix', source, commit: null, snapshot: '' },
});

function freeName(world: World, id: string): string {
  for (let number = 0; ; number += 1) {
    const name = number === 0 ? id : `${id}_${number}`;
    if (holderOf(world.jails, name) === undefined) return name;
  }
}

/** What it was made for runs on FreeBSD; elsewhere it counts when there is a release of that name. */
function releaseFor({ host }: Context, world: World, { release }: Plugin): string | undefined {
  if (release === null) return undefined;
  const here = world.releases.some(({ name }) => name === release);
  return host.kernel === 'freebsd' || here ? release : undefined;
}

function toPluginInputs({ positionals, properties, flags }: Words): readonly z.input<typeof fetchInput>[] {
  if (positionals.length > 0)
    throw failure('USAGE', {
      problem: `${JSON.stringify(positionals[0])} is no property=value`,
      command: 'fetch',
    });
  const own = properties.filter(([key]) => key !== 'release');
  const release = flags['release'] ?? properties.findLast(([key]) => key === 'release')?.[1];
  return [
    {
      plugin: String(flags['plugin']),
      ...(flags['name'] === undefined ? {} : { name: String(flags['name']) }),
      ...(release === undefined ? {} : { release: String(release) }),
      properties: own.map(([key, value]) => [key, value] as [string, string]),
    },
  ];
}
