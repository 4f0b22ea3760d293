/**
 * What every Storage must do, as a suite that runs against each: the fake, zfs-fuse, OpenZFS. Each test
 * works in datasets of its own below one pool, which carries the marker property and is gone afterwards.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ErrorCode } from '../../src/domain/errors.ts';
import { IocageError } from '../../src/domain/errors.ts';
import type { Storage, StreamPart } from '../../src/driver/storage.ts';

/** A storage to try, and the few things the suite needs beside it. */
export interface Bench {
  readonly storage: Storage;
  /** A pool with nothing on it but the marker property. */
  readonly pool: string;
  /** Writes a file of the mounted filesystem. */
  write(dataset: string, file: string, text: string): Promise<void>;
  /** The file's text; undefined when it is not there. */
  read(dataset: string, file: string): Promise<string | undefined>;
  /** Has a process stand in the dataset until the answer is called. */
  occupy(dataset: string): Promise<() => Promise<void>>;
  /** Sets a property past every check, as another program could. */
  setRaw(dataset: string, key: string, value: string): Promise<void>;
  /** Sends the parts and receives each of the streams into one of the datasets; `broken`: the last one ends early. */
  transfer(
    parts: readonly StreamPart[],
    into: readonly string[],
    options?: { broken?: boolean },
  ): Promise<void>;
  /** Child processes so far; undefined where there are none to count. */
  spawned?(): number;
  dispose(): Promise<void>;
}

const gone = { recursive: false, properties: {} } as const;

async function refusal(attempt: Promise<unknown>): Promise<IocageError> {
  const error = await attempt.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error, 'it should have been refused').toBeInstanceOf(IocageError);
  return error as IocageError;
}

async function refuses(code: ErrorCode, attempt: Promise<unknown>): Promise<IocageError> {
  const error = await refusal(attempt);
  expect({ code: error.code, message: error.message }).toMatchObject({ code });
  expect(error.message).not.toContain('\n');
  return error;
}

