/**
 * `rcboot` and `rcshutdown`: the jails of a host as one, in the order of their dependencies and
 * priorities, several at once. Each start and stop is an operation of its own, with its own locks and
 * journal; one that fails never keeps the others from going on.
 */
import * as z from 'zod';
import { defineFleet, type FleetOperation, type Operation, type RunOther, type Words } from '../operation.ts';
import type { Context } from '../context.ts';
import { startOrder, stopOrder, type PlacedNode } from '../../domain/boot.ts';
import { asIocageError, failure, type IocageError } from '../../domain/errors.ts';
import { neededBy, needsOf, withNeeds, type Needs } from '../jail/depends.ts';
import { noPositionals, noProperties } from '../jail/select.ts';
import { readWorld } from '../world/read.ts';

export interface BootReport {
  readonly jails: readonly {
    readonly uuid: string;
    readonly tag: string;
    /** `skipped`: what it depends on is not up. */
    readonly state: 'started' | 'stopped' | 'unchanged' | 'failed' | 'skipped';
    readonly why: string;
    readonly error?: IocageError;
  }[];
}
type Told = Omit<BootReport['jails'][number], 'uuid' | 'tag'>;

const bootInput = z.object({
  /** Jails at once; without it what suits the machine. */
  parallel: z.number().int().min(1).max(64).optional(),
});

/** Two to four: starting is mostly waiting, but each start takes processes and disk of its own. */
function slots(context: Context, asked: number | undefined): number {
  if (context.dry) return 1; // its record is one list
  return asked ?? Math.min(4, Math.max(2, context.cores ?? 2));
}

/** A jail's programs may take as long as they like; after this long the others do not wait for it. */
const patienceMs = 60_000;

/**
 * Works through an order: a point begins when what it needs has ended and nothing of a lower rank is
 * left; as many at once as there are slots. One that goes on past the patience gives its slot and its rank
 * away, and only those that need it still wait.
 *
 * @param patience ends when a point has had its time, or when the signal says that it is done
 */
export async function inOrder(
  order: readonly PlacedNode[],
  parallel: number,
  work: (node: PlacedNode) => Promise<void>,
  patience: (done: AbortSignal) => Promise<void> = () => new Promise(() => undefined),
): Promise<void> {
  const waiting = [...order];
  const running = new Map<PlacedNode, Promise<void>>();
  const prompt = new Map<PlacedNode, Promise<void>>();
  const byId = new Map(order.map((node) => [node.id, node]));
  const isOpen = (id: string): boolean =>
    waiting.some((node) => node.id === id) || [...running.keys()].some((node) => node.id === id);
  const isSlow = (node: PlacedNode): boolean => running.has(node) && !prompt.has(node);
  const needsSlow = ({ needs }: PlacedNode): boolean =>
    needs.some((id) => {
      const node = byId.get(id);
      return node !== undefined && isOpen(id) && (isSlow(node) || needsSlow(node));
    });

  function begin(node: PlacedNode): void {
    const done = new AbortController();
    const working = work(node).finally(() => {
      running.delete(node);
      prompt.delete(node);
      done.abort();
    });
    running.set(node, working);
    const late = patience(done.signal).then(
      () => void prompt.delete(node),
      () => undefined, // it was done in time
    );
    prompt.set(node, late);
  }

  while (waiting.length + running.size > 0) {
    const free = waiting.filter((node) => !needsSlow(node));
    const rank = Math.min(...[...free, ...prompt.keys()].map((node) => node.rank));
    const next =
      prompt.size < parallel
        ? free.find((node) => node.rank === rank && !node.needs.some(isOpen))
        : undefined;
    if (next === undefined) {
      await Promise.race([...running.values(), ...prompt.values()]);
      continue;
    }
    waiting.splice(waiting.indexOf(next), 1);
    begin(next);
  }
}

/** Runs one start or stop; what it throws becomes a line of the report. */
async function tried(context: Context, done: Told['state'], run: () => Promise<unknown>): Promise<Told> {
  if (context.signal.aborted) return { state: 'skipped', why: 'cancelled' };
  try {
    await run();
    return { state: done, why: '' };
  } catch (thrown) {
    const error = asIocageError(thrown);
    const settled = error.code === 'ALREADY_UP' || error.code === 'ALREADY_DOWN';
    return settled
      ? { state: 'unchanged', why: error.message }
      : { state: 'failed', why: error.message, error };
  }
}

function report(nodes: readonly Needs[], told: ReadonlyMap<string, Told>): BootReport {
  // In the order in which they ended.
  const byId = new Map(nodes.map((node) => [node.id, node.jail]));
  return {
    jails: [...told].map(([uuid, told]) => ({ uuid, tag: byId.get(uuid)!.tag, ...told })),
  };
}

