/** Everything that the program can be told: the operations, and the commands of the server. */
import type { Operation } from './ops/operation.ts';
import { furtherOperations, operations } from './ops/index.ts';
export { beThread, threadWord } from './server/thread.ts';
import { furtherServerCommands, serverCommands } from './server/commands.ts';

/** Those with a command of their own. */
export const commands: readonly Operation[] = [...operations, ...serverCommands];
/** Those that another command leads to. */
export const furtherCommands: readonly Operation[] = [...furtherOperations, ...furtherServerCommands];
