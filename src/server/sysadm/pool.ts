/** `activatepool`, `deactivatepool`, `activatestatus`: which pool the server works on. */
import { IocageError } from '../../domain/errors.ts';
import type { ApiHost } from '../api-host.ts';
import type { Action } from './action.ts';
import type { Json } from './json.ts';
import { checkName, type Fields } from './fields.ts';
import { toPairs } from './lines.ts';

async function poolInUse(host: ApiHost): Promise<string> {
  return (await host.read<{ pool: string }>('pool.show', {})).pool;
}

async function activate(host: ApiHost, fields: Fields): Promise<Json> {
  const given = fields.text('pool') ?? '';
  // A question never activates anything.
  if (given === '')
    return {
      'currently active': toPairs([`pool: ${await poolInUse(host)}`], host.settings.legacyTruncation),
    };
  const pool = checkName('pool', given);
  await host.change('pool.activate', { pool }, { keys: 'all', touches: 'pool' });
  await host.usePool(pool);
  return { success: `pool ${pool} activated.` };
}

async function deactivate(host: ApiHost, fields: Fields): Promise<Json> {
  const pool = checkName('pool', fields.required('pool'));
  await host.change('pool.deactivate', { pool }, { keys: 'all', touches: 'pool' });
  await host.leavePool(pool);
  return { success: `pool ${pool} deactivated.` };
}

async function status(host: ApiHost): Promise<Json> {
  try {
    return { activated: 'true', pool: await poolInUse(host) };
  } catch (error) {
    const none = error instanceof IocageError && ['NO_ACTIVE_POOL', 'POOL_NOT_ACTIVE'].includes(error.code);
    if (none) return { activated: 'false' };
    throw error;
  }
}

export const poolActions: Readonly<Record<string, Action>> = {
  activatepool: { access: 'full', run: activate },
  deactivatepool: { access: 'full', run: deactivate },
  activatestatus: { access: 'read', run: status },
};
