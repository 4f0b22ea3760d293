/**
 * Writes the jail's /etc/resolv.conf at start, as `resolver` says, by the door that follows no link. Where
 * /etc is missing or a link nothing is written: an empty jail has no use for it.
 */
import { stepKind } from '../step.ts';
import type { Files, Step } from '../system.ts';
import type { JailSpec } from '../host.ts';
import { resolvConfText } from '../both/resolver.ts';
import { valueOf } from '../../domain/config.ts';
import { resolver } from '../../domain/codec/files.ts';
import { networkKind } from './net-plan.ts';

interface ResolvArgs {
  readonly root: string;
  readonly text: string;
  /** What stood there; null: nothing. */
  readonly previous: string | null;
}

const path = 'etc/resolv.conf';

export const writeResolvConf = stepKind<ResolvArgs>('freebsd.resolv-conf', {
  title: ({ root }) => `write ${root}/${path}`,
  do: ({ root, text }, run) => run.files.writeBelow(root, path, text, { mode: 0o644 }),
  async undo({ root, text, previous }, run) {
    if ((await run.files.readBelow(root, path).catch(() => undefined)) !== text) return;
    if (previous === null) await run.files.removeBelow(root, path);
    else await run.files.writeBelow(root, path, previous, { mode: 0o644 });
  },
});

/** The file of the host that is copied, or lines of its own; undefined leaves the jail's file alone. */
async function wanted(files: Files, jail: JailSpec): Promise<string | undefined> {
  const value = valueOf(jail.config, 'resolver', resolver) ?? { kind: 'copy', path: '/etc/resolv.conf' };
  const ownNetwork = networkKind(jail.config) !== 'host';
  if (value.kind === 'copy') return resolvConfText('none', (await files.read(value.path)) ?? '', ownNetwork);
  return resolvConfText(value.kind === 'keep' ? '/dev/null' : value.lines.join(';'), '', ownNetwork);
}

export async function resolvConfSteps(files: Files, jail: JailSpec): Promise<readonly Step[]> {
  const text = await wanted(files, jail);
  const etc = await files.statBelow(jail.root, 'etc').catch(() => undefined);
  if (text === undefined || text === '' || etc?.type !== 'directory') return [];
  const file = await files.statBelow(jail.root, path).catch(() => undefined);
  if (file !== undefined && file.type !== 'file') return [];
  const previous = (await files.readBelow(jail.root, path).catch(() => undefined)) ?? null;
  return previous === text ? [] : [writeResolvConf({ root: jail.root, text, previous })];
}
