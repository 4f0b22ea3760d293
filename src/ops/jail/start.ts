/** `start`, `stop`, `restart`: the host driver says which steps that takes. */
import { join } from 'node:path';
import * as z from 'zod';
import { defineChange, defineSequence } from '../operation.ts';
import type { Context } from '../context.ts';
import { checkAssignments, identityKeys } from '../../domain/config.ts';
import { failure } from '../../domain/errors.ts';
import { getProperty } from '../../domain/properties/index.ts';
import { findJail, label, type Jail } from '../../domain/jail.ts';
import { localTime } from '../../domain/local-time.ts';
import type { JailSpec } from '../../driver/host.ts';
import type { Step } from '../../driver/system.ts';
import { assertRootMounted } from '../mounted.ts';
import { bySource } from '../source/find.ts';
import { fullName } from '../source/sources.ts';
import { namespace } from '../../domain/property.ts';
import { readWorld } from '../world/read.ts';
import { toSpec } from '../world/spec.ts';
import type { World } from '../world/world.ts';
import { hostOf } from './host-id.ts';
import { takeOver } from '../transfer/standby.ts';
import { bootWith, shutdownWith } from '../host/boot.ts';
import { assertNeeds, assertNeedsKnown, neededBy, startsFor } from './depends.ts';
import { settle } from './settle.ts';
import { storeSteps } from './store.ts';
import { handOver } from './handed.ts';
import { jailInput, lockJail, manyJails, readJail } from './select.ts';
import { tellSharedFolders } from './shared-folders.ts';
import { assertTrusted, hookKeys, untrusted } from './trusted-config.ts';

interface Life {
  readonly uuid: string;
  readonly tag: string;
  readonly state: 'up' | 'down';
  readonly jid: number | null;
  /** Settings that this kernel stores but does not apply. */
  readonly notApplied: readonly { readonly key: string; readonly value: string; readonly why: string }[];
}

const ignoreDoc = 'one that fails is told, and the exit status stays 0';

/** A full pool takes no property: the time alone is no reason to stay down. */
async function storeStarted(...args: Parameters<typeof storeSteps>): Promise<readonly Step[]> {
  const steps = await storeSteps(...args);
  const isTime = Object.keys(args[2]).every((name) => name === `${namespace}last_started`);
  return isTime ? steps.map((step) => ({ ...step, onError: 'warn' as const })) : steps;
}

const startInput = jailInput.extend({
  /** A template too. */
  force: z.boolean().default(false),
  /** Name of the jail that depends on it, when it is started for that one. */
  neededBy: z.string().optional(),
  /** Values that count for this start and are not stored. */
  overrides: z.array(z.tuple([z.string(), z.string()])).default([]),
});

/** @throws what `set` throws, and READ_ONLY_PROPERTY for what no start reads */
function overridden(spec: JailSpec, pairs: readonly (readonly [string, string])[]): JailSpec {
  if (pairs.length === 0) return spec;
  const checked = checkAssignments(pairs, 'jail-set');
  for (const [key] of checked) {
    const free = getProperty(key).store !== 'native' && (!identityKeys.has(key) || key === 'host_hostname');
    if (free) continue;
    throw failure('READ_ONLY_PROPERTY', { key, why: 'it is not for a single start' });
  }
  return { ...spec, config: new Map([...spec.config, ...checked]) };
}

/** As the host driver takes a template that is to be started all the same. */
const noTemplate = (spec: JailSpec): JailSpec => ({
  ...spec,
  config: new Map([...spec.config, ['type', 'jail'], ['template', 'no'], ['istemplate', 'no']]),
});

