/** The order of commands, the probing and the patience, on a scripted ZFS; what OpenZFS prints stands here by hand. */
import { describe, expect, it } from 'vitest';
import { failure } from '../../../../src/domain/errors.ts';
import type { Clock, Exec, RunResult } from '../../../../src/driver/system.ts';
import { zfsStorage } from '../../../../src/driver/zfs/storage.ts';

type Answer = Partial<Pick<RunResult, 'status' | 'stdout' | 'stderr'>>;

/** Answers each command by the first script entry that its words begin with; entries may be used up in turn. */
function scripted(script: readonly (readonly [string, ...Answer[]])[]) {
  const said: string[] = [];
  const slept: number[] = [];
  const used = new Map<string, number>();
  const run = (argv: readonly string[]): Promise<RunResult> => {
    const line = argv.join(' ');
    said.push(line);
    const entry = script.find(([start]) => line.startsWith(start));
    const count = used.get(entry?.[0] ?? '') ?? 0;
    used.set(entry?.[0] ?? '', count + 1);
    const answers = (entry?.slice(1) ?? []) as Answer[];
    const answer = answers[Math.min(count, answers.length - 1)] ?? {};
    return Promise.resolve({ argv, status: 0, stdout: '', stderr: '', durationMs: 1, ...answer });
  };
  const exec: Exec = {
    read: run,
    change: run,
    async pipe(commands, options) {
      const line = commands.map((argv) => argv.join(' ')).join(' | ');
      said.push(line);
      const answer = (script.find(([start]) => line.startsWith(start))?.[1] ?? {}) as Answer;
      for (const text of answer.stderr?.split('\n') ?? []) options?.onLine?.(text, 'stderr');
      if (answer.status)
        throw failure('COMMAND_FAILED', {
          argv: commands[0]!,
          status: 'exit status 1',
          stderr: 'Broken pipe',
        });
    },
    relay: () => Promise.reject(new Error('no other host')),
    input: () => undefined,
    session: () => Promise.reject(new Error('no terminal')),
    spawned: 0,
  };
  const clock: Clock = { now: () => new Date(0), sleep: async (ms) => void slept.push(ms) };
  return { storage: zfsStorage(exec, clock, 'linux'), said, slept };
}

const jail = 'tank/iocage/jails/a';
const openZfs = ['zfs version', { stdout: 'zfs-2.1.11-1\nzfs-kmod-2.1.11-1\n' }] as const;
const zfsFuse = [
  'zfs version',
  {
    status: 2,
    stderr: `unrecognized command 'version'\nusage: zfs command args ...\n\n\tset <property=value> <filesystem|volume|snapshot> ...\n`,
  },
] as const;
const tree = (rows: readonly (readonly string[])[]): Answer => ({
  stdout: rows.map((row) => [...row, row[0]].join('\t') + '\n').join(''),
});
const mountedJail = tree([
  [jail, 'yes', '/tank/iocage/jails/a'],
  [`${jail}/root`, 'yes', '/tank/iocage/jails/a/root'],
]);
const busy: Answer = { status: 1, stderr: `cannot destroy '${jail}': dataset is busy\n` };

describe('pools', () => {
  const root = (active: string): Answer => tree([['tank', '/tank', active, '-']]);

  it('asks once when a pool is active by the property', async () => {
    const { storage, said } = scripted([['zfs list', root('yes')]]);
    expect(await storage.pools()).toMatchObject([{ name: 'tank', active: true, activeBy: 'property' }]);
    expect(said).toHaveLength(1);
  });

  it('asks for the comments when none is', async () => {
    const { storage, said } = scripted([
      ['zfs list', root('-')],
      ['zpool list', { stdout: 'tank\tiocage\n' }],
    ]);
    expect(await storage.pools()).toMatchObject([{ name: 'tank', active: true, activeBy: 'comment' }]);
    expect(said).toHaveLength(2);
  });

  it('takes no for an answer where pools have no comment', async () => {
    const { storage } = scripted([
      ['zfs list', root('-')],
      ['zpool list', { status: 2, stderr: `bad property list: invalid property 'comment'\nusage:\n` }],
    ]);
    expect(await storage.pools()).toMatchObject([{ name: 'tank', active: false }]);
  });

  it('does not even ask when it is known that they have none', async () => {
    const { storage, said } = scripted([['zfs list', root('-')], zfsFuse]);
    await storage.capabilities();
    await storage.pools();
    expect(said.filter((line) => line.startsWith('zpool'))).toEqual([]);
  });

  it('says when there is no ZFS', async () => {
    const { storage } = scripted([['zfs list', { status: 1, stderr: 'The ZFS modules are not loaded.\n' }]]);
    await expect(storage.pools()).rejects.toMatchObject({ code: 'NO_ZFS' });
  });

  it('says when there is no zfs program', async () => {
    const missing: Exec = {
      ...({} as Exec),
      read: () => Promise.reject(failure('MISSING_TOOL', { tool: 'zfs' })),
    };
    const storage = zfsStorage(missing, { now: () => new Date(0), sleep: () => Promise.resolve() });
    await expect(storage.pools()).rejects.toMatchObject({ code: 'NO_ZFS' });
  });
});

