/**
 * What broken transfers left below `receiving` and no operation answers for. Parts of a jail go; what is
 * a whole jail, with its name on it, is for a person to decide.
 */
import type { Context } from '../context.ts';
import type { HeldLocks } from '../../driver/system.ts';
import { asIocageError, IocageError } from '../../domain/errors.ts';
import { namespace } from '../../domain/property.ts';
import type { World } from '../world/world.ts';
import { jailLock } from '../jail/select.ts';

interface Left {
  readonly id: string;
  readonly what: string;
  readonly state: 'mended' | 'failed' | 'report' | 'pending';
  readonly action: string;
}

export async function sweepReceiving(context: Context, world: World): Promise<readonly Left[]> {
  const identity = ['host_hostuuid', 'tag'].map((key) => namespace + key);
  const rows = await context.storage.filesystems(`${world.root}/receiving`, 1, identity);
  const unfinished = (await context.journal.unfinished()).flatMap(({ head }) => head.locks);
  const findings: Left[] = [];
  for (const { name, values } of (rows ?? []).slice(1)) {
    // Further datasets of an import are beside it, as UUID:1.
    const [uuid] = name.split('/').at(-1)!.split(':') as [string];
    const lock = jailLock({ realm: world.realm, uuid });
    if (unfinished.includes(lock)) continue;
    const held = await take(context, lock);
    // It is being received at this moment.
    if (held === undefined) continue;
    try {
      // A template of the original's develop line is named by its tag.
      const whole = identity.some((key) => values.get(key) === uuid);
      const what = whole
        ? `${name} is a jail that was being brought up to date`
        : `${name} is part of a jail whose transfer broke off`;
      if (whole) {
        const action = `look at it; 'zfs rename ${name} ${world.root}/jails/${uuid}' puts it back`;
        findings.push({ id: name, what, state: 'report', action });
      } else if (context.dry) {
        findings.push({ id: name, what, state: 'pending', action: 'would be removed' });
      } else {
        const failed = await context.storage.destroy(name, { recursive: true }).then(
          () => undefined,
          (thrown: unknown) => asIocageError(thrown).message,
        );
        findings.push({
          id: name,
          what,
          state: failed === undefined ? 'mended' : 'failed',
          action: failed ?? 'removed',
        });
      }
    } finally {
      await held.release();
    }
  }
  return findings;
}

async function take({ locks }: Context, lock: string): Promise<HeldLocks | undefined> {
  try {
    return await locks.take([lock], 'doctor', 100);
  } catch (error) {
    if (error instanceof IocageError && error.code === 'LOCKED') return undefined;
    throw error;
  }
}