export const jailStart = defineChange<typeof startInput, Life>({
  id: 'jail.start',
  title: 'Start jails',
  effect: 'change',
  recover: 'undo',
  anyFormat: true,
  input: startInput,
  locks: lockJail,
  async plan(context, input) {
    const { world, jail } = await readJail(context, input.jail);
    const stored = overridden(toSpec(world, jail), input.overrides);
    if (jail.template && !input.force) {
      throw failure('START_FAILED', {
        jail: label(jail),
        why: 'it is a template; create jails from it instead, or add -f',
      });
    }
    const configured = jail.template ? noTemplate(stored) : stored;
    if ((await context.host.running(jail.realm)).has(jail.uuid))
      throw failure('ALREADY_UP', { name: label(jail) });
    await assertTrusted(context, world, jail);
    await assertNeeds(context, world, jail);
    await assertMounted(context, world, jail, configured);
    const settled = await settle(context, world, jail, configured);
    const handed = await handOver(context, jail, configured.config);
    const spec = { ...settled.spec, handed: handed.mounts };
    const belongs = await hostOf(context, jail, spec.config);
    const problems = [...belongs.problems, ...handed.problems, ...(await context.host.check(spec))];
    if (problems.length > 0) {
      const why = problems.map(({ key, problem }) => `${key}: ${problem}`).join('; ');
      throw failure('START_FAILED', { jail: label(jail), why });
    }
    await tellSharedFolders(context, world, jail);
    const started = {
      [`${namespace}last_started`]: localTime(context.clock.now(), '_'),
      ...(belongs.adopted === undefined ? {} : { [`${namespace}hostid`]: belongs.adopted }),
      ...(spec.base === undefined ? {} : { [`${namespace}base_started`]: spec.base.release }),
    };
    return {
      subject: label(jail),
      ...(input.neededBy === undefined ? {} : { neededBy: input.neededBy }),
      title: `Starting ${label(jail)}`,
      steps: [
        ...takeOver(jail),
        ...handed.steps,
        ...(await context.host.startSteps(spec)),
        ...(await storeStarted(
          context,
          jail,
          { ...started, ...settled.properties },
          {
            ...Object.fromEntries(
              Object.keys(started).map((key) => [key, jail.local.get(key.slice(namespace.length)) ?? null]),
            ),
            ...settled.previous,
          },
        )),
      ],
      async result() {
        const running = (await context.host.running(jail.realm)).get(jail.uuid);
        return {
          uuid: jail.uuid,
          tag: jail.tag,
          state: running ? 'up' : 'down',
          jid: running?.jid ?? null,
          notApplied: context.host.notApplied(spec),
        };
      },
    };
  },
  command: {
    names: ['start'],
    group: 'jails',
    usage: 'JAIL ... | ALL',
    examples: [
      { line: 'iocage start web db', says: 'starts both; one failing does not keep the other down' },
      { line: 'iocage start ALL', says: 'every jail that is down' },
    ],
    about: 'What a jail depends on (property depends) is started before it.',
    flags: [
      { key: 'force', flags: '-f, --force', doc: 'also a template that is named' },
      { key: 'ignore', flags: '-i, --ignore', doc: ignoreDoc },
      { key: 'rc', flags: '--rc', doc: 'same as rcboot: every jail with boot=on' },
    ],
    instead: (words) => (words.flags['rc'] === true ? hostBoot : undefined),
    async toInputs(words, context) {
      const asked = await manyJails('start', words, context, (jail, running) => !running && !jail.template);
      const inputs = await withWhatTheyNeed(context, asked);
      return words.flags['force'] === true ? inputs.map((input) => ({ ...input, force: true })) : inputs;
    },
  },
});

/** Before a restart stops anything. The jail's own addresses are in use, by itself; the start looks at them. */
async function assertStartable(context: Context, world: World, jail: Jail): Promise<void> {
  assertNeedsKnown(world, jail);
  await assertTrusted(context, world, jail);
  const spec = toSpec(world, jail);
  await assertMounted(context, world, jail, spec);
  const handed = await handOver(context, jail, spec.config);
  const belongs = await hostOf(context, jail, spec.config);
  const found = [
    ...belongs.problems,
    ...handed.problems,
    ...(await context.host.check({ ...spec, handed: handed.mounts })),
  ];
  const problems = found.filter(({ key }) => !key.endsWith('_addr'));
  if (problems.length === 0) return;
  const why = problems.map(({ key, problem }) => `${key}: ${problem}`).join('; ');
  throw failure('START_FAILED', { jail: label(jail), why });
}

