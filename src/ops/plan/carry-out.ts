/**
 * One jail of a plan, carried out by the operations that a person would use: create, reset, set, fstab, packages, files,
 * stop, destroy. Starting comes later, when all jails are made.
 */
import type { Context } from '../context.ts';
import type { RunOther } from '../operation.ts';
import type { Change } from '../../domain/description/change.ts';
import type { DescribedJail } from '../../domain/description/description.ts';
import { jailCreate } from '../jail/create.ts';
import { jailDestroy } from '../jail/destroy.ts';
import { jailFiles } from '../jail/files.ts';
import { fstabChange } from '../jail/fstab.ts';
import { jailInstall } from '../jail/install.ts';
import { propertyReset } from '../jail/reset.ts';
import { propertySet } from '../jail/set.ts';
import { jailStop } from '../jail/stop.ts';
import { forgetWorld } from '../world/seen.ts';
import { readWorld } from '../world/read.ts';
import { compareJail, createInput, type PlannedJail } from './compare.ts';

/**
 * Stops at the first thing that fails.
 *
 * @param done gets every change that was made
 */
export async function carryOut(
  context: Context,
  run: RunOther,
  jail: PlannedJail,
  wanted: DescribedJail,
  done: Change[],
): Promise<void> {
  if (jail.action === 'destroy') {
    await run(jailDestroy, { jail: jail.uuid, force: true }, { agreed: true });
    done.push(...jail.changes);
    return;
  }
  if (jail.action !== 'create') return change(context, run, jail, wanted, done);
  await run(jailCreate, createInput(wanted));
  // A dry run has made nothing that the rest could be planned for.
  if (context.dry) return;
  forgetWorld(context);
  const world = await readWorld(context);
  const made = await compareJail(context, world, await context.host.running(world.realm), wanted);
  const isLeft = (one: Change): boolean =>
    made.changes.some((left) => left.what === one.what && keyOf(left) === keyOf(one));
  done.push(...jail.changes.filter((one) => !isStart(one) && !isLeft(one)));
  if (made.error !== undefined) throw made.error;
  await change(context, run, made, wanted, done);
}

const keyOf = (change: Change): string =>
  change.what === 'property' ? change.key : change.what === 'file' ? change.path : '';

const isStart = ({ what }: Change): boolean => what === 'start' || what === 'restart';

type Of<W extends Change['what']> = Extract<Change, { what: W }>;

async function change(
  context: Context,
  run: RunOther,
  { uuid, changes }: PlannedJail,
  wanted: DescribedJail,
  done: Change[],
): Promise<void> {
  const jail = uuid!;
  const of = <W extends Change['what']>(what: W): readonly Of<W>[] =>
    changes.filter((change): change is Of<W> => change.what === what);
  const properties = of('property');
  const unset = properties.filter((property) => property.new === null);
  const set = properties.filter((property) => property.new !== null);
  if (of('stop').length > 0) {
    await run(jailStop, { jail });
    done.push(...of('stop'));
  }
  if (unset.length > 0) {
    await run(propertyReset, { jails: [jail], keys: unset.map(({ key }) => key) });
    done.push(...unset);
  }
  if (set.length > 0) {
    await run(propertySet, { jails: [jail], properties: set.map(({ key, new: value }) => [key, value]) });
    done.push(...set);
  }
  for (const lines of of('fstab')) {
    for (let left = lines.remove.length; left > 0; left -= 1) {
      // In a dry run none of them goes, so each has its own place.
      const at = lines.kept + (context.dry ? lines.remove.length - left : 0);
      await run(fstabChange, { jail, remove: [String(at)] });
    }
    for (const line of lines.add) await run(fstabChange, { jail, add: [line] });
    done.push(lines);
  }
  for (const { add } of of('packages')) {
    await run(jailInstall, { jail, names: add });
    done.push({ what: 'packages', add });
  }
  const paths = new Set(of('file').map(({ path }) => path));
  if (paths.size > 0) {
    const files = wanted.files.filter(({ path }) => paths.has(path));
    await run(jailFiles, {
      jail,
      files: files.map(({ path, text, mode }) => ({ path, text, ...(mode === undefined ? {} : { mode }) })),
    });
    done.push(...of('file'));
  }
}
