/** Operations in processes of their own, each of which kills itself at a mark of its journal: `kill.ts`, built once. */
import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { join } from 'node:path';
import { build } from 'esbuild';
import type { Lab } from './lab.ts';

export interface Killing {
  /** Killed at this mark, from 0, before or after it is written; ends well when there are not so many. */
  (operation: string, input: unknown, at: number, when: 'before' | 'after'): SpawnSyncReturns<string>;
  /** How many marks the operation writes when nobody kills it. */
  marks(operation: string, input: unknown): number;
}

export async function killingIn(lab: Pick<Lab, 'pool' | 'environment'>): Promise<Killing> {
  const script = join(lab.pool.directory, 'kill.mjs');
  await build({
    entryPoints: [new URL('kill.ts', import.meta.url).pathname],
    outfile: script,
    bundle: true,
    platform: 'node',
    format: 'esm',
    banner: { js: `import { createRequire } from 'node:module'; const require = createRequire('/');` },
  });
  const killed = (...[operation, input, at, when]: Parameters<Killing>): ReturnType<Killing> =>
    spawnSync(process.execPath, [script, operation, JSON.stringify(input), String(at), when], {
      env: { ...process.env, ...lab.environment },
      encoding: 'utf8',
    });
  const marks: Killing['marks'] = (operation, input) => {
    const { status, stdout, stderr } = killed(operation, input, -1, 'before');
    if (status !== 0) throw new Error(`${operation}: ${stderr}`);
    return Number(stdout.trim().split('\n').at(-1));
  };
  return Object.assign(killed, { marks });
}
