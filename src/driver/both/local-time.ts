/**
 * `host_time`: the jail's /etc/localtime is the same link as the host's, so that both tell the time of one
 * zone. It is set at a start, when nobody is in the jail, and only where the jail has the zone itself and
 * no file of its own in that place. See localtime(5). Where tzsetup(8) made a copy and no link, as it did before
 * FreeBSD 14, it wrote down of which zone.
 */
import { stepKind, type StepMaker } from '../step.ts';
import type { Files, Step } from '../system.ts';
import type { JailSpec } from '../host.ts';
import { isOn } from '../../domain/config.ts';
import { asIocageError } from '../../domain/errors.ts';

export interface LocalTimeArgs {
  readonly root: string;
  readonly target: string;
  /** Where the link led before; null: there was none. */
  readonly previous: string | null;
}

const path = 'etc/localtime';

export const localTimeKind = (kind: string): StepMaker<LocalTimeArgs> =>
  stepKind<LocalTimeArgs>(kind, {
    title: ({ target }) => `/etc/localtime leads to ${target}`,
    do: ({ root, target }, run) => run.files.symlinkBelow(root, path, target),
    undo: async ({ root, target, previous }, run) => {
      if ((await run.files.readlinkBelow(root, path)) !== target) return;
      if (previous === null) await run.files.removeBelow(root, path);
      else await run.files.symlinkBelow(root, path, previous);
    },
  });

/** The zone as a link says it, `Europe/Berlin`; undefined when it is none of the zones of tzdata. */
export function zoneOf(link: string | undefined): string | undefined {
  const zone = /^(?:\.\.)?\/usr\/share\/zoneinfo\/([A-Za-z0-9_+-]+(?:\/[A-Za-z0-9_+-]+){0,2})$/.exec(
    link ?? '',
  );
  return zone?.[1];
}

async function hostTarget(files: Files): Promise<string | undefined> {
  const link = await files.readlink('/etc/localtime');
  if (link !== undefined || (await files.stat('/etc/localtime')) === undefined) return link;
  const name = (await files.read('/var/db/zoneinfo'))?.trim();
  return name ? `/usr/share/zoneinfo/${name}` : undefined;
}

async function knows(files: Files, root: string | undefined, zone: string): Promise<boolean> {
  if (root === undefined) return false;
  const found = await files.statBelow(root, `usr/share/zoneinfo/${zone}`).catch(() => undefined);
  return found?.type === 'file' || found?.type === 'symlink';
}

export async function localTimeSteps(
  setLocalTime: StepMaker<LocalTimeArgs>,
  files: Files,
  jail: JailSpec,
): Promise<readonly Step[]> {
  if (!isOn(jail.config, 'host_time')) return [];
  const target = await hostTarget(files);
  const zone = zoneOf(target);
  if (target === undefined || zone === undefined) return [];
  if (!(await knows(files, jail.root, zone)) && !(await knows(files, jail.base?.root, zone))) return [];
  try {
    const now = await files.statBelow(jail.root, path);
    if (now !== undefined && now.type !== 'symlink') return [];
    const previous = (await files.readlinkBelow(jail.root, path)) ?? null;
    return previous === target ? [] : [setLocalTime({ root: jail.root, target, previous })];
  } catch (thrown) {
    // A root whose /etc is a link is refused by the check, with better words.
    if (asIocageError(thrown).code === 'UNSAFE_PATH') return [];
    throw thrown;
  }
}