describe('capabilities', () => {
  it('are probed once, and again after a failure', async () => {
    const { storage, said } = scripted([
      [
        'zfs version',
        {
          status: 1,
          stderr: 'connect: No such file or directory\ninternal error: failed to initialize ZFS library\n',
        },
        openZfs[1],
      ],
    ]);
    await expect(storage.capabilities()).rejects.toMatchObject({ code: 'NO_ZFS' });
    expect(await storage.capabilities()).toMatchObject({ flavour: 'openzfs' });
    await storage.capabilities();
    expect(said).toHaveLength(2);
  });
});

describe('columns that this ZFS does not know', () => {
  it('are asked for once and left out from then on', async () => {
    const { storage, said } = scripted([
      [
        'zfs list',
        { status: 2, stderr: `bad property list: invalid property 'jailed'\nusage:\n` },
        tree([[jail, 'x']]),
      ],
    ]);
    for (let i = 0; i < 2; i += 1) {
      const rows = await storage.filesystems(jail, 0, ['jailed', 'a:b']);
      expect(rows?.map(({ values }) => Object.fromEntries(values))).toEqual([{ 'a:b': 'x' }]);
    }
    expect(said.map((line) => line.includes('jailed'))).toEqual([true, false, false]);
  });

  it('of several roots too', async () => {
    const { storage, said } = scripted([
      [
        'zfs list',
        { status: 2, stderr: `bad property list: invalid property 'jailed'\nusage:\n` },
        tree([[jail, 'x']]),
      ],
    ]);
    const found = await storage.filesystemsOf([jail], 0, ['jailed', 'a:b']);
    expect(found.get(jail)?.map(({ values }) => Object.fromEntries(values))).toEqual([{ 'a:b': 'x' }]);
    expect(said).toHaveLength(2);
  });
});

describe('several filesystems', () => {
  const asked = (stderr: string) =>
    scripted([['zfs list', { ...tree([[jail]]), status: 1, stderr }]]).storage.filesystemsOf(
      ['tank/gone', 'tank/volume', jail],
      0,
      [],
    );
  const gone = `cannot open 'tank/gone': dataset does not exist\n`;

  it('keep what is there, whatever of the others is gone or no filesystem', async () => {
    const volume = `cannot open 'tank/volume': operation not applicable to datasets of this type\n`;
    expect([...(await asked(gone + volume)).keys()]).toEqual([jail]);
  });

  it('are not told of in part when something else is wrong', async () => {
    await expect(asked(`${gone}cannot open 'tank/volume': I/O error\n`)).rejects.toThrow('I/O error');
    await expect(asked('')).rejects.toMatchObject({ code: 'COMMAND_FAILED' });
  });
});

describe('set', () => {
  it('is one call on OpenZFS, one for each on zfs-fuse, and needs no probe for one', async () => {
    for (const [flavour, expected] of [
      [openZfs, ['zfs version', `zfs set a:b=1 a:c=2 ${jail}`]],
      [zfsFuse, ['zfs version', `zfs set a:b=1 ${jail}`, `zfs set a:c=2 ${jail}`]],
    ] as const) {
      const { storage, said } = scripted([flavour]);
      await storage.set(jail, { 'a:b': '1', 'a:c': '2' });
      expect(said).toEqual(expected);
    }
    const { storage, said } = scripted([]);
    await storage.set(jail, { 'a:b': '1' });
    expect(said).toEqual([`zfs set a:b=1 ${jail}`]);
  });
});

