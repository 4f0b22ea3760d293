/** chroot(8): another root, and another user, whose numbers or names are looked up outside of it. */
import { Fail, flagsOf, usage, type Tool } from '../call.ts';

export const chroot: Tool = (call) => {
  const { flags, rest } = flagsOf(call);
  const [root, ...command] = rest;
  if (root === undefined) throw usage('chroot');
  const { users } = call.store.read();
  for (const user of flags.get('-u') ?? [])
    if (!/^\d+$/.test(user) && !users.includes(user)) throw new Fail(`${user}: no such user`);
  for (const group of (flags.get('-G') ?? []).flatMap((list) => list.split(',')))
    if (!/^\d+$/.test(group)) throw new Fail(`${group}: the stand-in knows groups by number`);
  if (root !== '/') return call.real(['/usr/sbin/chroot', root, ...command]);
  return call.run(command, { jid: call.jid });
};