/** The jails asked for and those that they need, in an order in which each finds what it needs up. */
async function withWhatTheyNeed(
  context: Context,
  asked: readonly { readonly jail: string }[],
): Promise<readonly StartInput[]> {
  const inputs: StartInput[] = [];
  for (const { context: own, words } of await bySource(
    context,
    asked.map(({ jail }) => jail),
  ))
    for (const { jail, ...more } of await neededIn(own, words))
      inputs.push({ jail: await fullName(own, jail), ...more });
  return inputs;
}

interface StartInput {
  readonly jail: string;
  readonly neededBy?: string;
}

async function neededIn(context: Context, asked: readonly string[]): Promise<readonly StartInput[]> {
  const world = await readWorld(context);
  const found = asked.map((jail) => {
    try {
      return findJail(world.jails, jail);
    } catch {
      return undefined; // its own start says what is wrong with the name
    }
  });
  const jails = found.filter((jail) => jail !== undefined);
  const uuids = startsFor(world, jails, await context.host.running(world.realm));
  // Words stay as they were typed: an error names what its reader knows.
  const wordFor = new Map(found.map((jail, index) => [jail?.uuid, asked[index]!]));
  const lost = asked.filter((_, index) => found[index] === undefined);
  const inputs = uuids.map((uuid): StartInput => {
    const word = wordFor.get(uuid);
    return word === undefined ? { jail: uuid, ...neededBy(world, jails, uuid) } : { jail: word };
  });
  return [...inputs, ...lost.map((jail) => ({ jail }))];
}

/** Without its root dataset the jail would run in an empty directory, and what it writes be hidden later. */
async function assertMounted(context: Context, world: World, jail: Jail, { base }: JailSpec): Promise<void> {
  if (jail.rootMounted === false) throw failure('NOT_MOUNTED', { dataset: `${jail.dataset}/root` });
  if (jail.rootMounted === undefined) await assertRootMounted(context, jail.dataset);
  const release = world.releases.find(({ name }) => name === base?.release);
  if (release !== undefined) await assertRootMounted(context, release.dataset);
}

/**
 * A jail can always be stopped, also when its configuration broke while it ran: what a stop takes back was written down
 * at the start. Hooks that others may have written meanwhile, or that nobody can tell any more, do not run for it.
 */
async function specToStop(context: Context, world: World, jail: Jail, up: boolean): Promise<JailSpec> {
  const { problem, ...rest } = jail;
  const broken = up ? problem : undefined;
  const mountpoint = jail.mountpoint ?? join(world.mountpoint, jail.dataset.slice(world.root.length));
  const spec = toSpec(world, broken === undefined ? jail : { ...rest, mountpoint });
  const foreign = await untrusted(context, world, jail);
  const why = foreign === undefined ? broken : `${foreign.path}: ${foreign.why}`;
  if (why === undefined) return spec;
  const text = `no hooks are run: ${why}`;
  context.emit({ type: 'note', id: '', level: 'warning', text });
  return { ...spec, config: new Map([...spec.config, ...hookKeys.map((key) => [key, 'none'] as const)]) };
}

const stopInput = jailInput.extend({
  /** Without exec_prestop and exec_stop; a jail that is down is no failure. */
  force: z.boolean().default(false),
});

export const jailStop = defineChange<typeof stopInput, Life>({
  id: 'jail.stop',
  title: 'Stop jails',
  effect: 'change',
  recover: 'finish',
  anyFormat: true,
  input: stopInput,
  locks: lockJail,
  async plan(context, input) {
    const { world, jail } = await readJail(context, input.jail);
    const up = (await context.host.running(jail.realm)).has(jail.uuid);
    const spec = await specToStop(context, world, jail, up);
    // A jail that ended by itself may have left its network behind.
    const steps = up
      ? await context.host.stopSteps(spec, { force: input.force })
      : ((await context.host.leftoverSteps?.(spec)) ?? []);
    if (!up && steps.length === 0 && !input.force) throw failure('ALREADY_DOWN', { name: label(jail) });
    return {
      subject: label(jail),
      title: `Stopping ${label(jail)}`,
      steps,
      result: () => ({ uuid: jail.uuid, tag: jail.tag, state: 'down', jid: null, notApplied: [] }),
    };
  },
  command: {
    names: ['stop'],
    group: 'jails',
    usage: 'JAIL ... | ALL',
    examples: [
      { line: 'iocage stop web', says: 'runs exec_stop, ends what is left, takes the network down' },
      { line: 'iocage stop ALL', says: 'every running jail' },
    ],
    flags: [
      {
        key: 'force',
        flags: '-f, --force',
        doc: 'without exec_prestop and exec_stop; a jail that is down is no failure',
      },
      { key: 'ignore', flags: '-i, --ignore', doc: ignoreDoc },
      { key: 'rc', flags: '--rc', doc: 'same as rcshutdown: every running jail, in reverse order' },
    ],
    instead: (words) => (words.flags['rc'] === true ? hostShutdown : undefined),
    async toInputs(words, context) {
      const asked = await manyJails('stop', words, context, (_, running) => running);
      return words.flags['force'] === true ? asked.map((input) => ({ ...input, force: true })) : asked;
    },
  },
});

