/**
 * After an upgrade or rebase: `upgrade --back` puts the jail back to what it was before, `upgrade --done` drops
 * what that needs, which is a snapshot of the jail and, of a clone, its former root.
 */
import * as z from 'zod';
import { defineChange, type Words } from '../operation.ts';
import type { Context } from '../context.ts';
import type { Step } from '../../driver/system.ts';
import { failure } from '../../domain/errors.ts';
import { label, type Jail } from '../../domain/jail.ts';
import { assertClonesDown, assertRoom, mountedWith } from '../unmounting.ts';
import { toSpec } from '../world/spec.ts';
import type { World } from '../world/world.ts';
import { destroyDataset, destroySnapshot, renameDataset, rollbackSnapshot } from '../steps/dataset.ts';
import { leavePlace } from '../steps/move.ts';
import { dependentsOf, originsMadeFor } from './loss.ts';
import { assertDown, assertOurs, jailInput, lockJail, noProperties, readJail } from './select.ts';
import { dropValues, setValues } from './values.ts';

/** The former root of a clone that was rebased. */
export function keptRoot(jail: Pick<Jail, 'dataset'>): string {
  return `${jail.dataset}/root.old`;
}

interface WayBack {
  readonly from: string;
  readonly snapshot: string;
  /** Datasets that have the snapshot. */
  readonly datasets: readonly string[];
  /** The former root's dataset, when there is one. */
  readonly kept: string | undefined;
}

async function findWayBack({ storage }: Context, jail: Jail): Promise<WayBack | undefined> {
  const [from, snapshot] = [jail.local.get('upgraded_from'), jail.local.get('upgrade_snapshot')];
  if (from === undefined || snapshot === undefined) return undefined;
  const rows = (await storage.snapshots(jail.dataset, undefined, [])).filter(
    (row) => row.snapshot === snapshot,
  );
  const kept = (await storage.filesystems(keptRoot(jail), 0, [])) === undefined ? undefined : keptRoot(jail);
  // Somebody removed the snapshot: what it was kept for is given up.
  if (rows.length === 0 && kept === undefined) return undefined;
  return { from, snapshot, datasets: rows.map(({ dataset }) => dataset), kept };
}

/** @throws WAY_BACK_KEPT when an earlier upgrade has been neither confirmed nor taken back */
export async function assertNoWayBack(context: Context, jail: Jail): Promise<void> {
  const kept = await findWayBack(context, jail);
  if (kept !== undefined) throw failure('WAY_BACK_KEPT', { jail: jail.tag, from: kept.from });
}

async function getWayBack(context: Context, world: World, jail: Jail): Promise<WayBack> {
  assertOurs(jail);
  toSpec(world, jail); // what is not mounted is refused here
  const found = await findWayBack(context, jail);
  if (found === undefined) throw failure('NO_WAY_BACK', { jail: label(jail) });
  return found;
}

const forget = (jail: Jail): Step => dropValues(jail, ['upgraded_from', 'upgrade_snapshot']);

/** A root that goes, with the snapshot of a release that was made for it; with its dependents it is refused. */
async function dropRoot(
  context: Context,
  jail: Jail,
  dataset: string,
  under: string,
): Promise<{ steps: readonly Step[]; loses: readonly string[] }> {
  const clones = await context.storage.clones(jail.pool);
  const dependents = dependentsOf(clones, [dataset]);
  if (dependents.length > 0) throw failure('HAS_DEPENDENTS', { what: dataset, dependents });
  const origins = await originsMadeFor(context, clones, [dataset]);
  const snapshots = await context.storage.snapshots(dataset, undefined, []);
  return {
    steps: [
      destroyDataset({ dataset: under, recursive: true }),
      // The root is gone by then: one that stays is reported, and in nobody's way.
      ...origins.map((name) => destroySnapshot({ name, recursive: false }, { onError: 'warn' })),
    ],
    loses: [dataset, ...snapshots.map(({ name }) => name), ...origins],
  };
}

/** What is to be destroyed here is known to have no clones before anything is. */
async function assertNoClones({ storage }: Context, jail: Jail, snapshots: readonly string[]): Promise<void> {
  const clones = (await storage.clones(jail.pool)).filter(({ origin }) => snapshots.includes(origin));
  if (clones.length === 0) return;
  throw failure('HAS_DEPENDENTS', {
    what: `snapshot ${clones[0]!.origin}`,
    dependents: clones.map(({ dataset }) => dataset),
  });
}

const backInput = jailInput.extend({ force: z.boolean().default(false) });

