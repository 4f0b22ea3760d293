/**
 * A snapshot before a change, a clone of it, and the way back.
 *
 *     node examples/snapshots.ts JAIL
 */
import { Host } from 'iocage';

const host = await Host.open();
const jail = await host.jails.get(process.argv[2] ?? 'web');

const name = await jail.snapshot('before');
await jail.set({ boot: true, priority: 7 });
console.log(`boot is ${await jail.get('boot')}`);

const copy = await jail.clone({ name: 'copy', snapshot: name });
console.log(`the copy's boot is ${await copy.get('boot')}`);
await copy.destroy();

await jail.rollback(name);
console.log(`boot is ${await jail.get('boot')} again`);

for await (const snapshot of host.snapshots(jail.name)) {
  console.log(`${snapshot.name} is removed`);
  await snapshot.remove();
}
