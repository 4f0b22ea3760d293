/**
 * Events as libiocage tells them: `JailStart`, with `MountFstab` and the others inside of it, each `pending` and
 * then `done`, `skipped` or `failed`; what an undo takes back is `rolled-back`. Made from our own events; pure, but
 * for what is open at the moment. Each record has a number, by which a consumer goes on where it stopped.
 */
import type { IocageError } from './errors.ts';
import type { IocageEvent, StepFacts } from './events.ts';
import { neededTypes, typeOfOperation, typesOfStep } from './ioc-event-types.ts';

/** One record: a plain object that can be printed as a line of JSON. */
export interface IocEvent {
  /** Counts up by one from record to record, over all operations of the stream. */
  readonly seq: number;
  /** The same for all records of one event. */
  readonly id: string;
  /** `id` of the event that it is a part of. */
  readonly parent?: string;
  /** How many events it is inside of. */
  readonly depth: number;
  /** `JailStart`, `MountFstab`, …; `Message` for a remark that belongs to no operation. */
  readonly type: string;
  /** The jail, release, … that it is about. */
  readonly identifier?: string;
  /** `progress` comes any number of times between `pending` and the others. */
  readonly state: 'pending' | 'progress' | 'done' | 'skipped' | 'failed' | 'rolled-back';
  readonly message?: string;
  /** Of `progress`, where that can be counted. */
  readonly progress?: { readonly done: number; readonly total?: number };
  /** ISO 8601. */
  readonly startedAt: string;
  readonly durationMs?: number;
  /** Of an operation that is done: what it answers. */
  readonly data?: unknown;
  readonly error?: IocageError;
}

interface Place {
  readonly identifier: string | undefined;
  readonly parent: string | undefined;
  readonly depth: number;
}

interface Open extends Place {
  readonly operation: string;
  readonly startedAt: Date;
  /** Events around it that begin and end with it, the outermost first. */
  readonly outer: readonly (Place & { readonly id: string; readonly type: string })[];
  /** It runs others, and has no steps of its own. */
  readonly fleet: boolean;
  /** The step that goes on. */
  step?: { readonly facts: StepFacts; readonly startedAt: Date };
}

type Facts = Pick<IocEvent, 'state' | 'message' | 'progress' | 'durationMs' | 'data' | 'error'>;

/** `UUID (TAG)` is TAG to libiocage, `UUID (TAG)@NAME` is TAG@NAME; of several sources one comes before it. */
function identifierOf(subject: string, source: string | undefined): string | undefined {
  if (subject === '') return undefined;
  const name = subject.replace(/^\S+ \(([^()]+)\)/, '$1');
  return source === undefined ? name : `${source}/${name}`;
}

/** What the start of a jail is inside of when another jail needs it. */
function outerOf(
  id: string,
  needed: string | undefined,
  neededBy: string | undefined,
  at: Omit<Place, 'identifier'>,
): Open['outer'] {
  const [all, one] = neededTypes.map((type) => ({ id: `${id}/${type}`, type }));
  return [
    { ...all!, ...at, identifier: neededBy },
    { ...one!, identifier: needed, parent: all!.id, depth: at.depth + 1 },
  ];
}

/** 1, 2, 3, … */
function counter(): () => number {
  let last = 0;
  return () => ++last;
}

/**
 * A translator of the events of one command or one operation, with those that it runs.
 *
 * @param next the number of the next record
 */
