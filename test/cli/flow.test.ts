/** From words to streams and status, over a small registry: output, errors, questions, signals. */
import { describe, expect, test, vi } from 'vitest';
import { failure } from '../../src/domain/errors.ts';
import type { Operation } from '../../src/ops/operation.ts';
import { emitSteps, run, type Scene } from './support.ts';
import { sample } from './sample.ts';

const scene: Scene = { operations: sample };
const notFound = (_: Operation, input: unknown): unknown => {
  const { jail } = input as { jail: string };
  if (jail === 'ghost') throw failure('JAIL_NOT_FOUND', { name: jail });
  return { jail };
};

describe('words without an operation', () => {
  test('no words at all: usage on standard output, success', async () => {
    const ran = await run([], scene);
    expect(ran).toMatchObject({ status: 0, stderr: '' });
    expect(ran.stdout).toMatch(/^usage: iocage /);
  });

  test.each([[['help']], [['--help']], [['-h']], [['help', 'help']]])('%j shows the same', async (words) => {
    expect((await run(words, scene)).stdout).toBe((await run([], scene)).stdout);
  });

  test.each([
    [['help', 'create']],
    [['create', 'help']],
    [['create', '--help']],
    [['--help', 'create']],
    [['create', '-e', '--help']],
  ])('%j shows the help of the command', async (words) => {
    const ran = await run(words, scene);
    expect(ran).toMatchObject({ status: 0, stderr: '', runs: [] });
    expect(ran.stdout).toMatch(/^iocage create - Create jails\n/);
  });

  test.each([[['version']], [['--version']], [['-v']]])('%j prints the version', async (words) => {
    const { version } = (await import('../../package.json', { with: { type: 'json' } })).default;
    expect(await run(words, scene)).toMatchObject({ status: 0, stdout: `iocage ${version}\n`, stderr: '' });
  });

  test('an unknown command names the nearest one', async () => {
    expect(await run(['strat', 'web'], scene)).toMatchObject({
      status: 2,
      stdout: '',
      stderr: `iocage: unknown command "strat"\n  hint: did you mean 'iocage start'? see 'iocage help'\n`,
    });
  });

  test('another name of a command calls it', async () => {
    expect((await run(['rm', '-f', 'web'], scene)).runs).toEqual([
      { operation: 'jail.destroy', input: { jail: 'web' } },
    ]);
  });
});

