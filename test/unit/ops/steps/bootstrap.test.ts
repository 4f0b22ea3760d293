/** What debootstrap and mmdebstrap are given to find their way to the mirror: root's own settings among it. */
import { expect, it } from 'vitest';
import type { StepRun } from '../../../../src/driver/step.ts';
import type { Exec, RunResult } from '../../../../src/driver/system.ts';
import { failure } from '../../../../src/domain/errors.ts';
import { bootstrap } from '../../../../src/ops/steps/release.ts';

const args = { suite: 'bookworm', mirror: 'http://mirror.lan/debian', commands: [['debootstrap']] };

/** Its scratch directory is nowhere; what is written is kept, with the environment of the command. */
async function run(options: { dump?: string; own?: string; dry?: boolean }) {
  const written: { text: string; mode?: number }[] = [];
  let env: Readonly<Record<string, string>> = {};
  const done = (stdout = ''): RunResult => ({ argv: [], status: 0, stdout, stderr: '', durationMs: 1 });
  const exec = {
    read: () =>
      options.dump === undefined
        ? Promise.reject(failure('MISSING_TOOL', { tool: 'apt-config' }))
        : Promise.resolve(done(options.dump)),
    change: (argv: readonly string[], how?: { env?: typeof env }) => {
      if (argv[0] === 'debootstrap') env = how?.env ?? {};
      return Promise.resolve(done());
    },
  } as unknown as Exec;
  const files = {
    read: (path: string) => Promise.resolve(path === '/root/.wgetrc' ? options.own : undefined),
    write: (_path: string, text: string, how: { mode?: number }) => {
      written.push({ text, ...how });
      return Promise.resolve();
    },
    remove: () => Promise.resolve(),
  };
  await bootstrap.do(args, {
    operationId: 'op-1',
    exec,
    files,
    dry: options.dry ?? false,
    downloads: { silenceMs: 15_000 },
    clock: { now: () => new Date(0) },
    signal: new AbortController().signal,
    progress: () => undefined,
  } as unknown as StepRun);
  return { env, written };
}

it("root's settings of wget come after our limits, and are nobody else's to read", async () => {
  const own = 'http_proxy = http://user:word@proxy/\n';
  const limits = 'timeout = 15\ntries = 2\n';
  expect((await run({ own })).written).toEqual([{ text: limits + own, mode: 0o600 }]);
  expect((await run({})).written).toEqual([{ text: limits, mode: 0o600 }]);
  // What would be written is printed.
  expect((await run({ own, dry: true })).written[0]!.text).toBe(limits);
});

it("apt's proxies are in the environment, where there is apt and it has one", async () => {
  const proxy = 'http://proxy:3128/';
  const { env } = await run({ dump: `Acquire::http::Proxy ${proxy}\n` });
  expect(env).toMatchObject({ http_proxy: proxy, https_proxy: proxy });
  for (const options of [{ dump: '' }, {}])
    expect(Object.keys((await run(options)).env)).toEqual(['TMPDIR', 'WGETRC']);
});
