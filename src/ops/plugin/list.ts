/** `list -PR`: the plugins whose definitions are here. */
import * as z from 'zod';
import { defineRead } from '../operation.ts';
import { readWorld } from '../world/read.ts';
import { knownPlugins, type Plugin } from './known.ts';

const listInput = z.object({});

export const pluginList = defineRead<typeof listInput, { plugins: readonly Plugin[] }>({
  id: 'plugin.list',
  title: 'List the plugins whose definitions are here',
  input: listInput,
  read: async (context) => ({ plugins: await knownPlugins(context, await readWorld(context)) }),
  command: {
    names: ['list -P -R'],
    group: 'jails',
    usage: '',
    examples: [],
    toInputs: () => [{}],
  },
});
