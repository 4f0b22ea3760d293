/**
 * What every host driver must do, whatever its kernel. A driver's test file hands in how it is made and
 * how jails for it are made; the suite runs the steps as an operation would: as data read back from
 * JSON, one after the other, undone in reverse when one fails.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Host, JailSpec } from '../../src/driver/host.ts';
import type { StepRun } from '../../src/driver/step.ts';
import type { Step } from '../../src/driver/system.ts';

export interface HostUnderTest {
  readonly host: Host;
  readonly run: StepRun;
  /** A jail with a root in which `/bin/sh` works; nothing of it runs yet. */
  jail(name: string, config?: Readonly<Record<string, string>>): Promise<JailSpec>;
  /** Everything on the host that a start could leave behind, in a form that can be compared. */
  snapshot(): Promise<unknown>;
  /** Ends the jail's first process from outside, as `kill -9` or an out-of-memory kill would. */
  kill(jail: JailSpec): Promise<void>;
  dispose(): Promise<void>;
}

export function kindFor(host: Host, step: Step): Host['kinds'][number] {
  const kind = host.kinds.find((known) => known.kind === step.kind);
  if (kind === undefined) throw new Error(`the driver does not list its kind ${step.kind}`);
  return kind;
}

/** Through JSON, since the journal keeps them so. */
export const asData = (steps: readonly Step[]): readonly Step[] =>
  JSON.parse(JSON.stringify(steps)) as Step[];

export interface RunStepsOptions {
  /** Throws in place of this step's `do`, after it ran when `after`. */
  readonly failAt?: number;
  readonly after?: boolean;
}

/** Runs steps the way operations do. A failing step and those before it are undone, then it throws. */
export async function runSteps(
  host: Host,
  given: readonly Step[],
  run: StepRun,
  { failAt, after }: RunStepsOptions = {},
): Promise<readonly string[]> {
  const steps = asData(given);
  const labels: string[] = [];
  for (const [index, step] of steps.entries()) {
    if (step.label !== undefined) labels.push(step.label);
    try {
      if (index === failAt && !after) throw new Error('made to fail');
      await kindFor(host, step).do(step.args as never, run);
      if (index === failAt) throw new Error('made to fail');
    } catch (error) {
      if (step.onError === 'warn') continue;
      for (const done of steps.slice(0, index + 1).reverse()) {
        await kindFor(host, done).undo?.(done.args as never, run);
      }
      throw error;
    }
  }
  return labels;
}

export const start = async (it: HostUnderTest, jail: JailSpec): Promise<readonly string[]> =>
  runSteps(it.host, await it.host.startSteps(jail), it.run);
export const stop = async (it: HostUnderTest, jail: JailSpec): Promise<readonly string[]> =>
  runSteps(it.host, await it.host.stopSteps(jail), it.run);

const startLabels = ['Started', 'Starting services'];
const stopLabels = ['Running pre-stop', 'Stopping services', 'Removing jail process', 'Running post-stop'];

