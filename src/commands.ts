/** Everything that the program can be told: the operations, and the commands of the server. */
import type { Operation } from './ops/operation.ts';
import { operations } from './ops/index.ts';
import { serverCommands } from './server/commands.ts';

export const commands: readonly Operation[] = [...operations, ...serverCommands];