export function storageContract(open: () => Promise<Bench>): void {
  let bench: Bench;
  let storage: Storage;
  let jails: string;
  let counter = 0;

  beforeAll(async () => {
    bench = await open();
    storage = bench.storage;
    jails = `${bench.pool}/iocage/jails`;
    for (const part of ['', '/jails', '/releases', '/download'])
      await storage.create(`${bench.pool}/iocage${part}`, {});
  });
  afterAll(() => bench?.dispose());

  const newName = (): string => `${jails}/j${counter++}`;
  /** A jail's two datasets, the top one with a property and a file. */
  async function newJail(properties: Record<string, string> = {}): Promise<string> {
    const dataset = newName();
    await storage.create(dataset, properties);
    await storage.create(`${dataset}/root`, {});
    await bench.write(`${dataset}/root`, 'etc-hostname', 'one');
    return dataset;
  }
  async function names(root: string): Promise<readonly string[] | undefined> {
    return (await storage.filesystems(root, 5, []))?.map(({ name }) => name);
  }
  async function value(dataset: string, column: string): Promise<string | undefined> {
    return (await storage.filesystems(dataset, 0, [column]))?.[0]?.values.get(column);
  }
  async function snapshotNames(root: string): Promise<readonly string[]> {
    return (await storage.snapshots(root, undefined, [])).map(({ name }) => name);
  }
  async function all(): Promise<unknown> {
    const rows = await storage.filesystems(bench.pool, 9, ['mounted', 'origin', 'org.test:a']);
    return [rows?.map(({ name, values }) => [name, ...values]), await snapshotNames(bench.pool)];
  }
  async function spawnedBy(work: () => Promise<unknown>): Promise<number | undefined> {
    const before = bench.spawned?.();
    await work();
    return before === undefined ? undefined : bench.spawned!() - before;
  }

  describe('pools', () => {
    it('are listed with marker and mount point, not active until someone says so', async () => {
      const pool = (await storage.pools()).find(({ name }) => name === bench.pool);
      expect(pool).toMatchObject({ active: false, disposable: true });
      expect(pool?.mountpoint).toMatch(/^\//);
      expect(pool).not.toHaveProperty('activeBy');
    });

    it('are active by the property on their root dataset, read in one child process', async () => {
      await storage.set(bench.pool, { 'org.freebsd.ioc:active': 'yes' });
      let pools = await storage.pools();
      const children = await spawnedBy(async () => (pools = await storage.pools()));
      expect(pools.find(({ name }) => name === bench.pool)).toMatchObject({
        active: true,
        activeBy: 'property',
      });
      expect(children ?? 1).toBe(1);
      await storage.inherit(bench.pool, 'org.freebsd.ioc:active');
      expect((await storage.pools()).find(({ name }) => name === bench.pool)?.active).toBe(false);
    });

    it('are active by the comment where there is one, otherwise say that there is none', async () => {
      if (!(await storage.capabilities()).poolComment) {
        await refuses('UNSUPPORTED', storage.setPoolComment(bench.pool, 'iocage'));
        return;
      }
      await storage.setPoolComment(bench.pool, 'iocage');
      expect((await storage.pools())[0]).toMatchObject({ active: true, activeBy: 'comment' });
      await storage.setPoolComment(bench.pool, 'iocage2');
      expect((await storage.pools())[0]).toMatchObject({ active: false });
    });

    it('have a health', async () => {
      expect(await storage.poolHealth(bench.pool)).toBe('ONLINE');
      expect(await storage.poolHealth('nosuchpool')).toBeUndefined();
      await refuses('INVALID_NAME', storage.poolHealth('-a'));
    });

    it('tell once what this ZFS can do', async () => {
      const first = await storage.capabilities();
      expect(first.jailedProperty).toMatch(/^(jailed|zoned)$/);
      expect((await spawnedBy(() => storage.capabilities())) ?? 0).toBe(0);
      expect(await storage.capabilities()).toEqual(first);
    });
  });

  describe('filesystems', () => {
    it('go down to the depth asked for, a parent first', async () => {
      const jail = await newJail();
      const read = async (depth: number) =>
        (await storage.filesystems(jail, depth, []))!.map(({ name }) => name);
      expect(await read(0)).toEqual([jail]);
      expect(await read(1)).toEqual([jail, `${jail}/root`]);
    });

    it('show user properties, inherited ones too, and leave out what is unset', async () => {
      const jail = await newJail({ 'org.test:a': 'x = y, "z" ü', 'org.test:b': '2', quota: '10M' });
      const rows = await storage.filesystems(jail, 1, [
        'org.test:a',
        'org.test:nosuch',
        'quota',
        'mounted',
        'origin',
      ]);
      expect(rows!.map(({ values }) => Object.fromEntries(values))).toEqual([
        { 'org.test:a': 'x = y, "z" ü', quota: '10M', mounted: 'yes' },
        { 'org.test:a': 'x = y, "z" ü', quota: 'none', mounted: 'yes' },
      ]);
    });

    it('leave a column out that this ZFS does not know', async () => {
      const jail = await newJail({ 'org.test:a': '1' });
      const rows = await storage.filesystems(jail, 0, [
        'nosuchcolumn',
        'org.test:a',
        'othercolumn',
        'mounted',
      ]);
      expect(Object.fromEntries(rows![0]!.values)).toEqual({ 'org.test:a': '1', mounted: 'yes' });
    });

    it('are undefined for what does not exist', async () => {
      expect(await storage.filesystems(`${jails}/nosuch`, 1, [])).toBeUndefined();
      expect(await storage.filesystems('nosuchpool/iocage', 1, [])).toBeUndefined();
    });

    it('refuse a name that is none', async () => {
      for (const name of [
        '-r',
        `${jails}/-r`,
        '',
        `${jails}/`,
        `${jails}/a@b`,
        `${jails}/../x`,
        `${jails}/a b\n`,
      ]) {
        await refuses('INVALID_NAME', storage.filesystems(name, 0, []));
      }
      await refuses('INVALID_INPUT', storage.filesystems(jails, 0, ['-o']));
      await refuses('INVALID_INPUT', storage.filesystems(jails, 0, ['name,used']));
    });

    it('mark a row whose values pass for other rows, and never give it away as theirs', async () => {
      const victim = await newJail({ 'org.test:a': 'mine' });
      const forger = await newJail({ 'org.test:a': 'own' });
      await bench.setRaw(
        forger,
        'org.test:a',
        `x\t${forger}\n${jails}/ghost\tforged\t${jails}/ghost\n${forger}\tforged`,
      );
      const rows = (await storage.filesystems(jails, 1, ['org.test:a']))!;
      const row = (name: string) => rows.find((each) => each.name === name)!;
      expect(row(forger)).toMatchObject({ problem: expect.any(String) as string });
      expect(row(forger).values.size).toBe(0);
      expect(row(victim).values.get('org.test:a')).toBe('mine');
      expect(rows.filter(({ problem }) => problem === undefined).map(({ name }) => name)).not.toContain(
        `${jails}/ghost`,
      );
      await storage.destroy(forger, { recursive: true });
    });

    it('of several roots are read in one child process; one that is not there keeps nothing back', async () => {
      const roots = ['one', 'two', 'gone'].map((name) => `${bench.pool}/iocage/releases/${name}`);
      const [one, two, gone] = roots as [string, string, string];
      for (const root of [one, two]) await storage.create(root, { 'org.test:a': root.slice(-3) });
      await storage.create(`${two}/root`, { 'org.test:a': 'below' });
      const columns = ['org.test:a'];
      let found = await storage.filesystemsOf([one, two], 1, columns);
      const children = await spawnedBy(async () => (found = await storage.filesystemsOf(roots, 1, columns)));
      expect(children ?? 1).toBe(1);
      expect([...found.keys()]).toEqual([one, two]);
      expect(found.get(one)).toEqual(await storage.filesystems(one, 1, columns));
      expect(found.get(two)).toEqual(await storage.filesystems(two, 1, columns));
      expect(found.get(two)!.map(({ values }) => values.get('org.test:a'))).toEqual(['two', 'below']);
      expect(found.has(gone)).toBe(false);
      expect([...(await storage.filesystemsOf([gone, `${gone}/x`], 0, columns))]).toEqual([]);
      for (const root of [one, two]) await storage.destroy(root, { recursive: true });
    });

    it('of 200 jails are read in one child process', async () => {
      const parent = `${bench.pool}/iocage/releases/many`;
      await storage.create(parent, {});
      await storage.create(`${parent}/root`, { canmount: 'off' });
      const wanted = Array.from({ length: 200 }, (_, i) => `${parent}/root/d${String(i).padStart(3, '0')}`);
      for (const name of wanted) await storage.create(name, { 'org.test:a': name.slice(-3) });
      let rows = await storage.filesystems(parent, 2, ['org.test:a']);
      const children = await spawnedBy(
        async () => (rows = await storage.filesystems(parent, 2, ['org.test:a'])),
      );
      expect(rows!.filter(({ values }) => values.has('org.test:a')).map(({ name }) => name)).toEqual(wanted);
      expect(children ?? 1).toBe(1);
      expect((await spawnedBy(() => storage.measure(parent, 2, ['used', 'available']))) ?? 1).toBe(1);
      expect((await spawnedBy(() => storage.snapshots(parent, undefined, []))) ?? 1).toBe(1);
      expect((await spawnedBy(() => storage.clones(bench.pool))) ?? 1).toBe(1);
      await storage.destroy(parent, { recursive: true });
      expect(await names(parent)).toBeUndefined();
    });
  });

  describe('measure', () => {
    it('answers exact bytes and a ratio with x, for filesystems only', async () => {
      const jail = await newJail({ quota: '10M' });
      await storage.snapshot(`${jail}@s`, { recursive: true, properties: {} });
      const measured = await storage.measure(jail, 1, ['quota', 'used', 'compressratio', 'nosuchcolumn']);
      expect([...measured.keys()]).toEqual([jail, `${jail}/root`]);
      expect(measured.get(jail)?.get('quota')).toBe('10485760');
      expect(measured.get(`${jail}/root`)?.get('quota')).toBe('0');
      expect(measured.get(jail)?.get('used')).toMatch(/^[1-9]\d*$/);
      expect(measured.get(jail)?.get('compressratio')).toMatch(/^\d+\.\d+x$/);
      expect((await storage.measure(jail, 0, ['used'])).size).toBe(1);
    });

    it('is empty for what does not exist', async () => {
      expect((await storage.measure(`${jails}/nosuch`, 1, ['used'])).size).toBe(0);
    });
  });

  describe('create', () => {
    it('makes and mounts, with many properties in one child process', async () => {
      const many = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`org.test:p${i}`, `v${i}`]));
      const jail = newName();
      expect((await spawnedBy(() => storage.create(jail, { ...many, quota: '20M' }))) ?? 1).toBe(1);
      const local = await storage.local(jail);
      expect(Object.fromEntries(local!)).toEqual({ ...many, quota: '20971520' });
      await bench.write(jail, 'file', 'text');
      expect(await bench.read(jail, 'file')).toBe('text');
    });

    it('does not adopt what is there', async () => {
      const jail = await newJail({ 'org.test:a': '1' });
      const before = await all();
      const error = await refuses('DATASET_EXISTS', storage.create(jail, { 'org.test:a': '2' }));
      expect(error.details).toEqual({ dataset: jail });
      expect(await all()).toEqual(before);
    });

    it('wants the parent', async () => {
      const error = await refuses('DATASET_NOT_FOUND', storage.create(`${jails}/nosuch/root`, {}));
      expect(error.details).toEqual({ dataset: `${jails}/nosuch` });
      await refuses('DATASET_NOT_FOUND', storage.create('nosuchpool/a', {}));
    });

    it('refuses names and values that could be read as something else', async () => {
      const before = await all();
      for (const name of [
        '-p',
        `${jails}/-p`,
        `${jails}/a b`,
        `${jails}/a@b`,
        `${jails}/a%b`,
        `${jails}/a\nb`,
        `${jails}//a`,
      ]) {
        await refuses('INVALID_NAME', storage.create(name, {}));
      }
      for (const properties of [
        { 'org.test:a': 'x\ny' },
        { 'org.test:a': 'x\ty' },
        { 'org.test:a': '' },
        { 'Org.test:a': 'x' },
        { '-r': 'x' },
        { 'a=b:c': 'x' },
      ]) {
        await refuses('INVALID_INPUT', storage.create(newName(), properties));
      }
      await refuses('COMMAND_FAILED', storage.create(newName(), { quota: 'many' }));
      await refuses('COMMAND_FAILED', storage.create(newName(), { nosuchproperty: 'x' }));
      expect(await all()).toEqual(before);
    });

    it('leaves nothing when it cannot be mounted', async () => {
      const jail = await newJail();
      await bench.write(jail, 'taken/file', 'x');
      await refuses('COMMAND_FAILED', storage.create(`${jail}/taken`, {}));
      expect(await names(jail)).toEqual([jail, `${jail}/root`]);
      expect(await bench.read(jail, 'taken/file')).toBe('x');
    });

    it('takes lz4 exactly where it says so', async () => {
      const { lz4 } = await storage.capabilities();
      const attempt = storage.create(newName(), { compression: 'lz4' });
      if (lz4) await attempt;
      else await refuses('COMMAND_FAILED', attempt);
    });
  });

  describe('snapshot', () => {
    it('is taken of the tree, with properties, in order of time', async () => {
      const jail = await newJail({ 'org.test:a': 'inherited' });
      await storage.snapshot(`${jail}@first`, { recursive: true, properties: { 'org.test:s': '1' } });
      await storage.snapshot(`${jail}@a-second`, { recursive: false, properties: {} });
      const rows = await storage.snapshots(jail, undefined, ['org.test:s', 'org.test:a']);
      expect(rows.map(({ name }) => name)).toEqual([
        `${jail}@first`,
        `${jail}/root@first`,
        `${jail}@a-second`,
      ]);
      expect(rows[1]).toMatchObject({ dataset: `${jail}/root`, snapshot: 'first' });
      expect(rows.map(({ values }) => values.get('org.test:s'))).toEqual(['1', '1', undefined]);
      expect(rows[2]!.createTxg).toBeGreaterThan(rows[0]!.createTxg);
      expect(Math.abs(rows[0]!.createdAt - Date.now() / 1000)).toBeLessThan(3600);
      expect(rows[1]!.referencedBytes).toBeGreaterThan(0);
      expect(rows[1]!.usedBytes).toBeGreaterThanOrEqual(0);
    });

    it('is listed down to the depth asked for', async () => {
      const jail = await newJail();
      await storage.snapshot(`${jail}@s`, { recursive: true, properties: {} });
      const read = async (depth: number) =>
        (await storage.snapshots(jail, depth, [])).map(({ name }) => name);
      expect(await read(0)).toEqual([`${jail}@s`]);
      expect(await read(1)).toEqual([`${jail}@s`, `${jail}/root@s`]);
      expect(await storage.snapshots(`${jails}/nosuch`, undefined, [])).toEqual([]);
    });

    it('that exists below refuses all of a recursive one', async () => {
      const jail = await newJail();
      await storage.snapshot(`${jail}/root@s`, gone);
      const before = await all();
      await refuses('DATASET_EXISTS', storage.snapshot(`${jail}@s`, { recursive: true, properties: {} }));
      expect(await all()).toEqual(before);
      await refuses('DATASET_EXISTS', storage.snapshot(`${jail}/root@s`, gone));
    });

    it('of nothing, or by a bad name, is refused', async () => {
      const jail = await newJail();
      await refuses('DATASET_NOT_FOUND', storage.snapshot(`${jails}/nosuch@s`, gone));
      for (const name of [
        jail,
        `${jail}@`,
        `${jail}@-r`,
        `${jail}@a@b`,
        `${jail}@a/b`,
        `${jail}@a,b`,
        `${jail}@a%b`,
        `-r@a`,
      ]) {
        await refuses('INVALID_NAME', storage.snapshot(name, gone));
      }
    });

    it('cannot be forged by a value of another one', async () => {
      const jail = await newJail();
      await storage.snapshot(`${jail}@s`, gone);
      await bench.setRaw(jail, 'org.test:a', `x\n${jail}@ghost\tcreatetxg\t1\tcreatetxg\t${jail}@ghost\ny`);
      const rows = await storage.snapshots(jail, 0, ['org.test:a']);
      expect(rows.map(({ name }) => name)).toEqual([`${jail}@s`]);
      await storage.destroy(jail, { recursive: true });
    });
  });

  describe('clone and promote', () => {
    it('shares the files and is named among the clones', async () => {
      const jail = await newJail();
      await storage.snapshot(`${jail}/root@base`, gone);
      const copy = newName();
      expect(
        (await spawnedBy(() => storage.clone(`${jail}/root@base`, copy, { 'org.test:a': 'c' }))) ?? 1,
      ).toBe(1);
      expect(await bench.read(copy, 'etc-hostname')).toBe('one');
      await bench.write(copy, 'etc-hostname', 'two');
      expect(await bench.read(`${jail}/root`, 'etc-hostname')).toBe('one');
      expect(await storage.clones(bench.pool)).toContainEqual({ dataset: copy, origin: `${jail}/root@base` });
      expect(await value(copy, 'origin')).toBe(`${jail}/root@base`);
      expect((await storage.local(copy))?.get('org.test:a')).toBe('c');
    });

    it('is refused for what is missing or there', async () => {
      const jail = await newJail();
      await storage.snapshot(`${jail}/root@base`, gone);
      const before = await all();
      await refuses('DATASET_NOT_FOUND', storage.clone(`${jail}/root@nosuch`, newName(), {}));
      await refuses('DATASET_NOT_FOUND', storage.clone(`${jail}/root@base`, `${jails}/nosuch/root`, {}));
      await refuses('DATASET_EXISTS', storage.clone(`${jail}/root@base`, jail, {}));
      await refuses('INVALID_NAME', storage.clone(`${jail}/root`, newName(), {}));
      await refuses('INVALID_INPUT', storage.clone(`${jail}/root@base`, newName(), { 'org.test:a': 'a\nb' }));
      expect(await all()).toEqual(before);
    });

    it('turns the tables by promote', async () => {
      const jail = await newJail();
      await storage.snapshot(`${jail}/root@base`, gone);
      const copy = newName();
      await storage.clone(`${jail}/root@base`, copy, {});
      await storage.promote(copy);
      expect(await value(copy, 'origin')).toBeUndefined();
      expect(await value(`${jail}/root`, 'origin')).toBe(`${copy}@base`);
      await refuses('COMMAND_FAILED', storage.promote(copy));
      await refuses('DATASET_NOT_FOUND', storage.promote(`${jails}/nosuch`));
    });
  });

  describe('copy', () => {
    it('is whole, mounted, independent and without a snapshot', async () => {
      const jail = await newJail();
      await storage.snapshot(`${jail}/root@base`, gone);
      const copy = newName();
      await storage.create(copy, {});
      await storage.copy(`${jail}/root@base`, `${copy}/root`);
      expect(await bench.read(`${copy}/root`, 'etc-hostname')).toBe('one');
      expect(await value(`${copy}/root`, 'origin')).toBeUndefined();
      expect(await snapshotNames(copy)).toEqual([]);
      await storage.destroy(jail, { recursive: true });
      expect(await bench.read(`${copy}/root`, 'etc-hostname')).toBe('one');
    });

    it('by relay: snapshot after snapshot, the same ones, not mounted', async () => {
      const jail = await newJail();
      await storage.snapshot(`${jail}/root@one`, gone);
      await bench.write(`${jail}/root`, 'etc-hostname', 'two');
      await storage.snapshot(`${jail}/root@two`, gone);
      const copy = newName();
      await storage.create(copy, {});
      const [from, to] = [`${jail}/root`, `${copy}/root`];
      await storage.relay({ snapshot: `${from}@one` }, to);
      await storage.relay({ snapshot: `${from}@two`, from: `${from}@one` }, to);
      expect(await value(to, 'mounted')).toBe('no');
      const guids = async (dataset: string) =>
        (await storage.snapshots(dataset, 0, ['guid'])).map(({ snapshot, values }) => [
          snapshot,
          values.get('guid'),
        ]);
      expect(await guids(to)).toEqual(await guids(from));
      await storage.mount(to);
      expect(await bench.read(to, 'etc-hostname')).toBe('two');
      await refuses('DATASET_NOT_FOUND', storage.relay({ snapshot: `${from}@none` }, newName()));
    });

    it('overwrites nothing and leaves nothing', async () => {
      const jail = await newJail();
      await storage.snapshot(`${jail}/root@base`, gone);
      const other = await newJail();
      const before = await all();
      await refuses('DATASET_EXISTS', storage.copy(`${jail}/root@base`, `${other}/root`));
      await refuses('DATASET_NOT_FOUND', storage.copy(`${jail}/root@nosuch`, newName()));
      await refuses('DATASET_NOT_FOUND', storage.copy(`${jail}/root@base`, `${jails}/nosuch/root`));
      await refuses('INVALID_NAME', storage.copy(`${jail}/root@base`, '-F'));
      expect(await all()).toEqual(before);
    });

    it('into a full quota says so and leaves nothing', async () => {
      const jail = await newJail();
      await bench.write(`${jail}/root`, 'big', noise(3_000_000));
      await storage.snapshot(`${jail}/root@base`, gone);
      const small = newName();
      await storage.create(small, { quota: '2M' });
      const before = await all();
      const error = await refuses('POOL_FULL', storage.copy(`${jail}/root@base`, `${small}/root`));
      expect(error.details['dataset']).toBe(`${small}/root`);
      expect(await all()).toEqual(before);
    });
  });

  describe('set and inherit', () => {
    it('sets several, in as few calls as this ZFS allows', async () => {
      const jail = await newJail();
      const { setMany } = await storage.capabilities();
      const children = await spawnedBy(() =>
        storage.set(jail, { 'org.test:a': '1', 'org.test:b': '2', quota: '30M' }),
      );
      expect(children ?? (setMany ? 1 : 3)).toBe(setMany ? 1 : 3);
      expect(Object.fromEntries((await storage.local(jail))!)).toEqual({
        'org.test:a': '1',
        'org.test:b': '2',
        quota: '31457280',
      });
      await storage.set(jail, {});
    });

    it('goes back to the inherited value, and to none where nothing is inherited', async () => {
      const jail = await newJail({ 'org.test:a': 'top', quota: '30M' });
      await storage.set(`${jail}/root`, { 'org.test:a': 'own' });
      expect(await value(`${jail}/root`, 'org.test:a')).toBe('own');
      await storage.inherit(`${jail}/root`, 'org.test:a');
      expect(await value(`${jail}/root`, 'org.test:a')).toBe('top');
      await storage.inherit(jail, 'quota');
      expect(await value(jail, 'quota')).toBe('none');
      await storage.inherit(jail, 'org.test:neverset');
    });

    it('is local where it was set, of a snapshot too', async () => {
      const jail = await newJail({ 'org.test:a': 'top' });
      await storage.snapshot(`${jail}@s`, { recursive: false, properties: { 'org.test:s': '1' } });
      expect(Object.fromEntries((await storage.local(`${jail}/root`))!)).toEqual({});
      expect(Object.fromEntries((await storage.local(`${jail}@s`))!)).toEqual({ 'org.test:s': '1' });
      await storage.set(`${jail}@s`, { 'org.test:s': '2' });
      expect((await storage.local(`${jail}@s`))?.get('org.test:s')).toBe('2');
      expect(await storage.local(`${jails}/nosuch`)).toBeUndefined();
      expect(await storage.local(`${jail}@nosuch`)).toBeUndefined();
    });

    it('refuses what is missing or wrong', async () => {
      const jail = await newJail();
      await refuses('DATASET_NOT_FOUND', storage.set(`${jails}/nosuch`, { 'org.test:a': '1' }));
      await refuses('DATASET_NOT_FOUND', storage.inherit(`${jails}/nosuch`, 'org.test:a'));
      await refuses('INVALID_INPUT', storage.set(jail, { 'org.test:a': 'x\ny' }));
      await refuses('INVALID_INPUT', storage.inherit(jail, '-r'));
      await refuses('COMMAND_FAILED', storage.set(jail, { nosuchproperty: '1' }));
    });

    it('keeps long values', async () => {
      const jail = await newJail();
      const long = 'ü'.repeat(500);
      await storage.set(jail, { 'org.test:a': long });
      expect(await value(jail, 'org.test:a')).toBe(long);
    });
  });

  describe('rollback', () => {
    it('brings the files back', async () => {
      const jail = await newJail();
      await storage.snapshot(`${jail}/root@s`, gone);
      await bench.write(`${jail}/root`, 'etc-hostname', 'broken');
      await storage.rollback(`${jail}/root@s`, { destroyNewer: false });
      expect(await bench.read(`${jail}/root`, 'etc-hostname')).toBe('one');
    });

    it('names the newer snapshots and destroys them only when told', async () => {
      const jail = await newJail();
      for (const name of ['one', 'two', 'three']) await storage.snapshot(`${jail}/root@${name}`, gone);
      await bench.write(`${jail}/root`, 'etc-hostname', 'broken');
      const error = await refuses(
        'NEWER_SNAPSHOTS',
        storage.rollback(`${jail}/root@one`, { destroyNewer: false }),
      );
      expect([...(error.details['newer'] as string[])].sort()).toEqual([
        `${jail}/root@three`,
        `${jail}/root@two`,
      ]);
      expect(await bench.read(`${jail}/root`, 'etc-hostname')).toBe('broken');
      await storage.rollback(`${jail}/root@one`, { destroyNewer: true });
      expect(await bench.read(`${jail}/root`, 'etc-hostname')).toBe('one');
      expect(await snapshotNames(jail)).toEqual([`${jail}/root@one`]);
    });

    it('never takes a clone with it', async () => {
      const jail = await newJail();
      for (const name of ['one', 'two']) await storage.snapshot(`${jail}/root@${name}`, gone);
      const copy = newName();
      await storage.clone(`${jail}/root@two`, copy, {});
      const before = await all();
      const error = await refuses(
        'HAS_DEPENDENTS',
        storage.rollback(`${jail}/root@one`, { destroyNewer: true }),
      );
      expect(error.details['dependents']).toEqual([copy]);
      expect(await all()).toEqual(before);
    });

    it('to nothing is refused', async () => {
      const jail = await newJail();
      await refuses('DATASET_NOT_FOUND', storage.rollback(`${jail}@nosuch`, { destroyNewer: false }));
      await refuses('INVALID_NAME', storage.rollback(jail, { destroyNewer: true }));
    });
  });

  describe('mount and unmount', () => {
    it('take the tree down, and can be repeated', async () => {
      const jail = await newJail();
      await storage.unmount(jail);
      await storage.unmount(jail);
      expect([await value(jail, 'mounted'), await value(`${jail}/root`, 'mounted')]).toEqual(['no', 'no']);
      await storage.mount(jail);
      await storage.mount(jail);
      await storage.mount(`${jail}/root`);
      expect(await bench.read(`${jail}/root`, 'etc-hostname')).toBe('one');
      await refuses('DATASET_NOT_FOUND', storage.mount(`${jails}/nosuch`));
      await refuses('DATASET_NOT_FOUND', storage.unmount(`${jails}/nosuch`));
      await refuses('INVALID_NAME', storage.mount('-O'));
    });

    it('leave a busy tree mounted, in bounded time', async () => {
      const jail = await newJail();
      const release = await bench.occupy(`${jail}/root`);
      const started = Date.now();
      const error = await refuses('DATASET_BUSY', storage.unmount(jail));
      expect(error.details['tries']).toBeGreaterThan(3);
      expect(Date.now() - started).toBeLessThan(6000);
      expect([await value(jail, 'mounted'), await value(`${jail}/root`, 'mounted')]).toEqual(['yes', 'yes']);
      await release();
      await storage.unmount(jail);
    });
  });

  describe('rename', () => {
    it('takes the tree along, mounted and whole', async () => {
      const jail = await newJail({ 'org.test:a': '1' });
      await storage.snapshot(`${jail}/root@s`, gone);
      const copy = newName();
      await storage.clone(`${jail}/root@s`, copy, {});
      const to = newName();
      await storage.rename(jail, to);
      expect(await names(jail)).toBeUndefined();
      expect(await names(to)).toEqual([to, `${to}/root`]);
      expect(await bench.read(`${to}/root`, 'etc-hostname')).toBe('one');
      expect((await storage.local(to))?.get('org.test:a')).toBe('1');
      expect(await value(copy, 'origin')).toBe(`${to}/root@s`);
    });

    it('leaves unmounted what was unmounted', async () => {
      const jail = await newJail();
      await storage.unmount(jail);
      await storage.mount(jail);
      const to = newName();
      await storage.rename(jail, to);
      expect([await value(to, 'mounted'), await value(`${to}/root`, 'mounted')]).toEqual(['yes', 'no']);
    });

    it('refused leaves all as it was', async () => {
      const [jail, other] = [await newJail(), await newJail()];
      const before = await all();
      await refuses('DATASET_EXISTS', storage.rename(jail, other));
      await refuses('DATASET_NOT_FOUND', storage.rename(`${jails}/nosuch`, newName()));
      await refuses('DATASET_NOT_FOUND', storage.rename(jail, `${jails}/nosuch/x`));
      await refuses('INVALID_NAME', storage.rename(jail, '-p'));
      const release = await bench.occupy(jail);
      await refuses('DATASET_BUSY', storage.rename(jail, newName()));
      await release();
      expect(await all()).toEqual(before);
    });
  });

  describe('destroy', () => {
    it('removes the filesystem, what is below and its snapshots, and may be repeated', async () => {
      const jail = await newJail();
      await storage.snapshot(`${jail}@s`, { recursive: true, properties: {} });
      await storage.destroy(jail, { recursive: true });
      expect(await names(jail)).toBeUndefined();
      await storage.destroy(jail, { recursive: true });
      await storage.destroy('nosuchpool/iocage/jails/a', { recursive: true });
    });

    it('takes its own snapshots along, but nothing below without recursive', async () => {
      const jail = await newJail();
      await storage.snapshot(`${jail}/root@s`, gone);
      const before = await all();
      await refuses('GUARDED', storage.destroy(jail, { recursive: false }));
      expect(await all()).toEqual(before);
      await storage.destroy(`${jail}/root`, { recursive: false });
      expect(await names(jail)).toEqual([jail]);
    });

    it('is kept by the guard from everything else', async () => {
      const before = await all();
      for (const name of [
        bench.pool,
        `${bench.pool}/iocage`,
        jails,
        `${bench.pool}/other/jails/x`,
        `${jails}/a@s`,
        `-r`,
        `${jails}/..`,
        '',
      ]) {
        await refuses('GUARDED', storage.destroy(name, { recursive: true }));
      }
      expect(await all()).toEqual(before);
    });

    it('is refused, with nothing changed, when something is cloned from it', async () => {
      const jail = await newJail();
      await storage.snapshot(`${jail}/root@base`, gone);
      const copy = newName();
      await storage.clone(`${jail}/root@base`, copy, {});
      const before = await all();
      for (const attempt of [
        () => storage.destroy(jail, { recursive: true }),
        () => storage.destroy(`${jail}/root`, { recursive: false }),
      ]) {
        const error = await refuses('HAS_DEPENDENTS', attempt());
        expect(error.details['dependents']).toEqual([copy]);
      }
      expect(await all()).toEqual(before);
      await storage.destroy(copy, { recursive: false });
      await storage.destroy(jail, { recursive: true });
    });

    it('takes a clone along that lies within', async () => {
      const jail = await newJail();
      await storage.snapshot(`${jail}/root@base`, gone);
      await storage.clone(`${jail}/root@base`, `${jail}/data`, {});
      await storage.destroy(jail, { recursive: true });
      expect(await names(jail)).toBeUndefined();
    });

    it('leaves a busy one whole and mounted, in bounded time', async () => {
      const jail = await newJail();
      await storage.snapshot(`${jail}@s`, { recursive: true, properties: {} });
      const before = await all();
      const release = await bench.occupy(`${jail}/root`);
      const started = Date.now();
      await refuses('DATASET_BUSY', storage.destroy(jail, { recursive: true }));
      expect(Date.now() - started).toBeLessThan(6000);
      expect(await all()).toEqual(before);
      expect(await bench.read(`${jail}/root`, 'etc-hostname')).toBe('one');
      await release();
      await storage.destroy(jail, { recursive: true });
      expect(await names(jail)).toBeUndefined();
    });

    it('by the maker touches only what carries the stamp, the layout too', async () => {
      const jail = await newJail({ 'org.freebsd.iocage:op': 'op-1' });
      await storage.destroy(jail, { recursive: true, madeBy: 'op-2' });
      await storage.destroy(`${jail}/root`, { recursive: true, madeBy: 'op-1' });
      await storage.destroy(`${bench.pool}/iocage/download`, { recursive: true, madeBy: 'op-1' });
      expect(await names(jail)).toEqual([jail, `${jail}/root`]);
      await storage.destroy(jail, { recursive: true, madeBy: 'op-1' });
      expect(await names(jail)).toBeUndefined();

      await storage.create(`${bench.pool}/iocage/templates`, { 'org.freebsd.iocage:op': 'op-1' });
      await refuses('GUARDED', storage.destroy(`${bench.pool}/iocage/templates`, { recursive: false }));
      await storage.destroy(`${bench.pool}/iocage/templates`, { recursive: false, madeBy: 'op-1' });
      expect(await names(`${bench.pool}/iocage/templates`)).toBeUndefined();
      await refuses('GUARDED', storage.destroy(bench.pool, { recursive: true, madeBy: 'op-1' }));
    });
  });

  describe('send and receive', () => {
    const guids = async (dataset: string): Promise<readonly (string | undefined)[]> =>
      (await storage.snapshots(dataset, 0, ['guid'])).map(({ values }) => values.get('guid'));
    /** A filesystem with a snapshot `s`, and one that has it too. */
    async function pair(): Promise<readonly [from: string, to: string]> {
      const from = `${await newJail()}/root`;
      const to = newName();
      await storage.snapshot(`${from}@s`, gone);
      await bench.transfer([{ snapshot: `${from}@s` }], [to]);
      return [from, to];
    }

    it('bring snapshots as they are, the first whole and the next on top of it, and mount nothing', async () => {
      const [from, to] = await pair();
      await bench.write(from, 'etc-hostname', 'two');
      for (const name of ['t', 'u']) await storage.snapshot(`${from}@${name}`, gone);
      const parts = [
        { snapshot: `${from}@t`, from: `${from}@s` },
        { snapshot: `${from}@u`, from: `${from}@t` },
      ];
      await bench.transfer(parts, [to, to]);
      expect(await guids(to)).toEqual(await guids(from));
      expect(new Set(await guids(to)).size).toBe(3);
      expect(await value(to, 'mounted')).toBe('no');
      await storage.mount(to);
      expect(await bench.read(to, 'etc-hostname')).toBe('two');
    });

    it('make a clone of what a clone was made of, by its guid', async () => {
      const [from, to] = await pair();
      const [clone, made] = [newName(), newName()];
      await storage.clone(`${from}@s`, clone, {});
      await storage.snapshot(`${clone}@c`, gone);
      await bench.transfer([{ snapshot: `${clone}@c`, from: `${from}@s` }], [made]);
      expect([`${from}@s`, `${to}@s`]).toContain(await value(made, 'origin'));
    });

    it('refuse what was changed meanwhile, and leave it', async () => {
      const [from, to] = await pair();
      await storage.mount(to);
      await bench.write(to, 'own', 'mine');
      await storage.unmount(to);
      await storage.snapshot(`${from}@t`, gone);
      const part = { snapshot: `${from}@t`, from: `${from}@s` };
      await refuses('DIVERGED', bench.transfer([part], [to]));
      await storage.mount(to);
      expect(await bench.read(to, 'own')).toBe('mine');
      expect(await guids(to)).toHaveLength(1);
    });

    it('leave nothing of a stream that ends early, and never replace what is there', async () => {
      const [from, to] = await pair();
      const other = newName();
      const part = { snapshot: `${from}@s` };
      await refusal(bench.transfer([part], [other], { broken: true }));
      expect(await names(other)).toBeUndefined();
      await refusal(bench.transfer([part], [to]));
      expect(await guids(to)).toEqual(await guids(from));
    });

    it('refuse names and tokens that are none', async () => {
      for (const snapshot of ['-R', `${jails}/a`, `${jails}/a@-r`, `${jails}/a@b@c`])
        await refuses('INVALID_NAME', bench.transfer([{ snapshot }], []));
      await refuses('INVALID_NAME', storage.receive('-F', { resumable: false }));
      await refuses('INVALID_INPUT', storage.tokenGuid('-n'));
    });
  });

  describe('destroySnapshot', () => {
    it('removes one, or those of that name below too, and may be repeated', async () => {
      const jail = await newJail();
      await storage.snapshot(`${jail}@s`, { recursive: true, properties: {} });
      await storage.snapshot(`${jail}@t`, { recursive: true, properties: {} });
      await storage.destroySnapshot(`${jail}@s`, { recursive: false });
      expect([...(await snapshotNames(jail))].sort()).toEqual([
        `${jail}/root@s`,
        `${jail}/root@t`,
        `${jail}@t`,
      ]);
      await storage.destroySnapshot(`${jail}@t`, { recursive: true });
      expect(await snapshotNames(jail)).toEqual([`${jail}/root@s`]);
      await storage.destroySnapshot(`${jail}@t`, { recursive: true });
      await storage.destroySnapshot(`${jail}@t`, { recursive: false });
      await storage.destroySnapshot(`${jails}/nosuch@t`, { recursive: false });
      await storage.destroySnapshot(`${jails}/nosuch@t`, { recursive: true });
    });

    it('never touches a filesystem, nor what lies outside', async () => {
      const jail = await newJail();
      await refuses('INVALID_NAME', storage.destroySnapshot(jail, { recursive: true }));
      await refuses('INVALID_NAME', storage.destroySnapshot(`${jail}@a%b`, { recursive: false }));
      await refuses('GUARDED', storage.destroySnapshot(`${bench.pool}@s`, { recursive: true }));
    });

    it('names what is cloned from it', async () => {
      const jail = await newJail();
      await storage.snapshot(`${jail}@s`, { recursive: true, properties: {} });
      const copy = newName();
      await storage.clone(`${jail}/root@s`, copy, {});
      const before = await all();
      const one = await refuses(
        'HAS_DEPENDENTS',
        storage.destroySnapshot(`${jail}/root@s`, { recursive: false }),
      );
      expect(one.details['dependents']).toEqual([copy]);
      const tree = await refuses('HAS_DEPENDENTS', storage.destroySnapshot(`${jail}@s`, { recursive: true }));
      expect(tree.details['dependents']).toEqual([copy]);
      expect(await all()).toEqual(before);
    });
  });
}

/** Text that does not compress. */
function noise(length: number): string {
  let state = 1;
  const signs: string[] = [];
  for (let i = 0; i < length; i += 1) {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    signs.push(String.fromCharCode(33 + ((state >> 16) % 90)));
  }
  return signs.join('');
}