describe('errors', () => {
  test('one line and a hint on standard error; the status of the error', async () => {
    expect(await run(['start', 'ghost'], { ...scene, answer: notFound })).toMatchObject({
      status: 1,
      stdout: '',
      stderr: `iocage: jail "ghost" not found\n  hint: 'iocage list' shows the jails\n`,
    });
    expect((await run(['start', '-x'], scene)).status).toBe(2);
  });

  test('the original put ERROR before it, and INFO where nothing was wrong', async () => {
    const legacy = ['--format', 'legacy'];
    const ran = await run(['start', 'ghost', ...legacy], { ...scene, answer: notFound });
    expect(ran.stderr).toMatch(/^ {2}ERROR: jail "ghost" not found\n/);
    const up = await run(['start', 'web', ...legacy], {
      ...scene,
      answer: () => {
        throw failure('ALREADY_UP', { name: 'UUID (web)' });
      },
    });
    expect(up).toMatchObject({ status: 1 });
    expect(up.stderr).toMatch(/^ {2}INFO: UUID \(web\) is already up\n/);
  });

  test('with --json an object on standard error, wherever --json stands', async () => {
    for (const words of [
      ['--json', 'start', 'ghost'],
      ['start', 'ghost', '--json'],
    ]) {
      const ran = await run(words, { ...scene, answer: notFound });
      expect(ran).toMatchObject({ status: 1, stdout: '' });
      expect(JSON.parse(ran.stderr)).toMatchObject({
        error: { code: 'JAIL_NOT_FOUND', details: { name: 'ghost' } },
      });
    }
    expect(JSON.parse((await run(['nonsense', '--json'], scene)).stderr)).toMatchObject({
      error: { code: 'UNKNOWN_COMMAND' },
    });
  });

  test('a control character in a name cannot reach the terminal', async () => {
    const answer = () => {
      throw failure('JAIL_NOT_FOUND', { name: '\u001b[2J' });
    };
    // eslint-disable-next-line no-control-regex -- that is what is looked for
    expect((await run(['start', 'x'], { ...scene, answer })).stderr).not.toMatch(/\u001b/);
  });

  test('what could not be undone is told', async () => {
    const answer = () => {
      throw Object.assign(failure('START_FAILED', { jail: 'web', why: 'no' }), {
        undoFailures: [{ step: 'unmount proc', message: 'busy' }],
      });
    };
    expect((await run(['start', 'web'], { ...scene, answer })).stderr).toContain(
      '  not undone: unmount proc: busy\n',
    );
  });

  test('what is left to be finished is told with the command that does it', async () => {
    const answer = () => {
      throw Object.assign(failure('DATASET_BUSY', { dataset: 'tank/iocage/jails/web', tries: 3 }), {
        undoFailures: [{ step: 'finish', message: `'iocage doctor' completes it` }],
      });
    };
    expect((await run(['destroy', '-f', 'web'], { ...scene, answer })).stderr).toMatch(
      /\n {2}not finished yet: 'iocage doctor' completes it\n$/,
    );
  });

  test('what takes over a second is told, unless nobody wants it told', async () => {
    vi.useFakeTimers();
    try {
      const slow = async (): Promise<object> => {
        await vi.advanceTimersByTimeAsync(1500);
        return { started: [] };
      };
      const said = async (words: readonly string[], env: Record<string, string> = {}): Promise<string> =>
        (await run(['start', 'web', ...words], { ...scene, answer: slow, env })).stderr;
      expect(await said([])).toBe('iocage: start: looking what there is\n');
      expect(await said(['--progress', 'never'])).toBe('');
      expect(await said([], { IOCAGE_PROGRESS: 'never' })).toBe('');
      expect(await said(['--progress', 'auto'], { IOCAGE_PROGRESS: 'never' })).toContain('looking');
    } finally {
      vi.useRealTimers();
    }
  });

  test('a stranger is an internal error; --debug shows its stack', async () => {
    const answer = () => {
      throw new TypeError('oops');
    };
    const ran = await run(['start', 'web'], { ...scene, answer });
    expect(ran).toMatchObject({ status: 1 });
    expect(ran.stderr).toMatch(/^iocage: internal error: oops\n/);
    expect(ran.stderr).not.toContain('caused by');
    const debug = await run(['start', 'web', '--debug'], { ...scene, answer });
    expect(debug.stderr).toMatch(/caused by\n {2}TypeError: oops/);
    expect(debug.stderr).toMatch(/iocage: 3 child processes\n$/);
    expect((await run(['start', 'web'], { ...scene, answer, env: { IOCAGE_DEBUG: '1' } })).stderr).toContain(
      'caused by',
    );
  });
});

describe('several inputs', () => {
  test('one failure does not stop the rest', async () => {
    const ran = await run(['start', 'a', 'ghost', 'b'], { ...scene, answer: notFound });
    expect(ran.status).toBe(1);
    expect(ran.runs.map(({ input }) => input)).toEqual([{ jail: 'a' }, { jail: 'ghost' }, { jail: 'b' }]);
  });

  test('--json gives one object for one input and a list for several', async () => {
    const one = JSON.parse((await run(['start', 'a', '--json'], { ...scene, answer: notFound })).stdout);
    expect(one).toEqual({ operation: 'jail.start', id: '20260101T000000-1', result: { jail: 'a' } });
    const ran = await run(['start', 'a', 'ghost', 'b', '--json'], { ...scene, answer: notFound });
    expect(JSON.parse(ran.stdout)).toMatchObject([{ result: { jail: 'a' } }, { result: { jail: 'b' } }]);
    expect(JSON.parse(ran.stderr)).toMatchObject({ error: { code: 'JAIL_NOT_FOUND' } });
  });
});

