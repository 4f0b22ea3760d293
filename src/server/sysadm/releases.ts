/**
 * `listreleases`: the releases that are here and, on FreeBSD, those that its servers offer. Those are asked once for all
 * clients and for some minutes, apart from the questions about this host, and nobody waits long for them: as in the
 * original a half that fails is left out.
 */
import type { ListedRelease } from '../../ops/release/list.ts';
import type { RemoteReleases } from '../../ops/release/remote.ts';
import type { ApiHost } from '../api-host.ts';
import type { Action } from './action.ts';
import type { Json } from './json.ts';

const keptMs = 10 * 60_000;
/** A server that was out of reach may be back soon. */
const keptFailureMs = 60_000;
const waitMs = 10_000;

interface Offered {
  readonly names: Promise<readonly string[] | undefined>;
  until: number;
}

const known = new WeakMap<ApiHost, Offered>();

/** As the original wrote them. */
const nameOf = ({ name, support }: RemoteReleases['releases'][number]): string =>
  support === 'end of life' ? `${name} (EOL)` : name;

function ask(host: ApiHost): Offered {
  const now = performance.now();
  const before = known.get(host);
  if (before !== undefined && now < before.until) return before;
  const offered: Offered = {
    until: now + keptMs,
    names: host.run<RemoteReleases>('release.remote', {}).then(
      ({ releases }) => releases.map(nameOf),
      () => {
        offered.until = performance.now() + keptFailureMs;
        return undefined;
      },
    ),
  };
  known.set(host, offered);
  return offered;
}

async function offeredTo(host: ApiHost): Promise<readonly string[] | undefined> {
  // No jail of a Linux host runs any of them.
  if (host.kernel.kernel !== 'freebsd') return undefined;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, waitMs, undefined);
  });
  return Promise.race([ask(host).names, late]).finally(() => clearTimeout(timer));
}

async function listReleases(host: ApiHost): Promise<Json> {
  const [{ releases }, remote] = await Promise.all([
    host.read<{ releases: readonly ListedRelease[] }>('release.list', {}),
    offeredTo(host),
  ]);
  const local = releases.map(({ name }) => name);
  return remote === undefined ? { local } : { local, remote: [...remote] };
}

export const releaseActions: Readonly<Record<string, Action>> = {
  listreleases: { access: 'read', run: listReleases },
};
