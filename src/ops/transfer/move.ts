/**
 * `move`: a jail to another source. On one pool its dataset is renamed; to another pool it is sent beside what is
 * there, compared, put in its place, and only then the old one is destroyed. Killed before that `doctor` goes on
 * where it stopped; a failure takes everything back.
 */
import { join } from 'node:path';
import * as z from 'zod';
import { defineChange, type Plan } from '../operation.ts';
import type { Context } from '../context.ts';
import type { JailSpec } from '../../driver/host.ts';
import type { Step } from '../../driver/system.ts';
import { failure } from '../../domain/errors.ts';
import { findJail, holderOf, label, type Jail } from '../../domain/jail.ts';
import { chooseStreams, sendSnapshotName, type Answer, type Offer } from '../../domain/transfer.ts';
import { computeLoss } from '../jail/loss.ts';
import { movedFstab, planMove, tagLinks } from '../jail/move.ts';
import { movedWords } from '../jail/rename.ts';
import { assertDown, assertOurs, jailLock, noProperties, tagLock } from '../jail/select.ts';
import { storeValues } from '../jail/store.ts';
import { withNamespace } from '../jail/values.ts';
import { releaseLock } from '../release/destroy.ts';
import { assertRoom } from '../unmounting.ts';
import { sourcesOf } from '../source/find.ts';
import { getSource, inSource } from '../source/sources.ts';
import { tellingOf } from '../source/where.ts';
import {
  createDataset,
  destroyDataset,
  destroySnapshot,
  mountDataset,
  setProperties,
  takeSnapshot,
  unmountDataset,
} from '../steps/dataset.ts';
import { removeFile } from '../steps/file.ts';
import { carryFile, leavePlace, rewriteFile } from '../steps/move.ts';
import { makeReceiving, publishReceived, relayStream, verifyRelayed } from '../steps/transfer.ts';
import { consoleLogs, toSpec } from '../world/spec.ts';
import { readWorld } from '../world/read.ts';
import type { World } from '../world/world.ts';
import { describe } from './offer.ts';
import { elsewhere, toPart } from './send.ts';
import { assertNoStandby } from './standby.ts';
import { receivingPlace } from './standing.ts';

const moveInput = z.object({
  jail: z.string().min(1, 'a jail is named by its UUID or its tag'),
  /** Name of the source that it goes to. */
  source: z.string().min(1),
  createdAt: z.date().optional(),
});

export interface Moved {
  readonly uuid: string;
  readonly tag: string;
  readonly from: string;
  readonly to: string;
  readonly dataset: string;
}

export const jailMove = defineChange<typeof moveInput, Moved>({
  id: 'jail.move',
  title: 'Move a jail to another source',
  effect: 'change',
  recover: 'finish',
  anyFormat: true,
  input: moveInput,
  prepare: (context, input) => ({ ...input, createdAt: context.clock.now() }),
  async locks(context, input) {
    const world = await readWorld(context);
    const jail = findJail(world.jails, input.jail);
    const { realm } = await targetOf(context, input.source);
    // Over there the release of a basejail is used by nobody until it has arrived.
    const { base } = toSpec(world, jail);
    const release = base === undefined ? [] : [releaseLock(realm, base.release)];
    return [jailLock(jail), jailLock({ realm, uuid: jail.uuid }), tagLock(realm, jail.tag), ...release];
  },
  async plan(context, input) {
    const world = await readWorld(context);
    const jail = findJail(world.jails, input.jail);
    const goal = await targetOf(context, input.source);
    await assertMovable(context, world, jail, goal);
    const dataset = goal.root + jail.dataset.slice(world.root.length);
    const { steps } =
      goal.pool.name === world.pool.name
        ? await onOnePool(context, world, jail, goal, dataset)
        : await toOtherPool(context, world, jail, goal, dataset, sendSnapshotName(input.createdAt!));
    return {
      subject: label(jail),
      title: `Moving jail ${label(jail)} to source ${goal.source}`,
      steps,
      result: () => ({ uuid: jail.uuid, tag: jail.tag, from: world.source, to: goal.source, dataset }),
    };
  },
  command: {
    names: ['move'],
    group: 'jails',
    usage: 'JAIL SOURCE',
    about:
      'With its snapshots, properties and console log; it must be down. On one pool its dataset is renamed. To another ' +
      'pool all of it is sent and compared, and the old one destroyed after that: until then it stays as it is.',
    examples: [
      { line: 'iocage move web old', says: 'from where it is to the source old, under the same name' },
      { line: 'iocage move new/web old', says: 'that one of source new' },
    ],
    toInputs(words) {
      noProperties('move', words);
      const [jail, source, ...more] = words.positionals;
      if (jail === undefined || source === undefined || more.length > 0)
        throw failure('USAGE', { problem: 'a jail and a source, please', command: 'move' });
      return [{ jail, source }];
    },
  },
});