describe('destroy', () => {
  it('looks, unmounts the tree, destroys', async () => {
    const { storage, said } = scripted([['zfs list', mountedJail]]);
    await storage.destroy(jail, { recursive: true });
    expect(said.slice(1)).toEqual([`zfs unmount ${jail}`, `zfs destroy -r ${jail}`]);
  });

  it('unmounts first what is mounted elsewhere', async () => {
    const { storage, said } = scripted([
      [
        'zfs list',
        tree([
          [jail, 'yes', '/tank/a'],
          [`${jail}/root`, 'yes', '/elsewhere'],
          [`${jail}/data`, 'no', '/tank/a/data'],
        ]),
      ],
    ]);
    await storage.destroy(jail, { recursive: true });
    expect(said.slice(1)).toEqual([
      `zfs unmount ${jail}`,
      `zfs unmount ${jail}/root`,
      `zfs destroy -r ${jail}`,
    ]);
  });

  it('tries again while it is busy, for a bounded time, and mounts again what it unmounted', async () => {
    const { storage, said, slept } = scripted([
      ['zfs list', mountedJail],
      ['zfs destroy', busy],
    ]);
    await expect(storage.destroy(jail, { recursive: true })).rejects.toMatchObject({
      code: 'DATASET_BUSY',
      details: { tries: 20 },
    });
    expect(said.filter((line) => line.startsWith('zfs destroy'))).toHaveLength(20);
    expect(said.slice(-2)).toEqual([`zfs mount ${jail}`, `zfs mount ${jail}/root`]);
    expect(slept.reduce((sum, ms) => sum + ms, 0)).toBeLessThan(3000);
  });

  it('succeeds as soon as it is free', async () => {
    const { storage, said } = scripted([
      ['zfs list', mountedJail],
      ['zfs destroy', busy, busy, {}],
    ]);
    await storage.destroy(jail, { recursive: true });
    expect(said.filter((line) => line.startsWith('zfs destroy'))).toHaveLength(3);
    expect(said.some((line) => line.startsWith('zfs mount'))).toBe(false);
  });

  it('destroys nothing when something cannot be unmounted', async () => {
    const { storage, said } = scripted([
      ['zfs list', mountedJail],
      [
        'zfs unmount',
        { status: 1, stderr: `cannot unmount '/tank/iocage/jails/a/root': pool or dataset is busy\n` },
      ],
    ]);
    await expect(storage.destroy(jail, { recursive: true })).rejects.toMatchObject({ code: 'DATASET_BUSY' });
    expect(said.filter((line) => line.startsWith('zfs destroy'))).toEqual([]);
    expect(said.filter((line) => line.startsWith('zfs mount'))).toEqual([
      `zfs mount ${jail}`,
      `zfs mount ${jail}/root`,
    ]);
  });

  it('looks for clones only when there are snapshots', async () => {
    const { storage, said } = scripted([
      [
        `zfs list -H -r -t filesystem,volume,snapshot`,
        tree([
          [jail, 'no', '/a'],
          [`${jail}@s`, '-', '-'],
        ]),
      ],
      [
        `zfs list -H -r -t filesystem,volume `,
        tree([
          ['tank', '-'],
          ['tank/b', `${jail}@s`],
          ['tank/c', `tank/iocage/jails/ab@s`],
        ]),
      ],
    ]);
    await expect(storage.destroy(jail, { recursive: false })).rejects.toMatchObject({
      code: 'HAS_DEPENDENTS',
      details: { dependents: ['tank/b'] },
    });
    expect(said).toHaveLength(2);
  });

  it('never says -R or -f, whatever it meets', async () => {
    const { storage, said } = scripted([
      ['zfs list', mountedJail],
      [
        'zfs destroy',
        {
          status: 1,
          stderr: `cannot destroy '${jail}': filesystem has dependent clones\nuse '-R' to destroy the following datasets:\ntank/b\n`,
        },
      ],
    ]);
    await expect(storage.destroy(jail, { recursive: true })).rejects.toMatchObject({
      code: 'HAS_DEPENDENTS',
    });
    expect(said.filter((line) => / -[RfF]/.test(line))).toEqual([]);
  });

  it('runs nothing for a name that the guard refuses', async () => {
    const { storage, said } = scripted([]);
    await expect(storage.destroy('tank/iocage', { recursive: true })).rejects.toMatchObject({
      code: 'GUARDED',
    });
    await expect(storage.destroySnapshot('tank@s', { recursive: true })).rejects.toMatchObject({
      code: 'GUARDED',
    });
    expect(said).toEqual([]);
  });
});