export function hostContract(name: string, make: () => Promise<HostUnderTest>): void {
  describe(`host contract: ${name}`, () => {
    let it_: HostUnderTest;
    beforeEach(async () => {
      it_ = await make();
    });
    afterEach(async () => {
      await it_.dispose();
    });

    it('starts, tells about, and stops a jail, with the lines of the original', async () => {
      const { host } = it_;
      const jail = await it_.jail('one');
      const before = await it_.snapshot();
      expect(await host.check(jail)).toEqual([]);
      expect((await host.running(jail.pool)).size).toBe(0);

      expect(await start(it_, jail)).toEqual(startLabels);
      const running = (await host.running(jail.pool)).get(jail.uuid)!;
      expect(running).toMatchObject({ uuid: jail.uuid, ip4: [], ip6: [] });
      expect(running.jid).toBeGreaterThan(0);
      expect(Number.isNaN(Date.parse(running.startedAt!))).toBe(false);

      const words = await host.runtime(jail);
      expect(words).toEqual([...words].sort());
      expect(words).toContain(`name=ioc-${jail.uuid}`);
      expect(words).toContain(`jid=${running.jid}`);
      expect(words).toContain(`path=${jail.root}`);

      expect(await stop(it_, jail)).toEqual(stopLabels);
      expect((await host.running(jail.pool)).size).toBe(0);
      expect(await it_.snapshot()).toEqual(before);
    });

    it('runs programs in a running jail and passes their exit status on', async () => {
      const jail = await it_.jail('one');
      await expect(it_.host.exec(jail, ['/bin/sh', '-c', 'exit 0'], {})).rejects.toMatchObject({
        code: 'NOT_RUNNING',
      });
      await start(it_, jail);
      expect(await it_.host.exec(jail, ['/bin/sh', '-c', 'exit 0'], {})).toBe(0);
      expect(await it_.host.exec(jail, ['/bin/sh', '-c', 'exit 7'], {})).toBe(7);
      expect(await it_.host.exec(jail, ['/bin/no-such-program'], {})).toBe(127);
      await expect(it_.host.exec(jail, ['/bin/sh'], { jailUser: 'no-such-user' })).rejects.toMatchObject({
        code: 'INVALID_NAME',
      });
      await stop(it_, jail);
      await expect(it_.host.runtime(jail)).rejects.toMatchObject({ code: 'NOT_RUNNING' });
    });

    it('runs programs in a running jail as steps, and tells which kind of failure it was', async () => {
      const jail = await it_.jail('one');
      const command = (text: string, purpose: 'change' | 'health') =>
        runSteps(
          it_.host,
          [
            it_.host.commandStep(jail, {
              argv: ['/bin/sh', '-c', text],
              env: { GREETING: 'hello' },
              title: 'a program',
              purpose,
              timeoutMs: 20_000,
            }),
          ],
          it_.run,
        );
      await expect(command('exit 0', 'change')).rejects.toMatchObject({ code: 'NOT_RUNNING' });
      await start(it_, jail);
      await command('test "$GREETING" = hello', 'change');
      await expect(command('exit 7', 'change')).rejects.toMatchObject({ code: 'PROGRAM_FAILED' });
      await expect(command('exit 7', 'health')).rejects.toMatchObject({ code: 'HEALTH_FAILED' });
      await stop(it_, jail);
    });

    it('does not start a jail that runs', async () => {
      const jail = await it_.jail('one');
      await start(it_, jail);
      await expect(it_.host.startSteps(jail)).rejects.toMatchObject({ code: 'ALREADY_UP' });
    });

    it('leaves nothing when any step of a start fails, before or after its work', async () => {
      const jail = await it_.jail('one');
      const before = await it_.snapshot();
      const count = (await it_.host.startSteps(jail)).length;
      for (let failAt = 0; failAt < count; failAt += 1) {
        for (const after of [false, true]) {
          const steps = await it_.host.startSteps(jail);
          await expect(runSteps(it_.host, steps, it_.run, { failAt, after })).rejects.toThrow('made to fail');
          expect(await it_.snapshot(), `${steps[failAt]!.kind}, after: ${after}`).toEqual(before);
        }
      }
      expect(await start(it_, jail)).toEqual(startLabels);
    });

    it('can undo what never ran, and undo it twice', async () => {
      const jail = await it_.jail('one');
      const before = await it_.snapshot();
      for (const step of asData(await it_.host.startSteps(jail))) {
        await kindFor(it_.host, step).undo?.(step.args as never, it_.run);
        await kindFor(it_.host, step).undo?.(step.args as never, it_.run);
      }
      expect(await it_.snapshot()).toEqual(before);
    });

    it('finishes a stop that was interrupted anywhere', async () => {
      const jail = await it_.jail('one');
      const before = await it_.snapshot();
      await start(it_, jail);
      const count = (await it_.host.stopSteps(jail)).length;
      await stop(it_, jail);
      for (let reached = 0; reached < count; reached += 1) {
        await start(it_, jail);
        const steps = asData(await it_.host.stopSteps(jail));
        // Killed right after this step's work, before its mark: it is done again.
        for (const step of steps.slice(0, reached + 1))
          await kindFor(it_.host, step).do(step.args as never, it_.run);
        for (const step of steps.slice(reached)) {
          await Promise.resolve(kindFor(it_.host, step).do(step.args as never, it_.run)).catch(
            (error: unknown) => {
              if (step.onError !== 'warn') throw error;
            },
          );
        }
        expect(await it_.snapshot(), steps[reached]!.kind).toEqual(before);
      }
    });

    it('undoes the start when exec_start fails', async () => {
      const jail = await it_.jail('one', { exec_start: '/bin/false' });
      const before = await it_.snapshot();
      await expect(start(it_, jail)).rejects.toMatchObject({ code: 'COMMAND_FAILED' });
      expect(await it_.snapshot()).toEqual(before);
      expect((await it_.host.running(jail.pool)).size).toBe(0);
    });

    it('stops a jail although its hooks and exec_stop fail', async () => {
      const jail = await it_.jail('one', {
        exec_prestop: 'exit 1',
        exec_stop: '/bin/false',
        exec_poststop: 'exit 1',
      });
      const before = await it_.snapshot();
      await start(it_, jail);
      expect(await stop(it_, jail)).toEqual(stopLabels);
      expect(await it_.snapshot()).toEqual(before);
    });

    it('restarts services without a new first process', async () => {
      const jail = await it_.jail('one');
      await start(it_, jail);
      const first = (await it_.host.running(jail.pool)).get(jail.uuid)!.jid;
      const labels = await runSteps(it_.host, await it_.host.softRestartSteps(jail), it_.run);
      expect(labels).toEqual(['Stopping services', 'Starting services']);
      expect((await it_.host.running(jail.pool)).get(jail.uuid)!.jid).toBe(first);
    });

    it('reports a jail as down whose first process was killed, and starts it again', async () => {
      const jail = await it_.jail('one');
      const before = await it_.snapshot();
      await start(it_, jail);
      await it_.kill(jail);
      expect((await it_.host.running(jail.pool)).size).toBe(0);
      await expect(it_.host.exec(jail, ['/bin/sh'], {})).rejects.toMatchObject({ code: 'NOT_RUNNING' });
      expect(await start(it_, jail)).toEqual(startLabels);
      expect((await it_.host.running(jail.pool)).size).toBe(1);
      await stop(it_, jail);
      expect(await it_.snapshot()).toEqual(before);
    });

    it('takes away what a killed jail left behind, without starting it', async () => {
      const jail = await it_.jail('one');
      const before = await it_.snapshot();
      const remains = async (): Promise<readonly Step[]> => (await it_.host.leftoverSteps?.(jail)) ?? [];
      expect(await remains()).toEqual([]);
      await start(it_, jail);
      expect(await remains()).toEqual([]);
      await it_.kill(jail);
      await runSteps(it_.host, await remains(), it_.run);
      expect(await it_.snapshot()).toEqual(before);
      expect(await remains()).toEqual([]);
    });

    it('limits a running jail, live, and lifts the limits again', async () => {
      const { host } = it_;
      const jail = await it_.jail('one', { rlimits: 'on', maxproc: '50:deny' });
      const limit = async (value: string, options?: RunStepsOptions): Promise<unknown> => {
        const spec = { ...jail, config: new Map([...jail.config, ['maxproc', value]]) };
        return runSteps(host, await host.limitSteps(spec, 'apply'), it_.run, options);
      };
      const rules = async () => (await host.limits(jail)).rules;
      const before = await it_.snapshot();
      await expect(limit('40:deny')).rejects.toMatchObject({ code: 'NOT_RUNNING' });
      expect((await start(it_, jail)).slice(1)).toEqual(['Applying resource limits', 'Starting services']);
      expect(await rules()).toEqual([{ key: 'maxproc', value: '50:deny' }]);
      await expect(limit('40:deny', { failAt: 0, after: true })).rejects.toThrow('made to fail');
      expect(await rules()).toEqual([{ key: 'maxproc', value: '50:deny' }]);
      expect(await limit('40:deny')).toEqual(['Applying resource limits']);
      expect(await rules()).toEqual([{ key: 'maxproc', value: '40:deny' }]);
      await expect(limit('0:deny')).rejects.toMatchObject({ code: 'INVALID_INPUT' });
      const usage = await host.usage(jail.pool, [jail.uuid, 'not-there']);
      expect([...usage.keys()]).toEqual([jail.uuid]);
      // A container has a first process of ours; a jail of FreeBSD persists without any.
      expect(usage.get(jail.uuid)!.used.get('maxproc')).toBe(host.kernel === 'linux' ? 1 : 0);
      expect(await runSteps(host, await host.limitSteps(jail, 'release'), it_.run)).toEqual([]);
      expect(await rules()).toEqual([]);
      await limit('30:deny');
      await stop(it_, jail);
      expect(await rules()).toEqual([]);
      expect(await it_.snapshot()).toEqual(before);
      // What held in the last run holds no more in the next.
      const free = { ...jail, config: new Map([...jail.config, ['rlimits', 'off']]) };
      expect(await start(it_, free)).not.toContain('Applying resource limits');
      expect(await rules()).toEqual([]);
    });

    it('tells what keeps a jail from starting before anything is touched', async () => {
      const jail = await it_.jail('one', { interfaces: 'vnet0', ip4_addr: 'no-such-nic|192.0.2.77/24' });
      const before = await it_.snapshot();
      const keys = (await it_.host.check({ ...jail, root: `${jail.root}-missing` })).map(({ key }) => key);
      expect(keys.sort()).toEqual(['interfaces', 'ip4_addr', 'root']);
      expect(await it_.snapshot()).toEqual(before);
    });

    it('says which settings the kernel does not apply', async () => {
      const jail = await it_.jail('one', { securelevel: '3', allow_quotas: '1' });
      const keys = it_.host.notApplied(jail).map(({ key }) => key);
      if (it_.host.kernel === 'linux')
        expect(keys).toEqual(expect.arrayContaining(['securelevel', 'allow_quotas']));
      for (const { why } of it_.host.notApplied(jail)) expect(why).not.toBe('');
    });
  });
}