async function targetOf(context: Context, name: string): Promise<World> {
  const { list } = await sourcesOf(context);
  return readWorld(inSource(context, getSource(list, name)));
}

/** @throws JAIL_CORRUPT, JAIL_RUNNING, NAME_TAKEN, RELEASE_NOT_FOUND, UNSUPPORTED, USAGE */
async function assertMovable(context: Context, world: World, jail: Jail, goal: World): Promise<void> {
  if (goal.root === world.root) {
    const problem = `${label(jail)} is in source ${goal.source} already`;
    throw failure('USAGE', { problem, command: 'move' });
  }
  assertOurs(jail);
  const { base } = toSpec(world, jail);
  await assertDown(context, jail, 'move');
  assertNoStandby(jail);
  await tellingOf(context, { name: goal.source, root: goal.root }, () => assertWelcome(jail, base, goal));
  const handed = goal.pool.name === world.pool.name ? [] : elsewhere(jail);
  if (handed.length > 0) {
    const why = `${handed.join(', ')} is handed to it and lies on pool ${world.pool.name}`;
    throw failure('UNSUPPORTED', { what: `moving ${label(jail)} to another pool`, why });
  }
}

/** @throws NAME_TAKEN, RELEASE_NOT_FOUND */
function assertWelcome(jail: Jail, base: JailSpec['base'], goal: World): void {
  for (const [what, name] of [
    ['tag', jail.tag],
    ['name', jail.uuid],
  ] as const) {
    const holder = holderOf(goal.jails, name);
    if (holder !== undefined) throw failure('NAME_TAKEN', { what, name, by: holder.uuid });
  }
  if (base === undefined || goal.releases.some(({ name }) => name === base.release)) return;
  const fetched = goal.releases.map(({ name }) => name);
  throw failure('RELEASE_NOT_FOUND', { release: base.release, fetched });
}

type Steps = Pick<Plan<Moved>, 'steps'>;

async function onOnePool(
  context: Context,
  world: World,
  jail: Jail,
  goal: World,
  dataset: string,
): Promise<Steps> {
  const move = await planMove(context, world, jail, { dataset, tag: jail.tag, action: 'move', world: goal });
  const logs = await logSteps(context, world, goal, jail);
  return {
    steps: [
      ...(await ownDatasets(context, jail, dataset)),
      ...move.steps,
      ...logs.carry,
      ...move.last,
      ...logs.forget,
    ],
  };
}

/** Where its datasets will lie, in the words that its configuration has for them; before anything moves. */
async function ownDatasets(context: Context, jail: Jail, dataset: string): Promise<readonly Step[]> {
  const words = movedWords(jail, dataset);
  if (words === undefined || words === jail.local.get('jail_zfs_dataset')) return [];
  return storeValues(context, jail, { jail_zfs_dataset: words });
}

