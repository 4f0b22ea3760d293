/**
 * How the library reaches the host: a context for each operation, run by the one runner, its events numbered. No
 * state but the last events; nothing is read or started before an operation runs.
 */
import type * as z from 'zod';
import { failure } from '../domain/errors.ts';
import { iocEvents, type IocEvent } from '../domain/ioc-events.ts';
import { printAction } from '../domain/shell-line.ts';
import { makeContext, type ContextOptions } from '../iocage.ts';
import type { Context } from '../ops/context.ts';
import type { Operation as Row } from '../ops/operation.ts';
import { runOperation } from '../ops/run/run.ts';
import { EventLog } from './event-log.ts';
import { assertHostOptions, inputOf } from './given.ts';
import { Operation, type Plan } from './operation.ts';

/** What a host is opened with. */
export interface HostOptions extends Pick<ContextOptions, 'pool' | 'sources' | 'source' | 'as' | 'paths'> {
  /** How many of the last events are kept for {@link Host.events}; default 1000. */
  readonly keepEvents?: number;
  /** Makes the context of an operation, in the place of this machine's; for tests. */
  readonly makeContext?: (options: ContextOptions) => Context;
}

/** Whoever has a way to the host: a `Host`. */
export interface Reaching {
  readonly access: Access;
}

/** @internal */
export class Access {
  readonly log: EventLog;
  private readonly makeContext: (options: ContextOptions) => Context;

  constructor(given: HostOptions = {}) {
    assertHostOptions(given);
    const { keepEvents = 1000, makeContext: make = makeContext, ...options } = given;
    this.log = new EventLog(keepEvents);
    const named = options.sources !== undefined || options.source !== undefined;
    const pool = options.pool ?? (named ? undefined : process.env['IOCAGE_POOL'] || undefined);
    this.makeContext = (more) => make({ ...options, pool, ...more });
  }

  /**
   * An operation of the registry.
   *
   * @param input made when it runs, and as the row's schema takes it
   * @param toResult what the caller gets of what the operation answers
   */
  operation<I extends z.ZodType, O, T = O>(
    row: Row & { readonly input: I; readonly output?: O },
    input: () => z.input<I>,
    toResult: (answer: O) => T | PromiseLike<T> = (answer) => answer as unknown as T,
  ): Operation<T> {
    const checked = () => inputOf(row.input, input);
    return new Operation({
      run: async (emit, signal) => toResult((await this.run(row, checked(), emit, signal)) as O),
      plan: async () => this.plan(row, checked()),
    });
  }

  private async run(
    row: Row,
    input: unknown,
    emit: (event: IocEvent) => void,
    signal: AbortSignal,
  ): Promise<unknown> {
    if (signal.aborted) throw failure('CANCELLED', { operation: row.title });
    const translate = iocEvents(() => this.log.next());
    const context = this.makeContext({
      signal,
      emit: (event) => {
        for (const record of translate(event, new Date())) {
          this.log.add(record);
          emit(record);
        }
      },
    });
    return (await runOperation(context, row, input)).result;
  }

  private async plan(row: Row, input: unknown): Promise<Plan> {
    const context = this.makeContext({ dry: true });
    const { result } = await runOperation(context, row, input);
    const loses = (result as { loses?: readonly string[] } | undefined)?.loses ?? [];
    const actions = [...context.actions];
    return { commands: actions.map(printAction), actions, loses };
  }
}
