/** `migrate --confirm`, `migrate --back`: what was kept of a migrated jail goes, or the jail goes back to it. */
import { join } from 'node:path';
import * as z from 'zod';
import { failure } from '../../domain/errors.ts';
import { parseSwitch } from '../../domain/codec/choice.ts';
import { readConfig } from '../../domain/format/config-file.ts';
import { FormatProblem } from '../../domain/format/members.ts';
import { label, type Jail } from '../../domain/jail.ts';
import { defineChange, type Words } from '../operation.ts';
import { type Context } from '../context.ts';
import { keepFile } from '../steps/config-file.ts';
import { inheritProperties, setProperties } from '../steps/dataset.ts';
import { removeFile, removeLink } from '../steps/file.ts';
import { namespace } from '../../domain/property.ts';
import { earlier, kept, marker, readKept, storedBefore } from './migrate-kept.ts';
import { assertDown, jailInput, lockJail, manyJails, readJail } from './select.ts';
import { writable } from './store.ts';

const settleInput = jailInput.extend({ force: z.boolean().default(false) });

interface Settled {
  readonly uuid: string;
  readonly tag: string;
  readonly file: string;
}

export const migrateConfirm = defineChange<typeof settleInput, Settled>({
  id: 'jail.migrate-confirm',
  title: 'Remove the configuration that a migrated jail had',
  effect: 'destroy',
  recover: 'finish',
  input: settleInput,
  locks: lockJail,
  async plan(context, input) {
    const { jail } = await readJail(context, input.jail);
    const { name, root, at } = await readKept(context, jail, '--confirm');
    const path = join(root, at);
    const previous = { ...Object.fromEntries(await storedBefore(context, jail, earlier)), [marker]: name };
    return {
      subject: label(jail),
      title: `Removing what ${label(jail)} was configured by`,
      loses: [path],
      steps: [
        ...(await writable(context, jail, removeFile({ path }))),
        inheritProperties({ dataset: jail.dataset, keys: Object.keys(previous), previous }),
      ],
      result: () => ({ uuid: jail.uuid, tag: jail.tag, file: path }),
    };
  },
  command: {
    names: ['migrate --confirm'],
    group: 'jails',
    usage: '[-f] JAIL ... | ALL',
    examples: [],
    toInputs: migrated,
  },
});

/** Why the kept file does not configure the jail as it is called and where it lies now, in words. */
async function noWayBack(
  { files }: Context,
  { uuid, template }: Jail,
  { name, root, at }: Awaited<ReturnType<typeof readKept>>,
): Promise<string | undefined> {
  try {
    const { values } = readConfig({ name, text: (await files.readBelow(root, at)) ?? '' }, uuid);
    const was = values.get('type') === 'template' || parseSwitch(values.get('template') ?? '') === true;
    if (was === template) return undefined;
    return `${at} says that it is ${was ? 'a' : 'no'} template: 'iocage set template=${was ? 'yes' : 'no'} ${uuid}' first`;
  } catch (error) {
    if (!(error instanceof FormatProblem)) throw error;
    return `${at}: ${error.message}; a jail that was renamed since needs its former name first`;
  }
}

export const migrateBack = defineChange<typeof settleInput, Settled>({
  id: 'jail.migrate-back',
  title: 'Give a migrated jail back to the tool that it came from',
  effect: 'destroy',
  recover: 'undo',
  input: settleInput,
  locks: lockJail,
  async plan(context, input) {
    const { world, jail } = await readJail(context, input.jail);
    const { name, root, at } = await readKept(context, jail, '--back');
    await assertDown(context, jail, 'migrate --back');
    if (at !== name && (await context.files.statBelow(root, name)) !== undefined)
      throw failure('FILE_FAILED', { path: join(root, name), why: 'already exists' });
    const no = await noWayBack(context, jail, { name, root, at });
    if (no !== undefined)
      throw failure('UNSUPPORTED', { what: `migrate --back of jail ${label(jail)}`, why: no });
    const { dataset } = jail;
    const [now, aside] = [await storedBefore(context, jail), await storedBefore(context, jail, earlier)];
    const before = Object.fromEntries(
      [...aside].map(([key, value]) => [namespace + key.slice(earlier.length), value]),
    );
    const gone = [...now.keys(), ...aside.keys()].filter((key) => !(key in before));
    const previous = (keys: readonly string[]) =>
      Object.fromEntries(keys.map((key) => [key, now.get(key) ?? aside.get(key) ?? null]));
    const link = { target: root, path: join(world.mountpoint, 'tags', jail.tag) };
    return {
      subject: label(jail),
      title: `Giving ${label(jail)} back`,
      loses: [`what was set of ${label(jail)} since it was migrated`],
      steps: [
        ...(await writable(context, jail, keepFile({ root, from: kept(name), to: name }))),
        ...(aside.size === 0
          ? []
          : [setProperties({ dataset, properties: before, previous: previous(Object.keys(before)) })]),
        inheritProperties({ dataset, keys: gone, previous: previous(gone) }),
        // Those of UCL had their link from the original.
        ...(name === 'config' ? [] : [removeLink(link)]),
      ],
      result: () => ({ uuid: jail.uuid, tag: jail.tag, file: join(root, name) }),
    };
  },
  command: {
    names: ['migrate --back'],
    group: 'jails',
    usage: '[-f] JAIL ... | ALL',
    examples: [],
    toInputs: migrated,
  },
});

/** `ALL`: every jail whose earlier file is still kept. */
async function migrated(words: Words, context: Context): Promise<readonly z.infer<typeof settleInput>[]> {
  const inputs = await manyJails('migrate', words, context, (jail) => jail.local.has('migrated_from'));
  return inputs.map((input) => ({ ...input, force: words.flags['force'] === true }));
}
