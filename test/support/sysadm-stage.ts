/**
 * The state that a documented case supposes, on a real pool with real jails: the UUIDs, tags and times of the
 * documents. Its place is a network namespace of its own (`inside.ts`), where interfaces may be made. Of what
 * the documents print only the pool's name and the id of a running jail are others.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ApiHost, type ApiSettings } from '../../src/server/api-host.ts';
import { HereRunner } from '../../src/server/runner.ts';
import { getOperation } from '../../src/ops/index.ts';
import { runOperation } from '../../src/ops/run/run.ts';
import type { Context } from '../../src/ops/context.ts';
import { makeContext } from '../../src/iocage.ts';
import { sh, type Lab } from './lab.ts';
import { writePlugin, type Given, type Stage } from './sysadm-worlds.ts';

const tarOf = (lab: Lab): string => join(lab.pool.directory, 'busybox.tar');

/** An empty pool that is in use, with these releases. */
async function clear(lab: Lab, releases: readonly string[]): Promise<void> {
  rmSync(join(lab.pool.directory, 'pool/iocage/plugins'), { recursive: true, force: true });
  await lab.run('pool.activate', { pool: lab.pool.name });
  await lab.run('pool.clean', { what: ['jails', 'templates'], force: true });
  const { releases: there } = await lab.run<{ releases: { name: string }[] }>('release.list', {});
  for (const { name } of there)
    if (!releases.includes(name)) await lab.run('release.destroy', { release: name });
  for (const release of releases)
    if (!there.some(({ name }) => name === release))
      await lab.run('release.fetch', { release, file: tarOf(lab) });
}

export interface RealCase {
  /** A host of the API over the pool, as the server makes one; each may have settings of its own. */
  host(settings?: Partial<ApiSettings>): ApiHost;
  /** Ends what holds jails, so that the pool can be cleared. */
  letGo(): Promise<void>;
}

export async function openRealCase(lab: Lab, how: Given): Promise<RealCase> {
  const holding: ChildProcess[] = [];
  await clear(lab, how.releases ?? ['busybox']);
  await how.before?.(realStage(lab, how, holding));
  const uuids = [...(how.uuids ?? [])];
  return {
    host: (settings = {}) =>
      new ApiHost({
        ...(how.anyPool ? {} : { pool: lab.pool.name }),
        kernel: lab.context().host,
        runner: new HereRunner((options) => {
          const context = makeContext({ ...options, paths: lab.paths });
          const ids = { uuid: () => uuids.shift() ?? context.ids.uuid() };
          return { ...atTime(context, how.now), ids };
        }),
        settings: { ...how.settings, ...settings },
      }),
    async letGo() {
      const isHeld = holding.length > 0;
      for (const child of holding.splice(0)) {
        const ended = new Promise((resolve) => child.once('close', resolve));
        child.kill('SIGKILL');
        await ended;
      }
      // What could not be taken away is left half done, and finished by this.
      if (isHeld) await lab.run('host.doctor', {});
    },
  };
}

/** Only what is decided looks at this clock; what waits has the machine's. */
function atTime(context: Context, now: string | undefined): Context {
  if (now === undefined) return context;
  return { ...context, clock: { ...context.clock, now: () => new Date(now) } };
}

function realStage(lab: Lab, how: Given, holding: ChildProcess[]): Stage {
  let at: string | undefined;
  const rootOf = (uuid: string): string => join(lab.pool.directory, 'pool/iocage/jails', uuid, 'root');
  return {
    at: (time) => void (at = time),
    async run(operation, input) {
      const { kind } = input as { readonly kind?: string };
      const release = (how.releases ?? ['busybox'])[0];
      // The documents' pool is called differently; jails are made of the release that is there.
      const own = {
        ...(input as object),
        ...(operation === 'jail.create' && kind !== 'empty' ? { release } : {}),
        ...(operation.startsWith('pool.') ? { pool: lab.pool.name } : {}),
      };
      const row = getOperation(operation);
      return (await runOperation(atTime(lab.context(), at), row, own)).result;
    },
    nic(name) {
      // An interface of a jail's own hangs on a bridge of the host.
      const words = name.startsWith('vnet')
        ? ['bridge0', 'type', 'bridge']
        : [name, 'type', 'veth', 'peer', 'name', `${name}-peer`];
      const [nic] = words as [string];
      if (new RegExp(` ${nic}[@:]`).test(sh('ip', '-o', 'link'))) return;
      sh('ip', 'link', 'add', ...words);
      sh('ip', 'link', 'set', nic, 'up');
    },
    prints: (uuid, text) => writeFileSync(join(rootOf(uuid), 'x'), text),
    lacks: (program) => {
      if (existsSync(join('/', 'bin', program))) throw new Error(`${program} is there`);
    },
    plugin: (id, name, description) =>
      writePlugin(join(lab.pool.directory, 'pool/iocage'), id, name, description),
    // Somebody stands in it.
    stays: (uuid) => void holding.push(spawn('sleep', ['600'], { cwd: rootOf(uuid), stdio: 'ignore' })),
  };
}
