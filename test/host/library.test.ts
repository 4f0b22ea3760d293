/**
 * The library on a real pool with real jails: the examples as programs of their own, against the package as it is
 * built (`npm run build -- library`), and what a program can rely on.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { transformSync } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Host, Jail, type IocEvent } from '../../src/index.ts';
import { projectRoot } from '../support/how-to.ts';
import { hostTests, openLab, reason, type Lab } from '../support/lab.ts';

// Below the project, so that `iocage` is the package itself.
const built = join(projectRoot, 'build', `examples-${process.pid}`);

describe.skipIf(!hostTests)(`the library${reason}`, () => {
  let lab: Lab;
  let host: Host;

  beforeAll(async () => {
    lab = await openLab();
    host = await Host.open({ pool: lab.pool.name, paths: lab.paths });
    await host.setDefaults({ ip4: 'disable', type: 'clonejail' });
    mkdirSync(built, { recursive: true });
    for (const file of readdirSync(join(projectRoot, 'examples'))) {
      const { code } = transformSync(readFileSync(join(projectRoot, 'examples', file), 'utf8'), {
        loader: 'ts',
      });
      writeFileSync(join(built, `${basename(file, '.ts')}.mjs`), code);
    }
  });
  afterAll(async () => {
    rmSync(built, { recursive: true, force: true });
    await lab.close();
  });

  function example(name: string, ...words: string[]) {
    const { stdout, stderr, status } = spawnSync(process.execPath, [join(built, `${name}.mjs`), ...words], {
      env: { ...process.env, ...lab.environment },
      encoding: 'utf8',
    });
    return { stdout, stderr, status };
  }

  it('examples/create.ts: the two lines that everybody knows, and the whole life of a jail', () => {
    const before = lab.state();
    const { stdout, stderr, status } = example('create', 'busybox');
    expect({ stdout, stderr, status }).toEqual({
      stdout: 'the jail is up\nexit status 0: hello from the jail\nthe jail is gone\n',
      stderr: '',
      status: 0,
    });
    expect(lab.state()).toBe(before);
  });

  it('every example is tried here', () => {
    const text = readFileSync(new URL(import.meta.url), 'utf8');
    const names = readdirSync(join(projectRoot, 'examples')).map((file) => `examples/${file}:`);
    expect(names.filter((name) => !text.includes(name))).toEqual([]);
    expect(names.length).toBeGreaterThan(5);
  });

  describe('with a jail', () => {
    beforeAll(async () => {
      await host.jails.create({ name: 'web', from: 'busybox' });
    });

    it('examples/list.ts: filters, and errors with their code', () => {
      expect(example('list', 'w*', 'state=down').stdout).toBe(
        'jails: name is w*, and state is down\nweb down busybox false 99\n',
      );
      expect(example('list', 'x*').stdout).toBe('jails: name is x*\n');
      const wrong = example('list', 'boots=on');
      expect(wrong.status).toBe(2);
      expect(wrong.stderr).toContain('UNKNOWN_PROPERTY: unsupported property: "boots" (did you mean boot?');
    });

    it('examples/events.ts: what goes on while a jail starts, and from a number on', () => {
      const { stdout, status } = example('events', 'web');
      expect(status).toBe(0);
      const lines = stdout.split('\n').map((line) => line.trimEnd().replace(/\d+ ms$/, 'N ms'));
      expect(lines[0]).toBe('JailStart@web: pending');
      for (const line of [
        '  JailHookPrestart@web: skipped N ms',
        '  MountFstab@web: done N ms',
        '  JailAttach@web: done N ms',
        '  JailHookStart@web: done N ms',
        'JailStart@web: done N ms',
        'process known',
        'after the start of the container: JailStop',
        'after the start of the container: JailHookStop',
        'after the start of the container: JailRemove',
      ])
        expect(lines).toContain(line);
    });

    it('examples/dry-run.ts: what would be done, and what was given up', () => {
      const before = lab.state();
      const { stdout } = example('dry-run', 'web');
      expect(stdout).toMatch(
        /^\d+ commands, one of them: zfs destroy -r \S*\/jails\/web\nit would lose \d+ datasets and snapshots\nCANCELLED; the jail is down\n$/,
      );
      expect(lab.state()).toBe(before);
    });

    it('examples/snapshots.ts: a snapshot, a clone of it, and the way back', () => {
      expect(example('snapshots', 'web')).toMatchObject({
        stdout:
          'changed: the jail true\nchanged: the copy false\nchanged: the jail false\nbefore is removed\n',
        stderr: '',
        status: 0,
      });
    });

    it('examples/several.ts: jails from a template, started side by side', async () => {
      await host.jails.create({ name: 'golden', from: 'busybox' });
      await host.jail('golden').set({ template: true });
      const { stdout, status } = example('several', 'golden');
      expect(stdout).toBe('worker1 up\nworker2 up\n2 are running\n');
      expect(status).toBe(0);
      await host.jail('golden').destroy();
    });

    it('export and import', async () => {
      const { file } = await host.jail('web').export({ packing: 'gz' });
      const copy = await host.import(file, { name: 'web2' });
      expect((await host.jails.get('web2')).facts.uuid).toBe(copy.name);
      await copy.destroy();
    });

    it('a start that is aborted leaves the jail down and the machine as it was', async () => {
      const before = lab.state();
      const starting = host.jail('web').start();
      const events: IocEvent[] = [];
      const all = async (): Promise<void> => {
        for await (const event of starting) {
          events.push(event);
          if (event.type === 'JailAttach' && event.state === 'done') starting.abort();
        }
      };
      await expect(all()).rejects.toMatchObject({ code: 'CANCELLED' });
      expect(events.map(({ type, state }) => `${type} ${state}`)).toContain('JailAttach rolled-back');
      expect(lab.state()).toBe(before);
    });

    it('two programs at once: the second waits for the first', async () => {
      const other = await Host.open({ pool: lab.pool.name, paths: lab.paths });
      const [one, two] = await Promise.allSettled([host.jail('web').start(), other.jail('web').start()]);
      const failed = [one, two].filter(({ status }) => status === 'rejected');
      expect(failed).toMatchObject([{ reason: { code: 'ALREADY_UP' } }]);
      expect(await other.jail('web').get('state')).toBe('up');
      expect((await new Jail('web', other).exec(['/bin/sh', '-c', 'echo no >&2; exit 3'])).status).toBe(3);
      await host.jail('web').stop();
    });

    it('prints nothing and reading writes nothing', async () => {
      const before = lab.state();
      const written: unknown[] = [];
      const streams = [process.stdout, process.stderr] as const;
      const originals = streams.map((stream) => stream.write);
      for (const stream of streams)
        stream.write = ((...words: unknown[]) => written.push(words) > 0) as typeof stream.write;
      try {
        for await (const jail of host.jails) expect(jail.facts.name).toBe('web');
        await host.releases().toArray();
        await host.snapshots('web').toArray();
        await host.defaults();
        await host.history();
        await host
          .jail('nothing')
          .start()
          .catch(() => undefined);
      } finally {
        streams.forEach((stream, index) => (stream.write = originals[index]!));
      }
      expect(written).toEqual([]);
      expect(lab.state()).toBe(before);
    });
  });
});
