/** What there is of a jail, in the words in which another host is told. */
import type { Context } from '../context.ts';
import type { DatasetRow, SnapshotRow } from '../../driver/storage.ts';
import { failure } from '../../domain/errors.ts';
import { label, type Jail } from '../../domain/jail.ts';
import { travels, type Offer } from '../../domain/transfer.ts';

export interface Described {
  readonly offer: Offer;
  readonly rows: readonly DatasetRow[];
  readonly snapshots: readonly SnapshotRow[];
  /** What the datasets refer to at this moment. */
  readonly bytes: number;
}

/** Everything that there is of the jail, as the other side is told. */
export async function describe(context: Context, jail: Jail): Promise<Described> {
  const { storage } = context;
  const rows = (await storage.filesystems(jail.dataset, 32, ['origin'])) ?? [];
  const sizes = await storage.measure(jail.dataset, 32, ['volsize', 'referenced']);
  const volumes = [...sizes].filter(([, values]) => values.has('volsize')).map(([name]) => name);
  if (volumes.length > 0)
    throw failure('UNSUPPORTED', {
      what: `sending ${label(jail)}`,
      why: `${volumes.join(', ')} is a volume, not a filesystem`,
    });
  const snapshots = await storage.snapshots(jail.dataset, undefined, ['guid']);
  const datasets: Offer['datasets'] = [];
  for (const { name, values } of rows) {
    const local = [...((await storage.local(name)) ?? [])].filter(([key]) => travels(key));
    const origin = values.get('origin');
    const guid = origin === undefined ? undefined : await guidOf(context, origin);
    datasets.push({
      path: name === jail.dataset ? '' : name.slice(jail.dataset.length + 1),
      ...(guid === undefined ? {} : { origin: guid }),
      snapshots: snapshots
        .filter(({ dataset }) => dataset === name)
        .map((row) => ({ name: row.snapshot, guid: row.values.get('guid') ?? '' })),
      properties: Object.fromEntries(local),
    });
  }
  const base = jail.local.get('type') === 'basejail' ? jail.local.get('release') : undefined;
  const offer: Offer = {
    protocol: 1,
    kernel: context.host.kernel,
    uuid: jail.uuid,
    tag: jail.tag,
    template: jail.dataset.split('/').at(-2) === 'templates',
    ...(base === undefined ? {} : { base }),
    datasets,
  };
  const bytes = rows.reduce((sum, { name }) => sum + Number(sizes.get(name)?.get('referenced') ?? 0), 0);
  return { offer, rows, snapshots, bytes };
}

async function guidOf({ storage }: Context, snapshot: string): Promise<string | undefined> {
  const rows = await storage.snapshots(snapshot.split('@')[0]!, 0, ['guid']);
  return rows.find(({ name }) => name === snapshot)?.values.get('guid');
}
