/**
 * `receive`: the other end of `send`; that starts it. A jail is received below `receiving`, where nothing
 * is a jail and nothing is mounted, and moved to its place when everything of it is here. An earlier
 * state of it is moved there first, so that half of a new one is never found where a jail is looked for.
 */
import { join } from 'node:path';
import * as z from 'zod';
import { defineChange, defineRead, type Words } from '../operation.ts';
import type { Context } from '../context.ts';
import type { Step } from '../../driver/system.ts';
import { failure } from '../../domain/errors.ts';
import { label } from '../../domain/jail.ts';
import {
  frameHeadBytes,
  framedBytes,
  isSendSnapshot,
  offerSchema,
  streamSchema,
  type Answer,
} from '../../domain/transfer.ts';
import { releaseLock } from '../release/destroy.ts';
import { mountedWith } from '../unmounting.ts';
import { realmNow } from '../world/pool.ts';
import { createDataset, mountDataset, renameDataset, unmountDataset } from '../steps/dataset.ts';
import { makeLink, removeLink } from '../steps/file.ts';
import { leavePlace } from '../steps/move.ts';
import {
  discardReceived,
  makeReceiving,
  publishReceived,
  receiveStream,
  sendProperty,
} from '../steps/transfer.ts';
import { jailLock, noPositionals, noProperties, tagLock } from '../jail/select.ts';
import { propertySteps } from './received-properties.ts';
import { standBy } from './standby.ts';
import { standing, type Standing } from './standing.ts';

const askInput = z.object({ offer: offerSchema });

/** What `send` asks before it sends: whether the jail may come, and from where on. */
export const transferAsk = defineRead<typeof askInput, Answer>({
  id: 'transfer.ask',
  title: 'Say what is here of a jail that another host would send',
  input: askInput,
  read: async (context, { offer }) => (await standing(context, offer)).answer,
  command: { names: ['receive'], group: 'data', usage: '', examples: [], toInputs: fromInput },
});

const receiveInput = z.object({
  offer: offerSchema,
  /** In the order in which they come on our standard input. */
  streams: z.array(streamSchema).min(1),
  /** Keep what is complete when the rest does not come. */
  resumable: z.boolean(),
});
type ReceiveInput = z.output<typeof receiveInput>;

export interface Received {
  readonly uuid: string;
  readonly tag: string;
  readonly pool: string;
  readonly dataset: string;
  /** What the sending side should tell. */
  readonly notes: readonly string[];
}

export const transferReceive = defineChange<typeof receiveInput, Received>({
  id: 'transfer.receive',
  title: 'Receive a jail from another host',
  effect: 'change',
  recover: 'undo',
  input: receiveInput,
  async locks(context, { offer: { uuid, tag, base } }) {
    const realm = await realmNow(context);
    // The release of a basejail is used by nobody here until it has arrived.
    const release = base === undefined ? [] : [releaseLock(realm, base)];
    return [jailLock({ realm, uuid }), tagLock(realm, tag), ...release];
  },
  async plan(context, input) {
    const here = await standing(context, input.offer);
    const { offer } = input;
    const properties = await propertySteps(context, here, offer);
    const mountpoint = join(here.world.mountpoint, here.dataset.slice(here.world.root.length));
    const link = join(here.world.mountpoint, 'tags', offer.tag);
    return {
      subject: label(offer),
      title: `Receiving jail ${label(offer)}`,
      steps: [
        ...(await prepareSteps(context, here)),
        ...streamSteps(here, input),
        ...properties.steps,
        ...standBy(here),
        ...(here.jail === undefined ? [leavePlace({ path: mountpoint, when: 'undone' })] : []),
        publishReceived({ from: here.place, to: here.dataset }),
        ...offer.datasets.map(({ path }) =>
          mountDataset(
            { dataset: below(here.dataset, path), wasMounted: false },
            // Others may have been mounted elsewhere there; a start here mounts those that it hands over.
            { onError: ['', 'root'].includes(path) ? 'fail' : 'warn' },
          ),
        ),
        makeLink({ target: here.jail?.mountpoint ?? mountpoint, path: link }),
      ],
      result: async () => {
        await forgetOlder(context, here.dataset);
        return {
          uuid: offer.uuid,
          tag: offer.tag,
          pool: here.world.pool.name,
          dataset: here.dataset,
          notes: properties.notes,
        };
      },
    };
  },
  command: {
    names: ['receive'],
    group: 'data',
    usage: '',
    flags: [{ key: 'ask', flags: '--ask', doc: 'only say what is here of the jail' }],
    instead: (words) => (words.flags['ask'] === true ? transferAsk : undefined),
    about:
      "The other end of send, which starts it over ssh: what it reads comes from there. Nothing to type by hand, but what 'ps' shows on this host.",
    examples: [
      { line: 'iocage send web backup', says: "on the other host; it starts 'iocage receive' here" },
    ],
    toInputs: fromInput,
  },
});

