/**
 * Where a jail's provisioning comes from, and what a plugin's definition says. Pure: texts are judged here, and
 * nothing is fetched. Sources: libiocage, "Provisioning"; git-clone(1) for the forms of an address.
 */
import * as z from 'zod';
import { parsePackageList } from './packages.ts';

export const provisionMethods = ['script', 'ix', 'puppet'] as const;
/** What sets a jail up. */
export type ProvisionMethod = (typeof provisionMethods)[number];

/** A path of the host, or an address; `member` is the file in it that is meant (`…#setup/web.sh`). */
export type ProvisionSource = { readonly member?: string } & (
  | { readonly kind: 'path'; readonly path: string }
  /** `path`: of a repository on this host (`file:`). */
  | {
      readonly kind: 'url';
      readonly url: string;
      readonly scheme: 'https' | 'http' | 'ssh' | 'git' | 'file';
      readonly path?: string;
    }
);

const schemes = ['https', 'http', 'ssh', 'git', 'file'] as const;

function memberProblem(member: string): string | undefined {
  const parts = member.split('/');
  const odd = parts.some((part) => part === '' || part === '.' || part === '..' || part === '.git');
  return odd || member.startsWith('-') ? `${JSON.stringify(member)} is no file in it` : undefined;
}

function pathProblem(path: string): string | undefined {
  return path.split('/').includes('..') ? `'..' is not allowed in a path` : undefined;
}

/** git(1) and ssh(1) get it as a word of their own, so nothing in it may look like a flag of theirs. */
function readUrl(text: string): ProvisionSource | string {
  const short = /^([A-Za-z0-9_][\w.-]*@)?([A-Za-z0-9][\w.-]*):([^-/\s:][^\s]*|\/[^/\s][^\s]*)$/.exec(text);
  if (short !== null && !/^[a-z][a-z0-9+.-]*:\/\//i.test(text))
    return { kind: 'url', url: text, scheme: 'ssh' };
  const scheme = schemes.find((one) => text.startsWith(`${one}://`));
  if (scheme === undefined) return `it is no absolute path, and no address of ${schemes.join(', ')}`;
  if (/[\s\\]/.test(text)) return 'blanks and backslashes are not allowed in an address';
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return 'it is no address';
  }
  if (scheme === 'file') {
    const path = text.slice('file://'.length);
    if (!path.startsWith('/') || path.includes('%'))
      return 'after file:// there is an absolute path, as it is';
    const problem = pathProblem(path);
    return problem ?? { kind: 'url', url: text, scheme, path };
  }
  if (url.password !== '') return 'a password does not belong in an address; use ssh and a key';
  if (url.username !== '' && scheme !== 'ssh') return 'only ssh takes the name of a user';
  if (!/^[A-Za-z0-9[]/.test(url.hostname) || /^(?![A-Za-z0-9_])./.test(url.username))
    return 'its host is none';
  return { kind: 'url', url: text, scheme };
}

/**
 * @returns what is wrong, in words, where it is none
 * @example readSource('https://example.org/setup.git#web.sh') // { kind: 'url', url: 'https://…', scheme: 'https', member: 'web.sh' }
 */
export function readSource(text: string): ProvisionSource | string {
  const at = text.indexOf('#');
  const place = at < 0 ? text : text.slice(0, at);
  const member = at < 0 ? undefined : text.slice(at + 1);
  const wrong = member === undefined ? undefined : memberProblem(member);
  if (wrong !== undefined) return wrong;
  const source: ProvisionSource | string = place.startsWith('/')
    ? (pathProblem(place) ?? { kind: 'path', path: place.replace(/\/+/g, '/').replace(/(.)\/$/, '$1') })
    : readUrl(place);
  return typeof source === 'string' || member === undefined ? source : { ...source, member };
}

/** A branch, a tag, or a commit by all of its digits. */
export function revisionProblem(text: string): string | undefined {
  return /^[A-Za-z0-9_][A-Za-z0-9_./+-]*$/.test(text) && !/\.\.|\/\/|\/$|\.$/.test(text)
    ? undefined
    : 'it is no name of a branch or tag, and no commit';
}

/** Of `git ls-remote`: the commit that a revision means there; a branch before a tag. */
export function commitOf(listing: string, revision: string | undefined): string | undefined {
  if (revision !== undefined && /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(revision)) return revision;
  const refs = new Map(
    listing.split('\n').flatMap((line) => {
      const [, commit, ref] = /^([0-9a-f]{40,64})\t(.+)$/.exec(line) ?? [];
      return commit === undefined ? [] : [[ref!, commit] as const];
    }),
  );
  const names =
    revision === undefined
      ? ['HEAD']
      : [`refs/heads/${revision}`, `refs/tags/${revision}^{}`, `refs/tags/${revision}`];
  return names.flatMap((name) => refs.get(name) ?? [])[0];
}

/** A plugin whose definition is here is called by the name of the file; no path and no address looks like it. */
export const isPluginName = (text: string): boolean =>
  /^[A-Za-z0-9][\w-]{0,60}$/.test(text) && text !== 'none';

/** A definition is text that somebody wrote by hand. */
export const mostDefinitionBytes = 256 * 2 ** 10;

/** What of a plugin's definition counts here. */
export interface PluginDefinition {
  readonly name: string;
  readonly description: string | undefined;
  readonly release: string | undefined;
  readonly artifact: string | undefined;
  readonly pkgs: readonly string[];
}

const definition = z.object({
  name: z.string().max(200).optional(),
  description: z.string().max(2000).optional(),
  release: z.string().max(200).optional(),
  artifact: z.string().max(1000).optional(),
  pkgs: z.array(z.string()).max(1000).optional(),
});

/**
 * Keys that are not known are for others.
 *
 * @param name what it is called where it does not say it itself
 * @returns what is wrong, in words, where it is none
 */
export function readDefinition(text: string, name: string): PluginDefinition | string {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return 'it is no JSON';
  }
  const read = definition.safeParse(json);
  if (!read.success) {
    const [issue] = read.error.issues;
    return `${issue!.path.join('.') || 'it'}: ${issue!.message}`;
  }
  const { data } = read;
  const own = data.name === undefined || /\p{Cc}/u.test(data.name) ? name : data.name;
  const pkgs = data.pkgs ?? [];
  const list = pkgs.length === 0 ? { names: [] } : parsePackageList(pkgs.join('\n'));
  if ('problem' in list) return `pkgs: ${list.problem}`;
  if (list.names.length === 0 && data.artifact === undefined) return 'it names neither pkgs nor an artifact';
  const { description, release, artifact } = data;
  return { name: own, description, release, artifact, pkgs: list.names };
}
