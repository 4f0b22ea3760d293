/**
 * What a step's own file, or directory, is known by when it lies among those of others: facts that it keeps when it is
 * renamed, and that another one under its name has not. An inode's number alone is soon given to the next file.
 */
import { join } from 'node:path';
import type { FileFacts, Files } from '../../driver/system.ts';

const words = ({ type, inode, sizeBytes, mtimeMs }: FileFacts): string =>
  `${type} ${inode} ${sizeBytes} ${mtimeMs}`;

/**
 * Text to compare; undefined when nothing is there. A directory's own times may change with its place, so it is known by
 * what lies in it: with one thing more it is somebody else's too.
 */
export async function knownBy(path: string, files: Files): Promise<string | undefined> {
  const facts = await files.stat(path);
  if (facts === undefined || facts.type !== 'directory') return facts && words(facts);
  const lines = [`directory ${facts.inode}`];
  for (const name of await files.list(path)) {
    const inside = await files.stat(join(path, name));
    if (inside !== undefined) lines.push(`${JSON.stringify(name)} ${words(inside)}`);
  }
  return lines.join('\n');
}
