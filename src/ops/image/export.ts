/**
 * `export`: a jail as an archive in POOL/iocage/images, with its digest and, beside it, everything that
 * the archive does not hold. The jail is down, so that the archive shows one moment.
 */
import { join } from 'node:path';
import * as z from 'zod';
import { defineChange, type Context } from '../operation.ts';
import { failure } from '../../domain/errors.ts';
import { packings, parseDigest, stemOf, type ImageMetadata, type Packing } from '../../domain/image.ts';
import { findJail, label, type Jail } from '../../domain/jail.ts';
import { properties } from '../../domain/properties/index.ts';
import { readWorld, toSpec, type World } from '../world.ts';
import { assertDown, assertOurs, lockJail, oneJail } from '../jail/select.ts';
import { makeDirectory } from '../steps/file.ts';
import { forgetReplaced, publishImage, writeImage } from '../steps/image.ts';

const words: Readonly<Record<string, Packing>> = { zstd: 'zstd', xz: 'xz', lzma: 'xz', gz: 'gz', gzip: 'gz' };

const exportInput = z.object({
  jail: z.string().min(1),
  /** Default: zstd where it is installed, otherwise gz. */
  packing: z.enum(['zstd', 'xz', 'gz']).optional(),
});

export interface Exported {
  readonly uuid: string;
  readonly tag: string;
  readonly file: string;
  readonly sha256: string;
  readonly sizeBytes: number;
  /** Datasets mounted below the jail's root, which are not in the image. */
  readonly leftOut: readonly string[];
}

export function imagesDirectory(world: World): string {
  return join(world.mountpoint, 'images');
}

export const imageExport = defineChange<typeof exportInput, Exported>({
  id: 'image.export',
  title: 'Export a jail as an image',
  effect: 'change',
  recover: 'undo',
  input: exportInput,
  locks: lockJail,
  async plan(context, input) {
    const world = await readWorld(context);
    const jail = findJail(world.jails, input.jail);
    assertOurs(jail);
    const spec = toSpec(world, jail);
    await assertDown(context, jail, 'export');
    const leftOut = await checkRoot(context, jail);
    const packing = await choosePacking(context, input.packing);
    const directory = imagesDirectory(world);
    const archive = `${jail.uuid}${packings[packing].ending}`;
    const names = [archive, `${jail.uuid}.sha256`, `${jail.uuid}.json`];
    const replaces = await earlier(context, directory, jail.uuid, names);
    return {
      subject: label(jail),
      title: `Exporting jail ${label(jail)}`,
      steps: [
        makeDirectory({ path: directory, mode: 0o700 }),
        writeImage({
          root: spec.root,
          directory,
          stem: jail.uuid,
          packing,
          kernel: context.host.kernel,
          described: {
            format: 'iocage-image',
            version: 1,
            kernel: context.host.kernel,
            exportedAt: context.clock.now().toISOString(),
            uuid: jail.uuid,
            tag: jail.tag,
            type: spec.config.get('type') ?? 'jail',
            ...(jail.local.has('release') ? { release: jail.local.get('release')! } : {}),
            archive,
            properties: await storedProperties(context, jail),
            fstab: (await context.files.read(join(spec.mountpoint, 'fstab'))) ?? '',
          },
        }),
        publishImage({ directory, names, replaces }),
        ...(replaces.length > 0 ? [forgetReplaced({ directory })] : []),
      ],
      async result() {
        const file = join(directory, archive);
        const sha256 = parseDigest((await context.files.read(join(directory, names[1]!))) ?? '') ?? '';
        const sizeBytes = (await context.files.stat(file))?.sizeBytes ?? 0;
        return { uuid: jail.uuid, tag: jail.tag, file, sha256, sizeBytes, leftOut };
      },
    };
  },
  command: {
    names: ['export'],
    group: 'data',
    usage: 'JAIL',
    flags: [
      {
        key: 'packing',
        flags: '-c, --compression <how>',
        doc: 'zstd (the default where it is installed), xz or gz',
      },
    ],
    about:
      'The jail must be stopped. Writes UUID.tar.zst (or .tar.xz, .tar.gz), UUID.sha256 and UUID.json, ' +
      'which holds the properties and the fstab, into the directory images beside the jails. ' +
      'An earlier image of the jail is replaced.',
    examples: [
      { line: 'iocage export web', says: 'an image to keep, or to take to another host' },
      { line: 'iocage export -c xz web', says: 'smaller and slower; the original can read it' },
    ],
    toInputs(given) {
      const { jail } = oneJail('export', given);
      const how = given.flags['packing'] as string | undefined;
      if (how === undefined) return [{ jail }];
      if (!Object.hasOwn(words, how)) {
        throw failure('USAGE', {
          problem: `compression is zstd, xz or gz, not ${JSON.stringify(how)}`,
          command: 'export',
        });
      }
      return [{ jail, packing: words[how]! }];
    },
  },
});

/** The root must be there, or the archive would hold an empty directory. Answers what is mounted inside it. */
async function checkRoot(context: Context, jail: Jail): Promise<readonly string[]> {
  const rows = (await context.storage.filesystems(jail.dataset, 8, ['mounted'])) ?? [];
  const root = rows.find(({ name }) => name === `${jail.dataset}/root`);
  if (root === undefined) throw failure('DATASET_NOT_FOUND', { dataset: `${jail.dataset}/root` });
  if (root.values.get('mounted') !== 'yes') throw failure('NOT_MOUNTED', { dataset: root.name });
  return rows.map(({ name }) => name).filter((name) => name !== jail.dataset && name !== root.name);
}

async function choosePacking(context: Context, wanted: Packing | undefined): Promise<Packing> {
  const has = async (packing: Packing): Promise<boolean> => {
    try {
      await context.exec.read([packings[packing].tool, '--version'], { accept: 'any' });
      return true;
    } catch {
      return false;
    }
  };
  if (wanted === undefined) return (await has('zstd')) ? 'zstd' : 'gz';
  if (await has(wanted)) return wanted;
  const { tool } = packings[wanted];
  throw failure('MISSING_TOOL', {
    tool,
    package: wanted === 'xz' ? 'xz-utils' : tool,
    why: 'compress the image',
  });
}

/** Files of an earlier export of the jail, whatever its compression: the one digest could not fit both. */
async function earlier(
  context: Context,
  directory: string,
  uuid: string,
  names: readonly string[],
): Promise<readonly string[]> {
  const present = await context.files.list(directory);
  return present.filter((name) => names.includes(name) || stemOf(name) === uuid);
}

const nativeKeys = new Set(
  properties.filter(({ store, access }) => store === 'native' && access === 'set').map(({ key }) => key),
);

async function storedProperties(context: Context, jail: Jail): Promise<ImageMetadata['properties']> {
  const native = [...((await context.storage.local(jail.dataset)) ?? [])].filter(([key]) =>
    nativeKeys.has(key),
  );
  return Object.fromEntries([...jail.local, ...native].sort(([a], [b]) => (a < b ? -1 : 1)));
}
