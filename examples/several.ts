/**
 * Several jails at once from a template, all of them started, each failure told by itself. A template is a jail
 * with `iocage set template=yes JAIL`.
 *
 *     node examples/several.ts TEMPLATE
 */
import { Host, type IocageError } from 'iocage';

const host = await Host.open();
const template = process.argv[2] ?? 'golden';

const names = ['worker1', 'worker2'];
for (const name of names) await host.jails.create({ name, from: { template } });

const starts = (await host.jails.list('worker*').toArray()).map(async (jail) => {
  try {
    return `${jail.facts.name} ${(await jail.start()).state}`;
  } catch (error) {
    return `${jail.facts.name} failed: ${(error as IocageError).code}`;
  }
});
for (const line of await Promise.all(starts)) console.log(line);
console.log(`${await host.jails.list(['worker*', 'running=yes']).count()} are running`);

for (const name of names) await host.jail(name).destroy({ force: true });