async function toOtherPool(
  context: Context,
  world: World,
  jail: Jail,
  goal: World,
  dataset: string,
  name: string,
): Promise<Steps> {
  await assertRoom(context, goal);
  const loss = await computeLoss(context, jail);
  const described = await describe(context, jail);
  const { offer } = described;
  const nothing: Answer = { protocol: 1, pool: goal.pool.name, resumable: false, datasets: [], origins: [] };
  const streams = chooseStreams(offer, nothing, name, new Map());
  const place = receivingPlace(goal, jail.uuid);
  const group = dataset.split('/').slice(0, -1).join('/');
  const isMissing = async (each: string) => (await context.storage.filesystems(each, 0, [])) === undefined;
  if (!(await isMissing(dataset))) throw failure('DATASET_EXISTS', { dataset });
  if (!(await isMissing(place))) throw failure('DATASET_EXISTS', { dataset: place });
  const mountpoint = join(goal.mountpoint, dataset.slice(goal.root.length));
  const fstab = await context.files.read(join(jail.mountpoint!, 'fstab'));
  const after = fstab === undefined ? undefined : movedFstab(jail, fstab, [world, goal], mountpoint);
  const links = await tagLinks(context, jail, [world, goal], { mountpoint, tag: jail.tag });
  const logs = await logSteps(context, world, goal, jail);
  const properties = await propertySteps(context, jail, offer, place, dataset);
  return {
    steps: [
      ...((await context.host.leftoverSteps?.(toSpec(world, jail))) ?? []),
      // The file of another tool goes along as it is then.
      ...(jail.file === undefined ? [] : await ownDatasets(context, jail, dataset)),
      // Nothing changes it from now on.
      unmountDataset({ dataset: jail.dataset, mounted: loss.mounted }),
      takeSnapshot({ name: `${jail.dataset}@${name}`, recursive: true, properties: {} }),
      ...((await isMissing(`${goal.root}/receiving`))
        ? [makeReceiving({ dataset: `${goal.root}/receiving` })]
        : []),
      ...((await isMissing(group)) ? [createDataset({ dataset: group, properties: {} })] : []),
      ...streams.map((stream) =>
        relayStream({ part: toPart(jail, described, stream), dataset: at(place, stream.path) }),
      ),
      verifyRelayed({
        pairs: offer.datasets.map(({ path }) => [at(jail.dataset, path), at(place, path)] as const),
      }),
      ...properties,
      leavePlace({ path: mountpoint, when: 'undone' }),
      publishReceived({ from: place, to: dataset }),
      ...offer.datasets.map(({ path }) =>
        mountDataset(
          { dataset: at(dataset, path), wasMounted: false },
          { onError: ['', 'root'].includes(path) ? 'fail' : 'warn' },
        ),
      ),
      ...(fstab === undefined || after === undefined || after === fstab
        ? []
        : [rewriteFile({ path: join(mountpoint, 'fstab'), before: fstab, after }, { which: ['fstab'] })]),
      ...links.remove,
      ...links.make,
      ...logs.carry,
      destroyDataset({ dataset: jail.dataset, recursive: true }),
      ...loss.origins.map((origin) =>
        destroySnapshot({ name: origin, recursive: false }, { onError: 'warn' }),
      ),
      destroySnapshot({ name: `${dataset}@${name}`, recursive: true }, { onError: 'warn' }),
      ...logs.forget,
    ],
  };
}

/** A dataset of the jail below `root`, which stands for the jail's own. */
const at = (root: string, path: string): string => (path === '' ? root : `${root}/${path}`);

/** What the streams do not carry, onto what was received at `place` and will be `dataset`. */
async function propertySteps(
  context: Context,
  jail: Jail,
  offer: Offer,
  place: string,
  dataset: string,
): Promise<readonly Step[]> {
  const steps: Step[] = [];
  for (const { path, properties: told } of offer.datasets) {
    const local = await context.storage.local(at(jail.dataset, path));
    const words = path === '' && jail.file === undefined ? movedWords(jail, dataset) : undefined;
    const properties: Record<string, string> = {
      ...told,
      ...(local?.get('readonly') === 'on' ? { readonly: 'on' } : {}),
      ...(words === undefined ? {} : withNamespace({ jail_zfs_dataset: words })),
    };
    const previous = Object.fromEntries(Object.keys(properties).map((key) => [key, null]));
    if (Object.keys(properties).length > 0)
      steps.push(setProperties({ dataset: at(place, path), properties, previous }));
  }
  return steps;
}

async function logSteps(
  { files }: Context,
  world: World,
  goal: World,
  { uuid }: Jail,
): Promise<{ carry: readonly Step[]; forget: readonly Step[] }> {
  const to = consoleLogs(goal, uuid);
  const there = await Promise.all(
    consoleLogs(world, uuid).map(async (from, index) => {
      const facts = await files.stat(from);
      return facts === undefined ? [] : [{ from, to: to[index]!, mode: facts.mode & 0o777 }];
    }),
  );
  return {
    carry: there.flat().map((each) => carryFile(each)),
    forget: there.flat().map(({ from }) => removeFile({ path: from })),
  };
}
