/**
 * A program of a running jail that has nobody's terminal: a service, a step's command, what a start waits for. It is in
 * the jail's namespaces, control groups and filter, as every other program of it. See crun-exec(1).
 */
import { join } from 'node:path';
import type { User } from '../both/users.ts';
import type { StepRun } from '../step.ts';
import type { RunOptions } from '../system.ts';
import type { Places } from './names.ts';
import { jailPath, ociProcess, type OciProcess } from './oci.ts';
import { crun } from './runtime-command.ts';

/** As data, with the variables of its user and `more`. */
export function programOf(
  config: ReadonlyMap<string, string>,
  { uid, gid, groups, home, name, shell }: User,
  args: readonly string[],
  more: Readonly<Record<string, string>> = {},
): OciProcess {
  const variables = { PATH: jailPath, HOME: home, TERM: 'dumb', USER: name, SHELL: shell, ...more };
  return ociProcess(config, {
    terminal: false,
    user: uid === 0 ? { uid, gid } : { uid, gid, additionalGids: groups },
    args,
    env: Object.entries(variables).map(([key, value]) => `${key}=${value}`),
    cwd: '/',
  });
}

/** @param name which of the jail's programs it is, for the file that the runtime reads it from */
export async function runProgram(
  run: StepRun,
  places: Places,
  name: string,
  process: OciProcess,
  how: Pick<RunOptions, 'via' | 'timeoutMs'>,
): Promise<number> {
  const file = join(places.bundle, `process-${name}.json`);
  await run.files.write(file, JSON.stringify(process), { mode: 0o600 });
  try {
    const argv = crun(places, 'exec', '--process', file, places.id);
    return (await run.exec.change(argv, { ...how, signal: run.signal, accept: 'any' })).status;
  } finally {
    await run.files.remove(file);
  }
}
