/** `create` that fetches the release first when it is not here. */
import { defineSequence } from '../operation.ts';
import { readWorld } from '../world/read.ts';
import { releaseFetch } from '../release/fetch.ts';
import { jailCreate } from './create.ts';
import { createInput, toCreateInput } from './create-words.ts';

export const jailCreateFetched = defineSequence<typeof createInput>({
  id: 'jail.create-fetched',
  title: 'Create jails, and fetch their release first when it is not here',
  input: createInput,
  async sequence(context, input) {
    const create = [jailCreate, input] as const;
    if (input.template !== undefined || input.kind === 'empty') return { operations: [create] };
    const { releases, defaults } = await readWorld(context);
    const named = input.release ?? defaults.get('release') ?? (await context.host.defaultRelease());
    // Nobody named one, and there is one: it is what create takes.
    const enough = input.release === undefined && releases.length === 1;
    if (named === undefined || enough || releases.some(({ name }) => name === named))
      return { operations: [create] };
    const text = `release ${named} is not here; it is fetched first`;
    context.emit({ type: 'note', id: '', level: 'info', text });
    return {
      operations: [
        [releaseFetch, { release: named }],
        [jailCreate, { ...input, release: named }],
      ],
    };
  },
  command: {
    names: ['create'],
    group: 'jails',
    usage: '[PROPERTY=VALUE ...]',
    examples: [],
    toInputs: (words) => [toCreateInput(words)],
  },
});
