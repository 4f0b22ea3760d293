/**
 * `set template=yes|no` (the develop lines: `istemplate`): a jail becomes a template and back. Its dataset
 * moves between `jails/` and `templates/`; nothing is copied. Only what is down and has no clones moves.
 */
import type { Context } from '../context.ts';
import type { Step } from '../../driver/system.ts';
import { failure } from '../../domain/errors.ts';
import { parseSwitch } from '../../domain/codec/choice.ts';
import { label, type Jail } from '../../domain/jail.ts';
import { getProperty } from '../../domain/properties/index.ts';
import type { World } from '../world/world.ts';
import { assertNoClones, planMove } from './move.ts';
import { assertOurs } from './select.ts';
import { dropValues, setValues } from './values.ts';

/** These make a template of a jail, or a jail of a template; they are not simply stored. */
export const converts: ReadonlySet<string> = new Set(['template', 'istemplate']);

/**
 * The words with `type=` put into those of a template: `type=template` makes one, another type of a template makes
 * it a jail again. COMPAT: the lines stored any type; what the jail is already, in any of their words,
 * is taken and changes nothing.
 *
 * @throws READ_ONLY_PROPERTY when the files would have to become others
 */
export function typeAsTemplate(
  jails: readonly Jail[],
  words: readonly (readonly [string, string])[],
): readonly (readonly [string, string])[] {
  return words.flatMap(([key, value]): readonly (readonly [string, string])[] => {
    if (key !== 'type') return [[key, value]];
    const type = getProperty('type').codec.choices!.find((word) => word === value.trim().toLowerCase());
    if (type === undefined) return [[key, value]];
    if (type === 'template') return [['template', 'yes']];
    for (const jail of jails) {
      const own = jail.local.get('type') ?? 'jail';
      if (own === type || type === 'jail' || (own === 'jail' && type === 'thickjail')) continue;
      const why = `${label(jail)} is made as ${own}; 'clone -T' makes a full copy, 'create' the other kinds`;
      throw failure('READ_ONLY_PROPERTY', { key, why });
    }
    return jails.some((jail) => jail.template) ? [['template', 'no']] : [];
  });
}

/** What `template=` or `istemplate=` ask for; undefined when neither is among the words. */
export function wantedTemplate(pairs: readonly (readonly [string, string])[]): boolean | undefined {
  const asked = pairs.filter(([key]) => converts.has(key));
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
  assertOurs(jail);
  const action = wanted ? 'making it a template' : 'making it a jail again';
  await assertNoClones(context, jail, action);
  const mark = wanted
    ? setValues(jail, Object.fromEntries([...converts].map((key) => [key, 'yes'])), dataset)
    : dropValues(jail, [...converts], dataset);
  // COMPAT: the original only marked a template and left it among the jails.
  if (jail.dataset === dataset) return [mark];
  const move = await planMove(context, world, jail, { dataset, tag, action });
  return [...move.steps, mark, ...move.last];
}
