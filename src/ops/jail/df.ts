/** `df`: the disk space of jails; a constant number of child processes, whatever the number of jails. */
import * as z from 'zod';
import { defineRead } from '../operation.ts';
import { compareNatural } from '../../domain/order.ts';
import { inFull } from '../source/each.ts';
import { readWorld } from '../world/read.ts';
import { noPositionals } from './select.ts';

export interface Space {
  readonly uuid: string;
  readonly tag: string;
  readonly name: string;
  /** Such as `1.53x`. */
  readonly compressratio: string;
  readonly reservationBytes: number | null;
  readonly quotaBytes: number | null;
  readonly usedBytes: number;
  readonly availableBytes: number;
}

const sorts = ['name', 'crt', 'res', 'qta', 'use', 'ava'] as const;
const dfInput = z.object({ sort: z.enum(sorts).default('name') });

const spaceOrder: Record<(typeof sorts)[number], (space: Space) => number | string> = {
  name: (space) => space.name,
  crt: (space) => Number.parseFloat(space.compressratio),
  res: (space) => space.reservationBytes ?? 0,
  qta: (space) => space.quotaBytes ?? 0,
  use: (space) => space.usedBytes,
  ava: (space) => space.availableBytes,
};

function inOrder(spaces: readonly Space[], by: (typeof sorts)[number]): readonly Space[] {
  const key = spaceOrder[by];
  return spaces.toSorted((a, b) => compareNatural(String(key(a)), String(key(b))));
}

export const jailDf = defineRead<typeof dfInput, { jails: readonly Space[] }>({
  id: 'jail.df',
  title: 'Show the disk space of jails',
  input: dfInput,
  everySource: {
    applies: () => true,
    merge: (answers, { sort }) => ({
      jails: inOrder(
        inFull(answers, ({ jails }) => jails),
        sort,
      ),
    }),
  },
  async read(context, { sort }) {
    const world = await readWorld(context);
    const measured = await context.storage.measure(world.root, 2, [
      'compressratio',
      'reservation',
      'quota',
      'used',
      'available',
    ]);
    const jails = world.jails.map((jail): Space => {
      const values = measured.get(jail.dataset);
      const bytes = (key: string): number => Number(values?.get(key) ?? 0);
      return {
        uuid: jail.uuid,
        tag: jail.tag,
        name: jail.tag,
        compressratio: values?.get('compressratio') ?? '1.00x',
        reservationBytes: bytes('reservation') || null,
        quotaBytes: bytes('quota') || null,
        usedBytes: bytes('used'),
        availableBytes: bytes('available'),
      };
    });
    return { jails: inOrder(jails, sort) };
  },
  command: {
    names: ['df'],
    group: 'data',
    usage: '',
    flags: [
      { key: 'sort', flags: '-s, --sort <column>', doc: `by ${sorts.join(', ')}` },
      { key: 'asEver', flags: '-l, --long', doc: 'accepted: names are never cut' },
    ],
    examples: [{ line: 'iocage df', says: 'compression, reservation, quota, used and available space' }],
    toInputs(words) {
      noPositionals('df', words);
      const sort = words.flags['sort'];
      return [sort === undefined ? {} : { sort: String(sort).toLowerCase() }];
    },
  },
});
