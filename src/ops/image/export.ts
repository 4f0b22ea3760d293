/**
 * `export`: a jail as an archive in POOL/iocage/images, with its digest and, beside it, everything that
 * the archive does not hold. The jail is down, so that the archive shows one moment.
 */
import * as z from 'zod';
import { defineChange } from '../operation.ts';
import { findJail, label } from '../../domain/jail.ts';
import { readWorld } from '../world/read.ts';
import { toSpec } from '../world/spec.ts';
import { assertDown, assertOurs, lockJail, oneJail } from '../jail/select.ts';
import { writeImage } from '../steps/image.ts';
import {
  archiveInput,
  archiveOf,
  checkRoot,
  imagesDirectory,
  namedPlace,
  packingFlag,
  packingWord,
  type Written,
} from './place.ts';

const exportInput = archiveInput.extend({
  /** Absolute path of the archive, in the place of one in the directory `images`; nothing is there yet. */
  to: z.string().startsWith('/').optional(),
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
    const place = input.to === undefined ? undefined : await namedPlace(context, input.to);
    const packing = place?.packing ?? input.packing;
    const directory = place?.directory ?? imagesDirectory(world);
    const archive = await archiveOf(context, directory, jail, spec, packing, place);
    return {
      subject: label(jail),
      title: `Exporting jail ${label(jail)}`,
      steps: [
        ...(place === undefined ? [archive.directoryStep] : []),
        writeImage({ root: spec.root, ...archive.content }),
        archive.publish,
      ],
      result: async () => ({ ...(await archive.written()), leftOut }),
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
