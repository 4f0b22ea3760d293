/**
 * Whatever was cloned, promoted, renamed, made a template or snapshotted before: a destroy or clean takes
 * away exactly what it says, and that is nothing but the jail's own and the snapshots made to clone it.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { destroyOrder } from '../../src/ops/jail/losses.ts';
import { openFakeWorld, type FakeWorld } from '../support/fake-world.ts';

/** Everything on the pool, filesystems and snapshots. */
async function everything({ storage }: FakeWorld): Promise<ReadonlySet<string>> {
  const filesystems = (await storage.filesystems('tank/iocage', 32, [])) ?? [];
  const snapshots = await storage.snapshots('tank/iocage', undefined, []);
  return new Set([...filesystems, ...snapshots].map(({ name }) => name));
}

/** A snapshot wherever it moves; those taken at once of a jail and its root have one number. */
function keyOf({ createTxg, dataset }: { createTxg: number; dataset: string }): string {
  return `${createTxg} ${dataset.endsWith('/root') ? 'root' : 'top'}`;
}

const names = ['a', 'b', 'c', 'd'] as const;
const name = fc.constantFrom(...names);

type Move =
  | {
      readonly do: 'create' | 'snapshot' | 'promote' | 'template' | 'jail' | 'destroy' | 'destroy-tree';
      readonly jail: string;
    }
  | {
      readonly do: 'clone' | 'copy' | 'clone-snapshot' | 'from-template' | 'rename';
      readonly jail: string;
      readonly to: string;
    }
  | { readonly do: 'clean'; readonly what: 'jails' | 'templates' };

const move: fc.Arbitrary<Move> = fc.oneof(
  fc.record({
    do: fc.constantFrom('create', 'snapshot', 'promote', 'template', 'jail', 'destroy', 'destroy-tree'),
    jail: name,
  }),
  fc.record({
    do: fc.constantFrom('clone', 'copy', 'clone-snapshot', 'from-template', 'rename'),
    jail: name,
    to: name,
  }),
  fc.record({ do: fc.constant('clean' as const), what: fc.constantFrom('jails', 'templates') }),
) as fc.Arbitrary<Move>;

const inputs: Readonly<Record<Move['do'], (move: any) => readonly [string, unknown]>> = {
  create: ({ jail }) => ['jail.create', { kind: 'clone', release: 'busybox', name: jail }],
  // A person's own snapshot, called as the one that a clone would get.
  snapshot: ({ jail }) => ['snapshot.take', { jail, snapshot: jail === 'a' ? 'b' : 'a' }],
  promote: ({ jail }) => ['jail.promote', { jail }],
  template: ({ jail }) => ['property.set', { jails: [jail], properties: [['template', 'yes']] }],
  jail: ({ jail }) => ['property.set', { jails: [jail], properties: [['template', 'no']] }],
  destroy: ({ jail }) => ['jail.destroy', { jail }],
  'destroy-tree': ({ jail }) => ['jail.destroy-tree', { jail }],
  copy: ({ jail, to }) => ['jail.clone', { jail, name: to, thick: true }],
  clone: ({ jail, to }) => ['jail.clone', { jail, name: to }],
  'clone-snapshot': ({ jail, to }) => ['jail.clone', { jail, name: to, snapshot: jail === 'a' ? 'b' : 'a' }],
  'from-template': ({ jail, to }) => ['jail.create', { template: jail, name: to }],
  rename: ({ jail, to }) => ['jail.rename', { jail, name: to }],
  clean: ({ what }) => ['pool.clean', { what: [what] }],
};

