/** What Linux does in its own way for the hooks: setpriv(1) makes another user of a command. */
import type { HookDriver } from '../both/hooks.ts';
import type { User } from '../both/users.ts';
import type { Paths } from '../system.ts';
import { into, settleConsole } from './console.ts';
import { placesOf } from './names.ts';
import { isAlive, readState } from './state.ts';

/** Numbers, so that nothing looks the name up once more; a user other than root keeps no capability. */
function asUser(user: User, argv: readonly string[]): readonly string[] {
  const ids = [`--reuid=${user.uid}`, `--regid=${user.gid}`, `--groups=${user.groups.join(',')}`];
  return ['setpriv', ...ids, '--inh-caps=-all', '--', ...argv];
}

export const hookDriver = (paths: Paths): HookDriver => ({
  kind: 'linux.hook',
  asUser,
  into,
  settleConsole,
  async jail({ pool, uuid }, { files }) {
    const places = placesOf(paths, pool, uuid);
    const state = await readState(files, places.state);
    return {
      jid: state?.pid === undefined ? '' : String(state.pid),
      up: await isAlive(files, state),
      console: places.bundle,
    };
  },
});
