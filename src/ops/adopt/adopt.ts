/**
 * `migrate --from`: a jail of Bastille, ezjail, pot or jail.conf(5) becomes one of ours, as a copy. Nothing of the
 * other tool's is changed: its files and datasets stay as they are until its own commands remove them, which
 * is the way back. A jail that takes its base from another directory gets a base of its own.
 */
import { join, resolve } from 'node:path';
import * as z from 'zod';
import { defineChange, type Words } from '../operation.ts';
import type { Context } from '../context.ts';
import { newFstab, type FoundJail, type Left } from '../../domain/adopt/found.ts';
import { failure } from '../../domain/errors.ts';
import { holderOf } from '../../domain/jail.ts';
import { assertJailName } from '../../domain/name.ts';
import { toZfsProperties } from '../jail/new-jail.ts';
import { assertNotForeign, jailLock, noProperties, tagLock } from '../jail/select.ts';
import { readWorld } from '../world/read.ts';
import type { World } from '../world/world.ts';
import { createDataset } from '../steps/dataset.ts';
import { makeLink, writeNew } from '../steps/file.ts';
import { ownRoot } from '../steps/image.ts';
import { copyInto } from '../steps/tree.ts';
import { findForeign, places, tools } from './places.ts';

const adoptInput = z.object({
  from: z.enum(tools),
  /** As the other tool calls it. */
  jail: z.string().min(1),
  /** Absolute path of the directory with its jails; of the file for jail.conf. */
  path: z.string().startsWith('/').optional(),
  /** The new jail's; default the same name. */
  name: z.string().optional(),
});
type AdoptInput = z.output<typeof adoptInput>;

export interface Adopted {
  readonly uuid: string;
  readonly tag: string;
  readonly from: string;
  /** The root that was copied; it is as it was. */
  readonly original: string;
  readonly properties: readonly { readonly key: string; readonly value: string }[];
  readonly left: readonly Left[];
}

/** Started at boot by two tools, a jail would run twice, with the same addresses. */
export const bootNote: Left = {
  what: 'boot=on',
  why: 'the other tool starts it at boot; set boot=on when that does not any more',
};

export function propertiesOf({ properties }: FoundJail): readonly (readonly [string, string])[] {
  return properties.filter(([key]) => key !== 'boot');
}

export function assertFree(world: World, name: string): void {
  assertJailName(name);
  const holder = holderOf(world.jails, name);
  if (holder !== undefined) throw failure('NAME_TAKEN', { what: 'name', name, by: holder.uuid });
}

/** @throws FILE_FAILED for a directory that is not there, JAIL_RUNNING where jls(8) shows it */
async function assertReadable(context: Context, found: FoundJail): Promise<void> {
  for (const { from } of found.trees) {
    // It would be another one for each directory that this is called in.
    if (!from.startsWith('/')) throw failure('FILE_FAILED', { path: from, why: 'it is no absolute path' });
    if (resolve(from) === '/')
      throw failure('FILE_FAILED', { path: from, why: 'it is the root of this host, and no jail' });
    const facts = await context.files.stat(from);
    if (facts?.type !== 'directory')
      throw failure('FILE_FAILED', {
        path: from,
        why: facts === undefined ? 'it is not there' : 'it is no directory',
      });
  }
  if (context.host.kernel !== 'freebsd') return;
  const { stdout } = await context.exec.read(['jls', '-N', 'path'], { accept: 'any' });
  if (stdout.split('\n').some((line) => line.trim() === found.root))
    throw failure('JAIL_RUNNING', { name: found.name, action: 'migrate --from' });
}

export const jailAdopt = defineChange<typeof adoptInput, Adopted>({
  id: 'jail.adopt',
  title: 'Copy jails of Bastille, ezjail, pot or jail.conf',
  effect: 'change',
  recover: 'undo',
  input: adoptInput,
  async locks(context, input) {
    const world = await readWorld(context);
    const uuid = input.name ?? input.jail;
    assertJailName(uuid);
    assertNotForeign(world, uuid);
    return [jailLock({ realm: world.realm, uuid }), tagLock(world.realm, uuid)];
  },
  async plan(context, input) {
    const world = await readWorld(context);
    const found = await findForeign(context, input.from, input.path ?? places[input.from].usual, input.jail);
    const name = input.name ?? input.jail;
    assertFree(world, name);
    await assertReadable(context, found);
    const dataset = `${world.root}/jails/${name}`;
    const mountpoint = join(world.mountpoint, 'jails', name);
    const root = join(mountpoint, 'root');
    const properties = propertiesOf(found);
    const boots = found.properties.some(([key, value]) => key === 'boot' && value === 'on');
    const own = [['host_hostuuid', name] as const, ['tag', name] as const, ['type', 'jail'] as const];
    return {
      subject: name,
      title: `Copying jail ${input.jail} of ${input.from}`,
      steps: [
        createDataset({ dataset, properties: toZfsProperties([...own, ...properties]) }),
        createDataset({ dataset: `${dataset}/root`, properties: {} }),
        ...found.trees.map(({ from, at }) => copyInto({ from, root, at })),
        ownRoot({ root }),
        writeNew(
          { path: join(mountpoint, 'fstab'), text: newFstab(found.fstab, found.root, root) },
          { which: ['fstab'] },
        ),
        makeLink({ target: mountpoint, path: join(world.mountpoint, 'tags', name) }),
      ],
      result: () => ({
        uuid: name,
        tag: name,
        from: input.from,
        original: found.root,
        properties: properties.map(([key, value]) => ({ key, value })),
        left: [...found.left, ...(boots ? [bootNote] : [])],
      }),
    };
  },
  command: {
    names: ['migrate --from'],
    group: 'jails',
    usage: 'TOOL [--path PLACE] [--name NAME] JAIL ... | ALL',
    examples: [],
    toInputs: adoptWords,
  },
});

async function adoptWords(words: Words, context: Context): Promise<readonly z.input<typeof adoptInput>[]> {
  const { flags, positionals } = words;
  const usage = (problem: string) => failure('USAGE', { problem, command: 'migrate' });
  noProperties('migrate', words);
  const from = tools.find((tool) => tool === flags['from']);
  if (from === undefined) throw usage(`--from takes one of ${tools.join(', ')}`);
  const { path, name } = flags as { path?: string; name?: string };
  if (path !== undefined && !path.startsWith('/')) throw usage('--path takes an absolute path');
  if (name !== undefined && (positionals.length !== 1 || positionals[0] === 'ALL'))
    throw usage('--name is for one jail');
  const input = (jail: string): AdoptInput => ({
    from,
    jail,
    ...(path === undefined ? {} : { path }),
    ...(name === undefined ? {} : { name }),
  });
  if (positionals.length > 0 && !positionals.includes('ALL')) return positionals.map(input);
  if (positionals.length > 1) throw usage('ALL stands alone');
  const names = await places[from].names(context, path ?? places[from].usual);
  if (positionals.length === 0)
    throw usage(
      `which jail? ${from} has ${names.length === 0 ? 'none' : names.join(', ')} in ${path ?? places[from].usual}`,
    );
  return names.map(input);
}
