/**
 * What the installed ZFS can do, read off its answer to `zfs version`; pure. OpenZFS has had that verb
 * since 0.8 and prints `zfs-2.1.11-1`; zfs-fuse refuses it and prints its usage. The kernel decides
 * which property hands a dataset to a jail: zfsprops(7) of FreeBSD has `jailed`, of Linux `zoned`.
 */
import type { Capabilities } from '../storage.ts';

export function toCapabilities(
  answer: { readonly stdout: string; readonly stderr: string },
  platform: NodeJS.Platform,
): Capabilities | undefined {
  const jailedProperty = platform === 'freebsd' ? 'jailed' : 'zoned';
  if (/^zfs-(kmod-)?\d/m.test(answer.stdout)) {
    return {
      flavour: 'openzfs',
      lz4: true,
      poolComment: true,
      setMany: true,
      resumableReceive: true,
      jailedProperty,
    };
  }
  if (!/^unrecognized command /m.test(answer.stderr)) return undefined;
  // A usage without `diff` is that of pool version 23 (zfs-fuse); with it, an OpenZFS before 0.8.
  const old = /^\s+diff \[/m.test(answer.stderr);
  return {
    flavour: old ? 'openzfs' : 'zfs-fuse',
    lz4: old,
    poolComment: old,
    setMany: /^\s+set <property=value> \.\.\. </m.test(answer.stderr),
    resumableReceive: /^\s+(receive|recv) \[[^\]]*s[^\]]*\] /m.test(answer.stderr),
    jailedProperty,
  };
}
