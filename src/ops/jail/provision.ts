/**
 * `ioc provision`: sets a jail up by a script of the host, which runs in the jail and nowhere else, as a guarded
 * change: when it fails the jail is as before. Who may write the script decides what root of the jail does, so it
 * must belong to root, in directories that nobody else may write to.
 */
import { basename, dirname } from 'node:path';
import * as z from 'zod';
import { defineChange, type Context } from '../operation.ts';
import { checkAssignments } from '../../domain/config.ts';
import { failure } from '../../domain/errors.ts';
import { label } from '../../domain/jail.ts';
import { toSpec } from '../world.ts';
import { guardedChange, guardName } from './guarded-change.ts';
import { jailInput, lockJail, readJail } from './select.ts';
import { settle } from './settle.ts';
import { pathProblem } from './trusted-config.ts';

/** It is one word of the shell's call, and a kernel takes no longer ones. */
const longest = 100_000;
/** Packages are fetched in it, perhaps. */
const timeoutMs = 60 * 60_000;

const provisionInput = jailInput.extend({
  /** `provision.method` and `provision.source` for this time. */
  overrides: z.array(z.tuple([z.string(), z.string()])).default([]),
});

export interface Provisioned {
  readonly uuid: string;
  readonly tag: string;
  readonly source: string;
  /** Kept: `rollback` leads back to it. */
  readonly snapshot: string;
}

export const jailProvision = defineChange<typeof provisionInput, Provisioned>({
  id: 'jail.provision',
  title: 'Set a jail up by its script',
  effect: 'change',
  recover: 'undo',
  input: provisionInput,
  locks: lockJail,
  async plan(context, { jail: name, overrides }) {
    const { world, jail } = await readJail(context, name);
    const { host } = context;
    const configured = toSpec(world, jail);
    const own = checkAssignments(overrides, 'jail-set');
    const other = own.find(([key]) => !key.startsWith('provision.'))?.[0];
    if (other !== undefined)
      throw failure('READ_ONLY_PROPERTY', { key: other, why: 'it has no part in provisioning' });
    const config = new Map([...configured.config, ...own]);
    const source = sourceOf(config);
    const text = await readScript(context, source);
    if (jail.template)
      throw failure('UNSUPPORTED', { what: `provisioning ${label(jail)}`, why: 'it is a template' });
    const running = (await host.running(jail.realm)).has(jail.uuid);
    const spec = running ? configured : (await settle(context, world, jail, configured)).spec;
    const snapshot = guardName(context, 'provision');
    // The administrator's script by definition, as a hook is; it is the jail's own shell that runs it.
    const argv = ['/bin/sh', '-c', text, 'provision'];
    const env = { IOCAGE_NAME: jail.tag, IOCAGE_UUID: jail.uuid, IOC_NAME: jail.tag, IOC_ID: jail.uuid };
    return {
      subject: label(jail),
      title: `Provisioning ${label(jail)}`,
      steps: await guardedChange(context, {
        dataset: jail.dataset,
        spec,
        running,
        snapshot,
        up: [host.commandStep(spec, { argv, env, title: source, purpose: 'change', timeoutMs })],
      }),
      result: () => ({ uuid: jail.uuid, tag: jail.tag, source, snapshot }),
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

/** @throws INVALID_INPUT, UNSUPPORTED for a method of libiocage that is none of ours */
function sourceOf(config: ReadonlyMap<string, string>): string {
  const method = config.get('provision.method') ?? 'none';
  const source = config.get('provision.source') ?? 'none';
  const missing = [
    ...(method === 'none' ? [['provision.method', 'script'] as const] : []),
    ...(source === 'none' ? [['provision.source', '/PATH/OF/SCRIPT'] as const] : []),
  ];
  if (missing.length > 0) {
    const issues = missing.map(([path, word]) => ({
      path,
      problem: `it is not set; 'ioc set ${path}=${word} JAIL' sets it`,
    }));
    throw failure('INVALID_INPUT', { issues, command: 'provision' });
  }
  if (method !== 'script')
    throw failure('UNSUPPORTED', {
      what: `provisioning by ${method}`,
      why: 'there is only the method script, which can run it in the jail',
    });
  return source;
}

/** @throws UNSAFE_PATH */
async function readScript({ files }: Context, path: string): Promise<string> {
  const refuse = (why: string): Error => failure('UNSAFE_PATH', { path, why });
  if (!path.startsWith('/')) throw refuse('it is no absolute path');
  const facts = await files.stat(path);
  if (facts?.type !== 'file') throw refuse(facts === undefined ? 'it does not exist' : 'it is no plain file');
  const problem = await pathProblem({ files }, dirname(path), basename(path));
  if (problem !== undefined)
    throw refuse(`only root may be able to change it, and ${problem.path} is not so: ${problem.why}`);
  if (facts.sizeBytes > longest) throw refuse(`it is longer than ${longest} bytes`);
  const text = await files.read(path);
  if (text === undefined || text.trim() === '') throw refuse('it is empty');
  if (text.includes('\0')) throw refuse('it is no text');
  const interpreter = /^#!\s*(\S+)/.exec(text)?.[1];
  if (interpreter !== undefined && !['/bin/sh', '/usr/bin/sh'].includes(interpreter))
    throw refuse(`it is for ${interpreter}; a script for /bin/sh can start that in the jail`);
  return text;
}
