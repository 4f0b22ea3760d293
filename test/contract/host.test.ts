/** The fake host passes the suite that the real drivers pass, so that tests above it mean something. */
import { describe, expect, it } from 'vitest';
import type { JailSpec } from '../../src/driver/host.ts';
import type { StepRun } from '../../src/driver/step.ts';
import { fakeHost } from '../support/fake-host.ts';
import { hostContract, runSteps } from './host.ts';

const run = {
  operationId: 'test',
  clock: { now: () => new Date(0), sleep: () => Promise.resolve() },
  signal: new AbortController().signal,
  dry: false,
  progress: () => undefined,
  note: () => undefined,
} as unknown as StepRun;

const jailOf = (name: string, config: Readonly<Record<string, string>> = {}): JailSpec => ({
  pool: 'tank',
  uuid: name,
  tag: name,
  dataset: `tank/iocage/jails/${name}`,
  mountpoint: `/iocage/jails/${name}`,
  root: `/iocage/jails/${name}/root`,
  consoleLog: `/iocage/log/${name}-console.log`,
  config: new Map(Object.entries(config)),
});

hostContract('fake', async () => {
  const host = fakeHost();
  return {
    host,
    run,
    jail: async (name, config) => jailOf(name, config),
    snapshot: async () => host.snapshotState(),
    kill: async (jail) => host.kill(jail.pool, jail.uuid),
    dispose: async () => undefined,
  };
});

describe('fake host', () => {
  it('fails a kind of step once, before or after its work, and is as before when all is undone', async () => {
    const host = fakeHost();
    const jail = jailOf('one', { ip4_addr: 'eth0|192.0.2.10/24' });
    const before = host.snapshotState();
    for (const when of ['before', 'after'] as const) {
      for (const kind of ['fake.hook', 'fake.network', 'fake.create', 'fake.start', 'fake.service']) {
        host.failStep(kind, when);
        await expect(runSteps(host, await host.startSteps(jail), run)).rejects.toThrow('made to fail');
        expect(host.snapshotState()).toEqual(before);
      }
    }
    await runSteps(host, await host.startSteps(jail), run);
    expect((await host.running('tank')).get('one')?.ip4).toEqual(['eth0|192.0.2.10/24']);
    expect(await host.check(jailOf('two', { ip4_addr: '192.0.2.10' }))).toHaveLength(1);
  });
});