test('bad news that are no error give status 1 (doctor)', async () => {
  const { operations } = await import('../../src/ops/index.ts');
  const finding = { id: '1', what: 'start of web', action: 'busy' };
  const doctor = (state: string) =>
    run(['doctor'], { operations, answer: () => ({ findings: [{ ...finding, state }] }) });
  expect(await doctor('failed')).toMatchObject({ status: 1, stdout: 'failed    start of web: busy\n' });
  expect(await doctor('mended')).toMatchObject({ status: 0 });
});

describe('live lines', () => {
  const answer: Scene['answer'] = (operation, _, { emit }) => {
    emitSteps(emit, operation.id, 'UUID (web)', ['Started', 'Starting services']);
    return { uuid: 'UUID', notApplied: [] };
  };

  test('start prints what the original printed', async () => {
    expect((await run(['start', 'web'], { ...scene, answer })).stdout).toBe(
      '* Starting UUID (web)\n  + Started                  OK\n  + Starting services        OK\n',
    );
  });

  test('--quiet and --json leave them out', async () => {
    expect((await run(['start', 'web', '-q'], { ...scene, answer })).stdout).toBe('');
    expect(JSON.parse((await run(['start', 'web', '--json'], { ...scene, answer })).stdout)).toBeTypeOf(
      'object',
    );
  });

  test('--events json tells them on standard error, one object a line', async () => {
    const ran = await run(['start', 'web', '--events', 'json'], { ...scene, answer });
    const types = ran.stderr
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { type: string }).type);
    expect(types).toEqual([
      'operation.begin',
      'step.begin',
      'step.done',
      'step.begin',
      'step.done',
      'operation.done',
    ]);
    expect(ran.stdout).toBe('');
    const failed = await run(['start', 'ghost', '--events', 'json'], { ...scene, answer: notFound });
    expect(JSON.parse(failed.stderr)).toMatchObject({ error: { code: 'JAIL_NOT_FOUND' } });
  });
});

describe('the question before a loss', () => {
  test.each([
    ['y\n', 0],
    ['Y\n', 0],
    ['n\n', 1],
    ['\n', 1],
    ['yes please\n', 1],
    ['', 1],
  ])('the answer %j gives status %i', async (stdin, status) => {
    const ran = await run(['destroy', 'web'], { ...scene, tty: true, stdin });
    expect(ran.status).toBe(status);
    expect(ran.stderr).toContain(
      '\n  WARNING: this will destroy jail UUID (web)\n  This will be gone for good:\n    tank/iocage/jails/UUID\n\n  Are you sure ? y[N]: ',
    );
  });

  test('without a terminal nothing is taken for a yes', async () => {
    const ran = await run(['destroy', 'web'], { ...scene, stdin: 'y\n' });
    expect(ran).toMatchObject({ status: 1, stdout: '' });
    expect(ran.stderr).toMatch(
      /Command not confirmed\. {2}No action taken\.\n {2}hint: only a terminal can answer/,
    );
  });

  test.each(['-f', '--force', '-y', '--yes'])('%s goes past it', async (flag) => {
    expect(await run(['destroy', flag, 'web'], scene)).toMatchObject({ status: 0, stderr: '' });
  });
});

describe('dry run', () => {
  test('prints the commands and touches nothing else', async () => {
    const answer: Scene['answer'] = (_, __, context) => {
      (context.actions as unknown[]).push(
        { type: 'run', argv: ['zfs', 'destroy', 'tank/a b'] },
        { type: 'file', verb: 'remove', path: '/iocage/tags/web' },
      );
      return {};
    };
    const ran = await run(['destroy', 'a', 'b', '--dry-run'], { ...scene, answer });
    const once = "zfs destroy 'tank/a b'\n# remove /iocage/tags/web\n";
    expect(ran).toMatchObject({ status: 0, stdout: once + once, stderr: '' });
    const json = JSON.parse(
      (await run(['destroy', 'a', '--dry-run', '--json'], { ...scene, answer })).stdout,
    );
    expect(json).toMatchObject({
      operation: 'jail.destroy',
      dryRun: true,
      actions: [{ type: 'run' }, { type: 'file' }],
    });
  });
});

