/**
 * `destroy`: everything that will go is computed and shown first, then nothing else goes. Never a
 * clone of the jail, never a snapshot that a person made elsewhere, never with `zfs destroy -R`.
 */
import { join } from 'node:path';
import { defineChange } from '../operation.ts';
import type { Step } from '../../driver/system.ts';
import { failure } from '../../domain/errors.ts';
import { findJail, label, type Jail } from '../../domain/jail.ts';
import { releaseDestroy } from '../release/destroy.ts';
import { noteHandedElsewhere } from '../snapshot/rows.ts';
import { consoleLogs } from '../world/spec.ts';
import { readWorld } from '../world/read.ts';
import type { World } from '../world/world.ts';
import { destroyDataset, destroySnapshot, unmountDataset } from '../steps/dataset.ts';
import { removeFile, removeLink } from '../steps/file.ts';
import { jailDestroyTree } from './destroy-tree.ts';
import { computeLoss, type Loss } from './loss.ts';
import { destroyInput, stopFirst } from './losses.ts';
import { assertOurs, jailLock } from './select.ts';

interface Destroyed {
  readonly uuid: string;
  readonly tag: string;
  /** Datasets and snapshots that are gone. */
  readonly destroyed: readonly string[];
}

export const jailDestroy = defineChange<typeof destroyInput, Destroyed>({
  id: 'jail.destroy',
  title: 'Destroy a jail with its files and snapshots',
  effect: 'destroy',
  recover: 'finish',
  anyFormat: true,
  input: destroyInput,
  async locks(context, input) {
    return [jailLock(findJail((await readWorld(context)).jails, input.jail))];
  },
  async plan(context, input) {
    const world = await readWorld(context);
    const jail = findJail(world.jails, input.jail);
    assertOurs(jail);
    const stop = await stopFirst(context, world, jail, input.force);
    const loss = await computeLoss(context, jail);
    noteHandedElsewhere(context, jail, world.defaults);
    return {
      subject: label(jail),
      title: `Destroying jail ${label(jail)}`,
      loses: loss.all,
      steps: [...stop, ...destroySteps(world, jail, loss)],
      result: () => ({ uuid: jail.uuid, tag: jail.tag, destroyed: loss.all }),
    };
  },
  command: {
    names: ['destroy'],
    group: 'jails',
    usage: 'JAIL ...',
    flags: [
      { key: 'force', flags: '-f, --force', doc: 'do not ask, and stop the jail first when it runs' },
      {
        key: 'yes',
        flags: '-y, --yes',
        doc: 'answer the question with yes; a running jail is still refused',
      },
      {
        key: 'recursive',
        flags: '-R, --recursive',
        doc: 'with all jails that were cloned from it, and from those',
      },
      { key: 'release', flags: '-r, --release', doc: 'the names are releases, not jails' },
      { key: 'download', flags: '-d, --download', doc: 'with -r: the downloaded files too' },
    ],
    about:
      'Shows every dataset and snapshot that will be lost and asks. A jail from which others are cloned is refused without -R.',
    examples: [
      { line: 'iocage destroy web', says: 'shows what will be lost and asks' },
      { line: 'iocage destroy -f web', says: 'does not ask; for scripts' },
      { line: 'iocage destroy -r bookworm', says: 'removes a release that no jail uses' },
    ],
    instead({ flags }) {
      if (flags['recursive'] === true) return jailDestroyTree;
      return flags['release'] === true ? releaseDestroy : undefined;
    },
    toInputs(words) {
      if (words.flags['download'] === true) {
        throw failure('USAGE', {
          problem: '-d goes with -r: a jail has no downloaded files',
          command: 'destroy',
        });
      }
      if (words.positionals.includes('ALL')) {
        throw failure('USAGE', { problem: 'ALL is not taken here: name each jail', command: 'destroy' });
      }
      if (words.positionals.length === 0)
        throw failure('USAGE', { problem: 'missing UUID', command: 'destroy' });
      return words.positionals.map((jail) => ({ jail, force: words.flags['force'] === true }));
    },
  },
});

function destroySteps(world: World, jail: Jail, loss: Loss): readonly Step[] {
  return [
    ...(jail.mountpoint === undefined
      ? []
      : [removeLink({ target: jail.mountpoint, path: join(world.mountpoint, 'tags', jail.tag) })]),
    // Unmounting comes first because it can be undone: a jail whose files are in use stays whole.
    unmountDataset({ dataset: jail.dataset, mounted: loss.mounted }),
    destroyDataset({ dataset: jail.dataset, recursive: true }),
    // The jail is gone by then: one that stays is reported, and in nobody's way.
    ...loss.origins.map((name) => destroySnapshot({ name, recursive: false }, { onError: 'warn' })),
    ...consoleLogs(world, jail.uuid).map((path) => removeFile({ path })),
  ];
}
