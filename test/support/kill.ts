// Runs one operation and kills itself with SIGKILL at a mark of the journal. For kill.test.ts.
//
//   node kill.js OPERATION INPUT_JSON N before|after
//
// Kills at mark number N (from 0), before or after it is written. Prints the number of marks when it
// gets to the end.
import type { Journal } from '../../src/driver/system.ts';
import { makeContext, systemPaths } from '../../src/iocage.ts';
import { getOperation } from '../../src/ops/index.ts';
import { runOperation } from '../../src/ops/run/run.ts';

const [operation, input, at, when] = process.argv.slice(2) as [string, string, string, string];
let marks = 0;

function die(): never {
  process.kill(process.pid, 'SIGKILL');
  // The signal takes effect at once for the thread that sends it; nothing after this line runs.
  for (;;);
}

const context = makeContext({ pool: process.env['IOCAGE_POOL'], paths: systemPaths() });
const journal: Journal = {
  unfinished: () => context.journal.unfinished(),
  working: () => context.journal.working(),
  reopen: (id) => context.journal.reopen(id),
  history: (limit) => context.journal.history(limit),
  async begin(head) {
    const open = await context.journal.begin(head);
    return {
      async mark(mark) {
        const hit = marks++ === Number(at);
        if (hit && when === 'before') die();
        await open.mark(mark);
        if (hit) die();
      },
    };
  },
};
await runOperation({ ...context, journal }, getOperation(operation), JSON.parse(input));
console.log(marks);
