import { describe, expect, test } from 'vitest';
import { liveLines, stepLine } from '../../../src/cli/print/live.ts';
import { makeProgress } from '../../../src/cli/print/progress.ts';
import { failure } from '../../../src/domain/errors.ts';
import type { IocageEvent, StepFacts } from '../../../src/domain/events.ts';

/** Copied from the original's output, iocage-legacy 3.1 and 3.6. */
describe('step lines', () => {
  test.each([
    ['Started', '  + Started                  OK'],
    ['Started (shared IP mode)', '  + Started (shared IP mode) OK'],
    ['Starting services', '  + Starting services        OK'],
    ['Configuring VNET', '  + Configuring VNET         OK'],
    ['Running pre-stop', '  + Running pre-stop         OK'],
    ['Stopping services', '  + Stopping services        OK'],
    ['Tearing down VNET', '  + Tearing down VNET        OK'],
    ['Removing jail process', '  + Removing jail process    OK'],
    ['Applying resource limits', '  + Applying resource limits OK'],
  ])('%s, done', (label, line) => {
    expect(stepLine(label, true)).toBe(line);
    expect(stepLine(`  + ${label}`, true)).toBe(line);
  });

  test.each([
    ['Started (shared IP mode)', '  ! Start                FAILED'],
    ['Starting services', '  + Starting services        FAILED'],
    ['Configuring VNET', '  + Configuring VNET         FAILED'],
    ['Running pre-stop', '  + Running pre-stop     FAILED'],
    ['Removing jail process', '  + Removing jail process FAILED'],
  ])('%s, failed', (label, line) => {
    expect(stepLine(label, false)).toBe(line);
  });
});

const look = { format: 'table', color: false } as const;
const step = (facts: Partial<StepFacts> = {}): StepFacts => ({
  index: 1,
  count: 4,
  kind: 'k',
  title: 'do it',
  ...facts,
});

describe('live lines', () => {
  test('the headline carries the subject', () => {
    const event: IocageEvent = {
      type: 'operation.begin',
      id: '1',
      operation: 'jail.start',
      title: 'Starting',
      subject: 'UUID (web)',
      steps: 2,
    };
    expect(liveLines(event, look)).toEqual([{ to: 'stdout', text: '* Starting UUID (web)' }]);
    expect(liveLines({ ...event, operation: 'jail.create' }, look)).toEqual([]);
  });

  test('steps without a label stay silent', () => {
    expect(liveLines({ type: 'step.done', id: '1', step: step(), durationMs: 1 }, look)).toEqual([]);
  });

  test('a tolerated failure warns; one that ends the operation is told as its error only', () => {
    const error = failure('COMMAND_FAILED', { argv: ['false'], status: 'exit 1', stderr: 'a\nb' });
    const event: IocageEvent = {
      type: 'step.failed',
      id: '1',
      step: step({ label: 'Running post-stop' }),
      error,
      tolerated: true,
    };
    expect(liveLines(event, look)).toEqual([
      { to: 'stdout', text: '  + Running post-stop    FAILED' },
      { to: 'stderr', text: 'iocage: warning: do it: false failed (exit 1): a; b' },
    ]);
    expect(liveLines({ ...event, tolerated: false }, look)).toHaveLength(1);
    expect(liveLines(event, { ...look, format: 'legacy' })[1]?.text).toMatch(/^ {2}WARNING: do it/);
  });

  test('colour marks the end of the line only', () => {
    const event: IocageEvent = {
      type: 'step.done',
      id: '1',
      step: step({ label: 'Started' }),
      durationMs: 1,
    };
    expect(liveLines(event, { ...look, color: true })[0]?.text).toBe(
      '  + Started                  \u001b[32mOK\u001b[39m',
    );
  });
});

describe('progress', () => {
  const begin: IocageEvent = {
    type: 'operation.begin',
    id: '1',
    operation: 'release.fetch',
    title: 'Fetching x',
    subject: 'x',
    steps: 4,
  };
  const watch = (isTTY: boolean) => {
    const written: string[] = [];
    return { written, progress: makeProgress({ write: (text) => written.push(text), isTTY, columns: 60 }) };
  };

  test('short operations show nothing', () => {
    const { written, progress } = watch(true);
    progress.event(begin, 0);
    progress.tick(300);
    progress.event({ type: 'operation.done', id: '1', durationMs: 300, result: {} }, 300);
    progress.tick(5000);
    expect(written).toEqual([]);
  });

  test('a terminal gets one line that is rewritten and cleared', () => {
    const { written, progress } = watch(true);
    progress.event(begin, 0);
    progress.event({ type: 'step.begin', id: '1', step: step({ title: 'download a' }) }, 10);
    progress.event({ type: 'progress', id: '1', text: 'base.txz', done: 50, total: 200 }, 20);
    progress.tick(500);
    progress.clear();
    expect(written).toEqual(['\r\u001b[2K[2/4] Fetching x: download a (base.txz 25%)', '\r\u001b[2K']);
  });

  test('a pause leaves the terminal to a question', () => {
    const { written, progress } = watch(true);
    progress.begin('destroy: looking what there is', 0);
    progress.tick(500);
    progress.pause();
    progress.tick(1000);
    expect(written).toEqual(['\r\u001b[2Kdestroy: looking what there is', '\r\u001b[2K']);
  });

  test('elsewhere a plain line comes after a second, then every five, and once a minute while it is the same', () => {
    const { written, progress } = watch(false);
    progress.event(begin, 0);
    for (let ms = 0; ms <= 5000; ms += 200) progress.tick(ms);
    progress.event({ type: 'step.begin', id: '1', step: step({ title: 'a' }) }, 5000);
    for (let ms = 5000; ms <= 8000; ms += 200) progress.tick(ms);
    progress.event({ type: 'step.begin', id: '1', step: step({ title: 'b' }) }, 8000);
    for (let ms = 8000; ms <= 60_000; ms += 200) progress.tick(ms);
    const told = ['iocage: Fetching x\n', 'iocage: [2/4] Fetching x: a\n', 'iocage: [2/4] Fetching x: b\n'];
    expect(written).toEqual(told);
    for (let ms = 60_000; ms <= 120_000; ms += 200) progress.tick(ms);
    expect(written).toEqual([...told, told[2]]);
  });

  test('a line longer than the terminal is cut', () => {
    const { written, progress } = watch(true);
    progress.event({ ...begin, title: 'x'.repeat(100) }, 0);
    progress.tick(500);
    expect(written[0]).toBe(`\r\u001b[2K${'x'.repeat(58)}…`);
  });
});
