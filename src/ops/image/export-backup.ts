/**
 * `ioc export --format`: a jail as libiocage's own backup, an archive or a directory, which libiocage and `import` read. It
 * needs the release on the other side, unless it is to stand alone.
 */
import { dirname, join } from 'node:path';
import * as z from 'zod';
import { defineChange } from '../operation.ts';
import type { Context } from '../context.ts';
import { toBackupFstab } from '../../domain/backup.ts';
import { baseEntries, baseFolders } from '../../domain/basejail.ts';
import { failure } from '../../domain/errors.ts';
import { findJail, label, type Jail } from '../../domain/jail.ts';
import { assertDown, assertOurs, lockJail } from '../jail/select.ts';
import { configTextFor } from '../jail/migrate-to.ts';
import { releaseRoot } from '../mounted.ts';
import { readWorld } from '../world/read.ts';
import { releaseOf, toSpec } from '../world/spec.ts';
import type { World } from '../world/world.ts';
import {
  beginBackup,
  bundleBackup,
  publishBackup,
  writeBackupStream,
  writeBackupTree,
} from '../steps/backup.ts';
import { dropSnapshot, takeSnapshot } from '../steps/dataset.ts';
import { assertGrowsAlone, checkRoot } from './place.ts';

const backupInput = z.object({
  jail: z.string().min(1),
  /** Absolute path of what is written; nothing is there yet. */
  to: z.string().startsWith('/'),
  format: z.enum(['tar', 'directory']),
  /** All of the root, as a stream, in the place of what differs from the release. */
  standalone: z.boolean().default(false),
  takenAt: z.date().optional(),
});

/** A backup that was written. */
export interface BackedUp {
  readonly uuid: string;
  readonly tag: string;
  readonly file: string;
}

async function assertPlace(context: Context, path: string, format: 'tar' | 'directory'): Promise<void> {
  const { files } = context;
  const refuse = (at: string, why: string): Error => failure('FILE_FAILED', { path: at, why });
  // libiocage looks at nothing else.
  if (format === 'tar' && !/[^/]\.(tar\.gz|txz)$/.test(path))
    throw refuse(path, 'a backup of libiocage ends in .tar.gz or .txz');
  if ((await files.stat(dirname(path)))?.type !== 'directory')
    throw refuse(dirname(path), 'it is no directory');
  await assertGrowsAlone(context, path);
  if ((await files.stat(path)) !== undefined || (await files.readlink(path)) !== undefined)
    throw refuse(path, 'already exists');
}

/** @throws UNSUPPORTED, INVALID_INPUT with what libiocage has no word for */
async function configOf(context: Context, world: World, jail: Jail): Promise<string> {
  const what = `exporting ${label(jail)} in the format of libiocage`;
  if (jail.template) throw failure('UNSUPPORTED', { what, why: 'it is a template' });
  if (jail.file === undefined) return configTextFor(context, world, jail, 'libiocage');
  if (jail.file.name === 'config.json' && jail.file.title === 'libiocage') return jail.file.text;
  throw failure('UNSUPPORTED', {
    what,
    why: `its ${jail.file.name} is of ${jail.file.title}: 'iocage migrate' it first`,
  });
}

/** What the tree is compared with. @throws UNSUPPORTED, RELEASE_NOT_FOUND, NOT_MOUNTED */
async function baseOf(context: Context, world: World, jail: Jail): Promise<string> {
  const name = jail.local.get('release');
  if (name === undefined)
    throw failure('UNSUPPORTED', {
      what: `a backup of ${label(jail)} without --standalone`,
      why: 'it was made from no release',
    });
  const release = releaseOf(world, jail, name);
  if (release !== undefined) return releaseRoot(context, release);
  throw failure('RELEASE_NOT_FOUND', {
    release: name,
    fetched: world.releases.map((fetched) => fetched.name),
  });
}

export const imageBackup = defineChange<typeof backupInput, BackedUp>({
  id: 'image.backup',
  title: "Export a jail as libiocage's backup",
  effect: 'change',
  recover: 'undo',
  anyFormat: true,
  input: backupInput,
  prepare: (context, input) => ({ ...input, takenAt: input.takenAt ?? context.clock.now() }),
  locks: lockJail,
  async plan(context, { jail: word, to, format, standalone, takenAt }) {
    const world = await readWorld(context);
    const jail = findJail(world.jails, word);
    assertOurs(jail);
    const spec = toSpec(world, jail);
    await assertDown(context, jail, 'export');
    const others = (await checkRoot(context, jail)).map((name) => name.slice(jail.dataset.length + 1));
    const inside = others.find((path) => path.startsWith('root/'));
    if (inside !== undefined)
      throw failure('UNSUPPORTED', {
        what: `exporting ${label(jail)} in the format of libiocage`,
        why: `the dataset ${jail.dataset}/${inside} lies in its root`,
      });
    await assertPlace(context, to, format);
    const config = await configOf(context, world, jail);
    const fstab = (await context.files.readBelow(spec.mountpoint, 'fstab')) ?? '';
    const directory = dirname(to);
    const snapshot = `${jail.dataset}@backup${takenAt!.toISOString().replace(/\D/g, '')}`;
    const streams = [...others, ...(standalone ? ['root'] : [])].sort();
    const base = standalone ? undefined : await baseOf(context, world, jail);
    const shown =
      base !== undefined && spec.config.get('type') === 'basejail'
        ? baseFolders(await baseEntries(context.files, base))
        : [];
    return {
      subject: label(jail),
      title: `Exporting jail ${label(jail)}`,
      steps: [
        beginBackup({ directory, config, fstab: toBackupFstab(fstab, spec.mountpoint) }),
        ...(base === undefined ? [] : [writeBackupTree({ directory, root: spec.root, base, shown })]),
        ...(streams.length === 0
          ? []
          : [
              takeSnapshot({ name: snapshot, recursive: true, properties: {} }),
              ...streams.map((path) =>
                writeBackupStream(
                  { directory, snapshot: snapshot.replace('@', `/${path}@`), path },
                  path === 'root' ? { which: ['root'] } : {},
                ),
              ),
              dropSnapshot({ name: snapshot, recursive: true }),
            ]),
        ...(format === 'tar' ? [bundleBackup({ directory })] : []),
        publishBackup({ path: to, bundled: format === 'tar' }),
      ],
      result: () => ({ uuid: jail.uuid, tag: jail.tag, file: join(to) }),
    };
  },
  command: {
    names: ['export --format'],
    group: 'data',
    usage: 'tar|directory JAIL DESTINATION',
    examples: [],
    toInputs({ positionals: [jail, to], flags }) {
      return [{ jail, to, format: flags['format'], standalone: flags['standalone'] === true }];
    },
  },
});
