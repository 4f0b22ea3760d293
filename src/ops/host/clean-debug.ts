/** `clean -d`: the reports that `debug` wrote into its own directory, and nothing else that lies there. */
import { join } from 'node:path';
import * as z from 'zod';
import { defineChange } from '../operation.ts';
import { failure } from '../../domain/errors.ts';
import { removeFile } from '../steps/file.ts';
import { debugDirectory, reportName } from './debug.ts';

const cleanInput = z.object({});

export const debugClean = defineChange<typeof cleanInput, { removed: readonly string[] }>({
  id: 'host.clean-debug',
  title: 'Remove the reports that debug wrote',
  effect: 'destroy',
  recover: 'finish',
  input: cleanInput,
  locks: () => ['debug'],
  async plan(context) {
    const directory = debugDirectory(context);
    const names = (await context.files.list(directory)).filter((name) => reportName.test(name));
    const removed = names.map((name) => join(directory, name));
    return {
      subject: directory,
      title: `this removes ${removed.length} debug report${removed.length === 1 ? '' : 's'}`,
      loses: removed,
      steps: removed.map((path) => removeFile({ path })),
      result: () => ({ removed }),
    };
  },
  command: {
    names: ['clean -d'],
    group: 'host',
    usage: '',
    examples: [],
    toInputs(words) {
      const others = ['jails', 'templates', 'releases', 'all'].filter((key) => words.flags[key] === true);
      if (others.length > 0 || words.positionals.length > 0)
        throw failure('USAGE', { problem: '-d stands alone', command: 'clean' });
      return [{}];
    },
  },
});
