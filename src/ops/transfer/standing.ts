/**
 * How a jail that is offered from another host stands here: not there, an earlier state of it, the rest
 * of a transfer that broke off, or something else, which is refused. Changes nothing.
 */
import type { Context } from '../context.ts';
import type { SnapshotRow } from '../../driver/storage.ts';
import { failure } from '../../domain/errors.ts';
import { holderOf, label, type Jail } from '../../domain/jail.ts';
import { assertTag } from '../../domain/name.ts';
import type { Answer, Offer } from '../../domain/transfer.ts';
import { readWorld } from '../world/read.ts';
import type { World } from '../world/world.ts';
import { assertDown } from '../jail/select.ts';

export interface Standing {
  readonly world: World;
  /** Where the jail is in the end. */
  readonly dataset: string;
  /** Where it is while it is received; nothing below `receiving` is a jail. */
  readonly place: string;
  /** The earlier state of it that is here. */
  readonly jail: Jail | undefined;
  /** What a broken transfer left can be gone on with. */
  readonly left: 'none' | 'useful' | 'useless';
  readonly answer: Answer;
  /** Snapshots of what is here already, by path below the jail. */
  readonly snapshots: ReadonlyMap<string, readonly SnapshotRow[]>;
}

export function receivingPlace(world: Pick<World, 'root'>, uuid: string): string {
  return `${world.root}/receiving/${uuid}`;
}

/** @throws NAME_TAKEN, DIVERGED, JAIL_RUNNING, JAIL_CORRUPT, RELEASE_NOT_FOUND */
export async function standing(context: Context, offer: Offer): Promise<Standing> {
  const world = await readWorld(context);
  const place = receivingPlace(world, offer.uuid);
  const dataset = `${world.root}/${offer.template ? 'templates' : 'jails'}/${offer.uuid}`;
  const jail = world.jails.find(({ uuid }) => uuid === offer.uuid);
  refuseTaken(world, offer);
  if (jail !== undefined) await assertReplaceable(context, jail, dataset);
  if (offer.base !== undefined && !world.releases.some(({ name }) => name === offer.base)) {
    const fetched = world.releases.map(({ name }) => name);
    throw failure('RELEASE_NOT_FOUND', { release: offer.base, fetched });
  }
  const { resumableReceive: resumable } = await context.storage.capabilities();
  const facts = { protocol: 1, pool: world.pool.name, resumable } as const;
  const origins = await presentOrigins(context, world, offer);
  const here = { world, dataset, place, jail };

  if (jail !== undefined) {
    const { datasets, snapshots } = await compare(context, jail.dataset, offer, label(jail));
    return { ...here, left: 'none', answer: { ...facts, datasets, origins }, snapshots };
  }
  const there = await context.storage.filesystems(place, 0, []);
  const empty = { ...facts, datasets: [], origins };
  if (there === undefined) return { ...here, left: 'none', answer: empty, snapshots: new Map() };
  const begun = resumable
    ? await compare(context, place, offer, offer.uuid).catch(() => undefined)
    : undefined;
  if (begun === undefined) return { ...here, left: 'useless', answer: empty, snapshots: new Map() };
  const { datasets, snapshots } = begun;
  return { ...here, left: 'useful', answer: { ...facts, datasets, origins }, snapshots };
}

function refuseTaken(world: World, { uuid, tag }: Offer): void {
  if (tag !== uuid) assertTag(tag);
  const others = world.jails.filter((other) => other.uuid !== uuid);
  for (const [what, name] of [
    ['tag', tag],
    ['name', uuid],
  ] as const) {
    const holder = holderOf(others, name);
    if (holder !== undefined) throw failure('NAME_TAKEN', { what, name, by: holder.uuid });
  }
}

async function assertReplaceable(context: Context, jail: Jail, dataset: string): Promise<void> {
  if (jail.problem !== undefined) throw failure('JAIL_CORRUPT', { name: jail.tag, why: jail.problem });
  if (jail.dataset !== dataset) {
    const why = jail.template ? 'here it is a template' : 'here it is no template';
    throw failure('DIVERGED', { jail: label(jail), why });
  }
  await assertDown(context, jail, 'receive');
}

/** The offered origins that are somewhere in the layout here. */
async function presentOrigins(
  context: Context,
  world: World,
  { datasets }: Offer,
): Promise<readonly string[] & Answer['origins']> {
  const wanted = new Set(datasets.flatMap(({ origin }) => origin ?? []));
  if (wanted.size === 0) return [];
  const rows = await context.storage.snapshots(world.root, undefined, ['guid']);
  const here = new Set(rows.flatMap(({ values }) => values.get('guid') ?? []));
  return [...wanted].filter((guid) => here.has(guid));
}

async function compare(
  context: Context,
  root: string,
  offer: Offer,
  jail: string,
): Promise<{ datasets: Answer['datasets']; snapshots: Map<string, readonly SnapshotRow[]> }> {
  const rows = (await context.storage.filesystems(root, 32, ['receive_resume_token'])) ?? [];
  const all = await context.storage.snapshots(root, undefined, ['guid']);
  const snapshots = new Map<string, readonly SnapshotRow[]>();
  const datasets: Answer['datasets'] = [];
  for (const { path, snapshots: offered } of offer.datasets) {
    const name = path === '' ? root : `${root}/${path}`;
    const row = rows.find((found) => found.name === name);
    if (row === undefined) continue;
    const own = all.filter(({ dataset }) => dataset === name);
    const token = row.values.get('receive_resume_token');
    const known = new Set(offered.map(({ guid }) => guid));
    const base = own.findLast(({ values }) => known.has(values.get('guid') ?? ''));
    if (base === undefined && (own.length > 0 || token === undefined)) {
      const why = `${name} has no snapshot in common with it`;
      throw failure('DIVERGED', { jail, why });
    }
    const newer = base === undefined ? [] : own.slice(own.indexOf(base) + 1);
    if (newer.length > 0) {
      const names = newer.map(({ snapshot }) => `@${snapshot}`).join(', ');
      const why = `${name} has snapshots since @${base!.snapshot} that it does not have: ${names}`;
      throw failure('DIVERGED', { jail, why, base: base!.snapshot, dataset: root });
    }
    const since = offered.slice(offered.findIndex(({ guid }) => guid === base?.values.get('guid')) + 1);
    const clash = since.find((one) => own.some(({ snapshot }) => snapshot === one.name));
    if (clash !== undefined) {
      const why = `${name}@${clash.name} is another snapshot than the one of that name that is sent`;
      throw failure('DIVERGED', { jail, why });
    }
    snapshots.set(path, own);
    const guid = base?.values.get('guid');
    datasets.push({
      path,
      ...(guid === undefined ? {} : { base: guid }),
      ...(token === undefined ? {} : { token }),
    });
  }
  return { datasets, snapshots };
}
