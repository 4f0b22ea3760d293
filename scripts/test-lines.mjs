/**
 * A vitest reporter: one JSON line per finished test, appended as it happens, so that a run that is
 * killed still tells what it had done. Unlike vitest's own JSON it keeps the reason of a skipped test.
 * Writes to the file that IOCAGE_TEST_LINES names. Follows vitest 4's reporter interface.
 */
import { appendFileSync } from 'node:fs';
import { relative } from 'node:path';

const text = (error) =>
  [error.stack ?? error.message ?? String(error), error.diff].filter(Boolean).join('\n');
const put = (line) => appendFileSync(process.env.IOCAGE_TEST_LINES, `${JSON.stringify(line)}\n`);
const nameOf = (path) => relative(process.cwd(), path);

export default class TestLines {
  onTestCaseResult(test) {
    const result = test.result();
    put({
      name: `${nameOf(test.module.moduleId)} > ${test.fullName}`,
      state: result.state,
      ms: Math.round(test.diagnostic()?.duration ?? 0),
      text: result.state === 'skipped' ? (result.note ?? '') : (result.errors ?? []).map(text).join('\n'),
    });
  }

  onTestSuiteResult(suite) {
    for (const error of suite.errors()) {
      put({
        name: `${nameOf(suite.module.moduleId)} > ${suite.fullName} (set-up)`,
        state: 'failed',
        text: text(error),
      });
    }
  }

  onTestModuleEnd(module) {
    for (const error of module.errors()) {
      put({ name: `${nameOf(module.moduleId)} (the file itself)`, state: 'failed', text: text(error) });
    }
  }

  onTestRunEnd(_modules, unhandled) {
    for (const error of unhandled)
      put({ name: 'an error outside any test', state: 'failed', text: text(error) });
  }
}
