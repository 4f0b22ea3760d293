/** The sources that jails lie in, and the dataset of each. An activated pool is the source `ioc`. */
import * as z from 'zod';
import { defineRead } from '../operation.ts';
import { sourceOf } from '../jail/matching.ts';
import { readWorld } from '../world.ts';

export const sourceList = defineRead({
  id: 'source.list',
  title: 'List the sources of jails',
  input: z.object({}),
  async read(context) {
    const world = await readWorld(context);
    return { sources: [{ name: sourceOf(world), dataset: world.root }] };
  },
  command: {
    names: ['list -d'],
    group: 'host',
    usage: '',
    examples: [],
    toInputs: () => [{}],
  },
});
