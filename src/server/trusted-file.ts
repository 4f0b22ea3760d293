/**
 * Files that decide who may log in: whoever may write one of them is as good as root here. A link is followed,
 * as reading follows it; what it leads to is looked at.
 */
import { dirname, resolve } from 'node:path';
import type { FileFacts, Files } from '../driver/system.ts';

const mostLinks = 16;

async function behindLinks(files: Files, path: string): Promise<FileFacts | undefined> {
  let at = path;
  for (let count = 0; count < mostLinks; count += 1) {
    const facts = await files.stat(at);
    if (facts?.type !== 'symlink') return facts;
    const target = await files.readlink(at);
    if (target === undefined) return undefined;
    at = resolve(dirname(at), target);
  }
  return undefined;
}

/**
 * What is wrong with a file's owner or mode; undefined when nothing is, or when there is no such file.
 *
 * @param secret it must not be readable by everybody either
 */
export async function trustProblem(files: Files, path: string, secret = false): Promise<string | undefined> {
  const facts = await behindLinks(files, path);
  if (facts === undefined) return undefined;
  if (facts.type !== 'file') return `${path} is no file`;
  if (facts.uid !== 0 && facts.uid !== process.geteuid?.())
    return `${path} belongs to another user; chown root it`;
  if ((facts.mode & 0o022) !== 0) return `others than its owner may write ${path}; chmod go-w it`;
  return secret && (facts.mode & 0o004) !== 0 ? `everybody may read ${path}; chmod 600 it` : undefined;
}
