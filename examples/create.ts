/**
 * A jail from a release, a program in it, and nothing left.
 *
 *     node examples/create.ts [RELEASE]
 */
import { Jail } from 'iocage';

const jail = new Jail();
await jail.create(process.argv[2] ?? '11.1-RELEASE');

try {
  const { state } = await jail.start();
  console.log(`the jail is ${state}`);
  const { status, stdout } = await jail.exec(['/bin/echo', 'hello from', 'the jail']);
  console.log(`exit status ${status}: ${stdout.trim()}`);
} finally {
  await jail.destroy({ force: true });
}
console.log('the jail is gone');
