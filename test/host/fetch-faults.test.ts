/**
 * Every step of `fetch` and of `destroy -r` fails once, and both are killed (SIGKILL) at every mark
 * of the journal: afterwards the pool is as before, or as after, and nothing in between. Files that
 * were downloaded may stay, as they are meant to.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failEveryStep, type StepCase } from '../ops/every-step.ts';
import { killingIn, type Killing } from '../support/killing.ts';
import { hostTests, openLab, reason, type Lab } from '../support/lab.ts';
import { busyboxTar, layBusyboxRoot } from '../support/release.ts';
import { serveDirectory, sha256Of, type SmallServer } from '../support/sets-server.ts';

describe.skipIf(!hostTests)(`releases, whole or not at all${reason}`, { timeout: 300_000 }, () => {
  let lab: Lab;
  let server: SmallServer;
  let tar: string;
  let killed: Killing;

  beforeAll(async () => {
    lab = await openLab({ release: false });
    tar = busyboxTar(join(lab.pool.directory, 'www/root.tar.zst'));
    layBusyboxRoot(join(lab.pool.directory, 'folder'));
    server = await serveDirectory(join(lab.pool.directory, 'www'));
    killed = await killingIn(lab);
  });
  afterAll(async () => {
    await server?.close();
    await lab?.close();
  });

  /** Without what differs from run to run, and without the cache of downloaded files. */
  const state = (): string =>
    lab
      .state()
      .split('\n')
      .filter((line) => !line.includes('/download/'))
      .map((line) => line.replaceAll(/(op|fetched_at)\\t[^"]*/g, '$1'))
      .join('\n');

  const fetchFile = () => ({ release: 'victim', file: tar });
  const fetchUrl = () => ({ release: 'victim', url: `${server.url}/root.tar.zst`, sha256: sha256Of(tar) });
  const destroy = () => lab.run('release.destroy', { release: 'victim', download: true });
  const present = () => lab.run('release.fetch', fetchFile());

  const cases: readonly StepCase[] = [
    { operation: 'release.fetch', variant: 'file', input: fetchFile, reset: destroy },
    { operation: 'release.fetch', variant: 'url', input: fetchUrl, reset: destroy },
    {
      operation: 'release.fetch',
      variant: 'jail',
      input: () => ({ release: 'victim', jail: 'smith' }),
      prepare: async () => {
        await lab.run('jail.create', { kind: 'empty', name: 'smith' }).catch(() => undefined);
      },
      reset: destroy,
      cleanUp: () => lab.run('jail.destroy', { jail: 'smith' }),
    },
    {
      operation: 'release.fetch',
      variant: 'folder',
      input: () => ({ release: 'victim', folder: `${lab.pool.directory}/folder` }),
      reset: destroy,
    },
    {
      operation: 'release.destroy',
      input: () => ({ release: 'victim' }),
      prepare: present,
      reset: () => Promise.resolve(),
      cleanUp: () => destroy().catch(() => undefined),
    },
  ];

  for (const scenario of cases) {
    it(`${scenario.operation} ${scenario.variant ?? ''}: every step fails once`, async () => {
      expect(await failEveryStep({ context: () => lab.context(), state }, scenario)).toBeGreaterThan(2);
    });
  }

  for (const { operation, variant, input, prepare, reset } of cases.filter(
    ({ variant }) => variant !== 'url',
  )) {
    it(`${operation} ${variant ?? ''}: killed at every mark`, async () => {
      await prepare?.();
      const before = state();
      const marks = killed.marks(operation, input());
      expect(marks).toBeGreaterThan(4);
      const after = state();
      expect(after).not.toBe(before);
      await reset();
      for (let at = 0; at < marks; at += 1) {
        for (const when of ['before', 'after'] as const) {
          const where = `mark ${at} of ${marks}, ${when}`;
          await prepare?.();
          const ran = killed(operation, input(), at, when);
          expect(ran.signal, `${where}: ${ran.stderr}`).toBe('SIGKILL');
          const { findings } = await lab.run<{ findings: { state: string }[] }>('host.doctor', {});
          expect(
            findings.filter((finding) => finding.state !== 'mended'),
            where,
          ).toEqual([]);
          const end = state();
          const done = at === marks - 1 && when === 'after';
          expect(done ? [after] : [before, after], where).toContain(end);
          if (end === after) await reset();
        }
      }
      await destroy().catch(() => undefined);
    });
  }
});