describe('nothing else disappears', () => {
  it('after any sequence of operations', { timeout: 120_000 }, async () => {
    const counts = { destroyed: 0, refused: 0 };
    await fc.assert(
      fc.asyncProperty(fc.array(move, { minLength: 4, maxLength: 14 }), async (moves) => {
        const world = await openFakeWorld();
        try {
          const taken = new Map<string, string>();
          await world.run('jail.create', { kind: 'clone', release: 'busybox', name: 'a' });
          for (const each of moves) {
            const [operation, input] = inputs[each.do](each);
            const before = await everything(world);
            const old = new Map(
              (await world.storage.snapshots('tank/iocage', undefined, [])).map((row) => [
                keyOf(row),
                row.name,
              ]),
            );
            const result = await world.run(operation, input).catch((error: { code: string }) => {
              expect(error.code).toMatch(
                /^(JAIL_NOT_FOUND|NAME_TAKEN|HAS_DEPENDENTS|HAS_CLONES|SNAPSHOT_EXISTS|SNAPSHOT_NOT_FOUND|USAGE|DATASET_EXISTS)$/,
              );
              return undefined;
            });
            const after = await everything(world);
            if (result === undefined) {
              counts.refused += 1;
              expect([...after].sort(), `${operation} refused`).toEqual([...before].sort());
              continue;
            }
            if (each.do === 'snapshot') {
              for (const row of await world.storage.snapshots('tank/iocage', undefined, []))
                if (!old.has(keyOf(row))) taken.set(keyOf(row), row.name);
            }
            if (!['destroy', 'destroy-tree', 'clean'].includes(each.do)) {
              // Promoting and renaming move snapshots about and lose none.
              const now = new Set((await world.storage.snapshots('tank/iocage', undefined, [])).map(keyOf));
              for (const txg of old.keys())
                expect(now.has(txg), `${operation} keeps ${old.get(txg)}`).toBe(true);
              continue;
            }
            counts.destroyed += 1;
            const gone = [...before].filter((one) => !after.has(one)).sort();
            expect(gone, operation).toEqual([...new Set(result.destroyed as string[])].sort());
            const roots =
              each.do === 'destroy' || each.do === 'destroy-tree'
                ? ((result.jails ?? [result]) as { uuid: string }[]).flatMap(({ uuid }) => [
                    `tank/iocage/jails/${uuid}`,
                    `tank/iocage/templates/${uuid}`,
                  ])
                : [`tank/iocage/${(each as { what: string }).what}`];
            const inside = (one: string): boolean =>
              roots.some((root) => one.split('@')[0] === root || one.startsWith(`${root}/`));
            const outside = gone.filter((one) => !inside(one));
            // Outside only snapshots, and none that a person took.
            for (const one of outside) {
              expect(one).toContain('@');
              const txg = [...old].find(([, called]) => called === one)![0];
              expect(taken.has(txg), `${one} was a person's`).toBe(false);
            }
          }
        } finally {
          world.close();
        }
      }),
      { numRuns: Number(process.env['IOCAGE_RUNS'] ?? 25) },
    );
    expect(counts.destroyed).toBeGreaterThan(0);
  });
});

describe('destroy -R', () => {
  it('takes what hangs on the jail at any depth, and nothing beside', async () => {
    const world = await openFakeWorld();
    try {
      for (const made of ['a', 'b'])
        await world.run('jail.create', { kind: 'clone', release: 'busybox', name: made });
      const before = await everything(world);
      await world.run('jail.clone', { jail: 'a', name: 'a1' });
      await world.run('jail.clone', { jail: 'a1', name: 'a2' });
      await expect(world.run('jail.destroy', { jail: 'a' })).rejects.toMatchObject({
        code: 'HAS_DEPENDENTS',
      });
      const { jails } = await world.run<{ jails: { uuid: string }[] }>('jail.destroy-tree', { jail: 'a' });
      expect(jails.map(({ uuid }) => uuid).sort()).toEqual(['a', 'a1', 'a2']);
      const kept = [...before].filter((one) => !/\/a(\/|@|$)|@a$/.test(one));
      expect([...(await everything(world))].sort()).toEqual(kept.sort());
    } finally {
      world.close();
    }
  });

  it('refuses when something else is a clone of it, such as a release made of the jail', async () => {
    const world = await openFakeWorld();
    try {
      await world.run('jail.create', { kind: 'clone', release: 'busybox', name: 'a' });
      await world.storage.snapshot('tank/iocage/jails/a/root@s', { recursive: false, properties: {} });
      await world.storage.clone('tank/iocage/jails/a/root@s', 'tank/iocage/releases/mine', {});
      const before = await everything(world);
      await expect(world.run('jail.destroy-tree', { jail: 'a' })).rejects.toMatchObject({
        code: 'HAS_DEPENDENTS',
        message: expect.stringContaining('releases/mine'),
      });
      expect(await everything(world)).toEqual(before);
    } finally {
      world.close();
    }
  });
});

it('a jail gets the name of one that is gone, also when a promotion left its snapshot in the release', async () => {
  const world = await openFakeWorld();
  try {
    await world.run('jail.create', { kind: 'clone', release: 'busybox', name: 'web' });
    await world.run('jail.clone', { jail: 'web', name: 'web2' });
    await world.run('jail.promote', { jail: 'web2' });
    await world.run('jail.destroy', { jail: 'web' });
    expect(await everything(world)).toContain('tank/iocage/releases/busybox/root@web');
    await world.run('jail.create', { kind: 'clone', release: 'busybox', name: 'web' });
    expect(await everything(world)).toContain('tank/iocage/releases/busybox/root@web-2');
    await world.run('snapshot.take', { jail: 'web', snapshot: 'web3' });
    await world.run('jail.clone', { jail: 'web', name: 'web3' });
    await world.run('jail.destroy', { jail: 'web3' });
    expect(await everything(world)).toContain('tank/iocage/jails/web/root@web3');
    await world.run('jail.destroy', { jail: 'web' });
    expect(await everything(world)).not.toContain('tank/iocage/releases/busybox/root@web-2');
  } finally {
    world.close();
  }
});

