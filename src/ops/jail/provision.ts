/**
 * `ioc provision`: sets a jail up by a script, a plugin's definition or puppet manifests, of this host or of a
 * repository. All of it runs in the jail and nowhere else, as a guarded change: when it fails the jail is as
 * before. The ways are the rows of `provision/methods.ts`.
 */
import * as z from 'zod';
import { defineChange } from '../operation.ts';
import type { Context } from '../context.ts';
import type { Step } from '../../driver/system.ts';
import { checkAssignments } from '../../domain/config.ts';
import { failure, type Issue } from '../../domain/errors.ts';
import { label, type Jail } from '../../domain/jail.ts';
import { isPluginName, readSource, type ProvisionMethod } from '../../domain/provision.ts';
import { methods } from '../provision/methods.ts';
import type { Method, Wanted, Work } from '../provision/method.ts';
import { pluginPath } from '../plugin/known.ts';
import type { World } from '../world/world.ts';
import { guardedChange, guardName, specToStart } from './guarded-change.ts';
import { jailInput, lockJail, readJail } from './select.ts';
import { showSteps } from './shown.ts';
import { storeValues } from './store.ts';

const provisionInput = jailInput.extend({
  /** `provision.method`, `provision.source` and `provision.rev` for this time. */
  overrides: z.array(z.tuple([z.string(), z.string()])).default([]),
});

/** What was set up in a jail, and from where. */
export interface Provisioned {
  readonly uuid: string;
  readonly tag: string;
  readonly method: ProvisionMethod;
  readonly source: string;
  /** Of the repository, when there is one. */
  readonly commit: string | null;
  /** Kept: `rollback` leads back to it. */
  readonly snapshot: string;
}

export const jailProvision = defineChange<typeof provisionInput, Provisioned>({
  id: 'jail.provision',
  title: 'Set a jail up by its script, plugin or manifests',
  effect: 'change',
  recover: 'undo',
  input: provisionInput,
  locks: lockJail,
  async plan(context, { jail: name, overrides }) {
    const { world, jail } = await readJail(context, name);
    const own = checkAssignments(overrides, 'jail-set');
    const other = own.find(([key]) => !key.startsWith('provision.'))?.[0];
    if (other !== undefined)
      throw failure('READ_ONLY_PROPERTY', { key: other, why: 'it has no part in provisioning' });
    if (jail.template)
      throw failure('UNSUPPORTED', { what: `provisioning ${label(jail)}`, why: 'it is a template' });
    const { spec, before } = await specToStart(context, world, jail);
    const { method, wanted } = read(world, new Map([...spec.config, ...own]));
    const running = (await context.host.running(jail.realm)).has(jail.uuid);
    const work = await method.run(context, spec, wanted);
    const fstab = await showSteps(context, world, jail, spec, work.shown, 'provision');
    const { uuid, tag } = jail;
    const snapshot = guardName(context, 'provision');
    return {
      subject: label(jail),
      title: `Provisioning ${label(jail)}`,
      steps: await guardedChange(context, {
        dataset: jail.dataset,
        spec,
        running,
        snapshot,
        down: [...before, ...work.down, ...fstab.add],
        up: [...work.up, ...(await stored(context, jail, work))],
        after: [...fstab.remove, ...work.after],
      }),
      result: () => ({
        uuid,
        tag,
        method: method.id,
        source: wanted.text,
        commit: work.commit ?? null,
        snapshot,
      }),
    };
  },
  command: {
    names: ['provision'],
    group: 'jails',
    usage: 'JAIL ...',
    examples: [],
    toInputs: ({ positionals }) => positionals.map((jail) => ({ jail })),
  },
});

/** @throws INVALID_INPUT with all that is missing or wrong */
function read(
  world: World,
  config: ReadonlyMap<string, string>,
): { readonly method: Method; readonly wanted: Wanted } {
  const valueOf = (key: string): string | undefined => {
    const value = config.get(`provision.${key}`) ?? 'none';
    return value === 'none' ? undefined : value;
  };
  const refuse = (issues: readonly Issue[]): Error =>
    failure('INVALID_INPUT', { issues, command: 'provision' });
  const [method, text, revision] = ['method', 'source', 'rev'].map(valueOf);
  const missing = [
    ...(method === undefined ? [['provision.method', 'script'] as const] : []),
    ...(text === undefined ? [['provision.source', '/PATH/OF/SCRIPT'] as const] : []),
  ];
  if (missing.length > 0)
    throw refuse(
      missing.map(([path, word]) => ({
        path,
        problem: `it is not set; 'ioc set ${path}=${word} JAIL' sets it`,
      })),
    );
  const row = methods[method as ProvisionMethod];
  const isPlugin = row.id === 'ix' && isPluginName(text!);
  const source = isPlugin ? ({ kind: 'path', path: pluginPath(world, text!) } as const) : readSource(text!);
  // A file of another tool may hold anything.
  if (typeof source === 'string') throw refuse([{ path: 'provision.source', problem: source }]);
  const wanted: Wanted = { source, text: text!, revision };
  const issues = row.check(wanted);
  if (issues.length > 0) throw refuse(issues);
  return { method: row, wanted };
}

function stored(context: Context, jail: Jail, { stores = {} }: Work): Promise<readonly Step[]> {
  const changed = Object.entries(stores).filter(([key, value]) => jail.local.get(key) !== value);
  return changed.length === 0 ? Promise.resolve([]) : storeValues(context, jail, Object.fromEntries(changed));
}