describe('signals', () => {
  test('the first asks to stop, the second ends the program', async () => {
    const listeners: Record<string, () => void> = {};
    const exits: number[] = [];
    const ran = await run(['start', 'a', 'b'], {
      ...scene,
      onSignal: (signal, listener) => (listeners[signal] = listener),
      onExit: (status) => exits.push(status),
      answer: (_, __, { signal }) => {
        listeners['SIGINT']!();
        expect(signal.aborted).toBe(true);
        expect(exits).toEqual([]);
        listeners['SIGINT']!();
        throw failure('CANCELLED', { operation: 'Starting a' });
      },
    });
    expect(exits).toEqual([130]);
    expect(ran.runs).toHaveLength(1);
    expect(ran.status).toBe(130);
  });

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)(
    '%s: exits %i when it was cancelled, and as usual when it came to its end',
    async (name, status) => {
      const listeners: Record<string, () => void> = {};
      const answers = (end: () => unknown) =>
        run(['start', 'a'], {
          ...scene,
          onSignal: (signal, listener) => (listeners[signal] = listener),
          answer: () => {
            listeners[name]!();
            return end();
          },
        });
      const cancelled = await answers(() => {
        throw failure('CANCELLED', { operation: 'Starting a' });
      });
      expect(cancelled.status).toBe(status);
      expect(cancelled.stderr).toMatch(/stopping; what was done is being undone/);
      expect((await answers(() => ({}))).status).toBe(0);
    },
  );

  test('SIGTERM and SIGHUP never break off what a first signal began', async () => {
    const listeners: Record<string, () => void> = {};
    const exits: number[] = [];
    const ran = await run(['start', 'a'], {
      ...scene,
      onSignal: (signal, listener) => (listeners[signal] = listener),
      onExit: (status) => exits.push(status),
      answer: () => {
        for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGTERM']) listeners[name]!();
        throw failure('CANCELLED', { operation: 'Starting a' });
      },
    });
    expect([exits, ran.status]).toEqual([[], 130]);
    expect(ran.stderr.match(/stopping/g)).toHaveLength(1);
  });

  test('a session keeps Ctrl-C for the program in the jail', async () => {
    const ran = await run(['exec', 'web', 'sleep', '1'], {
      ...scene,
      onSignal: (signal, listener) => {
        expect(signal).toBe('SIGINT');
        listener();
      },
      answer: (_, __, { signal }) => (signal.aborted ? 99 : 7),
    });
    expect(ran.status).toBe(7);
  });
});

test('the pool comes from --pool, then from the environment', async () => {
  const pools: unknown[] = [];
  const answer: Scene['answer'] = (_, __, { pool }) => pools.push(pool);
  const env = { IOCAGE_POOL: 'ssd' };
  await run(['--pool', 'tank', 'start', 'a'], { ...scene, answer, env });
  await run(['start', 'a'], { ...scene, answer, env });
  await run(['start', 'a'], { ...scene, answer, env: { IOCAGE_POOL: '' } });
  expect(pools).toEqual(['tank', 'ssd', undefined]);
});

test("sources come from --source, and outweigh the environment's pool", async () => {
  const seen: unknown[] = [];
  const answer: Scene['answer'] = (_, __, { pool, sources, only }) => seen.push({ pool, sources, only });
  const env = { IOCAGE_POOL: 'ssd' };
  await run(['--source', 'b=tank/b', 'start', 'a', '--source', 'a=tank/a'], { ...scene, answer, env });
  await run(['start', 'a', '--source', 'old'], { ...scene, answer, env });
  expect(seen).toEqual([
    {
      pool: undefined,
      sources: [
        { name: 'b', root: 'tank/b' },
        { name: 'a', root: 'tank/a' },
      ],
      only: undefined,
    },
    { pool: undefined, sources: undefined, only: 'old' },
  ]);
  const wrong = await run(['--source', 'a=-x', 'start', 'a'], { ...scene, answer });
  expect(wrong.status).toBe(2);
  const two = await run(['--source', 'a', '--source', 'b', 'start', 'a'], { ...scene, answer });
  expect(two.status).toBe(2);
});
