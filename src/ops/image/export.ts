/**
 * `export`: a jail as an archive in POOL/iocage/images, with its digest and, beside it, everything that
 * the archive does not hold. The jail is down, so that the archive shows one moment.
 */
import * as z from 'zod';
import { defineChange } from '../operation.ts';
import { packings } from '../../domain/image.ts';
import { findJail, label } from '../../domain/jail.ts';
import { readWorld, toSpec } from '../world.ts';
import { assertDown, assertOurs, lockJail, oneJail } from '../jail/select.ts';
import { makeDirectory } from '../steps/file.ts';
import { publishImage, writeImage } from '../steps/image.ts';
import {
  checkRoot,
  choosePacking,
  describe,
  earlier,
  imagesDirectory,
  packingFlag,
  packingWord,
  written,
  type Written,
} from './place.ts';

const exportInput = z.object({
  jail: z.string().min(1),
  /** Default: zstd where it is installed, otherwise gz. */
  packing: z.enum(['zstd', 'xz', 'gz']).optional(),
});

/** An image that was written. */
export interface Exported extends Written {
  /** Datasets mounted below the jail's root, which are not in the image. */
  readonly leftOut: readonly string[];
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
          described: await describe(context, jail, spec, archive),
        }),
        publishImage({ directory, names, replaces }),
      ],
      result: async () => ({ ...(await written(context, directory, jail, archive)), leftOut }),
    };
  },
  command: {
    names: ['export'],
    group: 'data',
    usage: 'JAIL',
    flags: [packingFlag],
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
      return [{ jail, ...packingWord('export', given) }];
    },
  },
});
