/**
 * What goes with several jails at once (`clean`, `destroy -R`): one `zfs destroy` for each filesystem,
 * through the guard, clones before what they are clones of; never `-R`.
 */
import { join } from 'node:path';
import * as z from 'zod';
import type { Context } from '../context.ts';
import type { Step } from '../../driver/system.ts';
import type { DatasetRow } from '../../driver/storage.ts';
import { failure } from '../../domain/errors.ts';
import type { Jail } from '../../domain/jail.ts';
import { consoleLogs, toSpec } from '../world/spec.ts';
import type { World } from '../world/world.ts';
import { destroyDataset, destroySnapshot, unmountDataset } from '../steps/dataset.ts';
import { removeFile, removeLink } from '../steps/file.ts';
import { datasetOf, dependentNames, dependentsOf, isInside, originsMadeFor, type Clone } from './loss.ts';
import { assertDown } from './select.ts';

export const destroyInput = z.object({
  jail: z.string().min(1, 'a jail is named by its UUID or its tag'),
  /** Stop running jails first. */
  force: z.boolean().default(false),
});

/** A running jail is stopped when that is wanted; one that was killed from outside may have left its network. */
export async function stopFirst(
  context: Context,
  world: World,
  jail: Jail,
  force: boolean,
): Promise<readonly Step[]> {
  if (!jail.ours)
    throw failure('GUARDED', { dataset: jail.dataset, why: jail.problem ?? 'iocage did not make it' });
  if (!force) await assertDown(context, jail, 'destroy');
  // One that is only not mounted can be destroyed all the same.
  if (jail.problem !== undefined && !(await context.host.running(jail.realm)).has(jail.uuid)) return [];
  const spec = toSpec(world, jail);
  const up = (await context.host.running(jail.realm)).has(jail.uuid);
  return up ? context.host.stopSteps(spec) : ((await context.host.leftoverSteps?.(spec)) ?? []);
}

/** Throws when anything outside of `roots` is a clone of what is inside. */
export function assertNoOthers(
  world: World,
  clones: readonly Clone[],
  roots: readonly string[],
  what: string,
): void {
  const dependents = dependentNames(world.jails, dependentsOf(clones, roots));
  if (dependents.length > 0) throw failure('HAS_DEPENDENTS', { what, dependents });
}

/**
 * @param given.roots datasets that go with all that is below them, those of `jails` among them.
 * @param given.rows what there is, with the column `mounted`.
 * @returns what is gone then, and the steps, which stop running jails first when `force` says so
 */
export async function planLosses(
  context: Context,
  world: World,
  given: {
    readonly jails: readonly Jail[];
    readonly roots: readonly string[];
    readonly rows: readonly DatasetRow[];
    readonly clones: readonly Clone[];
    readonly force: boolean;
  },
): Promise<{ destroyed: readonly string[]; steps: readonly Step[] }> {
  const { jails, roots, rows, clones, force } = given;
  const inside = rows.filter(({ name }) => isInside(name, roots));
  const order = destroyOrder(
    inside.map(({ name }) => name),
    clones,
  );
  const origins = await originsMadeFor(context, clones, roots);
  const snapshots = (await context.storage.snapshots(world.root, undefined, []))
    .filter(({ dataset }) => isInside(dataset, roots))
    .map(({ name }) => name);
  const stops: Step[] = [];
  for (const jail of jails) stops.push(...(await stopFirst(context, world, jail, force)));
  return {
    destroyed: [...order.toReversed(), ...snapshots, ...origins],
    steps: [...stops, ...destroySteps(world, jails, roots, inside, order, origins, clones)],
  };
}

/**
 * Filesystems in an order in which each can be destroyed alone: what is below before what it is below,
 * a clone before what it is a clone of.
 *
 * @throws GUARDED when they hang on each other in a circle, which only a promotion by hand can make
 */
export function destroyOrder(filesystems: readonly string[], clones: readonly Clone[]): readonly string[] {
  const own = new Set(filesystems);
  const before = new Map<string, string[]>(filesystems.map((name) => [name, []]));
  const goesFirst = (first: string, then: string): void => {
    if (first !== then && own.has(first) && own.has(then)) before.get(then)!.push(first);
  };
  for (const name of filesystems) goesFirst(name, name.slice(0, name.lastIndexOf('/')));
  for (const { dataset, origin } of clones) goesFirst(dataset, datasetOf(origin));
  const order: string[] = [];
  const state = new Map<string, 'open' | 'done'>();
  const visit = (name: string): void => {
    if (state.get(name) === 'done') return;
    if (state.get(name) === 'open')
      throw failure('GUARDED', { dataset: name, why: 'it and what is below it are clones of each other' });
    state.set(name, 'open');
    for (const first of before.get(name)!) visit(first);
    state.set(name, 'done');
    order.push(name);
  };
  for (const name of filesystems) visit(name);
  return order;
}

/** Below it, or a clone of it or of what is below it. */
function hangsOn(name: string, dataset: string, clones: readonly Clone[]): boolean {
  if (isInside(name, [dataset])) return true;
  return clones.some((clone) => clone.dataset === name && isInside(datasetOf(clone.origin), [dataset]));
}

function destroySteps(
  world: World,
  jails: readonly Jail[],
  roots: readonly string[],
  inside: readonly DatasetRow[],
  order: readonly string[],
  origins: readonly string[],
  clones: readonly Clone[],
): readonly Step[] {
  const mounted = (root: string): readonly string[] =>
    inside
      .filter(({ name, values }) => isInside(name, [root]) && values.get('mounted') === 'yes')
      .map(({ name }) => name);
  return [
    ...jails.flatMap((jail) =>
      jail.mountpoint === undefined
        ? []
        : [removeLink({ target: jail.mountpoint, path: join(world.mountpoint, 'tags', jail.tag) })],
    ),
    // All of this can be taken back: while a single file is in use nothing goes.
    ...roots.map((dataset) => unmountDataset({ dataset, mounted: mounted(dataset) })),
    ...order.map((dataset, index) => {
      const gone = order.slice(0, index).filter((name) => hangsOn(name, dataset, clones));
      return destroyDataset({ dataset, recursive: false, ...(gone.length === 0 ? {} : { gone }) });
    }),
    ...origins.map((name) => destroySnapshot({ name, recursive: false }, { onError: 'warn' })),
    ...jails.flatMap(({ uuid }) => consoleLogs(world, uuid).map((path) => removeFile({ path }))),
  ];
}