async function bootAll(
  context: Context,
  parallel: number,
  run: RunOther,
  start: Operation,
): Promise<BootReport> {
  const world = await readWorld(context);
  const running = await context.host.running(world.realm);
  const wanted = world.jails.filter((jail) => !jail.template && needsOf(world, jail).boot);
  const nodes = withNeeds(world, wanted);
  const { order, cycles } = startOrder(nodes);
  const told = new Map<string, Told>();
  const tagOf = (uuid: string): string => nodes.find(({ id }) => id === uuid)!.jail.tag;
  for (const circle of cycles) {
    const why = `depends: jails need each other in a circle: ${circle.map(tagOf).join(', ')}`;
    for (const uuid of circle) told.set(uuid, running.has(uuid) ? up : { state: 'failed', why });
  }
  // It has boot=off, and is started for another one only.
  const neededFor = ({ id }: PlacedNode): { neededBy?: string } =>
    wanted.some(({ uuid }) => uuid === id) ? {} : neededBy(world, wanted, id);
  const startOne = async (node: PlacedNode): Promise<void> => {
    const missing = node.needs.filter((need) => !['started', 'unchanged'].includes(told.get(need)!.state));
    told.set(
      node.id,
      running.has(node.id)
        ? up
        : missing.length > 0
          ? { state: 'skipped', why: `it depends on ${missing.map(tagOf).join(', ')}` }
          : await tried(context, 'started', () => run(start, { jail: node.id, ...neededFor(node) })),
    );
  };
  // A dry run runs nothing that could take long.
  const patience = context.dry
    ? undefined
    : (done: AbortSignal): Promise<void> => context.clock.sleep(patienceMs, done);
  await inOrder(order, parallel, startOne, patience);
  return report(nodes, told);
}
const up: Told = { state: 'unchanged', why: 'it is up' };

async function stopAll(
  context: Context,
  parallel: number,
  run: RunOther,
  stop: Operation,
): Promise<BootReport> {
  const world = await readWorld(context);
  const running = await context.host.running(world.realm);
  const nodes = world.jails.filter((jail) => running.has(jail.uuid)).map((jail) => needsOf(world, jail));
  const told = new Map<string, Told>();
  await inOrder(stopOrder(nodes), parallel, async ({ id }) => {
    told.set(id, await tried(context, 'stopped', () => run(stop, { jail: id })));
  });
  return report(nodes, told);
}

function toBootInput(command: string, words: Words): z.input<typeof bootInput> {
  noPositionals(command, words);
  noProperties(command, words);
  const text = words.flags['parallel'];
  if (text === undefined) return {};
  if (typeof text !== 'string' || !/^[0-9]{1,2}$/.test(text)) {
    throw failure('USAGE', { problem: `--parallel takes a number, not ${JSON.stringify(text)}`, command });
  }
  return { parallel: Number(text) };
}

const parallelFlag = {
  key: 'parallel',
  flags: '-j, --parallel <n>',
  doc: 'jails at once; default as many as the machine has cores, 2 to 4',
} as const;

type Boot = FleetOperation<typeof bootInput, BootReport>;

/** One source after the other: what a jail depends on is in its own. */
const everySource: NonNullable<Boot['everySource']> = {
  applies: () => true,
  merge: (answers) => ({
    jails: answers.flatMap(({ source, result }) =>
      result.jails.map((jail) => ({ ...jail, tag: `${source}/${jail.tag}` })),
    ),
  }),
};

/** @param start starts one jail */
export const bootWith = (start: Operation): Boot =>
  defineFleet<typeof bootInput, BootReport>({
    id: 'host.boot',
    title: 'Start every jail with boot=on',
    input: bootInput,
    everySource,
    fleet: (context, { parallel }, run) => bootAll(context, slots(context, parallel), run, start),
    command: {
      names: ['rcboot'],
      group: 'host',
      usage: '',
      flags: [parallelFlag],
      about:
        'What a jail depends on starts first, boot=on or not; then lower numbers of priority before higher ones. ' +
        'One failing does not stop the rest, only those that depend on it. The exit status is 1 when a jail is not up in the end.',
      examples: [
        { line: 'iocage rcboot', says: 'what the service does when the host starts' },
        { line: 'iocage rcboot -j 1', says: 'one after the other' },
      ],
      toInputs: (words) => [toBootInput('rcboot', words)],
    },
  });

/** @param stop stops one jail */
export const shutdownWith = (stop: Operation): Boot =>
  defineFleet<typeof bootInput, BootReport>({
    id: 'host.shutdown',
    title: 'Stop every running jail',
    input: bootInput,
    everySource,
    fleet: (context, { parallel }, run) => stopAll(context, slots(context, parallel), run, stop),
    command: {
      names: ['rcshutdown'],
      group: 'host',
      usage: '',
      flags: [parallelFlag],
      about: 'In the reverse order of rcboot, jails without boot=on too.',
      examples: [{ line: 'iocage rcshutdown', says: 'what the service does when the host stops' }],
      toInputs: (words) => [toBootInput('rcshutdown', words)],
    },
  });
