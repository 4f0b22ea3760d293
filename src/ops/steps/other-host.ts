/** A command on another host that has its own undoing there, such as its `iocage activate`. */
import { stepKind } from '../../driver/step.ts';
import { remoteFailure } from '../transfer/remote.ts';

/** `argv` is ssh's, made by `remote.ts`. Taking it back is not ours: that host's own iocage was asked, and it is whole. */
export const runOnHost = stepKind<{ host: string; argv: readonly string[]; title: string }>('host.run', {
  title: ({ host, title }) => `${title} on ${host}`,
  async do({ host, argv }, { exec, signal }) {
    const result = await exec.change(argv, { accept: 'any', signal });
    if (result.status !== 0) throw remoteFailure({ host }, result);
  },
  undo: () => Promise.resolve(),
});

export const hostKinds = [runOnHost];
