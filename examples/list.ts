/**
 * Jails by name, pattern and property; the filter is that of `ioc list`.
 *
 *     node examples/list.ts 'web*' state=up
 */
import { explain, Host, IocageError, parseFilter } from 'iocage';

const host = await Host.open();
const filter = process.argv.slice(2);

try {
  console.log(`jails: ${explain(parseFilter(filter))}`);
  for await (const { facts } of host.jails.list(filter, { columns: ['boot', 'priority'] }))
    console.log(facts.name, facts.state, facts.release, facts['boot'], facts['priority']);
} catch (error) {
  // Every error has a code, what failed and why in one line, and what to do next.
  if (!(error instanceof IocageError)) throw error;
  console.error(`${error.code}: ${error.message} (${error.hint})`);
  process.exitCode = error.exit;
}
