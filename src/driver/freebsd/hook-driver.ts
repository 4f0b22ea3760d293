/** What FreeBSD does in its own way for the hooks: chroot(8) into `/` makes another user of a command. */
import type { HookDriver } from '../both/hooks.ts';
import type { User } from '../both/users.ts';
import type { Paths } from '../system.ts';
import { into, settleConsole } from './console.ts';
import { placesOf } from './names.ts';
import { readState } from './state.ts';

/** Numbers, so that nothing looks the name up once more. Unlike su(1), it asks no PAM and starts no login. */
function asUser(user: User, argv: readonly string[]): readonly string[] {
  return ['chroot', '-u', `${user.uid}`, '-g', `${user.gid}`, '-G', user.groups.join(','), '/', ...argv];
}

export const hookDriver = (paths: Paths): HookDriver => ({
  kind: 'freebsd.hook',
  asUser,
  into,
  settleConsole,
  async jail({ pool, uuid }, { files }) {
    const { state, console } = placesOf(paths, pool, uuid);
    const jid = (await readState(files, state))?.jid;
    return { jid: jid === undefined ? '' : String(jid), up: jid !== undefined, console };
  },
});
