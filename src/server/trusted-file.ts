/**
 * Files that decide who may log in: whoever may write one of them, or put another one in its place, is as good as
 * root here. Links are followed, as reading follows them; what they lead to is looked at, and every directory on the
 * way.
 */
import { join, resolve } from 'node:path';
import { isOurs as isOursFor, othersMayWrite } from '../domain/owner.ts';
import type { FileFacts, Files } from '../driver/system.ts';

const mostLinks = 16;

const isOurs = (facts: FileFacts): boolean => isOursFor(facts, process.geteuid?.());

function directoryProblem(path: string, facts: FileFacts): string | undefined {
  if (!isOurs(facts)) return `${path}, on the way to it, belongs to another user; chown root it`;
  return othersMayWrite(facts) ? `others may write ${path}, on the way to it; chmod go-w it` : undefined;
}

/** Part by part, as the kernel looks it up. */
async function lookUp(
  files: Files,
  path: string,
): Promise<{ readonly facts?: FileFacts; readonly problem?: string }> {
  let left = resolve(path).split('/').slice(1);
  let at = '/';
  let facts = await files.stat(at);
  for (let links = 0; left.length > 0;) {
    if (facts === undefined) return {};
    if (facts.type === 'directory') {
      const problem = directoryProblem(at, facts);
      if (problem !== undefined) return { problem };
    }
    const [part = '', ...rest] = left;
    const next = join(at, part);
    const found = await files.stat(next);
    if (found?.type === 'symlink') {
      const target = await files.readlink(next);
      links += 1;
      if (target === undefined || links > mostLinks) return {};
      if (!isOurs(found)) return { problem: `the link ${next} belongs to another user` };
      // From the top again: each part of what it leads to is looked at too.
      left = resolve(at, target)
        .split('/')
        .slice(1)
        .concat(rest)
        .filter((each) => each !== '');
      at = '/';
      facts = await files.stat(at);
    } else {
      [at, facts, left] = [next, found, rest];
    }
  }
  return facts === undefined ? {} : { facts };
}

/**
 * What is wrong with a file's owner or mode; undefined when nothing is, or when there is no such file.
 *
 * @param secret it must not be readable by everybody either
 */
export async function trustProblem(files: Files, path: string, secret = false): Promise<string | undefined> {
  const { facts, problem } = await lookUp(files, path);
  if (problem !== undefined) return problem;
  if (facts === undefined) return undefined;
  if (facts.type !== 'file') return `${path} is no file`;
  if (!isOurs(facts)) return `${path} belongs to another user; chown root it`;
  if (othersMayWrite(facts)) return `others than its owner may write ${path}; chmod go-w it`;
  return secret && (facts.mode & 0o004) !== 0 ? `everybody may read ${path}; chmod 600 it` : undefined;
}