export function iocEvents(
  next: () => number = counter(),
): (event: IocageEvent, at: Date) => readonly IocEvent[] {
  const open = new Map<string, Open>();

  const record = (
    id: string,
    type: string,
    of: Place,
    depth: number,
    startedAt: Date,
    facts: Facts,
  ): IocEvent => {
    const parent = depth > of.depth ? id.split('/')[0] : of.parent;
    return {
      seq: next(),
      id,
      ...(parent === undefined ? {} : { parent }),
      depth,
      type,
      ...(of.identifier === undefined ? {} : { identifier: of.identifier }),
      startedAt: startedAt.toISOString(),
      ...facts,
    };
  };
  const ofOperation = (id: string, of: Open, facts: Facts): IocEvent =>
    record(id, typeOfOperation(of.operation), of, of.depth, of.startedAt, facts);
  const ofStep = (
    id: string,
    of: Open,
    step: StepFacts,
    startedAt: Date,
    facts: Facts,
    types: readonly string[] = typesOfStep(of.operation, step),
  ): readonly IocEvent[] =>
    types.map((type, index) => {
      const own = index === 0 ? `${id}/${step.index}` : `${id}/${step.index}/${index}`;
      return record(own, type, of, of.depth + 1, startedAt, facts);
    });

  const ofOuter = ({ outer, startedAt }: Open, facts: Facts): readonly IocEvent[] =>
    outer.map((each) => record(each.id, each.type, each, each.depth, startedAt, facts));

  return (event, at) => {
    if (event.type === 'operation.begin') {
      const fleets = [...open].filter(([, { fleet }]) => fleet);
      const [parent, above] = fleets.length === 1 ? fleets[0]! : [];
      const depth = above === undefined ? 0 : above.depth + 1;
      const identifier = identifierOf(event.subject, event.source);
      const outer =
        event.neededBy === undefined
          ? []
          : outerOf(event.id, identifier, identifierOf(event.neededBy, event.source), { parent, depth });
      const own: Open = {
        operation: event.operation,
        identifier,
        startedAt: at,
        outer,
        parent: outer.at(-1)?.id ?? parent,
        depth: depth + outer.length,
        fleet: event.steps === 0 && event.subject === '',
      };
      open.set(event.id, own);
      return [...ofOuter(own, { state: 'pending' }), ofOperation(event.id, own, { state: 'pending' })];
    }
    const of = open.get(event.id);
    if (of === undefined) {
      if (event.type !== 'note') return [];
      const nowhere = { identifier: undefined, parent: undefined, depth: 0 };
      const message = { state: 'done', message: event.text } as const;
      const told = record('message', 'Message', nowhere, 0, at, message);
      return [{ ...told, id: `message-${told.seq}` }];
    }
    const { id } = event;
    const since = of.step?.startedAt ?? at;
    switch (event.type) {
      case 'step.begin':
        of.step = { facts: event.step, startedAt: at };
        return event.step.idle ? [] : ofStep(id, of, event.step, at, { state: 'pending' });
      case 'step.done':
        delete of.step;
        return ofStep(id, of, event.step, since, {
          ...(event.step.idle ? { state: 'skipped', message: event.step.title } : { state: 'done' }),
          durationMs: event.durationMs,
        });
      case 'step.failed': {
        delete of.step;
        const { error, tolerated } = event;
        return ofStep(id, of, event.step, since, {
          state: tolerated ? 'skipped' : 'failed',
          message: error.message,
          durationMs: at.getTime() - since.getTime(),
          error,
        });
      }
      case 'step.undone':
        return event.step.idle ? [] : ofStep(id, of, event.step, at, { state: 'rolled-back' });
      case 'step.undo-failed': {
        const message = `could not undo: ${event.error.message}`;
        return ofStep(id, of, event.step, at, { state: 'failed', message, error: event.error });
      }
      case 'progress': {
        const { text: message, done, total } = event;
        const progress =
          done === undefined ? {} : { progress: { done, ...(total === undefined ? {} : { total }) } };
        const facts: Facts = { state: 'progress', message, ...progress };
        if (of.step === undefined) return [ofOperation(id, of, facts)];
        const first = typesOfStep(of.operation, of.step.facts).slice(0, 1);
        return ofStep(id, of, of.step.facts, since, facts, first);
      }
      case 'note':
        return [ofOperation(id, of, { state: 'progress', message: event.text })];
      case 'operation.done': {
        open.delete(id);
        const { durationMs, result: data } = event;
        const own = ofOperation(id, of, { state: 'done', durationMs, data });
        return [own, ...ofOuter(of, { state: 'done', durationMs }).toReversed()];
      }
      case 'operation.failed': {
        open.delete(id);
        const { error, durationMs } = event;
        const facts = { state: 'failed', message: error.message, durationMs, error } as const;
        return [ofOperation(id, of, facts), ...ofOuter(of, facts).toReversed()];
      }
    }
  };
}
