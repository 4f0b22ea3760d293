/**
 * The plugins that can be had: definitions in the directory `plugins` beside the jails, one JSON file each, which the
 * administrator puts there. Their names are those of the files.
 */
import { join } from 'node:path';
import type { Context } from '../context.ts';
import { asIocageError, failure } from '../../domain/errors.ts';
import { isPluginName, mostDefinitionBytes, readDefinition } from '../../domain/provision.ts';
import { readTrusted } from '../provision/trusted.ts';
import type { World } from '../world/world.ts';

/** A plugin, or a file that should be the definition of one. */
export interface Plugin {
  /** As `fetch -P` takes it. */
  readonly id: string;
  readonly name: string;
  readonly description: string | null;
  /** That it was made for. */
  readonly release: string | null;
  /** Why it cannot be had. */
  readonly problem?: string;
}

const directoryOf = ({ mountpoint }: Pick<World, 'mountpoint'>): string => join(mountpoint, 'plugins');

export const pluginPath = (world: Pick<World, 'mountpoint'>, id: string): string =>
  join(directoryOf(world), `${id}.json`);

async function look(context: Context, world: World, id: string): Promise<Plugin> {
  const without = { id, name: id, description: null, release: null };
  try {
    const read = readDefinition(await readTrusted(context, pluginPath(world, id), mostDefinitionBytes), id);
    if (typeof read === 'string') return { ...without, problem: read };
    const { name, description = null, release = null } = read;
    return { id, name, description, release };
  } catch (thrown) {
    return { ...without, problem: asIocageError(thrown).message };
  }
}

/** In the order of their names; other files there are none of them. */
export async function knownPlugins(context: Context, world: World): Promise<readonly Plugin[]> {
  const names = (await context.files.list(directoryOf(world)))
    .filter((file) => file.endsWith('.json'))
    .map((file) => file.slice(0, -'.json'.length))
    .filter(isPluginName);
  return Promise.all(names.map((id) => look(context, world, id)));
}

/** @throws PLUGIN_NOT_FOUND, UNSUPPORTED for a definition that cannot be read */
export async function getPlugin(context: Context, world: World, id: string): Promise<Plugin> {
  const plugins = await knownPlugins(context, world);
  const found = plugins.find((plugin) => plugin.id === id);
  if (found === undefined) throw failure('PLUGIN_NOT_FOUND', { plugin: id, directory: directoryOf(world) });
  if (found.problem !== undefined) throw failure('UNSUPPORTED', { what: `plugin ${id}`, why: found.problem });
  return found;
}
