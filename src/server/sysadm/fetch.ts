/** `fetchreleases`, `listplugins`, `createplugin`: what goes on after its request was answered. */
import type { EventSink } from '../../domain/events.ts';
import { nameProblem } from '../../domain/name.ts';
import { ApiError } from '../api-error.ts';
import type { ApiHost } from '../api-host.ts';
import type { Action } from './action.ts';
import type { Json } from './json.ts';
import { ActionProblem, checkName, type Fields } from './fields.ts';

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

function startFetch(host: ApiHost, release: string): boolean {
  return host.jobs.start(jobId(release), `iocage fetch --verify -r ${release}`, async (tell, signal) => {
    const emit: EventSink = (event) => {
      if (event.type === 'step.begin') tell(event.step.title);
      if (event.type === 'note') tell(event.text);
    };
    try {
      const { message } = await host.run<{ readonly message: string }>(
        'release.fetch',
        { release },
        { emit, signal },
      );
      tell(message);
    } finally {
      await host.renew('pool');
    }
  });
}

export const fetchActions: Readonly<Record<string, Action>> = {
  fetchreleases: { access: 'full', run: fetchReleases },
  // There is no index of plugins that this iocage reads; none is there, and none can be made.
  listplugins: { access: 'read', run: () => Promise.resolve({ local: {}, remote: {} }) },
  createplugin: {
    access: 'full',
    async run(_host, fields) {
      const address = fields.text('ip4') || fields.text('ip6');
      if (!fields.text('plugin') || !fields.text('net_device') || !address) throw new ApiError(400);
      const plugin = checkName('plugin', fields.text('plugin')!);
      throw new ActionProblem(`  ERROR: plugin ${plugin} not found: this iocage has no plugins`);
    },
  },
};
