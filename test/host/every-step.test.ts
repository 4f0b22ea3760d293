/** Every step of every changing operation fails once, on a real pool with real containers. */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failEveryStep, stepCases } from '../ops/every-step.ts';
import { packageCases, plantApk } from '../ops/every-step-packages.ts';
import { hostTests, openLab, reason, type Lab } from '../support/lab.ts';

describe.skipIf(!hostTests)(`every step fails once${reason}`, { timeout: 300_000 }, () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await openLab();
    plantApk(join(lab.pool.directory, 'pool/iocage/releases/busybox/root'));
    await lab.run('jail.create', {
      kind: 'clone',
      release: 'busybox',
      name: 'source',
      properties: [['ip4', 'disable']],
    });
    await lab.run('snapshot.take', { jail: 'source', snapshot: 'kept' });
  });
  afterAll(() => lab.close());

  const run = (operation: string, input: unknown) => lab.run(operation, input);
  const cases = [
    ...stepCases(run, () => lab.pool.name),
    ...packageCases(run, join(tmpdir(), `iocage-list-${process.pid}`)),
  ].filter(({ variant }) => variant !== 'of a running jail, by a repository'); // test/host/provision.test.ts has it
  for (const scenario of cases) {
    it(`${scenario.operation} ${scenario.variant ?? ''}`.trim(), async () => {
      const world = {
        context: () => lab.context(),
        state: () => lab.state().replaceAll(/op\\t[^"]*/g, 'op'),
      };
      expect(await failEveryStep(world, scenario)).toBeGreaterThan(0);
    });
  }
  it('jail.start undone by a cancelled signal leaves nothing', async () => {
    const before = lab.state();
    const controller = new AbortController();
    controller.abort();
    await expect(
      lab.run('jail.start', { jail: 'source' }, { signal: controller.signal }),
    ).rejects.toMatchObject({
      code: 'CANCELLED',
    });
    expect(lab.state().split('\n')).toEqual(before.split('\n'));
  });

  it('32 concurrent creates with one tag: exactly one succeeds', async () => {
    const tries = Array.from({ length: 32 }, () =>
      lab.run('jail.create', { kind: 'clone', release: 'busybox', properties: [['tag', 'only-one']] }),
    );
    const ends = await Promise.allSettled(tries);
    const made = ends.filter((end) => end.status === 'fulfilled');
    const refused = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason.code] : []));
    expect(made).toHaveLength(1);
    expect(new Set(refused).size).toBeGreaterThan(0);
    expect([...new Set(refused)].every((code) => code === 'NAME_TAKEN' || code === 'LOCKED')).toBe(true);
    const { jails } = await lab.run<{ jails: { tag: string }[] }>('jail.list', {});
    expect(jails.filter((jail) => jail.tag === 'only-one')).toHaveLength(1);
    await lab.run('jail.destroy', { jail: 'only-one' });
  });
});