describe('by hand', () => {
  let world: FakeWorld;
  beforeEach(async () => {
    world = await openFakeWorld();
  });
  afterEach(() => world.close());

  it("a person's snapshot stays, even when it is called like the jail that was cloned from it", async () => {
    await world.run('jail.create', { kind: 'clone', release: 'busybox', name: 'source' });
    await world.run('snapshot.take', { jail: 'source', snapshot: 'victim' });
    await world.run('jail.clone', { jail: 'source', snapshot: 'victim', name: 'victim' });
    await world.run('jail.destroy', { jail: 'victim' });
    expect(await everything(world)).toContain('tank/iocage/jails/source/root@victim');
    await world.storage.snapshot('tank/iocage/releases/busybox/root@byhand', {
      recursive: false,
      properties: {},
    });
    await world.run('jail.destroy', { jail: 'source' });
    expect([...(await everything(world))].filter((one) => one.includes('@'))).toEqual([
      'tank/iocage/releases/busybox/root@byhand',
    ]);
  });

  it('COMPAT: without a stamp, the snapshot that the original named after the UUID goes, another stays', async () => {
    const uuid = 'adae47cb-01a8-11e4-aa78-3c970ea3222f';
    const { storage } = world;
    for (const point of [uuid, 'mine']) {
      await storage.snapshot(`tank/iocage/releases/busybox/root@${point}`, {
        recursive: false,
        properties: {},
      });
    }
    const old = `tank/iocage/jails/${uuid}`;
    await storage.create(old, { 'org.freebsd.iocage:host_hostuuid': uuid });
    await storage.clone(`tank/iocage/releases/busybox/root@${uuid}`, `${old}/root`, {});
    await storage.clone('tank/iocage/releases/busybox/root@mine', `${old}/data`, {});
    await world.run('jail.destroy', { jail: uuid });
    expect([...(await everything(world))].filter((one) => one.includes('@'))).toEqual([
      'tank/iocage/releases/busybox/root@mine',
    ]);
  });

  it('filesystems that are clones of each other in a circle are refused', () => {
    const circle = [
      { dataset: 'p/a', origin: 'p/a/b@x' },
      { dataset: 'p/a/c', origin: 'p/a@y' },
    ];
    expect(() => destroyOrder(['p/a', 'p/a/b', 'p/a/c'], circle)).toThrow(/clones of each other/);
  });
});

it('clean destroys in an order in which each goes alone', () => {
  const tree = fc.uniqueArray(
    fc.constantFrom('p/a', 'p/a/r', 'p/b', 'p/b/r', 'p/c', 'p/c/r', 'p/d', 'p/d/r'),
    {
      minLength: 1,
    },
  );
  fc.assert(
    fc.property(tree, fc.array(fc.tuple(fc.nat(7), fc.nat(7))), (filesystems, pairs) => {
      // Clones of earlier ones only: no circle.
      const clones = pairs.flatMap(([x, y]) => {
        const [older, newer] = [Math.min(x, y), Math.max(x, y)];
        const dataset = filesystems[newer];
        const from = filesystems[older];
        const related = dataset?.startsWith(`${from}/`) || from?.startsWith(`${dataset}/`);
        return dataset &&
          from &&
          older !== newer &&
          !related &&
          dataset.endsWith('/r') === from.endsWith('/r')
          ? [{ dataset, origin: `${from}@s` }]
          : [];
      });
      let order: readonly string[];
      try {
        order = destroyOrder(filesystems, clones);
      } catch (error) {
        // A circle across two trees: refused, never half done.
        expect(error).toMatchObject({ code: 'GUARDED' });
        return;
      }
      expect([...order].sort()).toEqual([...filesystems].sort());
      const at = (dataset: string): number => order.indexOf(dataset);
      for (const one of order) {
        const parent = one.slice(0, one.lastIndexOf('/'));
        if (at(parent) >= 0) expect(at(one)).toBeLessThan(at(parent));
      }
      for (const { dataset, origin } of clones) expect(at(dataset)).toBeLessThan(at(origin.split('@')[0]!));
    }),
  );
});
