/**
 * What an operation would do, and how one is given up. The jail is down.
 *
 *     node examples/dry-run.ts JAIL
 */
import { Host, IocageError } from 'iocage';

const host = await Host.open();
const jail = host.jail(process.argv[2] ?? 'web');

const destroying = jail.destroy();
const { commands, loses } = await destroying.plan();
console.log(
  `${commands.length} commands, one of them: ${commands.find((line) => line.startsWith('zfs destroy'))}`,
);
console.log(`it would lose ${loses.length} datasets and snapshots`);

destroying.abort();
try {
  await destroying;
} catch (error) {
  if (!(error instanceof IocageError)) throw error;
  console.log(`${error.code}; the jail is ${await jail.get('state')}`);
}
