/** The steps of `set` for one jail: its properties, the link of its tag, and its name in its own files. */
import { join } from 'node:path';
import type { Jail } from '../../domain/jail.ts';
import { getProperty } from '../../domain/properties/index.ts';
import type { Step } from '../../driver/system.ts';
import type { Context } from '../context.ts';
import { makeLink, removeLink, replaceInRoot } from '../steps/file.ts';
import { namespace } from '../../domain/property.ts';
import { toSpec } from '../world/spec.ts';
import type { World } from '../world/world.ts';
import { converts } from './convert.ts';
import { toZfsProperties } from './new-jail.ts';
import { storeSteps } from './store.ts';
import { assertOurs } from './select.ts';

export async function setSteps(
  context: Context,
  world: World,
  jail: Jail,
  assigned: readonly (readonly [string, string])[],
): Promise<readonly Step[]> {
  const pairs = assigned.filter(([key]) => !converts.has(key));
  const native = pairs.some(([key]) => getProperty(key).store === 'native');
  // What `list` prints of a size is rounded; to put it back it must be exact.
  const exact = native ? await context.storage.local(jail.dataset) : undefined;
  const properties = toZfsProperties(pairs);
  const previous = Object.fromEntries(
    pairs.map(([key]) =>
      getProperty(key).store === 'native'
        ? [key, nativeBefore(key, exact)]
        : [namespace + key, jail.local.get(key) ?? null],
    ),
  );
  const steps: Step[] = [...(await storeSteps(context, jail, properties, previous))];
  const tag = pairs.findLast(([key]) => key === 'tag')?.[1];
  if (tag !== undefined && tag !== jail.tag) assertOurs(jail);
  if (tag !== undefined && tag !== jail.tag && jail.mountpoint !== undefined) {
    const target = jail.mountpoint;
    steps.push(removeLink({ target, path: join(world.mountpoint, 'tags', jail.tag) }));
    steps.push(makeLink({ target, path: join(world.mountpoint, 'tags', tag) }));
  }
  const hostname = pairs.findLast(([key]) => key === 'host_hostname')?.[1];
  if (hostname !== undefined) steps.push(...(await renameSteps(context, world, jail, hostname)));
  return steps;
}

/** zfs(8): these are cleared by setting them to none, not by inheriting. */
const notInherited = new Set(['quota', 'refquota', 'reservation', 'refreservation']);

function nativeBefore(key: string, exact: ReadonlyMap<string, string> | undefined): string | null {
  const value = exact?.get(key);
  if (!notInherited.has(key)) return value ?? null;
  return value === undefined || value === '0' ? 'none' : value;
}

/** The name that `create` wrote into the jail's own files; a file that says something else is left alone. */
async function renameSteps(
  context: Context,
  world: World,
  jail: Jail,
  hostname: string,
): Promise<readonly Step[]> {
  const { root, config } = toSpec(world, jail);
  const old = config.get('host_hostname') ?? jail.uuid;
  const edits = [
    { path: 'etc/hostname', from: `${old}\n`, to: `${hostname}\n` },
    { path: 'etc/hosts', from: `127.0.1.1\t${old}\n`, to: `127.0.1.1\t${hostname}\n` },
  ];
  const steps: Step[] = [];
  for (const { path, from, to } of edits) {
    // A link that the jail planted there is not read, and not written.
    const before = await context.files.readBelow(root, path).catch(() => undefined);
    const after = before?.replace(from, () => to);
    if (before !== undefined && after !== undefined && after !== before) {
      steps.push(replaceInRoot({ root, path, before, after }));
    }
  }
  return steps;
}
