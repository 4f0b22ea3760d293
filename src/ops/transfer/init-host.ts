/** `init-host`: another host's pool made ready for jails, by its own iocage. */
import { isAbsolute } from 'node:path';
import * as z from 'zod';
import { defineChange } from '../operation.ts';
import { failure } from '../../domain/errors.ts';
import { assertPoolName } from '../../domain/name.ts';
import { destinationProblem, parseHost } from '../../domain/transfer.ts';
import { noProperties } from '../jail/select.ts';
import { runOnHost } from '../steps/other-host.ts';
import { ask, onHost } from './remote.ts';
import { sshFlag, sshWord } from './send.ts';

const initInput = z.object({
  host: z.string().min(1),
  pool: z.string().min(1),
  config: z.string().refine(isAbsolute, 'is an absolute path').optional(),
});

export const hostInit = defineChange<typeof initInput, { host: string; pool: string }>({
  id: 'host.init',
  title: "Make another host's pool ready for jails",
  effect: 'change',
  recover: 'undo',
  input: initInput,
  locks(_, { host, pool }) {
    assertPoolName(pool);
    return [`host:${host}`];
  },
  async plan(context, { host, pool, config }) {
    const problem = destinationProblem(host);
    if (problem !== undefined) throw failure('INVALID_NAME', { what: 'host', name: host, problem });
    const other = { host, ...(config === undefined ? {} : { config }) };
    await ask(context, other, ['version']);
    return {
      subject: `${host}:${pool}`,
      title: `Preparing pool ${pool} of ${host}`,
      steps: [runOnHost({ host, argv: onHost(other, ['activate', pool]), title: `activate pool ${pool}` })],
      result: () => ({ host, pool }),
    };
  },
  command: {
    names: ['init-host'],
    group: 'host',
    usage: '[USER@]HOST POOL',
    flags: [sshFlag()],
    about:
      "Runs 'iocage activate POOL' there, over ssh as root without a password; iocage must be installed there. " +
      'What is on the pool already stays as it is.',
    examples: [{ line: 'iocage init-host backup tank', says: "'iocage send web backup' works from then on" }],
    toInputs(words) {
      const [word, pool, ...more] = words.positionals;
      if (word === undefined || pool === undefined || more.length > 0)
        throw failure('USAGE', { problem: 'missing host or pool name', command: 'init-host' });
      noProperties('init-host', words);
      const other = parseHost(word);
      if (other.pool !== undefined)
        throw failure('USAGE', { problem: 'the pool stands behind the host', command: 'init-host' });
      return [{ host: other.host, pool, ...sshWord(words) }];
    },
  },
});
