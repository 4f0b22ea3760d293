/**
 * Cases of `every-step.ts`: update, and create with packages. The package manager is a script that does
 * nothing: what fails here are the steps around it; `test/host/packages.test.ts` has a real one.
 */
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StepCase } from './every-step.ts';

/** Gives a root a program that looks like apk(8). */
export function plantApk(root: string): void {
  mkdirSync(join(root, 'sbin'), { recursive: true });
  mkdirSync(join(root, 'lib/apk/db'), { recursive: true });
  writeFileSync(join(root, 'sbin/apk'), '#!/bin/sh\necho "$@" >>/root/apk-ran\n');
  chmodSync(join(root, 'sbin/apk'), 0o755);
  writeFileSync(join(root, 'lib/apk/db/installed'), 'P:busybox\nV:1.36.1-r2\n\nP:musl\nV:1.2.4-r1\n');
}

/** A script counts only when it is root's, and only root can make one. */
export const provisions = process.geteuid?.() === 0;

function provisionCase(reset: () => Promise<void>): StepCase {
  const script = join(tmpdir(), `iocage-provision-${process.pid}`);
  return {
    operation: 'jail.provision',
    input: () => ({
      jail: 'source',
      overrides: [
        ['provision.method', 'script'],
        ['provision.source', script],
      ],
    }),
    prepare: async () => writeFileSync(script, 'true\n', { mode: 0o600 }),
    reset,
    cleanUp: async () => rmSync(script),
  };
}

export function packageCases(
  run: (operation: string, input: unknown) => Promise<unknown>,
  list: string,
): readonly StepCase[] {
  const tolerant = (promise: Promise<unknown>) => promise.catch(() => undefined);
  const forget = async (): Promise<void> => {
    const { snapshots } = (await run('snapshot.list', { jail: 'source' })) as {
      snapshots: { name: string; dataset: string }[];
    };
    const names = snapshots
      .map(({ name }) => name)
      .filter((name) => /^ioc-(update|install|provision)[^/]*$/.test(name));
    for (const snapshot of names) await run('snapshot.remove', { jail: 'source', snapshot });
  };
  return [
    { operation: 'jail.update', input: () => ({ name: 'source' }), reset: forget },
    {
      operation: 'jail.update',
      variant: 'of a running jail, with a health check',
      input: () => ({ name: 'source', health: 'true' }),
      prepare: () => tolerant(run('jail.start', { jail: 'source' })),
      reset: forget,
      cleanUp: () => run('jail.stop', { jail: 'source' }),
    },
    {
      operation: 'jail.install',
      input: () => ({ jail: 'source', names: ['curl', 'musl'] }),
      reset: forget,
    },
    ...(provisions ? [provisionCase(forget)] : []),
    {
      operation: 'jail.create',
      variant: 'with packages',
      input: () => ({
        kind: 'clone',
        release: 'busybox',
        name: 'victim',
        properties: [
          ['pkglist', list],
          ['ip4', 'disable'],
        ],
      }),
      prepare: async () => writeFileSync(list, 'first\nsecond # a remark\n'),
      reset: () => run('jail.destroy', { jail: 'victim' }),
      cleanUp: async () => rmSync(list),
    },
  ];
}
