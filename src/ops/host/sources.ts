/** The sources that jails lie in, and the dataset of each. An activated pool is the source `ioc`. */
import * as z from 'zod';
import { defineRead } from '../operation.ts';
import { sourcesOf } from '../source/find.ts';

export const sourceList = defineRead({
  id: 'source.list',
  title: 'List the sources of jails',
  input: z.object({}),
  async read(context) {
    const { list } = await sourcesOf(context);
    return { sources: list.map(({ name, root }) => ({ name, dataset: root })) };
  },
  command: {
    names: ['list -d'],
    group: 'host',
    usage: '',
    examples: [],
    toInputs: () => [{}],
  },
});
