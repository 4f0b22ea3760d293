/**
 * `create template=NAME`: jails that are clones of a template. They get the template's properties, since
 * that is what a template is for, except what can only be one jail's: who it is, and its addresses.
 */
import { failure } from '../../domain/errors.ts';
import { findJail, label, type Jail } from '../../domain/jail.ts';
import type { Context } from '../context.ts';
import type { Plan } from '../operation.ts';
import type { Step } from '../../driver/system.ts';
import { readWorld } from '../world/read.ts';
import { toSpec } from '../world/spec.ts';
import type { World } from '../world/world.ts';
import { cloneSteps, snapshotRows, type Copy } from './clone-steps.ts';
import { filesBeside } from './copy.ts';
import { listedPackages, packageSteps } from './create-packages.ts';
import { assertNotItself } from './depends.ts';
import { assertHandable } from './handed.ts';
import { ownerOf, sourceIn, type Created, type Kind } from './new-jail.ts';
import { jailLock } from './select.ts';

/** Two jails cannot have these in common, or they say something of the template alone. */
const leave: ReadonlySet<string> = new Set([
  'ip4_addr',
  'ip6_addr',
  'hostid',
  'depends',
  'source_template',
  'sync_state',
  'sync_target',
  'sync_tgt_zpool',
]);

/** ZFS's own properties that a clone does not get from its origin. */
const native = ['compression', 'quota', 'dedup'] as const;

export async function templateLocks(context: Context, name: string): Promise<readonly string[]> {
  return [jailLock(findTemplate(await readWorld(context), name))];
}

function findTemplate(world: World, name: string): Jail {
  const jail = findJail(world.jails, name);
  if (jail.template) return jail;
  throw failure('USAGE', {
    problem: `${label(jail)} is no template; 'iocage set template=yes ${jail.tag}' makes it one`,
    command: 'create',
  });
}

export async function planFromTemplate(
  context: Context,
  world: World,
  input: {
    template?: string | undefined;
    kind?: Kind | undefined;
    release?: string | undefined;
    packages?: readonly string[] | undefined;
  },
  jails: readonly Copy[],
  given: readonly (readonly [string, string])[],
): Promise<Plan<Created>> {
  const thick = input.kind === 'thick';
  const excluded = input.kind !== undefined && input.kind !== 'clone' && !thick ? input.kind : input.release;
  if (excluded !== undefined) {
    throw failure('USAGE', { problem: `template and ${excluded} exclude each other`, command: 'create' });
  }
  const source = findTemplate(world, input.template!);
  const spec = toSpec(world, source); // a corrupt template is refused here
  const packages = await listedPackages(
    context,
    world,
    given,
    {
      root: spec.root,
      of: `template ${label(source)}`,
      shared: spec.base !== undefined,
      state: 'used',
    },
    input.packages,
  );
  for (const jail of jails) await assertHandable(context, world, ownerOf(world, jail), given);
  for (const jail of jails) assertNotItself(world, jail, given);
  const own = await context.storage.local(source.dataset);
  const more = [
    ['source_template', source.tag] as const,
    ...native.flatMap((key) => {
      const value = own?.get(key);
      return value === undefined || value === '0' || value === 'none' ? [] : [[key, value] as const];
    }),
  ];
  const found = await snapshotRows(context.storage, source);
  const beside = thick ? await filesBeside(context, source) : undefined;
  const steps: Step[] = [];
  const kept = [...source.local].filter(([key]) => !leave.has(key) && key !== 'host_hostname');
  for (const { uuid, tag } of jails) {
    steps.push(
      ...cloneSteps({ world, source, uuid, tag, snapshot: undefined, beside }, found, given, more, leave),
      ...(packages ? await packageSteps(context, world, { uuid, tag }, [...kept, ...given], packages) : []),
    );
  }
  return {
    subject: jails.map(({ tag }) => tag).join(', '),
    title: `Creating ${jails.length === 1 ? `jail ${jails[0]!.tag}` : `${jails.length} jails`} from template ${source.tag}`,
    steps,
    result: () => ({
      jails: jails.map(({ uuid, tag }) => ({
        uuid,
        tag,
        kind: thick ? 'thick' : 'clone',
        ...sourceIn(world),
      })),
    }),
  };
}
