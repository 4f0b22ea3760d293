/** `getdefaultsettings`, `getjailsettings`: all of the documented names, one property, or one of all jails. */
import { findProperty } from '../../domain/properties/index.ts';
import { answerGet, type GetOutput, type Value } from '../../ops/jail/get.ts';
import type { ApiHost, Facts } from '../api-host.ts';
import type { Action } from './action.ts';
import type { Json } from './json.ts';
import { errorLine, operationError } from './errors.ts';
import { ActionProblem, checkName, refuseMissing, type Fields } from './fields.ts';
import { kept } from './kept.ts';
import { valueOf } from './lines.ts';
import { defaultNames, jailNames } from './names.ts';

type Values = ReadonlyMap<string, string | null>;

/** COMPAT: words of `create` that the original stored with every jail; nothing of ours stores them. */
const stored: Readonly<Record<string, string>> = { count: '1' };

/** The documented names of a jail with their values; `-` is what is not set. Pure. */
export function jailSettings(values: Values, cut: boolean): Record<string, string> {
  const value = (name: string): string => values.get(name) ?? stored[name] ?? '-';
  return Object.fromEntries(jailNames.map((name) => [name, valueOf(value(name), cut)]));
}

/** The documented names of the defaults; a value that only a jail can have is `none`. Pure. */
export function defaultSettings(values: Values, cut: boolean): Record<string, string> {
  const value = (name: string): string =>
    values.get(name) ?? stored[name] ?? findProperty(name)?.default ?? (name === 'origin' ? '-' : 'none');
  return Object.fromEntries(defaultNames.map((name) => [name, valueOf(value(name), cut, '=')]));
}

const toMap = (values: readonly Value[]): Values => new Map(values.map(({ key, value }) => [key, value]));

async function getDefaults(host: ApiHost): Promise<Json> {
  const { properties } = await host.read<{ properties: readonly Value[] }>('property.defaults', {});
  const { world } = await host.current();
  // What ZFS itself keeps for the dataset that holds the defaults.
  const native = defaultNames.filter((name) => findProperty(name)?.store === 'native');
  const values = new Map([...(await host.values(`${world.root}/.defaults`, native)), ...toMap(properties)]);
  return { defaults: defaultSettings(values, host.settings.legacyTruncation) };
}

/** Which of the original's commands a request meant; other mixtures of fields are none. */
async function getSettings(host: ApiHost, fields: Fields): Promise<Json> {
  const named = fields.has('jail') || fields.has('jail_uuid');
  const prop = fields.text('prop');
  const switches = fields.text('switches');
  if (switches !== undefined) {
    if (named || prop === undefined) refuseMissing();
    return ofAllJails(host, prop, switches);
  }
  if (named) return ofJail(host, fields.jail(), prop === undefined || prop === '' ? 'all' : prop);
  if (prop === undefined) refuseMissing();
  throw new ActionProblem('  ERROR: missing UUID or property!');
}

async function ofJail(host: ApiHost, jail: string, prop: string): Promise<Json> {
  const cut = host.settings.legacyTruncation;
  const facts = await host.current();
  return kept(facts, JSON.stringify([jail, prop]), () => {
    const answer = ask(host, facts, { key: prop, jail, recursive: false });
    if ('properties' in answer) return { [jail]: jailSettings(toMap(answer.properties), cut) };
    if (!('value' in answer)) throw new ActionProblem('  ERROR: missing UUID or property!');
    const value = answer.value === null || answer.value === '-' ? 'none' : answer.value;
    return { [jail]: { [prop]: valueOf(value, cut) } };
  });
}

async function ofAllJails(host: ApiHost, prop: string, switches: string): Promise<Json> {
  if (switches !== '-r') throw new ActionProblem(`  ERROR: invalid switch ${switches}`);
  checkName('prop', prop);
  if (prop === 'all') throw new ActionProblem('  ERROR: unsupported property: all !');
  const facts = await host.current();
  return kept(facts, JSON.stringify([prop]), () => {
    const answer = ask(host, facts, { key: prop, recursive: true });
    if (!('rows' in answer)) return {};
    const row = (each: { tag: string; value: string | null }): Json => ({
      TAG: each.tag,
      [prop]: each.value ?? '-',
    });
    return Object.fromEntries(answer.rows.map((each) => [each.uuid, row(each)]));
  });
}

/** Of what was read a moment ago: many clients walk over many jails. */
function ask(host: ApiHost, { world, running }: Facts, input: Parameters<typeof answerGet>[3]): GetOutput {
  try {
    return answerGet(host.kernel, world, running, input);
  } catch (thrown) {
    throw new ActionProblem(errorLine(operationError(thrown), 'jail'));
  }
}

export const settingsActions: Readonly<Record<string, Action>> = {
  getdefaultsettings: { access: 'read', run: getDefaults },
  getjailsettings: { access: 'read', run: getSettings },
};
