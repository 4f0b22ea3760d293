/**
 * The library. A program opens the host once and runs operations by id; the command line does the same.
 *
 * @example
 * const iocage = openIocage({ pool: 'tank' });
 * const { result } = await iocage.run('jail.list', {});
 */
import { makeContext, type ContextOptions } from './iocage.ts';
import { getOperation } from './ops/index.ts';
import { runOperation, type Outcome, type RunOptions } from './ops/run.ts';

export { IocageError, type ErrorCode } from './domain/errors.ts';
export type { IocageEvent, EventSink } from './domain/events.ts';
export type { Action } from './driver/system.ts';
export { properties, findProperty } from './domain/properties/index.ts';
export type { Property } from './domain/property.ts';
export { operations } from './ops/index.ts';
export type { ContextOptions, Outcome };

export interface Iocage {
  /**
   * Runs one operation, such as `jail.start`, with input as its schema takes it.
   *
   * @throws IocageError
   */
  run(operation: string, input: unknown, options?: RunOptions): Promise<Outcome>;
}

/** Opens the host. Nothing is read before the first operation runs. */
export function openIocage(options: ContextOptions = {}): Iocage {
  return {
    run: (operation, input, runOptions) =>
      runOperation(makeContext(options), getOperation(operation), input, runOptions),
  };
}
