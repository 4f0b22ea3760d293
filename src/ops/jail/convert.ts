/**
 * `set template=yes|no` (the develop lines: `istemplate`): a jail becomes a template and back. Its dataset
 * moves between `jails/` and `templates/`; nothing is copied. Only what is down and has no clones moves.
 */
import type { Context } from '../operation.ts';
import type { Step } from '../../driver/system.ts';
import { failure } from '../../domain/errors.ts';
import { parseSwitch } from '../../domain/codec/choice.ts';
import type { Jail } from '../../domain/jail.ts';
import { namespace, type World } from '../world.ts';
import { inheritProperties, setProperties } from '../steps/dataset.ts';
import { assertNoClones, planMove } from './move.ts';

const keys = ['template', 'istemplate'] as const;

/** What `template=` or `istemplate=` ask for; undefined when neither is among the words. */
export function wantedTemplate(pairs: readonly (readonly [string, string])[]): boolean | undefined {
  const asked = pairs.filter(([key]) => key === 'template' || key === 'istemplate');
  const wanted = new Set(asked.map(([, value]) => parseSwitch(value)));
  if (wanted.has(undefined)) {
    throw failure('INVALID_INPUT', {
      issues: [{ path: 'template', problem: `takes yes or no; 'create template=NAME' makes a jail of one` }],
    });
  }
  if (wanted.size > 1)
    throw failure('INVALID_INPUT', { issues: [{ path: 'template', problem: 'it is both yes and no' }] });
  return [...wanted][0];
}

/** None when the jail is what is wanted. */
export async function convertSteps(
  context: Context,
  world: World,
  jail: Jail,
  wanted: boolean,
  tag: string,
): Promise<readonly Step[]> {
  const group = wanted ? 'templates' : 'jails';
  const dataset = `${world.root}/${group}/${jail.uuid}`;
  const marked = parseSwitch(jail.local.get('template') ?? '') ?? false;
  if (jail.dataset === dataset && marked === wanted) return [];
  const action = wanted ? 'making it a template' : 'making it a jail again';
  await assertNoClones(context, jail, action);
  const previous = Object.fromEntries(keys.map((key) => [namespace + key, jail.local.get(key) ?? null]));
  const mark = wanted
    ? setProperties({
        dataset,
        properties: Object.fromEntries(keys.map((key) => [namespace + key, 'yes'])),
        previous,
      })
    : inheritProperties({ dataset, keys: keys.map((key) => namespace + key), previous });
  // COMPAT: the original only marked a template and left it among the jails.
  if (jail.dataset === dataset) return [mark];
  const move = await planMove(context, world, jail, { dataset, tag, action });
  return [...move.steps, mark, ...move.last];
}