/** More than any jail's description. */
const maxHeadBytes = 16 * 1024 * 1024;

/** What comes before the streams on standard input, and not a byte of those. */
function fromInput(words: Words, { exec }: Context): readonly unknown[] {
  noPositionals('receive', words);
  noProperties('receive', words);
  const bytes = framedBytes(exec.input(frameHeadBytes) ?? '');
  if (bytes === undefined || bytes > maxHeadBytes) {
    const problem = `what comes in is no jail: 'iocage send' on the other host starts this`;
    throw failure('USAGE', { problem, command: 'receive' });
  }
  return [parse(exec.input(bytes))];
}

function parse(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '') as unknown;
  } catch {
    throw failure('USAGE', { problem: 'what came in broke off', command: 'receive' });
  }
}

const below = (dataset: string, path: string): string => (path === '' ? dataset : `${dataset}/${path}`);

/** The place to receive at, with the earlier state of the jail in it. */
async function prepareSteps(context: Context, here: Standing): Promise<readonly Step[]> {
  const { world, jail, place, dataset } = here;
  const isThere = async (name: string) => (await context.storage.filesystems(name, 0, [])) !== undefined;
  const group = dataset.split('/').slice(0, -1).join('/');
  const steps: Step[] = [];
  if (!(await isThere(`${world.root}/receiving`)))
    steps.push(makeReceiving({ dataset: `${world.root}/receiving` }));
  if (!(await isThere(group))) steps.push(createDataset({ dataset: group, properties: {} }));
  if (here.left === 'useless') steps.push(discardReceived({ dataset: place }));
  if (jail === undefined) return steps;
  const rows = (await context.storage.filesystems(jail.dataset, 32, ['mounted'])) ?? [];
  const mounted = rows.filter(({ values }) => values.get('mounted') === 'yes').map(({ name }) => name);
  const clones = (await mountedWith(context, jail.dataset)).filter((name) => !mounted.includes(name));
  return [
    ...steps,
    removeLink({ target: jail.mountpoint!, path: join(world.mountpoint, 'tags', jail.tag) }),
    unmountDataset({ dataset: jail.dataset, mounted }),
    // Its own stay unmounted there.
    renameDataset({ from: jail.dataset, to: place, mounted: clones }),
  ];
}

function streamSteps(here: Standing, { offer, streams, resumable }: ReceiveInput): readonly Step[] {
  const newest = new Map<string, string>();
  for (const [path, rows] of here.snapshots) if (rows.length > 0) newest.set(path, rows.at(-1)!.snapshot);
  const parts = new Set(here.answer.datasets.flatMap(({ path, token }) => (token === undefined ? [] : path)));
  return streams.map(({ path, name, resumes }) => {
    const base = newest.get(path);
    newest.set(path, name);
    const partial = parts.delete(path) ? (resumes ? 'resume' : 'forget') : undefined;
    return receiveStream({
      dataset: below(here.place, path),
      snapshot: name,
      resumable: resumable && here.answer.resumable,
      keep: resumable && here.answer.resumable && here.jail === undefined,
      jail: label(offer),
      home: here.dataset,
      ...(base === undefined ? {} : { base }),
      ...(partial === undefined ? {} : { partial }),
    });
  });
}

/** Snapshots of earlier sends, but for the newest; those that this host sends on are its own. */
async function forgetOlder({ storage }: Context, dataset: string): Promise<void> {
  // The jail is here whatever happens; what is left over goes after the next time.
  const rows = await storage.snapshots(dataset, undefined, [sendProperty]).catch(() => []);
  for (const row of rows) {
    const last = rows.findLast((other) => other.dataset === row.dataset);
    if (row === last || !isSendSnapshot(row.snapshot) || row.values.has(sendProperty)) continue;
    await storage.destroySnapshot(row.name, { recursive: false }).catch(() => undefined);
  }
}
