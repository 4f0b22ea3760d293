/** What a driver's steps.ts needs, and the lists of steps that it makes of it for host.ts. */
import type { StepKind } from '../step.ts';
import type { Exec, Files, Paths, Step } from '../system.ts';
import type { Host, JailSpec, StopOptions } from '../host.ts';

export interface StepDoors<Facts> {
  readonly exec: Exec;
  readonly files: Files;
  readonly paths: Paths;
  readonly facts: () => Promise<Facts>;
  /** What exec_clean=0 passes on. */
  readonly environment: Readonly<Record<string, string>>;
}

export interface StepLists extends Pick<Host, 'limitSteps' | 'limits' | 'commandStep'> {
  readonly kinds: readonly StepKind[];
  start(jail: JailSpec): Promise<readonly Step[]>;
  stop(jail: JailSpec, how?: StopOptions): Promise<readonly Step[]>;
  softRestart(jail: JailSpec): Promise<readonly Step[]>;
  leftovers(jail: JailSpec): Promise<readonly Step[]>;
}