export const hostBoot = bootWith(() => jailStart);
export const hostShutdown = shutdownWith(() => jailStop);

export const jailSoftRestart = defineChange<typeof jailInput, { uuid: string; tag: string }>({
  id: 'jail.soft-restart',
  title: 'Restart the services of a jail',
  effect: 'change',
  recover: 'finish',
  anyFormat: true,
  input: jailInput,
  locks: lockJail,
  async plan(context, input) {
    const { world, jail } = await readJail(context, input.jail);
    if (!(await context.host.running(jail.realm)).has(jail.uuid))
      throw failure('NOT_RUNNING', { name: label(jail) });
    const previous = { [`${namespace}last_started`]: jail.local.get('last_started') ?? null };
    return {
      subject: label(jail),
      title: `Soft restarting ${label(jail)}`,
      steps: [
        ...(await context.host.softRestartSteps(toSpec(world, jail))),
        ...(await storeStarted(
          context,
          jail,
          { [`${namespace}last_started`]: localTime(context.clock.now(), '_') },
          previous,
        )),
      ],
      result: () => ({ uuid: jail.uuid, tag: jail.tag }),
    };
  },
  command: {
    names: ['restart -s'],
    group: 'jails',
    usage: 'JAIL ...',
    examples: [],
    toInputs: (words, context) => manyJails('restart', words, context, (_, running) => running),
  },
});

const restartInput = jailInput.extend({
  soft: z.boolean().default(false),
  /** Stopped without exec_prestop and exec_stop. */
  force: z.boolean().optional(),
});

export const jailRestart = defineSequence<typeof restartInput>({
  id: 'jail.restart',
  title: 'Restart jails',
  input: restartInput,
  async sequence(context, { jail: name, soft, force }) {
    const { world, jail } = await readJail(context, name);
    const input = { jail: jail.uuid };
    if (soft) return { operations: [[jailSoftRestart, input]] };
    const running = await context.host.running(jail.realm);
    const up = running.has(jail.uuid);
    if (up) await assertStartable(context, world, jail);
    // First what it depends on: when that fails, the jail has not been stopped for nothing.
    const needed = startsFor(world, [jail], running).filter((uuid) => uuid !== jail.uuid);
    return {
      operations: [
        ...needed.map((uuid) => [jailStart, { jail: uuid, neededBy: jail.tag }] as const),
        ...(up ? [[jailStop, { ...input, force }] as const] : []),
        [jailStart, input],
      ],
      ...(up
        ? { startAgain: { uuid: jail.uuid, subject: label(jail), locks: await lockJail(context, input) } }
        : {}),
    };
  },
  command: {
    names: ['restart', 'reboot'],
    group: 'jails',
    usage: 'JAIL ... | ALL',
    flags: [
      {
        key: 'soft',
        flags: '-s, --soft',
        doc: 'only the services: network, mounts and the jail itself stay',
      },
    ],
    examples: [
      { line: 'iocage restart web', says: 'stop, then start' },
      { line: 'iocage restart -s web', says: 'services only; connections of the network stay up' },
    ],
    async toInputs(words, context) {
      const jails = await manyJails('restart', words, context, (_, running) => running);
      return jails.map((input) => ({ ...input, soft: words.flags['soft'] === true }));
    },
  },
});