interface Settled {
  readonly uuid: string;
  readonly tag: string;
  readonly release: string;
}

export const upgradeBack = defineChange<typeof backInput, Settled>({
  id: 'jail.upgrade-back',
  title: 'Put an upgraded jail back to what it was',
  effect: 'destroy',
  recover: 'finish',
  input: backInput,
  locks: lockJail,
  async plan(context, input) {
    const { world, jail } = await readJail(context, input.jail);
    const { from, snapshot, datasets, kept } = await getWayBack(context, world, jail);
    await assertDown(context, jail, 'upgrade --back');
    await assertRoom(context, world);
    await assertClonesDown(context, world, `${jail.dataset}/root`);
    const root = `${jail.dataset}/root`;
    const rows = await context.storage.snapshots(jail.dataset, undefined, []);
    const newer = datasets.flatMap((dataset) => {
      const own = rows.filter((row) => row.dataset === dataset);
      const since = own.find((row) => row.snapshot === snapshot)!.createTxg;
      return own.filter((row) => row.createTxg > since).map(({ name }) => name);
    });
    await assertNoClones(context, jail, newer);
    const aside = `${root}.new`;
    const drop = kept === undefined ? undefined : await dropRoot(context, jail, root, aside);
    const place = jail.mountpoint!;
    return {
      subject: label(jail),
      title: `Putting ${label(jail)} back to ${from}`,
      loses: [`what was changed in ${label(jail)} since`, ...newer, ...(drop?.loses ?? [])],
      steps: [
        ...(kept === undefined
          ? []
          : [
              leavePlace({ path: `${place}/root.new`, when: 'undone' }),
              renameDataset({ from: root, to: aside, mounted: await mountedWith(context, root) }),
              renameDataset({ from: kept, to: root, mounted: await mountedWith(context, kept) }),
              leavePlace({ path: `${place}/root.old`, when: 'done' }),
            ]),
        ...datasets.map((dataset) =>
          rollbackSnapshot({
            snapshot: `${dataset === kept ? root : dataset}@${snapshot}`,
            destroyNewer: newer.some((name) => name.startsWith(`${dataset}@`)),
          }),
        ),
        ...(drop === undefined
          ? []
          : [...drop.steps, leavePlace({ path: `${place}/root.new`, when: 'done' })]),
        setValues(jail, { release: from }),
        ...(datasets.length === 0
          ? []
          : [destroySnapshot({ name: `${jail.dataset}@${snapshot}`, recursive: true })]),
        forget(jail),
      ],
      result: () => ({ uuid: jail.uuid, tag: jail.tag, release: from }),
    };
  },
  command: {
    names: ['upgrade --back'],
    group: 'jails',
    usage: '[-f] JAIL ...',
    examples: [],
    toInputs: (words) => named(words),
  },
});

export const upgradeDone = defineChange<typeof backInput, Settled>({
  id: 'jail.upgrade-done',
  title: 'Drop what an upgraded jail was before',
  effect: 'destroy',
  recover: 'finish',
  input: backInput,
  locks: lockJail,
  async plan(context, input) {
    const { world, jail } = await readJail(context, input.jail);
    const { snapshot, datasets, kept } = await getWayBack(context, world, jail);
    const drop = kept === undefined ? undefined : await dropRoot(context, jail, kept, kept);
    const names = datasets.filter((dataset) => dataset !== kept).map((dataset) => `${dataset}@${snapshot}`);
    await assertNoClones(context, jail, names);
    return {
      subject: label(jail),
      title: `Dropping what ${label(jail)} was before its upgrade`,
      loses: [...names, ...(drop?.loses ?? [])],
      steps: [
        ...(drop === undefined
          ? []
          : [...drop.steps, leavePlace({ path: `${jail.mountpoint!}/root.old`, when: 'done' })]),
        ...names.map((name) => destroySnapshot({ name, recursive: false })),
        forget(jail),
      ],
      result: () => ({ uuid: jail.uuid, tag: jail.tag, release: jail.local.get('release') ?? '' }),
    };
  },
  command: {
    names: ['upgrade --done'],
    group: 'jails',
    usage: '[-f] JAIL ...',
    examples: [],
    toInputs: (words) => named(words),
  },
});

function named(words: Words): readonly { jail: string; force: boolean }[] {
  noProperties('upgrade', words);
  if (words.positionals.length === 0) throw failure('USAGE', { problem: 'missing UUID', command: 'upgrade' });
  return words.positionals.map((jail) => ({ jail, force: words.flags['force'] === true }));
}
