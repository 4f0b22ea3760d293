/**
 * What goes on while a jail starts; and the same once more by a consumer that went away in between. The jail is
 * down before and after.
 *
 *     node examples/events.ts JAIL
 */
import { Host } from 'iocage';

const host = await Host.open();
const jail = await host.jails.get(process.argv[2] ?? 'web');

let seen = 0;
const starting = jail.start();
for await (const { seq, depth, type, identifier, state, durationMs } of starting) {
  console.log(
    `${'  '.repeat(depth)}${type}@${identifier}: ${state}`,
    durationMs === undefined ? '' : `${Math.round(durationMs)} ms`,
  );
  if (type === 'JailAttach') seen = seq;
}
console.log(`process ${(await starting).jid === null ? 'unknown' : 'known'}`);

// From the number on: what this program still keeps of the operations that it ran.
const stopping = jail.stop();
await stopping;
for await (const { type, state } of host.events({ since: seen })) {
  if (state === 'pending') console.log(`after the start of the container: ${type}`);
  if (type === 'JailStop' && state === 'done') break;
}
