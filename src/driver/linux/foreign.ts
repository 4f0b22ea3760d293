/**
 * Running containers of this host that are not ours, as other OCI runtimes record them below /run.
 * Read from files, and never touched.
 */
import { join } from 'node:path';
import type { Files } from '../system.ts';
import type { ForeignJail } from '../host.ts';
import { startTime } from './state.ts';

function parse(text: string | undefined): Record<string, unknown> {
  try {
    return JSON.parse(text ?? '{}') as Record<string, unknown>;
  } catch {
    return {};
  }
}

async function fromCrun(files: Files, directory: string): Promise<ForeignJail | undefined> {
  const status = parse(await files.read(join(directory, 'status')));
  if (typeof status['pid'] !== 'number' || (await startTime(files, status['pid'])) === undefined)
    return undefined;
  const config = parse(await files.read(join(directory, 'config.json')));
  return {
    jid: String(status['pid']),
    path: String(status['rootfs'] ?? '-'),
    ip4: '-',
    hostname: String(config['hostname'] ?? '-'),
  };
}

async function fromRunc(files: Files, directory: string): Promise<ForeignJail | undefined> {
  const state = parse(await files.read(join(directory, 'state.json')));
  const pid = state['init_process_pid'];
  if (typeof pid !== 'number' || (await startTime(files, pid)) === undefined) return undefined;
  const config = (state['config'] ?? {}) as Record<string, unknown>;
  return {
    jid: String(pid),
    path: String(config['rootfs'] ?? '-'),
    ip4: '-',
    hostname: String(config['hostname'] ?? '-'),
  };
}

const places = [
  ['/run/crun', fromCrun],
  ['/run/runc', fromRunc],
] as const;

export async function foreignContainers(files: Files): Promise<readonly ForeignJail[]> {
  const found: ForeignJail[] = [];
  for (const [directory, read] of places) {
    for (const id of await files.list(directory).catch(() => [])) {
      const container = await read(files, join(directory, id)).catch(() => undefined);
      if (container) found.push(container);
    }
  }
  return found.sort((a, b) => Number(a.jid) - Number(b.jid));
}
