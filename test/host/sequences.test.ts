/**
 * Scripts that were written for the originals run: the documented sequences of `sequences.ts`, each on a
 * pool with nothing but one release, with the built command and real jails. In a network and mount namespace of its
 * own; outside of one, the file runs itself again inside.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { linesOf } from '../support/how-to.ts';
import { inside, runsInside } from '../support/inside.ts';
import { openLab, whyNot, type Lab } from '../support/lab.ts';
import { sh } from '../support/pool.ts';
import { busyboxTar } from '../support/release.ts';
import { emptyLab, typist, type Typist } from '../support/typed.ts';
import { sequences } from './sequences.ts';

runsInside('documented sequences', import.meta.filename, {
  why: whyNot,
  zfs: true,
  limitMs: 600_000,
});

/** The rows are indented like the table they stand in. */
const unindented = (text: string): string => text.replace(/^\n/, '').replace(/^ {6}/gm, '');

describe.skipIf(!inside)('documented sequences, inside (the test above runs these)', () => {
  let lab: Lab;
  let type: Typist;

  beforeAll(async () => {
    sh('mount', '-t', 'tmpfs', 'sequences', '/mnt');
    sh('ip', 'link', 'add', 'em0', 'type', 'veth', 'peer', 'name', 'cable');
    sh('ip', 'link', 'add', 'bridge0', 'type', 'bridge');
    sh('ip', 'addr', 'add', '10.1.1.1/32', 'dev', 'em0');
    sh('ip', 'addr', 'add', '10.1.1.254/24', 'dev', 'bridge0');
    for (const name of ['em0', 'cable', 'bridge0']) sh('ip', 'link', 'set', name, 'up');
    lab = await openLab({ release: false });
    busyboxTar('/mnt/release.tar');
    await lab.run('release.fetch', { release: '10.1-RELEASE', file: '/mnt/release.tar' });
    type = typist(lab);
  });
  afterAll(() => lab.close());
  afterEach(async () => {
    await emptyLab(lab, '10.1-RELEASE');
    for (const name of ['images', 'packages'])
      rmSync(join(lab.pool.directory, 'pool/iocage', name), { recursive: true, force: true });
  });

  it('are at least twenty-five', () => expect(sequences.length).toBeGreaterThanOrEqual(25));

  it.each(sequences.map((sequence) => [sequence.name, sequence] as const))('%s', (_, sequence) => {
    if (sequence.given !== undefined) type([{ command: sequence.given, shows: undefined }]);
    type(linesOf(unindented(sequence.commands)), sequence.answer);
    type(linesOf(unindented(sequence.holds)));
  });
});
