/**
 * `record` and `package`: an archive of only what a jail has other than its release, or other than when
 * its recording began. The original laid a union file system over the jail; here a recording is two
 * snapshots, and the trees are compared when the package is made, so a recorded jail runs as any other.
 */
import { join } from 'node:path';
import * as z from 'zod';
import { defineChange } from '../operation.ts';
import type { Context } from '../context.ts';
import type { Step } from '../../driver/system.ts';
import { failure } from '../../domain/errors.ts';
import { findJail, label, type Jail } from '../../domain/jail.ts';
import { releaseRoot } from '../mounted.ts';
import { readWorld } from '../world/read.ts';
import { toSpec } from '../world/spec.ts';
import type { World } from '../world/world.ts';
import { assertDown, assertOurs, lockJail, noProperties, oneJail, readJail } from '../jail/select.ts';
import { cloneDataset, takeSnapshot } from '../steps/dataset.ts';
import { dropView, writePackage } from '../steps/package.ts';
import {
  archiveInput,
  archiveOf,
  checkRoot,
  packagesDirectory,
  packingFlag,
  packingWord,
  type Written,
} from './place.ts';

/** Where a recording began, and where it ended. */
const marks = { start: 'ioc-record', stop: 'ioc-recorded' } as const;

async function recordingOf(context: Context, jail: Jail): Promise<{ start: boolean; stop: boolean }> {
  const rows = await context.storage.snapshots(`${jail.dataset}/root`, 0, []);
  const has = (name: string): boolean => rows.some(({ snapshot }) => snapshot === name);
  return { start: has(marks.start), stop: has(marks.stop) };
}

const recordInput = z.object({ jail: z.string().min(1), action: z.enum(['start', 'stop']) });

export const imageRecord = defineChange<typeof recordInput, { jail: string; snapshot: string }>({
  id: 'image.record',
  title: 'Begin or end the recording of what changes in a jail',
  effect: 'change',
  recover: 'undo',
  input: recordInput,
  locks: lockJail,
  async plan(context, { jail: word, action }) {
    const { jail } = await readJail(context, word);
    assertOurs(jail);
    const recording = await recordingOf(context, jail);
    const refuse = (state: string): never => {
      throw failure('RECORDED', { name: label(jail), state });
    };
    if (recording.stop) refuse('has a recording that is ended');
    if (action === 'start' && recording.start) refuse('is being recorded already');
    if (action === 'stop' && !recording.start) refuse('is not being recorded');
    const snapshot = marks[action];
    return {
      subject: label(jail),
      title: `${action === 'start' ? 'Recording' : 'Ending the recording of'} ${label(jail)}`,
      steps: [takeSnapshot({ name: `${jail.dataset}@${snapshot}`, recursive: true, properties: {} })],
      result: () => ({ jail: jail.uuid, snapshot }),
    };
  },
  command: {
    names: ['record'],
    group: 'data',
    usage: 'start|stop JAIL',
    about:
      'start takes the snapshot ioc-record, stop the snapshot ioc-recorded; package archives what changed between ' +
      'the two, or up to now. The jail may run. snapremove JAIL@ioc-recorded goes on with a recording, ' +
      'removing both forgets it.',
    examples: [
      { line: 'iocage record start web', says: 'from here on' },
      { line: 'iocage record stop web', says: 'up to here' },
    ],
    toInputs(words) {
      const [action, ...jails] = words.positionals;
      if (action !== 'start' && action !== 'stop')
        throw failure('USAGE', { problem: 'record start JAIL, or record stop JAIL', command: 'record' });
      return [{ action, ...oneJail('record', { ...words, positionals: jails }) }];
    },
  },
});

export const imagePackage = defineChange<typeof archiveInput, Written>({
  id: 'image.package',
  title: 'Archive what a jail has other than its release',
  effect: 'change',
  recover: 'undo',
  input: archiveInput,
  locks: lockJail,
  async plan(context, input) {
    const world = await readWorld(context);
    const jail = findJail(world.jails, input.jail);
    assertOurs(jail);
    const spec = toSpec(world, jail);
    await assertDown(context, jail, 'package');
    await checkRoot(context, jail);
    const release = await releaseOf(context, world, jail);
    const recording = await recordingOf(context, jail);
    const base = recording.start ? viewOf(world, jail, marks.start) : undefined;
    const end = recording.stop ? viewOf(world, jail, marks.stop) : undefined;
    const archive = await archiveOf(context, packagesDirectory(world), jail, spec, input.packing);
    const views = [base, end].filter((view) => view !== undefined);
    return {
      subject: label(jail),
      title: `Packaging jail ${label(jail)}`,
      steps: [
        archive.directoryStep,
        ...views.map(({ clone }) => clone),
        writePackage({
          base: base?.root ?? release.root,
          root: end?.root ?? spec.root,
          release: release.name,
          ...archive.content,
        }),
        archive.publish,
        ...views.map(({ drop }) => drop),
      ],
      result: archive.written,
    };
  },
  command: {
    names: ['package'],
    group: 'data',
    usage: 'JAIL',
    flags: [packingFlag],
    about:
      'The jail must be stopped. Packs into the directory packages what the jail has other than its release, or, ' +
      'after record start, what changed since then. import makes a jail of it where the same release is fetched.',
    examples: [{ line: 'iocage package web', says: 'a few megabytes instead of the whole jail' }],
    toInputs(words) {
      noProperties('package', words);
      return [{ ...oneJail('package', words), ...packingWord('package', words) }];
    },
  },
});

async function releaseOf(
  context: Context,
  world: World,
  jail: Jail,
): Promise<{ name: string; root: string }> {
  const name = jail.local.get('release');
  const release = world.releases.find((candidate) => candidate.name === name);
  if (name === undefined)
    throw failure('UNSUPPORTED', { what: `packaging ${label(jail)}`, why: 'it was made from no release' });
  if (release?.mountpoint === undefined) {
    throw failure('RELEASE_NOT_FOUND', {
      release: name,
      fetched: world.releases.map((fetched) => fetched.name),
    });
  }
  return { name, root: await releaseRoot(context, release) };
}

/** A snapshot to look into: zfs-fuse has no `.zfs`, so a clone shows it while the package is made. */
function viewOf(world: World, jail: Jail, mark: string): { root: string; clone: Step; drop: Step } {
  const name = `${mark}-${jail.uuid}`;
  const dataset = `${world.root}/download/${name}`;
  return {
    root: join(world.mountpoint, 'download', name),
    clone: cloneDataset({
      snapshot: `${jail.dataset}/root@${mark}`,
      dataset,
      properties: { readonly: 'on' },
    }),
    drop: dropView({ dataset }),
  };
}
