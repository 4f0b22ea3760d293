/**
 * Compiling a filter costs about as much as all the rest of a start, so the compiled form of a profile
 * is kept and handed to the runtime by its annotation `run.oci.seccomp_bpf_data` (crun(1)). The plain
 * profile stands in the configuration all the same, for a runtime that does not know the annotation.
 *
 * The file carries its own digest: what is not whole is thrown away and compiled anew.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Exec, Files } from '../system.ts';
import type { SeccompProfile } from './seccomp.ts';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

export function filterPath(directory: string, profile: SeccompProfile, runtime: string): string {
  return join(directory, `seccomp-${sha256(JSON.stringify(profile) + runtime)}.bpf`);
}

/** The compiled filter in base64; undefined when there is none or it is damaged. */
export async function cachedFilter(files: Files, path: string): Promise<string | undefined> {
  const [digest, filter] = ((await files.read(path)) ?? '').trimEnd().split('\n');
  return filter !== undefined && filter !== '' && digest === sha256(filter) ? filter : undefined;
}

/** Keeps what the runtime compiled for a container that it just created. */
export async function keepFilter(exec: Exec, files: Files, compiled: string, path: string): Promise<void> {
  const { stdout } = await exec.read(['base64', '-w0', compiled], { accept: 'any' });
  const filter = stdout.trim();
  if (filter === '') return;
  await files.write(path, `${sha256(filter)}\n${filter}\n`, { mode: 0o600 });
}
