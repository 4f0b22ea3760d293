/**
 * Runs the how-tos of `docs/` as a person types them: each line in a shell, with the built command, on a
 * real pool. Every line must end with status 0 and print what the page shows. In a network and mount namespace of its
 * own (`test/support/with-net`), where `/srv` and `/mnt` are free to use; outside of one, the file runs itself
 * again inside. `test/support/how-to.ts` says how a how-to is marked.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { commandPath } from '../support/command.ts';
import { isShown, needs, projectRoot, readHowTos, type HowTo, type Need } from '../support/how-to.ts';
import { hostTests, openLab, reason, type Lab } from '../support/lab.ts';
import { sh } from '../support/pool.ts';
import { busyboxTar, layBusyboxRoot } from '../support/release.ts';

const inside = process.env['IOCAGE_TEST_NEIGHBOUR'] !== undefined;

describe.skipIf(!hostTests || inside)(`how-tos${reason}`, () => {
  it('hold in a network namespace and a ZFS of their own', () => {
    const vitest = join(projectRoot, 'node_modules/vitest/vitest.mjs');
    // ZFS inside: what its daemon mounts is seen in its own mount namespace only.
    const words = ['test/support/with-zfs', process.execPath, vitest, 'run', '--project', 'host'];
    const ran = spawnSync('test/support/with-net', [...words, 'test/host/how-to.test.ts'], {
      encoding: 'utf8',
      env: { ...process.env, NO_COLOR: '1' },
    });
    if (ran.status !== 0) console.error(ran.stdout, ran.stderr);
    expect(ran.stdout + ran.stderr).toMatch(/Tests +\d+ passed \| 1 skipped/);
    expect(ran.status).toBe(0);
  }, 240_000);
});

describe.skipIf(!inside)('how-tos, inside (the test above runs these)', () => {
  let lab: Lab;
  let env: Record<string, string>;

  beforeAll(async () => {
    for (const place of ['/srv', '/mnt']) sh('mount', '-t', 'tmpfs', 'how-to', place);
    lab = await openLab({ release: false });
    busyboxTar('/mnt/bookworm.tar');
    await lab.run('release.fetch', { release: 'bookworm', file: '/mnt/bookworm.tar' });
    const bin = join(lab.pool.directory, 'bin');
    mkdirSync(bin);
    symlinkSync(commandPath, join(bin, 'iocage'));
    env = {
      ...lab.environment,
      PATH: `${bin}:${dirname(process.execPath)}:${process.env['PATH']}`,
      LD_LIBRARY_PATH: process.env['LD_LIBRARY_PATH'] ?? '',
      HOME: lab.pool.directory,
      SHELL: '/bin/bash',
      TERM: 'dumb',
      TZ: 'UTC',
    };
  });
  afterAll(() => lab.close());

  /** Everything that a how-to made goes; the next one finds what the first one found. */
  afterEach(async () => {
    await lab.run('pool.clean', { what: ['jails', 'templates'], force: true });
    await lab.run('property.reset', { jails: ['default'] });
    const { releases } = await lab.run<{ releases: { name: string }[] }>('release.list', {});
    for (const { name } of releases)
      if (name !== 'bookworm') await lab.run('release.destroy', { release: name });
    const top = join(lab.pool.directory, 'pool/iocage');
    for (const name of ['images', 'packages']) rmSync(join(top, name), { recursive: true, force: true });
  });

  const create = (name: string, kind: 'clone' | 'base'): Promise<unknown> =>
    lab.run('jail.create', { kind, release: 'bookworm', name });
  const fill: Readonly<Record<Need, (word: string) => unknown>> = {
    jail: (name) => create(name, 'clone'),
    async runningJail(name) {
      await create(name, 'clone');
      await lab.run('jail.start', { jail: name });
    },
    async template(name) {
      await create(name, 'clone');
      await lab.run('property.set', { jails: [name], properties: [['template', 'yes']] });
    },
    basejail: (name) => create(name, 'base'),
    snapshot(word) {
      const [jail, snapshot] = word.split('@');
      return lab.run('snapshot.take', { jail, snapshot });
    },
    async image(name) {
      await create(name, 'clone');
      await lab.run('image.export', { jail: name });
    },
    async package(name) {
      await create(name, 'clone');
      await lab.run('image.package', { jail: name });
    },
    release: (name) => lab.run('release.fetch', { release: name, file: '/mnt/bookworm.tar' }),
    folder(path) {
      mkdirSync(path, { recursive: true });
      writeFileSync(join(path, 'index.html'), 'hello\n');
    },
    rootFolder(path) {
      rmSync(path, { recursive: true, force: true });
      layBusyboxRoot(path);
    },
    archive: (path) => busyboxTar(path),
  };

  async function provide({ needs: wanted }: HowTo): Promise<void> {
    for (const word of wanted) {
      for (const [need, form] of Object.entries(needs)) {
        const named = form.exec(word)?.[1];
        if (named !== undefined) await fill[need as Need](named);
      }
    }
  }

  /** On a terminal when the how-to answers questions, whose two streams come as one. */
  function type(command: string, answer: string | undefined): { status: number | null; output: string } {
    const [program, words] =
      answer === undefined
        ? (['bash', ['-c', command]] as const)
        : (['script', ['-qec', command, '/dev/null']] as const);
    const ran = spawnSync(program, words, {
      env,
      encoding: 'utf8',
      input: answer === undefined ? '' : `${answer}\n`,
      timeout: 60_000,
    });
    const output = ran.stdout.replaceAll('\r\n', '\n');
    return { status: ran.status, output: ran.status === 0 ? output : output + ran.stderr };
  }

  const here = readHowTos().filter(({ runBy }) => runBy === undefined);
  it.each(here.map((howTo) => [`${howTo.page}: ${howTo.name}`, howTo] as const))('%s', async (_, howTo) => {
    await provide(howTo);
    for (const { command, shows } of howTo.lines) {
      const { status, output } = type(command, howTo.answer);
      expect(status, `${command}\n${output}`).toBe(0);
      if (shows === undefined) continue;
      expect(isShown(shows, output), `${command}\n${output}is not\n${shows.join('\n')}`).toBe(true);
    }
  });
});
