/**
 * Runs the how-tos of `docs/` as a person types them: each line in a shell, with the built command, on a
 * real pool. Every line must end with status 0 and print what the page shows. In a network and mount namespace of its
 * own (`test/support/with-net`), where `/srv` and `/mnt` are free to use; outside of one, the file runs itself
 * again inside. `test/support/how-to.ts` says how a how-to is marked.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, it } from 'vitest';
import { needs, readHowTos, type HowTo, type Need } from '../support/how-to.ts';
import { inside, runsInside } from '../support/inside.ts';
import { openLab, whyNot, type Lab } from '../support/lab.ts';
import { sh } from '../support/pool.ts';
import { busyboxTar, layBusyboxRoot } from '../support/release.ts';
import { emptyLab, typist, type Typist } from '../support/typed.ts';

runsInside('how-tos', import.meta.filename, {
  why: whyNot,
  zfs: true,
  limitMs: 600_000,
});

describe.skipIf(!inside)('how-tos, inside (the test above runs these)', () => {
  let lab: Lab;
  let type: Typist;

  beforeAll(async () => {
    for (const place of ['/srv', '/mnt']) sh('mount', '-t', 'tmpfs', 'how-to', place);
    lab = await openLab({ release: false });
    busyboxTar('/mnt/bookworm.tar');
    await lab.run('release.fetch', { release: 'bookworm', file: '/mnt/bookworm.tar' });
    type = typist(lab);
  });
  afterAll(() => lab.close());

  /** Everything that a how-to made goes; the next one finds what the first one found. */
  afterEach(async () => {
    await emptyLab(lab, 'bookworm');
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

  const here = readHowTos().filter(({ runBy }) => runBy === undefined);
  it.each(here.map((howTo) => [`${howTo.page}: ${howTo.name}`, howTo] as const))('%s', async (_, howTo) => {
    await provide(howTo);
    type(howTo.lines, howTo.answer);
  });
});
