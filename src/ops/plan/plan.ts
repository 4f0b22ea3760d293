/**
 * `plan`: what `apply` would do with the same file, and the hash of it. It changes nothing; with `--out` it
 * writes the description and the hash into a file that `apply` takes.
 */
import * as z from 'zod';
import { defineRead, type Words } from '../operation.ts';
import type { Context } from '../context.ts';
import { printDescription, type Description } from '../../domain/description/description.ts';
import { failure } from '../../domain/errors.ts';
import { noProperties } from '../jail/select.ts';
import { readWorld } from '../world/read.ts';
import { compareJail, type PlannedJail } from './compare.ts';
import { sha256 } from './hash.ts';
import { loadDescription } from './load.ts';

export interface Planned {
  readonly pool: string;
  /** Of the difference: it changes with anything that changes what would be done. */
  readonly hash: string;
  readonly jails: readonly PlannedJail[];
}

/** Against what is there now. */
export async function planDescription(context: Context, description: Description): Promise<Planned> {
  const world = await readWorld(context);
  const running = await context.host.running(world.realm);
  const jails: PlannedJail[] = [];
  for (const wanted of description.jails) jails.push(await compareJail(context, world, running, wanted));
  const pool = world.pool.name;
  const facts = jails.map(({ error, ...jail }) => ({ ...jail, error: error?.message }));
  return { pool, hash: await sha256(JSON.stringify({ pool, jails: facts })), jails };
}

const planInput = z.object({
  file: z.string().min(1),
  /** Where the plan is kept; a file that is there is replaced. */
  out: z.string().min(1).optional(),
});

export const hostPlan = defineRead<typeof planInput, Planned & { file: string; out: string | null }>({
  id: 'host.plan',
  title: 'Show how jails differ from a description',
  input: planInput,
  async read(context, { file, out }) {
    const description = await loadDescription(context, file);
    const planned = await planDescription(context, description);
    if (out !== undefined) {
      const text = printDescription({ ...description, expect: planned.hash });
      // It holds the texts of files, which may be nobody else's business.
      await context.files.write(out, text, { mode: 0o600 });
    }
    return { file, out: out ?? null, ...planned };
  },
  command: {
    names: ['plan'],
    group: 'configuration',
    usage: 'FILE',
    flags: [{ key: 'out', flags: '-o, --out <plan>', doc: 'keep the plan in this file, for apply' }],
    about:
      'FILE is YAML or JSON, or - for standard input: jails with release, properties, fstab, files and state. What it does not name is left ' +
      'alone. The exit status is 1 when a jail cannot become what the file says.',
    examples: [
      { line: 'iocage plan jails.yaml', says: 'what would be created, changed, destroyed' },
      { line: 'iocage plan jails.yaml --out today.plan', says: 'for apply: this and nothing else' },
      { line: 'iocage plan jails.yaml --json', says: 'the same for programs' },
    ],
    toInputs(words) {
      const out = words.flags['out'];
      return [{ file: oneFile('plan', words), ...(out === undefined ? {} : { out }) }];
    },
  },
});

export function oneFile(command: string, words: Words): string {
  noProperties(command, words);
  const [file, ...more] = words.positionals;
  if (file === undefined || more.length > 0)
    throw failure('USAGE', { problem: file === undefined ? 'missing FILE' : 'one file, please', command });
  return file;
}
