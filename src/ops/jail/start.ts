/** `start`: the host driver says which steps that takes. */
import { defineChange } from '../operation.ts';
import { checkAssignments, identityKeys } from '../../domain/config.ts';
import { failure } from '../../domain/errors.ts';
import { getProperty } from '../../domain/properties/index.ts';
import { label } from '../../domain/jail.ts';
import type { JailSpec, NotApplied } from '../../driver/host.ts';
import { toSpec } from '../world/spec.ts';
import { takeOver } from '../transfer/standby.ts';
import { bootWith } from '../host/boot.ts';
import { assertNeeds } from './depends.ts';
import { settle } from './settle.ts';
import { storeStarted } from './last-started.ts';
import { ignoreFlag, lockJail, readJail } from './select.ts';
import { tellSharedFolders } from './shared-folders.ts';
import { startInput, startInputs } from './start-words.ts';
import { assertMounted, readyToStart } from './startable.ts';
import { assertTrusted } from './trusted-config.ts';

/** How a jail is after it was started or stopped. */
export interface Life {
  readonly uuid: string;
  readonly tag: string;
  readonly state: 'up' | 'down';
  readonly jid: number | null;
  /** Settings that this kernel stores but does not apply. */
  readonly notApplied: readonly NotApplied[];
}

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
    const { spec, steps, hostId } = await readyToStart(context, jail, settled.spec);
    await tellSharedFolders(context, world, jail);
    return {
      subject: label(jail),
      ...(input.neededBy === undefined ? {} : { neededBy: input.neededBy }),
      title: `Starting ${label(jail)}`,
      steps: [
        ...takeOver(jail),
        ...steps,
        ...(await context.host.startSteps(spec)),
        ...(await storeStarted(context, jail, {
          ...(hostId === undefined ? {} : { hostid: hostId }),
          ...(spec.base === undefined ? {} : { base_started: spec.base.release }),
          ...settled.decided,
        })),
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
      ignoreFlag,
      { key: 'rc', flags: '--rc', doc: 'same as rcboot: every jail with boot=on' },
    ],
    instead: (words) => (words.flags['rc'] === true ? hostBoot : undefined),
    toInputs: startInputs,
  },
});

export const hostBoot = bootWith(jailStart);

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