describe('copy', () => {
  it('receives unmounted, drops the received snapshot, mounts', async () => {
    const { storage, said } = scripted([]);
    await storage.copy('tank/iocage/releases/r/root@x', `${jail}/root`);
    expect(said).toEqual([
      `zfs send tank/iocage/releases/r/root@x | zfs recv -u ${jail}/root`,
      `zfs destroy ${jail}/root@x`,
      `zfs mount ${jail}/root`,
    ]);
  });

  it('tells what the receiver said, not the echo of the sender', async () => {
    const { storage } = scripted([
      [
        'zfs send',
        {
          status: 1,
          stderr: `cannot receive new filesystem stream: destination ${jail} space quota exceeded.\nwarning: cannot send 'tank/r@x': Broken pipe`,
        },
      ],
    ]);
    await expect(storage.copy('tank/r@x', jail)).rejects.toMatchObject({ code: 'POOL_FULL' });
  });

  it('takes away what it received when it cannot be mounted', async () => {
    const { storage, said } = scripted([
      ['zfs mount', { status: 1, stderr: `cannot mount '/a': directory is not empty\n` }],
    ]);
    await expect(storage.copy('tank/r@x', jail)).rejects.toMatchObject({ code: 'COMMAND_FAILED' });
    expect(said.at(-1)).toBe(`zfs destroy -r ${jail}`);
  });
});

describe('create', () => {
  it('takes away what it made when it cannot be mounted', async () => {
    const { storage, said } = scripted([
      [
        'zfs create',
        {
          status: 1,
          stderr: `cannot mount '/a': directory is not empty\nfilesystem successfully created, but not mounted\n`,
        },
      ],
    ]);
    await expect(storage.create(jail, {})).rejects.toMatchObject({ code: 'COMMAND_FAILED' });
    expect(said[1]).toBe(`zfs destroy ${jail}`);
  });

  it('destroys nothing when it made nothing', async () => {
    const { storage, said } = scripted([
      ['zfs create', { status: 1, stderr: `cannot create '${jail}': dataset already exists\n` }],
    ]);
    await expect(storage.create(jail, {})).rejects.toMatchObject({ code: 'DATASET_EXISTS' });
    expect(said).toHaveLength(1);
  });

  it('calls it full when not even a mount point can be made', async () => {
    const { storage } = scripted([
      [
        'zfs create',
        {
          status: 1,
          stderr: `cannot mount '/a': failed to create mountpoint\nfilesystem successfully created, but not mounted\n`,
        },
      ],
      ['zfs get', { stdout: `tank/iocage/jails\tavailable\t0\tavailable\ttank/iocage/jails\n` }],
    ]);
    await expect(storage.create(jail, {})).rejects.toMatchObject({ code: 'POOL_FULL' });
  });
});

describe('rename', () => {
  it('unmounts clones that hold the tree on zfs-fuse, and mounts all again', async () => {
    const { storage, said } = scripted([
      zfsFuse,
      [
        `zfs list -H -r -t filesystem,volume,snapshot -o name,mounted,mountpoint,name ${jail}`,
        tree([
          [jail, 'yes', '/a'],
          [`${jail}@s`, '-', '-'],
        ]),
      ],
      [
        `zfs list -H -r -t filesystem,volume,snapshot -o name,mounted,mountpoint,name tank/b`,
        tree([['tank/b', 'yes', '/b']]),
      ],
      ['zfs list -H -r -t filesystem,volume -o name,origin,name tank', tree([['tank/b', `${jail}@s`]])],
    ]);
    await storage.rename(jail, 'tank/iocage/jails/c');
    expect(said.filter((line) => !line.startsWith('zfs list') && line !== 'zfs version')).toEqual([
      'zfs unmount tank/b',
      `zfs unmount ${jail}`,
      `zfs rename ${jail} tank/iocage/jails/c`,
      'zfs mount tank/iocage/jails/c',
      'zfs mount tank/b',
    ]);
  });

  it('mounts again under the old name when it fails', async () => {
    const { storage, said } = scripted([
      ['zfs list', mountedJail],
      ['zfs rename', { status: 1, stderr: `cannot rename '${jail}': dataset already exists\n` }],
    ]);
    await expect(storage.rename(jail, 'tank/iocage/jails/c')).rejects.toMatchObject({
      code: 'DATASET_EXISTS',
      details: { dataset: 'tank/iocage/jails/c' },
    });
    expect(said.slice(-2)).toEqual([`zfs mount ${jail}`, `zfs mount ${jail}/root`]);
  });
});
