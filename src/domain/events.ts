/** What an operation tells while it runs. One stream feeds the terminal, the journal and the server. */
import type { IocageError } from './errors.ts';

export interface StepFacts {
  /** Position in the plan, from 0. */
  readonly index: number;
  readonly count: number;
  readonly kind: string;
  readonly title: string;
  /** The original's wording for start and stop, when the step has one. */
  readonly label?: string;
  /** Which of several things of its kind it does: the hook `prestart`, the mounts `devfs` and `fstab`. */
  readonly which?: readonly string[];
  /** There is nothing for it to do: no command is configured for the hook. */
  readonly idle?: true;
}

export type IocageEvent =
  | {
      readonly type: 'operation.begin';
      readonly id: string;
      readonly operation: string;
      readonly title: string;
      readonly subject: string;
      /** Of several, the one that it acts in. */
      readonly source?: string;
      /** Nobody asked for it, but this jail needs it. */
      readonly neededBy?: string;
      readonly steps: number;
    }
  | { readonly type: 'step.begin'; readonly id: string; readonly step: StepFacts }
  | { readonly type: 'step.done'; readonly id: string; readonly step: StepFacts; readonly durationMs: number }
  | {
      readonly type: 'step.failed';
      readonly id: string;
      readonly step: StepFacts;
      readonly error: IocageError;
      /** True when the operation goes on all the same. */
      readonly tolerated: boolean;
    }
  | { readonly type: 'step.undone'; readonly id: string; readonly step: StepFacts }
  | {
      readonly type: 'step.undo-failed';
      readonly id: string;
      readonly step: StepFacts;
      readonly error: IocageError;
    }
  | {
      readonly type: 'progress';
      readonly id: string;
      readonly text: string;
      readonly done?: number;
      readonly total?: number;
    }
  | { readonly type: 'note'; readonly id: string; readonly level: 'info' | 'warning'; readonly text: string }
  | {
      readonly type: 'operation.done';
      readonly id: string;
      readonly durationMs: number;
      readonly result: unknown;
    }
  | {
      readonly type: 'operation.failed';
      readonly id: string;
      readonly durationMs: number;
      readonly error: IocageError;
    };

export type EventSink = (event: IocageEvent) => void;
