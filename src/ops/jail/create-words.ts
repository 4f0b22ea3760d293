/** What may be said to `create`: its input, and the words and flags of both older lines that lead to it. */
import { resolve } from 'node:path';
import * as z from 'zod';
import { parseSwitch } from '../../domain/codec/choice.ts';
import { failure } from '../../domain/errors.ts';
import type { Flag, Words } from '../operation.ts';
import { countOf, givenUuid, kinds } from './new-jail.ts';

export const createInput = z.object({
  /** Default: what the stored default of `type` says, else `thick`. */
  kind: z.enum(kinds).optional(),
  release: z.string().optional(),
  /** The template to clone, instead of a release. */
  template: z.string().min(1).optional(),
  /** The dataset's name, and the tag and host name too. */
  name: z.string().optional(),
  /** Names of packages to install, in the place of a file in `pkglist`. */
  packages: z.array(z.string()).min(1).optional(),
  /** The dataset's name, where nothing else names it. */
  uuid: givenUuid.optional(),
  /** Only the first eight digits of the UUID that is made up. */
  short: z.boolean().default(false),
  /** Stores every property on the jail, so that later defaults do not reach it. */
  storeAll: z.boolean().default(false),
  count: z.number().int().min(1).max(999).default(1),
  properties: z.array(z.tuple([z.string(), z.string()])).default([]),
  /** UUIDs of the new jails. */
  uuids: z.array(z.string()).optional(),
  /** Gives the tag of a jail that gets none; the time of the call. */
  createdAt: z.date().optional(),
});
export type CreateInput = z.output<typeof createInput>;

export const createFlags: readonly Flag[] = [
  {
    key: 'clone',
    flags: '-c, --clone [count]',
    doc: 'thin: clone the release instead of copying it; with a number, that many jails',
  },
  {
    key: 'base',
    flags: '-b, --basejail',
    doc: 'the system folders are the ones of the release, shared and read-only',
  },
  {
    key: 'clonebase',
    flags: '-B, --clone_basejail',
    doc: 'a basejail whose own files are cloned, not copied',
  },
  { key: 'empty', flags: '-e, --empty', doc: 'no files at all in the jail' },
  { key: 'thick', flags: '-T, --thick', doc: 'a full copy of the release (the default)' },
  { key: 'thick', flags: '--thickjail', doc: 'same as --thick' },
  { key: 'release', flags: '-r, --release <release>', doc: 'same as release=RELEASE' },
  {
    key: 'template',
    flags: '-t, --template <template>',
    doc: 'a clone of the template; with -T a full copy; same as template=',
  },
  { key: 'name', flags: '-n, --name <name>', doc: 'name of the dataset, the tag and the host name' },
  {
    key: 'pkglist',
    flags: '-p, --pkglist <file>',
    doc: 'install the packages that the file lists; same as pkglist=FILE',
  },
  { key: 'uuid', flags: '-u, --uuid <uuid>', doc: 'this UUID instead of one that is made up' },
  { key: 'short', flags: '-s, --short', doc: 'only the first eight digits of the UUID' },
  {
    key: 'storeAll',
    flags: '-C, --thickconfig',
    doc: 'store every property on the jail: defaults that change later do not reach it',
  },
  { key: 'count', flags: '--count <n>', doc: 'make n jails; tag and host name get _1 … _n' },
];

export function toCreateInput(words: Words): z.input<typeof createInput> {
  const { flags } = words;
  if (words.positionals.length > 0) {
    throw failure('USAGE', {
      problem: `${JSON.stringify(words.positionals[0])} is no property=value`,
      command: 'create',
    });
  }
  const properties = [...words.properties];
  const take = (key: string): string | undefined => {
    const found = properties.findIndex(([name]) => name === key);
    return found < 0 ? undefined : properties.splice(found, 1)[0]![1];
  };
  const release = take('release') ?? (flags['release'] as string | undefined);
  const template = templateWord(take('template')) ?? (flags['template'] as string | undefined);
  const pkglist = take('pkglist') ?? (flags['pkglist'] as string | undefined);
  // Named by a person, who stands somewhere.
  if (pkglist !== undefined) properties.push(['pkglist', pkglist === 'none' ? pkglist : resolve(pkglist)]);
  const cloneCount = typeof flags['clone'] === 'string' ? flags['clone'] : undefined;
  const count = countOf('create', take('count') ?? cloneCount ?? (flags['count'] as string | undefined));
  const chosen = [
    // Also with a number: the jails of the Python line, whose -c counts, are clones.
    ...(flags['clone'] === undefined ? [] : (['clone'] as const)),
    ...(flags['empty'] ? (['empty'] as const) : []),
    ...(flags['thick'] ? (['thick'] as const) : []),
    ...(flags['base'] ? (['base'] as const) : []),
    ...(flags['clonebase'] ? (['clone-base'] as const) : []),
  ];
  if (chosen.length > 1)
    throw failure('USAGE', { problem: `${chosen.join(' and ')} exclude each other`, command: 'create' });
  return {
    ...(chosen[0] === undefined ? {} : { kind: chosen[0] }),
    ...(release === undefined ? {} : { release }),
    ...(template === undefined ? {} : { template }),
    ...(flags['name'] === undefined ? {} : { name: flags['name'] as string }),
    ...(flags['uuid'] === undefined ? {} : { uuid: flags['uuid'] as string }),
    short: flags['short'] === true,
    storeAll: flags['storeAll'] === true,
    ...(count === undefined ? {} : { count }),
    properties: properties as [string, string][],
  };
}

/** COMPAT: `template` once was a switch as well; `no` says nothing, and `yes` is not for a new jail. */
function templateWord(text: string | undefined): string | undefined {
  const marked = parseSwitch(text ?? '');
  if (marked === undefined) return text;
  if (!marked) return undefined;
  throw failure('USAGE', {
    problem: `make the jail first; 'iocage set template=yes JAIL' turns it into a template`,
    command: 'create',
  });
}
