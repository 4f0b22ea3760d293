/** Who can change a file, or put another one in its place: what is asked of files that have power over this host. Pure. */

interface Owned {
  readonly uid: number;
  /** Permission bits. */
  readonly mode: number;
  readonly type: string;
}

/** @param me who runs this; as good as root here */
export const isOurs = ({ uid }: Owned, me: number | undefined): boolean => uid === 0 || uid === me;

/** Others than its owner; a directory where only owners may rename what is theirs (sticky) is as good as closed. */
export function othersMayWrite({ mode, type }: Owned): boolean {
  const sticky = type === 'directory' && (mode & 0o1000) !== 0;
  return (mode & 0o022) !== 0 && !sticky;
}
