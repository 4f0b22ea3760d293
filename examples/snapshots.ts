/**
 * A snapshot before a change, a clone of it, and the way back. The jail is down and has no snapshot that it would miss:
 * all of them are removed.
 *
 *     node examples/snapshots.ts JAIL
 */
import { Host, type Jail } from 'iocage';

const host = await Host.open();
const jail = await host.jails.get(process.argv[2] ?? 'web');

/** Runs a program in a jail that is down. */
async function run(where: Jail, ...argv: string[]): Promise<number> {
  await where.start();
  try {
    return (await where.exec(argv)).status;
  } finally {
    await where.stop();
  }
}

const name = await jail.snapshot('before');
await run(jail, '/bin/touch', '/changed');

const copy = await jail.clone({ name: 'copy', snapshot: name });
console.log(`changed: the jail ${(await run(jail, '/bin/test', '-e', '/changed')) === 0}`);
console.log(`changed: the copy ${(await run(copy, '/bin/test', '-e', '/changed')) === 0}`);
await copy.destroy();

await jail.rollback(name);
console.log(`changed: the jail ${(await run(jail, '/bin/test', '-e', '/changed')) === 0}`);

for await (const snapshot of host.snapshots(jail.name)) {
  console.log(`${snapshot.name} is removed`);
  await snapshot.remove();
}
