/** Jails that other tools configure, against the fakes: what is read, what is written, what is refused. */
import {
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Files } from '../../src/driver/system.ts';
import { getOperation } from '../../src/ops/index.ts';
import { runOperation } from '../../src/ops/run/run.ts';
import { failEveryStep } from './every-step.ts';
import { openFakeWorld, type FakeWorld } from '../support/fake-world.ts';
import { fixtureText, foreignJails, legacyUuid, plantConfig } from '../support/foreign-jails.ts';

describe('formats', () => {
  let world: FakeWorld;
  const directoryOf = (name: string) => join(world.directory, 'tank/iocage/jails', name);
  const plant = async (jail: (typeof foreignJails)[number]) => {
    const dataset = `tank/iocage/jails/${jail.name}`;
    await world.storage.create(dataset, {});
    await world.storage.create(`${dataset}/root`, {});
    return plantConfig(directoryOf(jail.name), jail);
  };
  const textOf = (name: string, file: string) => readFileSync(join(directoryOf(name), file), 'utf8');
  const list = async () => (await world.run<{ jails: any[] }>('jail.list', {})).jails;

  beforeEach(async () => {
    world = await openFakeWorld();
    for (const jail of foreignJails) await plant(jail);
    await world.run('jail.create', { kind: 'clone', release: 'busybox', name: 'ours' });
  });
  afterEach(() => world.close());

  it('are listed with the others, got, and no byte of theirs changes', async () => {
    expect(
      Object.fromEntries(
        (await list()).map(({ tag, state, ip4, boot, type }) => [tag, [state, type, boot, ip4]]),
      ),
    ).toEqual({
      '2017-05-18@09:58:31:123456': ['down', 'jail', false, null],
      bar: ['down', 'basejail', false, 'em0|192.0.2.40/24'],
      flat: ['down', 'jail', false, null],
      foo: ['down', 'jail', true, 'vnet0|192.0.2.30/24,vnet0|192.0.2.31/24'],
      mail: ['down', 'jail', true, 'em0|192.0.2.50/24'],
      ours: ['down', 'clonejail', false, null],
      thick: ['down', 'jail', true, 'em0|192.0.2.20/24,192.0.2.21'],
      web_1: ['down', 'jail', false, 'vnet0|192.0.2.10/24'],
    });
    expect(await world.run('property.get', { key: 'memoryuse', jail: 'thick' })).toMatchObject({
      value: '2G:deny',
      source: 'local',
    });
    expect(await world.run('property.get', { key: 'exec_timeout', jail: 'foo' })).toMatchObject({
      value: '600',
    });
    await world.run('property.get', { key: 'all', jail: 'web_1' });
    for (const { name, file, fixture } of foreignJails) expect(textOf(name, file)).toBe(fixtureText(fixture));
  });

  it('no file is looked for where a jail is ours, and the pool is read in as many calls as before', async () => {
    for (const { name } of foreignJails)
      await world.storage.destroy(`tank/iocage/jails/${name}`, { recursive: true });
    const context = world.context();
    const asked: string[] = [];
    const files = new Proxy(context.files, {
      get:
        (target, verb: keyof Files) =>
        (...args: unknown[]) => {
          asked.push(verb);
          return (target[verb] as (...all: unknown[]) => unknown)(...args);
        },
    });
    const { result } = await runOperation({ ...context, files }, getOperation('jail.list'), {});
    expect((result as { jails: unknown[] }).jails).toHaveLength(1);
    expect(asked).toEqual([]);
  });

  it('set writes the one value in its own spelling; mode, owner and all else stay', async () => {
    const before = statSync(join(directoryOf('foo'), 'config.json'));
    const { changes } = await world.run('property.set', {
      jails: ['foo'],
      properties: [
        ['boot', 'no'],
        ['notes', 'hi'],
      ],
    });
    expect(changes).toMatchObject([
      { key: 'boot', old: 'yes', new: 'off' },
      { key: 'notes', old: null, new: 'hi' },
    ]);
    const theirs = JSON.parse(fixtureText('libiocage.json'));
    expect(JSON.parse(textOf('foo', 'config.json'))).toEqual({ ...theirs, boot: 'no', notes: 'hi' });
    const after = statSync(join(directoryOf('foo'), 'config.json'));
    expect([after.mode, after.uid, after.gid]).toEqual([before.mode, before.uid, before.gid]);
    await world.run('property.set', { jails: ['web_1', 'mail', 'bar'], properties: [['boot', 'on']] });
    expect(textOf('web_1', 'config.json')).toBe(
      fixtureText('python-thin.json').replace('    "cloned_release"', '    "boot": 1,\n    "cloned_release"'),
    );
    expect(textOf(legacyUuid, 'config')).toBe(fixtureText('legacy.ucl'));
    expect(textOf('bar', 'config')).toBe(fixtureText('libiocage.ucl').replace('boot = "off"', 'boot = "on"'));
    expect((await world.storage.local('tank/iocage/jails/foo'))?.has('org.freebsd.iocage:boot')).toBe(false);
  });

  it('every step of set and start fails once: the file is as it was', async () => {
    const jails = ['web_1', 'foo', 'mail'];
    await world.run('property.set', { jails, properties: [['ip4_addr', 'none']] });
    const paths = foreignJails.map(({ name, file }) => join(directoryOf(name), file));
    const before = paths.map((path) => readFileSync(path, 'utf8'));
    const steps = {
      context: () => world.context(),
      state: () =>
        [
          world.state(),
          ...paths.map((path) => readFileSync(path, 'utf8').replace(/last_started"?[:=].*/, '')),
        ].join('\n'),
    };
    const reset = async () => {
      for (const [at, path] of paths.entries()) writeFileSync(path, before[at]!);
    };
    const input = () => ({
      jails,
      properties: [
        ['boot', 'off'],
        ['notes', 'x'],
        ['quota', '1G'],
      ],
    });
    const prepare = () => world.run('property.set', { jails, properties: [['quota', 'none']] });
    expect(await failEveryStep(steps, { operation: 'property.set', input, prepare, reset })).toBe(6);
    await reset();
    for (const jail of ['web_1', 'foo']) {
      const start = { operation: 'jail.start', input: () => ({ jail }) };
      const stop = async () => {
        await world.run('jail.stop', { jail });
        await reset();
        // What was chosen once stays on the dataset, where the tool has no word for it.
        await world.storage
          .inherit(`tank/iocage/jails/${jail}`, 'org.freebsd.iocage:last_started')
          .catch(() => undefined);
      };
      expect(await failEveryStep(steps, { ...start, reset: stop })).toBeGreaterThan(1);
    }
  });

  it('quota goes to ZFS, and all of a set or nothing', async () => {
    await world.run('property.set', {
      jails: ['web_1'],
      properties: [
        ['quota', '5G'],
        ['boot', 'on'],
      ],
    });
    expect((await world.storage.local('tank/iocage/jails/web_1'))?.get('quota')).toBe(String(5 * 1024 ** 3));
    const before = [textOf('web_1', 'config.json'), textOf('foo', 'config.json')];
    await expect(
      world.run('property.set', { jails: ['web_1', 'foo'], properties: [['ip4_addr', '192.0.2.9/24']] }),
    ).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    expect([textOf('web_1', 'config.json'), textOf('foo', 'config.json')]).toEqual(before);
  });

  it('what was written meanwhile is not overwritten', async () => {
    const context = world.context();
    const path = join(directoryOf('web_1'), 'config.json');
    const operation = getOperation('property.set');
    if (operation.effect !== 'change') throw new Error('a change');
    const input = { jails: ['web_1'], properties: [['boot', 'on']] };
    const plan = operation.plan.bind(operation);
    const late = {
      ...operation,
      plan: async (...args: Parameters<typeof plan>) => {
        const planned = await plan(...args);
        writeFileSync(path, '{"theirs": 1}');
        return planned;
      },
    };
    await expect(runOperation(context, late, input)).rejects.toThrow('it was changed meanwhile');
    expect(readFileSync(path, 'utf8')).toBe('{"theirs": 1}');
  });

  it('start and stop: the start is written down where the tool keeps it, or on the dataset', async () => {
    const jails = ['web_1', 'foo', 'mail'];
    // The fake host has no such interfaces.
    await world.run('property.set', { jails, properties: [['ip4_addr', 'none']] });
    const foo = textOf('foo', 'config.json');
    const web = textOf('web_1', 'config.json');
    for (const jail of jails) await world.run('jail.start', { jail });
    expect(JSON.parse(textOf('web_1', 'config.json')).last_started).toMatch(
      /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/,
    );
    expect(textOf('web_1', 'config.json').replace(/"last_started": "[^"]*"/, '')).toBe(
      web.replace(/"last_started": "[^"]*"/, ''),
    );
    // The link address that the first start chose is one of the tool's own properties too.
    expect(JSON.parse(textOf('foo', 'config.json'))).toEqual({
      ...JSON.parse(foo),
      vnet0_mac: expect.stringMatching(/^[0-9a-f:]+,[0-9a-f:]+$/),
    });
    const beside = await world.storage.local('tank/iocage/jails/foo');
    expect(beside?.get('org.freebsd.iocage:last_started')).toMatch(/^\d{4}-/);
    expect(textOf(legacyUuid, 'config')).toMatch(/\nlast_started="\d{4}-\d\d-\d\d_[\d:]+";\n$/);
    expect((await list()).filter(({ state }) => state === 'up').map(({ tag }) => tag)).toEqual([
      'foo',
      'mail',
      'web_1',
    ]);
    for (const jail of jails) await world.run('jail.stop', { jail });
    expect((await list()).every(({ state }) => state === 'down')).toBe(true);
  });

  it('a file that cannot be used: that jail is listed with the reason, the others are as ever', async () => {
    const plantText = (name: string, file: string, text: string) =>
      writeFileSync(join(directoryOf(name), file), text);
    plantText('web_1', 'config.json', fixtureText('python-thin.json').slice(0, 200));
    plantText('bar', 'config', '.include "/etc/passwd"\n');
    plantText('flat', 'config.json', `{"id": "flat", "notes": "${'x'.repeat(100_000)}"}`);
    unlinkSync(join(directoryOf('foo'), 'config.json'));
    symlinkSync('/etc/passwd', join(directoryOf('foo'), 'config.json'));
    await world.storage.create('tank/iocage/jails/bare', {});
    const jails = await list();
    const problems = Object.fromEntries(
      jails.flatMap(({ tag, problem }) => (problem ? [[tag, problem]] : [])),
    );
    expect(problems).toEqual({
      bare: 'it has no iocage properties',
      bar: 'config: it has the macro ".include", and macros are not carried out',
      flat: 'config.json: the value of "notes" is longer than 65536 characters',
      foo: expect.stringContaining('it is a symbolic link'),
      web_1: 'config.json: it is no JSON: it ends in the middle, as if only half of it had been written',
    });
    expect(jails.filter(({ state }) => state === 'corrupt')).toHaveLength(5);
    await expect(world.run('jail.start', { jail: 'web_1' })).rejects.toMatchObject({ code: 'JAIL_CORRUPT' });
    await expect(world.run('property.get', { key: 'boot', jail: 'web_1' })).rejects.toMatchObject({
      code: 'JAIL_CORRUPT',
    });
    expect(await world.run('property.get', { key: 'state', jail: 'web_1' })).toMatchObject({ value: 'down' });
    await expect(
      world.run('property.set', { jails: ['web_1'], properties: [['boot', 'on']] }),
    ).rejects.toMatchObject({
      code: 'JAIL_CORRUPT',
    });
    await expect(world.run('jail.destroy', { jail: 'web_1' })).rejects.toMatchObject({
      code: 'JAIL_CORRUPT',
    });
    await world.run('jail.start', { jail: 'ours' });
  });

  it('one that broke while its jail ran: it is stopped all the same, without hooks, and is no start', async () => {
    const path = join(world.directory, 'tank/iocage/jails/web_1/config.json');
    await world.run('property.set', { jails: ['web_1'], properties: [['ip4_addr', 'none']] });
    const text = textOf('web_1', 'config.json');
    await world.run('jail.start', { jail: 'web_1' });
    writeFileSync(path, text.slice(0, 100));
    const warned = () => world.events.filter((event) => event.type === 'note' && event.level === 'warning');
    const before = warned().length;
    await world.run('jail.stop', { jail: 'web_1' });
    expect(warned().slice(before)).toEqual([
      expect.objectContaining({
        text: expect.stringContaining('no hooks are run: config.json: it is no JSON'),
      }),
    ]);
    expect((await world.host.running('tank')).has('web_1')).toBe(false);
    for (const operation of ['jail.stop', 'jail.start'])
      await expect(world.run(operation, { jail: 'web_1' })).rejects.toMatchObject({ code: 'JAIL_CORRUPT' });
    expect(textOf('web_1', 'config.json')).toBe(text.slice(0, 100));
  });

  it('defaults are those of the tool; broken ones are told of each jail that takes them', async () => {
    const path = join(world.directory, 'tank/iocage/defaults.json');
    writeFileSync(path, fixtureText('defaults.json'));
    expect(await world.run('property.get', { key: 'notes', jail: 'flat' })).toMatchObject({
      value: 'from defaults.json',
      source: 'default',
    });
    expect(await world.run('property.get', { key: 'priority', jail: 'web_1' })).toMatchObject({
      value: '42',
    });
    expect(await world.run('property.get', { key: 'priority', jail: 'mail' })).toMatchObject({ value: '99' });
    // Ours, and those of the jails that take theirs from the file.
    await world.run('property.set', { jails: ['default'], properties: [['priority', '7']] });
    expect(readFileSync(path, 'utf8')).toBe(
      fixtureText('defaults.json').replace('"priority": "42"', '"priority": "7"'),
    );
    for (const jail of ['web_1', 'ours'])
      expect(await world.run('property.get', { key: 'priority', jail })).toMatchObject({ value: '7' });
    writeFileSync(path, '{');
    expect((await list()).find(({ tag }) => tag === 'web_1').problem).toMatch(
      /^the defaults cannot be used: defaults.json: /,
    );
    expect((await list()).find(({ tag }) => tag === 'mail').problem).toBeUndefined();
  });

  it('set … default: what the tool keeps goes to its file, in its words; what it cannot express to neither', async () => {
    const path = join(world.directory, 'tank/iocage/defaults.json');
    const set = (...properties: readonly (readonly [string, string])[]) =>
      world.run('property.set', { jails: ['default'], properties });
    // libiocage begins with a file of what was changed.
    await set(['boot', 'on'], ['rlimits', 'off']);
    expect(readFileSync(path, 'utf8')).toBe('{\n    "boot": "yes"\n}\n');
    expect(await world.run('property.get', { key: 'boot', jail: 'bar' })).toMatchObject({ value: 'off' });
    await expect(set(['ip4_addr', '192.0.2.9'])).rejects.toMatchObject({ code: expect.any(String) });
    expect(readFileSync(path, 'utf8')).toBe('{\n    "boot": "yes"\n}\n');
    // Python iocage writes all of them, and a version.
    const theirs = fixtureText('defaults.json');
    writeFileSync(path, theirs);
    const { ino } = statSync(path);
    await set(['boot', 'off']);
    expect([readFileSync(path, 'utf8'), statSync(path).ino]).toEqual([theirs, ino]);
    await set(['boot', 'on'], ['notes', 'all'], ['exec_fib', '2']);
    const now = JSON.parse(readFileSync(path, 'utf8'));
    expect(now).toEqual({ ...JSON.parse(theirs), boot: 1, notes: 'all', exec_fib: '2' });
    // Newer than what is known: it is read, not written.
    writeFileSync(path, theirs.replace('"34"', '"99"'));
    const before = [world.state(), readFileSync(path, 'utf8')];
    await expect(set(['boot', 'on'])).rejects.toMatchObject({ code: 'UNSUPPORTED' });
    expect([world.state(), readFileSync(path, 'utf8')]).toEqual(before);
  });

  it('set … default on a pool of another tool alone: get default shows what holds there', async () => {
    await world.run('jail.destroy', { jail: 'ours' });
    writeFileSync(join(world.directory, 'tank/iocage/defaults.json'), fixtureText('defaults.json'));
    const get = (key: string) => world.run<any>('property.get', { key, jail: 'default' });
    expect(await get('priority')).toMatchObject({ value: '42', source: 'default' });
    await world.run('property.set', { jails: ['default'], properties: [['priority', '8']] });
    expect(await get('priority')).toMatchObject({ value: '8', source: 'default' });
    expect(await get('notes')).toMatchObject({ value: 'from defaults.json' });
  });

  it('every step of set … default fails once, with a file and without', async () => {
    const path = join(world.directory, 'tank/iocage/defaults.json');
    const there = () => (existsSync(path) ? readFileSync(path, 'utf8') : 'none');
    const steps = { context: () => world.context(), state: () => `${world.state()}\n${there()}` };
    for (const text of [undefined, fixtureText('defaults.json')]) {
      const reset = async () => {
        for (const key of ['boot', 'notes'])
          await world.storage.inherit('tank/iocage/.defaults', `org.freebsd.iocage:${key}`);
        if (text === undefined) rmSync(path, { force: true });
        else writeFileSync(path, text);
      };
      await reset();
      const input = () => ({
        jails: ['default'],
        properties: [
          ['boot', 'on'],
          ['notes', 'x'],
        ],
      });
      expect(await failEveryStep(steps, { operation: 'property.set', input, reset })).toBe(2);
    }
  });

  it('what knows properties of datasets only is refused, and changes nothing', async () => {
    const before = world.state();
    const refused: [string, unknown][] = [
      ['jail.clone', { source: 'web_1', name: 'copy' }],
      ['jail.rename', { jail: 'web_1', name: 'other' }],
      ['property.reset', { jails: ['web_1'], properties: ['boot'] }],
      ['image.export', { jail: 'web_1' }],
      ['jail.promote', { jail: 'web_1' }],
    ];
    for (const [operation, input] of refused)
      await expect(world.run(operation, input), operation).rejects.toMatchObject({
        code: expect.stringMatching(/OTHER_FORMAT|INVALID_INPUT/),
      });
    for (const pair of [
      ['tag', 'x'],
      ['template', 'yes'],
    ])
      await expect(world.run('property.set', { jails: ['web_1'], properties: [pair] })).rejects.toMatchObject(
        {
          code: 'READ_ONLY_PROPERTY',
        },
      );
    expect(world.state()).toBe(before);
  });

  it('a template of Python iocage is read-only, and so again after a change', async () => {
    const dataset = 'tank/iocage/templates/base';
    await world.storage.create(dataset, {});
    const directory = join(world.directory, dataset);
    const text = '{\n    "host_hostuuid": "base",\n    "template": 1,\n    "type": "template"\n}';
    writeFileSync(join(directory, 'config.json'), text);
    await world.storage.set(dataset, { readonly: 'on' });
    const { jails } = await world.run<{ jails: any[] }>('jail.list', { templates: true });
    expect(jails).toMatchObject([{ tag: 'base', type: 'template' }]);
    await world.run('property.set', { jails: ['base'], properties: [['notes', 'golden']] });
    expect(JSON.parse(readFileSync(join(directory, 'config.json'), 'utf8'))).toMatchObject({
      notes: 'golden',
      template: 1,
    });
    expect((await world.storage.local(dataset))?.get('readonly')).toBe('on');
  });

  it('a file beside properties that an older iocage left is what counts', async () => {
    const dataset = 'tank/iocage/jails/old';
    await world.storage.create(dataset, {
      'org.freebsd.iocage:host_hostuuid': 'old',
      'org.freebsd.iocage:boot': 'on',
    });
    expect((await list()).find(({ tag }) => tag === 'old')).toMatchObject({ boot: true });
    writeFileSync(
      join(directoryOf('old'), 'config.json'),
      '{"CONFIG_VERSION": "29", "host_hostuuid": "old", "boot": 0}',
    );
    expect((await list()).find(({ tag }) => tag === 'old')).toMatchObject({ boot: false });
  });

  it('the three lines of the original that store ZFS properties, and libiocage on such a jail', async () => {
    const common = { release: 'busybox', type: 'jail', ip4_addr: 'em0|192.0.2.60/24', memoryuse: '8G:log' };
    // 1.5 to 1.7, 2.0 until March 2016, and what libiocage writes over them.
    const lines: Record<string, Record<string, string>> = {
      S: { ...common, tag: 's', hostname: 's.example.org', boot: 'on', allow_chflags: '0' },
      M: {
        ...common,
        tag: 'm',
        hostname: 'm.example.org',
        host_hostname: 'UUID',
        boot: 'off',
        template: 'no',
      },
      Z: {
        ...common,
        tag: 'z',
        host_hostname: 'z.example.org',
        type: 'basejail',
        istemplate: 'no',
        template: '-',
      },
      L: {
        ...common,
        tag: 'l',
        host_hostname: 'l.example.org',
        boot: 'on',
        allow_chflags: 'off',
        vnet: 'off',
      },
    };
    const uuidOf = (line: string) => `${line.charCodeAt(0)}0000000-01a8-11e4-aa78-3c970ea3222f`;
    for (const [line, values] of Object.entries(lines)) {
      const all = { ...values, host_hostuuid: uuidOf(line) };
      const properties = Object.entries(all).map(([key, value]) => [
        `org.freebsd.iocage:${key}`,
        value === 'UUID' ? uuidOf(line) : value,
      ]);
      await world.storage.create(`tank/iocage/jails/${uuidOf(line)}`, Object.fromEntries(properties));
    }
    for (const line of ['S', 'M', 'Z', 'L']) {
      const tag = line.toLowerCase();
      const get = async (key: string) => (await world.run<any>('property.get', { key, jail: tag })).value;
      expect(await get('host_hostname'), line).toBe(`${tag}.example.org`);
      expect(await get('ip4_addr')).toBe('em0|192.0.2.60/24');
      expect(await get('boot')).toBe(line === 'S' || line === 'L' ? 'on' : 'off');
      expect(await get('allow_chflags')).toBe('0');
      expect(await get('type')).toBe(line === 'Z' ? 'basejail' : 'jail');
      await world.run('property.set', { jails: [tag], properties: [['notes', 'ours now']] });
      const stored = await world.storage.local(`tank/iocage/jails/${uuidOf(line)}`);
      expect(stored?.get('org.freebsd.iocage:notes')).toBe('ours now');
      expect(stored?.get('org.freebsd.iocage:ip4_addr')).toBe('em0|192.0.2.60/24');
    }
  });

  it('properties of the four lines at random: read as they are, and one that is set changes alone', async () => {
    const known: Readonly<Record<string, readonly string[]>> = {
      boot: ['on', 'off', 'yes', '0'],
      notes: ['none', 'a "b"', '-'],
      priority: ['99', '5'],
      vnet: ['on', 'off'],
      ip4_addr: ['none', 'em0|192.0.2.5/24'],
      memoryuse: ['8G:log', 'off'],
      allow_chflags: ['0', '1'],
      hostname: ['h.example.org'],
      istemplate: ['no'],
      hack88: ['0', '1'],
      exec_fib: ['0', '1'],
    };
    const pick = fc
      .subarray(Object.keys(known))
      .chain((keys) =>
        fc.tuple(...keys.map((key) => fc.constantFrom(...known[key]!).map((value) => [key, value] as const))),
      );
    const unknown = fc.dictionary(
      fc.stringMatching(/^x_[a-z0-9]{1,8}$/),
      fc.stringMatching(/^[ -~]{1,20}$/),
      { maxKeys: 4 },
    );
    const change = fc.constantFrom(['boot', 'on'], ['notes', 'ours'], ['priority', '7'], ['exec_fib', '2']);
    const uuid = 'b0a00000-01a8-11e4-aa78-3c970ea3222f';
    const dataset = `tank/iocage/jails/${uuid}`;
    const get = async (key: string) => (await world.run<any>('property.get', { key, jail: uuid })).value;
    await fc.assert(
      fc.asyncProperty(pick, unknown, change, async (some, more, [key, value]) => {
        const own = {
          host_hostuuid: uuid,
          release: 'busybox',
          type: 'jail',
          ...Object.fromEntries(some),
          ...more,
        };
        const stored = Object.fromEntries(
          Object.entries(own).map(([name, text]) => [`org.freebsd.iocage:${name}`, text]),
        );
        await world.storage.create(dataset, stored);
        const before = [...(await world.storage.local(dataset))!].sort();
        expect((await list()).find((jail) => jail.uuid === uuid)).toMatchObject({ state: 'down' });
        await get('all');
        expect([...(await world.storage.local(dataset))!].sort()).toEqual(before);
        await world.run('property.set', { jails: [uuid], properties: [[key!, value!]] });
        const changed = `org.freebsd.iocage:${key}`;
        const after = [...(await world.storage.local(dataset))!].sort();
        expect(after.filter(([name]) => name !== changed)).toEqual(
          before.filter(([name]) => name !== changed),
        );
        expect(await get(key!)).toBe(value);
        await world.storage.destroy(dataset, { recursive: false });
      }),
      { numRuns: 20 },
    );
  });

  it('an fstab whose bytes are no text is refused, and keeps them', async () => {
    const path = join(directoryOf('ours'), 'fstab');
    const bytes = Buffer.from(`/caf\xe9 ${directoryOf('ours')}/root/mnt nullfs ro 0 0\n`, 'latin1');
    writeFileSync(path, bytes);
    const change = { jail: 'ours', remove: ['0'] };
    const add = ['/srv', '/tmp', 'nullfs', 'ro', '0', '0'];
    await expect(world.run('fstab.change', { jail: 'ours', add })).rejects.toThrow('not UTF-8');
    await expect(world.run('jail.rename', { jail: 'ours', name: 'other' })).rejects.toThrow('not UTF-8');
    expect(readFileSync(path)).toEqual(bytes);
    // The line itself may go.
    await world.run('fstab.change', change);
    expect(readFileSync(path, 'utf8')).toBe('');
  });

  describe('migrate --to', () => {
    const properties = [
      ['notes', 'foo "bar"'],
      ['boot', 'on'],
      ['ip4_addr', 'em0|192.0.2.9/24'],
      ['resolver', 'none'],
      ['rlimits', 'on'],
      ['memoryuse', '8G:log'],
      ['allow_raw_sockets', '1'],
      ['exec_prestart', 'logger up'],
      ['priority', '7'],
    ];
    const valuesOf = async (jail: string) => {
      const answer = await world.run<{ properties: any[] }>('property.get', { key: 'all', jail });
      const own = answer.properties.filter(
        ({ source, key }) => source !== 'zfs' && !['type', 'tag'].includes(key),
      );
      return Object.fromEntries(own.map(({ key, value }) => [key, value]));
    };
    const create = () =>
      world.run('jail.create', { kind: 'clone', release: 'busybox', name: 'mine', properties });

    it.each([
      ['python', 'Python iocage'],
      ['libiocage', 'libiocage'],
    ])('%s: what held holds, in a file of its own; migrate makes it ours again', async (to, title) => {
      await create();
      writeFileSync(join(world.directory, 'tank/iocage/defaults.json'), '{"boot": "yes", "notes": "theirs"}');
      await world.run('property.set', { jails: ['default'], properties: [['exec_timeout', '99']] });
      const before = await valuesOf('mine');
      await world.run('jail.migrate-to', { jail: 'mine', to });
      const local = [...(await world.storage.local('tank/iocage/jails/mine'))!.keys()];
      expect(local.filter((key) => key.startsWith('org.freebsd.iocage:'))).toEqual([]);
      expect((await list()).find(({ uuid }) => uuid === 'mine')).toMatchObject({ configuredBy: title });
      const text = textOf('mine', 'config.json');
      expect(JSON.parse(text)).toMatchObject(
        to === 'python'
          ? { allow_raw_sockets: 1, memoryuse: 'log=8G', priority: '7' }
          : { allow_raw_sockets: 'yes', memoryuse: '8G:log', priority: '7' },
      );
      expect(text.endsWith('\n')).toBe(to === 'libiocage');
      expect({ ...(await valuesOf('mine')), rlimits: 'on' }).toEqual(before);
      await world.run('jail.migrate', { jail: 'mine' });
      expect({ ...(await valuesOf('mine')), rlimits: 'on' }).toEqual(before);
      // Its file would be in the way when it comes back.
      await expect(world.run('jail.migrate-to', { jail: 'mine', to })).rejects.toThrow(
        /migrate --confirm mine/,
      );
    });

    it('Python iocage: a basejail with its base in its fstab, and a template, both ways', async () => {
      mkdirSync(join(world.directory, 'tank/iocage/releases/busybox/root/bin'));
      await world.run('jail.create', { kind: 'base', release: 'busybox', name: 'based' });
      const fstab = () => textOf('based', 'fstab');
      writeFileSync(
        join(directoryOf('based'), 'fstab'),
        // It was a jail of Python iocage with an earlier release once.
        `/srv\t${directoryOf('based')}/root/srv\tnullfs\tro\t0\t0\n` +
          `/old/releases/9.3/root/bin\t${directoryOf('based')}/root/bin\tnullfs\tro\t0\t0`,
      );
      const before = await valuesOf('based');
      await world.run('jail.migrate-to', { jail: 'based', to: 'python' });
      expect(JSON.parse(textOf('based', 'config.json'))).toMatchObject({
        basejail: 1,
        host_hostuuid: 'based',
      });
      const lines = fstab().split('\n');
      expect(lines).toHaveLength(3);
      expect(lines[0]).toContain('/srv\t');
      expect(lines[1]).toBe(
        `${world.directory}/tank/iocage/releases/busybox/root/bin\t${directoryOf('based')}/root/bin\tnullfs\tro\t0\t0`,
      );
      expect((await list()).find(({ uuid }) => uuid === 'based')).toMatchObject({
        type: 'basejail',
        configuredBy: 'Python iocage',
      });
      await world.run('jail.start', { jail: 'based' });
      await world.run('jail.stop', { jail: 'based' });
      await world.run('jail.migrate', { jail: 'based' });
      const once = fstab();
      const rest = ({ last_started: _, memoryuse: __, ...more }: Record<string, unknown>) => ({
        ...more,
        rlimits: 'on',
      });
      expect(rest(await valuesOf('based'))).toEqual(rest(before));
      // Lines that are there are not written again.
      await world.run('jail.migrate-confirm', { jail: 'based' });
      await world.run('jail.migrate-to', { jail: 'based', to: 'python' });
      expect(fstab()).toBe(once);

      await create();
      await world.run('property.set', { jails: ['mine'], properties: [['template', 'yes']] });
      await expect(world.run('jail.migrate-to', { jail: 'mine', to: 'libiocage' })).rejects.toMatchObject({
        code: 'UNSUPPORTED',
      });
      await world.run('jail.migrate-to', { jail: 'mine', to: 'python' });
      const there = join(world.directory, 'tank/iocage/templates/mine/config.json');
      expect(JSON.parse(readFileSync(there, 'utf8'))).toMatchObject({ template: 1, type: 'template' });
      const templates = async () =>
        (await world.run<{ jails: any[] }>('jail.list', { templates: true })).jails;
      expect(await templates()).toMatchObject([
        { tag: 'mine', type: 'template', configuredBy: 'Python iocage' },
      ]);
      await world.run('jail.migrate', { jail: 'mine' });
      expect(await templates()).toMatchObject([{ tag: 'mine', type: 'template' }]);
      await world.run('jail.create', { kind: 'clone', template: 'mine', name: 'child' });
    });

    it('what could not be said there is refused, and nothing changes', async () => {
      await create();
      await world.run('jail.create', { kind: 'base', release: 'busybox', name: 'based' });
      await world.run('jail.create', { kind: 'clone', release: 'busybox', properties: [['tag', 'tagged']] });
      const before = world.state();
      const refused = (jail: string, to: string) =>
        expect(world.run('jail.migrate-to', { jail, to })).rejects.toMatchObject({
          code: expect.stringMatching(/UNSUPPORTED|INVALID_INPUT|OTHER_FORMAT/),
        });
      await refused('tagged', 'python');
      await refused('web_1', 'libiocage');
      await world.run('property.set', { jails: ['mine'], properties: [['ip4_addr', '192.0.2.9/24']] });
      await refused('mine', 'libiocage');
      await world.run('property.set', { jails: ['mine'], properties: [['ip4_addr', 'em0|192.0.2.9/24']] });
      expect(world.state()).toBe(before);
      expect(existsSync(join(directoryOf('mine'), 'config.json'))).toBe(false);
    });

    it('every step fails once', async () => {
      await create();
      const steps = {
        context: () => world.context(),
        state: () => `${world.state()} ${existsSync(join(directoryOf('mine'), 'config.json'))}`,
      };
      const reset = async () => {
        await world.run('jail.destroy', { jail: 'mine' });
        await create();
      };
      const input = () => ({ jail: 'mine', to: 'python' });
      expect(await failEveryStep(steps, { operation: 'jail.migrate-to', input, reset })).toBe(3);
      // A basejail's fstab is written too.
      mkdirSync(join(world.directory, 'tank/iocage/releases/busybox/root/bin'));
      const base = () => world.run('jail.create', { kind: 'base', release: 'busybox', name: 'based' });
      await base();
      const again = async () => {
        await world.run('jail.destroy', { jail: 'based' });
        await base();
      };
      const based = () => ({ jail: 'based', to: 'python' });
      expect(await failEveryStep(steps, { operation: 'jail.migrate-to', input: based, reset: again })).toBe(
        4,
      );
    });
  });

  describe('migrate', () => {
    const allOf = async (jail: string) => {
      const { properties } = await world.run<{ properties: any[] }>('property.get', { key: 'all', jail });
      return Object.fromEntries(
        // ZFS counts what a property takes.
        properties.filter(({ source }) => source !== 'zfs').map(({ key, value }) => [key, value]),
      );
    };
    const contents = () =>
      foreignJails.map(({ name, file }) =>
        [file, `${file}.migrated`].map(
          (one) => existsSync(join(directoryOf(name), one)) && textOf(name, one),
        ),
      );

    it('what held before holds afterwards, the file is kept, and back is as it was', async () => {
      writeFileSync(join(world.directory, 'tank/iocage/defaults.json'), fixtureText('defaults.json'));
      await world.run('property.set', {
        jails: ['default'],
        properties: [
          ['priority', '7'],
          ['exec_timeout', '99'],
        ],
      });
      const [files, jails] = [contents(), await list()];
      for (const { name, file, fixture } of foreignJails) {
        const before = await allOf(name);
        const done = await world.run('jail.migrate', { jail: name });
        expect(done).toMatchObject({ uuid: name, kept: expect.stringMatching(/\.migrated$/) });
        const after = await allOf(name);
        // The property names our release, not its patch level.
        if (name === 'web_1') expect(after['release']).toBe('busybox');
        // A name that only followed from the dataset's is the jail's own now.
        expect({ ...after, release: 0, tag: 0 }, name).toEqual({ ...before, release: 0, tag: 0 });
        expect(after['tag']).toBe(jails.find(({ uuid }) => uuid === name).tag);
        expect(existsSync(join(directoryOf(name), file))).toBe(false);
        expect(textOf(name, `${file}.migrated`)).toBe(fixtureText(fixture));
      }
      expect((await list()).map(({ tag, state, type, ip4 }) => [tag, state, type, ip4])).toEqual(
        jails.map(({ tag, state, type, ip4 }) => [tag, state, type, ip4]),
      );
      // One of ours now, in every respect.
      await world.run('property.set', { jails: ['foo'], properties: [['tag', 'renamed']] });
      await world.run('jail.clone', { jail: 'bar', name: 'copy' });
      await world.run('jail.destroy', { jail: 'copy' });
      for (const { name } of foreignJails) await world.run('jail.migrate-back', { jail: name });
      expect(contents()).toEqual(files);
      expect(await list()).toEqual(jails);
    });

    it('back refuses where the file would not configure the jail any more, and nothing is lost', async () => {
      await world.run('jail.migrate', { jail: 'web_1' });
      await world.run('property.set', { jails: ['web_1'], properties: [['notes', 'mine']] });
      await world.run('jail.rename', { jail: 'web_1', name: 'other' });
      const refused = (jail: string) =>
        expect(world.run('jail.migrate-back', { jail })).rejects.toMatchObject({ code: 'UNSUPPORTED' });
      await refused('other');
      expect(await world.run('property.get', { key: 'notes', jail: 'other' })).toMatchObject({
        value: 'mine',
      });
      await world.run('jail.rename', { jail: 'other', name: 'web_1' });
      await world.run('property.set', { jails: ['web_1'], properties: [['template', 'yes']] });
      await refused('web_1');
      await world.run('property.set', { jails: ['web_1'], properties: [['template', 'no']] });
      writeFileSync(join(directoryOf('web_1'), 'config.json.migrated'), '{"half');
      await refused('web_1');
      writeFileSync(join(directoryOf('web_1'), 'config.json.migrated'), fixtureText('python-thin.json'));
      await world.run('jail.migrate-back', { jail: 'web_1' });
      expect((await list()).find(({ uuid }) => uuid === 'web_1')).toMatchObject({ state: 'down' });
    });

    it('a property that came from elsewhere leads to no other file', async () => {
      await world.run('jail.migrate', { jail: 'web_1' });
      const path = join(directoryOf('web_1'), 'root', 'victim.migrated');
      writeFileSync(path, 'theirs');
      await world.storage.set('tank/iocage/jails/web_1', {
        'org.freebsd.iocage:migrated_from': 'root/victim',
      });
      for (const operation of ['jail.migrate-confirm', 'jail.migrate-back'])
        await expect(world.run(operation, { jail: 'web_1' })).rejects.toMatchObject({ code: 'UNSUPPORTED' });
      expect(readFileSync(path, 'utf8')).toBe('theirs');
    });

    it('confirm removes the file, and there is no way back then', async () => {
      await world.run('jail.migrate', { jail: 'web_1' });
      await world.run('jail.migrate-confirm', { jail: 'web_1' });
      expect(existsSync(join(directoryOf('web_1'), 'config.json.migrated'))).toBe(false);
      for (const operation of ['jail.migrate-back', 'jail.migrate-confirm', 'jail.migrate'])
        await expect(world.run(operation, { jail: 'web_1' })).rejects.toMatchObject({ code: 'UNSUPPORTED' });
      // Whatever stands there later is none of ours.
      writeFileSync(join(directoryOf('web_1'), 'config.json'), '{');
      expect((await list()).find(({ uuid }) => uuid === 'web_1')).toMatchObject({ state: 'down' });
    });

    it('a template that is read-only, and properties that an older iocage left', async () => {
      const dataset = 'tank/iocage/templates/base';
      await world.storage.create(dataset, {
        'org.freebsd.iocage:boot': 'on',
        'org.freebsd.iocage:notes': 'stale',
      });
      const text = '{\n    "host_hostuuid": "base",\n    "template": 1,\n    "type": "template"\n}';
      writeFileSync(join(world.directory, dataset, 'config.json'), text);
      await world.storage.set(dataset, { readonly: 'on' });
      await world.run('jail.migrate', { jail: 'base' });
      const local = await world.storage.local(dataset);
      expect(local?.get('readonly')).toBe('on');
      expect(local?.has('org.freebsd.iocage:notes')).toBe(false);
      expect(await world.run('property.get', { key: 'boot', jail: 'base' })).toMatchObject({ value: 'off' });
      const { jails } = await world.run<{ jails: any[] }>('jail.list', { templates: true });
      expect(jails).toMatchObject([{ tag: 'base', state: 'down' }]);
    });

    it('back restores what was on the dataset before, whatever was set in between', async () => {
      const dataset = 'tank/iocage/jails/web_1';
      const left = {
        'org.freebsd.iocage:boot': 'on',
        'org.freebsd.iocage:notes': 'of an older iocage',
        'org.freebsd.iocage:last_started': '2026-01-02_03:04:05',
        'org.freebsd.iocage:unknown_key': 'x',
      };
      await world.storage.set(dataset, { ...left, quota: '5G', 'org.example:mine': 'kept' });
      const all = async () => Object.fromEntries((await world.storage.local(dataset))!);
      const [before, files] = [await all(), contents()];
      const between = async () => {
        await world.run('jail.migrate', { jail: 'web_1' });
        const properties = [
          ['notes', 'ours'],
          ['comment', 'ours'],
          ['boot', 'on'],
        ];
        await world.run('property.set', { jails: ['web_1'], properties });
      };
      await between();
      const steps = {
        context: () => world.context(),
        state: () => JSON.stringify([world.state(), contents()], null, 1),
      };
      const [input, reset] = [() => ({ jail: 'web_1' }), between];
      expect(await failEveryStep(steps, { operation: 'jail.migrate-back', input, reset })).toBe(4);
      await world.run('jail.migrate-back', { jail: 'web_1' });
      expect(await all()).toEqual(before);
      expect(contents()).toEqual(files);
      await world.run('jail.migrate', { jail: 'web_1' });
      await world.run('jail.migrate-confirm', { jail: 'web_1' });
      expect(Object.keys(await all()).filter((key) => key.startsWith('org.freebsd.iocage.before'))).toEqual(
        [],
      );
    });

    it('is refused for a jail that runs, for a name that is taken, and for a value that cannot be stored', async () => {
      await world.run('property.set', { jails: ['web_1'], properties: [['ip4_addr', 'none']] });
      await world.run('jail.start', { jail: 'web_1' });
      await expect(world.run('jail.migrate', { jail: 'web_1' })).rejects.toMatchObject({
        code: 'JAIL_RUNNING',
      });
      await world.run('jail.stop', { jail: 'web_1' });
      const mail = foreignJails.find(({ name }) => name === legacyUuid)!;
      await plant({ ...mail, name: 'second' });
      writeFileSync(join(directoryOf('second'), 'config'), 'host_hostuuid="second";\ntag="mail";\n');
      await expect(world.run('jail.migrate', { jail: 'second' })).rejects.toMatchObject({
        code: 'NAME_TAKEN',
      });
      const long = `{"CONFIG_VERSION": "29", "host_hostuuid": "thick", "notes": "${'x'.repeat(5000)}"}`;
      writeFileSync(join(directoryOf('thick'), 'config.json'), long);
      await expect(world.run('jail.migrate', { jail: 'thick' })).rejects.toThrow('longer than 1000 bytes');
      expect(textOf('thick', 'config.json')).toBe(long);
    });

    it('every step fails once', async () => {
      const steps = {
        context: () => world.context(),
        state: () => JSON.stringify([world.state(), contents()], null, 1),
      };
      const jail = 'web_1';
      const [input, migrate] = [() => ({ jail }), () => world.run('jail.migrate', { jail })];
      const back = () => world.run('jail.migrate-back', { jail });
      const tolerant = () => migrate().catch(() => undefined);
      expect(await failEveryStep(steps, { operation: 'jail.migrate', input, reset: back })).toBe(3);
      expect(
        await failEveryStep(steps, {
          operation: 'jail.migrate-back',
          input,
          prepare: tolerant,
          reset: tolerant,
        }),
      ).toBe(3);
      await back();
      const restore = async () => {
        plantConfig(directoryOf(jail), foreignJails[0]!);
        for (const key of (await world.storage.local(`tank/iocage/jails/${jail}`))!.keys())
          if (key.startsWith('org.freebsd.iocage:'))
            await world.storage.inherit(`tank/iocage/jails/${jail}`, key);
        unlinkSync(join(world.directory, 'tank/iocage/tags', jail));
      };
      expect(
        await failEveryStep(steps, {
          operation: 'jail.migrate-confirm',
          input,
          prepare: tolerant,
          reset: restore,
        }),
      ).toBe(2);
    });
  });
});
