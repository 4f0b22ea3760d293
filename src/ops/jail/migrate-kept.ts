/**
 * What a migration keeps of how a jail was configured before, for as long as it may go back: the other tool's file,
 * beside, and the properties that its dataset had.
 */
import { failure } from '../../domain/errors.ts';
import { configFiles } from '../../domain/format/config-file.ts';
import { label, type Jail } from '../../domain/jail.ts';
import type { Context } from '../context.ts';
import { namespace } from '../../domain/property.ts';

/** On a jail whose other tool's file is kept beside it: that file's name. */
export const marker = `${namespace}migrated_from`;

/** Beside ours, so that nothing reads it: what a property was before, until all is well or the jail goes back. */
export const earlier = 'org.freebsd.iocage.before:';

export const kept = (file: string): string => `${file}.migrated`;

/** Properties that another tool, or an older iocage, left on the dataset would count from now on. */
export async function storedBefore(
  { storage }: Context,
  { dataset }: Jail,
  prefix = namespace,
): Promise<ReadonlyMap<string, string>> {
  const local = (await storage.local(dataset)) ?? new Map<string, string>();
  return new Map([...local].filter(([key]) => key.startsWith(prefix)));
}

/** @throws UNSUPPORTED when the jail was not migrated, or its file is gone */
export async function readKept(context: Context, jail: Jail, verb: string) {
  // Properties come along with a stream that was received, and this one leads to a file.
  const name = configFiles.find((one) => one === jail.local.get('migrated_from'));
  const root = jail.mountpoint;
  // After a rollback to a snapshot from before the migration it has its old name again.
  for (const at of name === undefined || root === undefined ? [] : [kept(name), name])
    if ((await context.files.statBelow(root!, at))?.type === 'file') return { name: name!, root: root!, at };
  throw failure('UNSUPPORTED', {
    what: `migrate ${verb} of jail ${label(jail)}`,
    why: `no configuration file of another tool is kept`,
  });
}
