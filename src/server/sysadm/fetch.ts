/** `fetchreleases`, `listplugins`, `createplugin`: what goes on after its request was answered. */
import type { EventSink } from '../../domain/events.ts';
import { nameProblem } from '../../domain/name.ts';
import type { Plugin } from '../../ops/plugin/known.ts';
import { ApiError } from '../api-error.ts';
import type { ApiHost } from '../api-host.ts';
import type { Action } from './action.ts';
import type { Json } from './json.ts';
import { ActionProblem, checkName, type Fields } from './fields.ts';
import { row2017 } from './list.ts';

/** One name or several; what stands behind a blank, such as ` (EOL)`, is no part of a name. */
export function releaseNames(value: Json | undefined): readonly string[] {
  const texts = (Array.isArray(value) ? (value as readonly Json[]) : [value]).filter(
    (each): each is string => typeof each === 'string' && each.trim() !== '',
  );
  return [...new Set(texts.map((text) => text.trim().split(/\s/)[0]!))];
}

async function fetchReleases(host: ApiHost, fields: Fields): Promise<Json> {
  const names = releaseNames(fields.raw('releases'));
  if (names.some((name) => nameProblem('release', name) !== undefined))
    throw new ActionProblem('Invalid releases');
  const further = names.filter((name) => !host.jobs.isUnderWay(jobId(name)));
  // All of them or none.
  host.jobs.assertRoomFor(further.length);
  const started = further.filter((name) => startFetch(host, name));
  // Nothing named, or all of it under way already.
  if (started.length === 0) throw new ApiError(400);
  return { started_dispatcher_id: started.map(jobId) };
}

function jobId(release: string): string {
  return `sysadm_iocage_fetch_release_${release}`;
}

/** What goes on, as lines of a job's output. */
function telling(tell: (line: string) => void): EventSink {
  return (event) => {
    if (event.type === 'step.begin') tell(event.step.title);
    if (event.type === 'note') tell(event.text);
  };
}

function startFetch(host: ApiHost, release: string): boolean {
  return host.jobs.start(jobId(release), `iocage fetch --verify -r ${release}`, async (tell, signal) => {
    try {
      const { message } = await host.run<{ readonly message: string }>(
        'release.fetch',
        { release },
        { emit: telling(tell), signal },
      );
      tell(message);
    } finally {
      await host.renew('pool');
    }
  });
}

/** Those whose definitions are here; and the jails that hold one, as `listjails` shows them. */
async function listPlugins(host: ApiHost): Promise<Json> {
  const [{ plugins }, { jails }, { world }] = await Promise.all([
    host.read<{ plugins: readonly Plugin[] }>('plugin.list', {}),
    host.listing(),
    host.current(),
  ]);
  const known = plugins.filter(({ problem }) => problem === undefined);
  const remote = known.map(({ id, name, description }) => [id, { description: description ?? '', id, name }]);
  const holding = new Set(
    world.jails
      .filter(({ local }) => (local.get('plugin_name') ?? 'none') !== 'none')
      .map(({ uuid }) => uuid),
  );
  const local = jails
    .filter(({ uuid }) => holding.has(uuid))
    .map((jail) => [`${jail.tag}_${jail.jid ?? '-'}`, row2017(jail)]);
  return { local: Object.fromEntries(local), remote: Object.fromEntries(remote) };
}

async function createPlugin(host: ApiHost, fields: Fields): Promise<Json> {
  const [key, address] = fields.text('ip4')
    ? ['ip4_addr', fields.text('ip4')!]
    : ['ip6_addr', fields.text('ip6')];
  const device = fields.text('net_device');
  if (!fields.text('plugin') || !device || !address) throw new ApiError(400);
  const plugin = checkName('plugin', fields.text('plugin')!);
  const { plugins } = await host.read<{ plugins: readonly Plugin[] }>('plugin.list', {});
  const found = plugins.find(({ id }) => id === plugin);
  if (found === undefined) throw new ActionProblem(`  ERROR: plugin ${plugin} not found!`);
  if (found.problem !== undefined) throw new ActionProblem(`  ERROR: plugin ${plugin}: ${found.problem}`);
  const id = `sysadm_iocage_fetch_plugin_${plugin}`;
  const property = [key, `${device}|${address}`] as const;
  const command = `iocage fetch -P --name ${plugin} ${property.join('=')}`;
  const started = host.jobs.start(id, command, async (tell, signal) => {
    const live = { emit: telling(tell), signal };
    try {
      const input = { plugin, properties: [property] };
      const { tag } = await host.run<{ readonly tag: string }>('plugin.fetch', input, live);
      tell(`${tag} successfully created with the plugin ${plugin}!`);
    } finally {
      await host.renew('pool');
    }
  });
  if (!started) throw new ApiError(400);
  return { started_dispatcher_id: id };
}

export const fetchActions: Readonly<Record<string, Action>> = {
  fetchreleases: { access: 'full', run: fetchReleases },
  listplugins: { access: 'read', run: listPlugins },
  createplugin: { access: 'full', run: createPlugin },
};
