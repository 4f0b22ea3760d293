/**
 * Cases of `every-step.ts`: update, and create with packages. The package manager is a script that does
 * nothing: what fails here are the steps around it; `test/host/packages.test.ts` has a real one.
 */
import { chmodSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeRepository } from '../support/git.ts';
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

/** A plugin: its repository is cloned into a dataset of its own, and the jail's fstab shows it. */
function pluginCase(run: (operation: string, input: unknown) => Promise<unknown>): StepCase {
  const directory = join(tmpdir(), `iocage-plugin-${process.pid}`);
  const file = `${directory}.json`;
  return {
    operation: 'jail.provision',
    variant: 'by the definition of a plugin',
    input: () => ({
      jail: 'victim',
      overrides: [
        ['provision.method', 'ix'],
        ['provision.source', file],
      ],
    }),
    prepare: async () => {
      if (!existsSync(file)) {
        makeRepository(directory).commit({ 'post_install.sh': 'true\n' });
        writeFileSync(file, JSON.stringify({ artifact: directory, pkgs: ['curl'] }), { mode: 0o600 });
      }
      await run('jail.clone', { jail: 'source', name: 'victim' }).catch(() => undefined);
    },
    reset: async () => {
      await run('jail.destroy', { jail: 'victim' });
    },
    cleanUp: async () => {
      await run('jail.destroy', { jail: 'victim' }).catch(() => undefined);
      for (const path of [directory, file]) rmSync(path, { recursive: true });
    },
  };
}

/** The files of a directory, for the time. */
function shownCase(
  reset: () => Promise<void>,
  cleanUp: () => Promise<unknown>,
  prepare: () => Promise<unknown>,
): StepCase {
  const directory = join(tmpdir(), `iocage-shown-${process.pid}`);
  return {
    operation: 'jail.provision',
    variant: 'of a running jail, by a repository',
    input: () => ({
      jail: 'source',
      overrides: [
        ['provision.method', 'script'],
        ['provision.source', directory],
        ['provision.rev', 'main'],
      ],
    }),
    prepare: async () => {
      if (!existsSync(directory)) makeRepository(directory).commit({ 'provision.sh': 'true\n' });
      await prepare();
    },
    reset,
    cleanUp: async () => {
      await cleanUp();
      rmSync(directory, { recursive: true });
    },
  };
}

/** What an operation needs to take a root for one of Debian, for the time. */
function asDebian(root: string): void {
  mkdirSync(join(root, 'usr/bin'), { recursive: true });
  mkdirSync(join(root, 'var/lib/dpkg'), { recursive: true });
  writeFileSync(join(root, 'usr/bin/apt-get'), '#!/bin/sh\n', { mode: 0o755 });
  writeFileSync(join(root, 'var/lib/dpkg/status'), '');
}

/** @param releases where releases are mounted. A mirror of packages is made and added to, and a jail without a network installs from it. */
export function mirrorCases(
  run: (operation: string, input: unknown) => Promise<unknown>,
  releases: () => string,
): readonly StepCase[] {
  const tolerant = (promise: Promise<unknown>) => promise.catch(() => undefined);
  const input = { release: 'debian', names: ['curl'] };
  const make = async (): Promise<void> => {
    const list = (await run('release.list', {})) as { releases: readonly { name: string }[] };
    if (!list.releases.some(({ name }) => name === 'debian'))
      await run('release.fetch', { release: 'debian', jail: 'source' });
    asDebian(join(releases(), 'debian/root'));
  };
  const forget = async (): Promise<void> => {
    await run('release.destroy', { release: 'debian' });
  };
  return [
    { operation: 'release.mirror', input: () => input, prepare: make, reset: forget },
    {
      operation: 'release.mirror',
      variant: 'that is there',
      input: () => ({ ...input, names: ['nginx'] }),
      prepare: async () => {
        await make();
        await run('release.mirror', input);
      },
      reset: forget,
    },
    {
      operation: 'jail.install',
      variant: 'from the mirror of its release',
      input: () => ({ jail: 'victim', names: ['curl'] }),
      prepare: async () => {
        await make();
        await run('release.mirror', input);
        await tolerant(
          run('jail.create', {
            kind: 'clone',
            release: 'debian',
            name: 'victim',
            properties: [['ip4', 'disable']],
          }),
        );
        await tolerant(run('jail.start', { jail: 'victim' }));
      },
      reset: async () => {
        await run('jail.destroy', { jail: 'victim', force: true });
        await forget();
      },
    },
  ];
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
    ...(provisions
      ? [
          provisionCase(forget),
          pluginCase(run),
          shownCase(
            forget,
            () => run('jail.stop', { jail: 'source' }),
            () => tolerant(run('jail.start', { jail: 'source' })),
          ),
        ]
      : []),
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
