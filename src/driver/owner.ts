/** Who can change a file, or put another one in its place: what is asked of files that have power over this host. */
import type { FileFacts } from './system.ts';

/** Root's, or of whoever runs this. */
export const isOurs = ({ uid }: FileFacts): boolean => uid === 0 || uid === process.geteuid?.();

/** Others than its owner; a directory where only owners may rename what is theirs (sticky) is as good as closed. */
export function othersMayWrite({ mode, type }: FileFacts): boolean {
  const sticky = type === 'directory' && (mode & 0o1000) !== 0;
  return (mode & 0o022) !== 0 && !sticky;
}
