/** Makes the devfs rule set of a jail, and deletes it. See devfs(8). */
import { stepKind, type StepRun } from '../step.ts';
import type { Paths } from '../system.ts';
import { failure } from '../../domain/errors.ts';
import { sameJail } from '../both/state.ts';
import { readRulesets } from './devfs.ts';
import { placesOf } from './names.ts';
import { allStates, forgetParts, readState, recordState } from './state.ts';

export interface RulesetArgs {
  readonly pool: string;
  readonly uuid: string;
  readonly number: number;
  readonly rules: readonly (readonly string[])[];
}

async function make({ pool, uuid, number, rules }: RulesetArgs, run: StepRun, paths: Paths): Promise<void> {
  const refuse = (who: string): Error =>
    failure('START_FAILED', {
      jail: uuid,
      why: `${who} took devfs rule set ${number} at the same moment; start it once more`,
    });
  // It was free when the start was planned. Not recorded yet, so an undo leaves it alone.
  if ((await readRulesets(run.exec)).has(number)) throw refuse('somebody');
  await recordState(run.files, placesOf(paths, pool, uuid).state, { pool, uuid, ruleset: number });
  // Both record their number before they look, so the later of two sees the other.
  const other = await holder({ pool, uuid, number }, run, paths);
  if (other !== undefined) throw refuse(`jail ${other}`);
  for (const words of rules) await run.exec.change(['devfs', 'rule', '-s', `${number}`, 'add', ...words]);
}

type Known = Pick<RulesetArgs, 'pool' | 'uuid' | 'number'>;

async function holder(self: Known, run: StepRun, paths: Paths): Promise<string | undefined> {
  const states = await allStates(run.files, paths);
  return states.find((state) => state.ruleset === self.number && !sameJail(self, state))?.uuid;
}

/** Only what is recorded as this jail's, and as no other's. */
async function remove(args: Known, run: StepRun, paths: Paths): Promise<void> {
  const { state } = placesOf(paths, args.pool, args.uuid);
  if ((await readState(run.files, state))?.ruleset !== args.number) return;
  if ((await holder(args, run, paths)) === undefined && (await readRulesets(run.exec)).has(args.number))
    await run.exec.change(['devfs', 'rule', '-s', `${args.number}`, 'delset']);
  await forgetParts(run.files, state, 'ruleset');
}

export function devfsSteps(paths: Paths) {
  return {
    makeRuleset: stepKind<RulesetArgs>('freebsd.ruleset', {
      title: ({ number, uuid }) => `make devfs rule set ${number} for jail ${uuid}`,
      do: (args, run) => make(args, run, paths),
      undo: (args, run) => remove(args, run, paths),
    }),
    removeRuleset: stepKind<Known>('freebsd.ruleset-remove', {
      title: ({ number }) => `delete devfs rule set ${number}`,
      do: (args, run) => remove(args, run, paths),
    }),
  };
}
