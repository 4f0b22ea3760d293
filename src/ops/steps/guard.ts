/**
 * The step kinds of a guarded change (`jail/guarded-change.ts`): a jail that must be up or down at some
 * point, on the way there or on the way back, and the snapshot that the way back leads to.
 *
 * How a jail is started or stopped is asked when it is done and not in the plan: on the way back, after a
 * kill or a boot of the host, the plan's answer would be about a machine that is no more.
 */
import { stepKind, type StepKind, type StepRun } from '../../driver/step.ts';
import { stampProperty } from '../../driver/storage.ts';
import type { Step } from '../../driver/system.ts';
import type { JailSpec } from '../../driver/host.ts';
import { asIocageError, failure } from '../../domain/errors.ts';
import { remount, takeSnapshot } from './dataset.ts';

/** A jail as the journal can keep it. */
export type JailData = Omit<JailSpec, 'config'> & { readonly config: readonly (readonly [string, string])[] };

export const toJailData = (spec: JailSpec): JailData => ({ ...spec, config: [...spec.config] });
const fromJailData = (data: JailData): JailSpec => ({ ...data, config: new Map(data.config) });

function kindOf({ host }: StepRun, { kind }: Step): StepKind {
  const found = host.kinds.find((known) => known.kind === kind);
  if (found === undefined) throw failure('INTERNAL', { why: `unknown kind of step ${kind}` });
  return found;
}

const isUp = async ({ pool, uuid }: { pool: string; uuid: string }, { host }: StepRun): Promise<boolean> =>
  (await host.running(pool)).has(uuid);

async function doAll(steps: readonly Step[], run: StepRun): Promise<void> {
  for (const step of steps) {
    const kind = kindOf(run, step);
    run.progress(step.label ?? kind.title(step.args as never));
    try {
      await kind.do(step.args as never, run);
    } catch (thrown) {
      if (step.onError !== 'warn') throw thrown;
      run.note(asIocageError(thrown).message);
    }
  }
}

async function bringUp(spec: JailSpec, run: StepRun): Promise<void> {
  if (await isUp(spec, run)) return;
  await doAll(await run.host.startSteps(spec), run);
}

/** Also takes away what a start left that did not get to its end. */
async function bringDown(spec: JailSpec, run: StepRun): Promise<void> {
  const up = run.dry || (await isUp(spec, run));
  const steps = up ? await run.host.stopSteps(spec) : ((await run.host.leftoverSteps?.(spec)) ?? []);
  await doAll(steps, run);
}

const bring = (data: JailData, state: 'up' | 'down', run: StepRun): Promise<void> =>
  (state === 'up' ? bringUp : bringDown)(fromJailData(data), run);

const isOurs = async (snapshot: string, { storage, operationId }: StepRun): Promise<boolean> =>
  (await storage.local(snapshot))?.get(stampProperty) === operationId;

/**
 * `wanted`: what it must be from here on. `back`: what it must be again when the rest is undone, which it is
 * not while the snapshot `unless` is there: a jail is not started with files that are half changed.
 */
export const ensureJail = stepKind<{
  jail: JailData;
  wanted?: 'up' | 'down';
  back?: 'up' | 'down';
  unless?: string;
}>('jail.ensure', {
  title: ({ jail, wanted, back }) =>
    wanted === undefined
      ? `should it fail, ${back === 'up' ? 'start' : 'stop'} ${jail.tag}`
      : `${wanted === 'up' ? 'start' : 'stop'} ${jail.tag}`,
  async do({ jail, wanted }, run) {
    if (wanted !== undefined) await bring(jail, wanted, run);
  },
  async undo({ jail, back, unless }, run) {
    if (back === undefined) return;
    if (unless !== undefined && (await isOurs(unless, run)))
      throw failure('UNFINISHED', { what: `going back to ${unless}`, count: 1 });
    await bring(jail, back, run);
  },
});

/**
 * The snapshot of everything that the change may touch. Undone, the jail is brought down, its files are as
 * they were, and the snapshot is gone; all in one, since the snapshot may only go when its files are back.
 * Snapshots that somebody else took meanwhile are not destroyed for it: then it fails and names them.
 */
export const guardSnapshot = stepKind<{ dataset: string; snapshot: string; jail: JailData }>(
  'guard.snapshot',
  {
    title: ({ dataset, snapshot }) => `take snapshot ${dataset}@${snapshot} and those below`,
    do: ({ dataset, snapshot }, run) =>
      takeSnapshot.do({ name: `${dataset}@${snapshot}`, recursive: true, properties: {} }, run),
    async undo({ dataset, snapshot, jail }, run) {
      if (!(await isOurs(`${dataset}@${snapshot}`, run))) return;
      await bring(jail, 'down', run);
      const rows = await run.storage.snapshots(dataset, undefined, []);
      for (const row of rows.filter((each) => each.snapshot === snapshot)) {
        await run.storage.rollback(row.name, { destroyNewer: false });
        await remount(row.dataset, run);
      }
      await run.storage.destroySnapshot(`${dataset}@${snapshot}`, { recursive: true });
      run.note(`${jail.tag} is as it was before`);
    },
  },
);

export const guardKinds = [ensureJail, guardSnapshot] as unknown as readonly StepKind[];
