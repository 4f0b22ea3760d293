/** The running jails of this host, as jls(8) tells of all of them in one call. The parser is pure. */
import type { Exec } from '../system.ts';
import { failure } from '../../domain/errors.ts';
import { jailName } from './names.ts';

export interface JailRow {
  readonly jid: number;
  readonly name: string;
  readonly path: string;
  readonly hostname: string;
  readonly ip4: readonly string[];
  readonly ip6: readonly string[];
}

const listing = ['jls', '--libxo', 'json', '-v'] as const;

const texts = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];

/** Of `jls --libxo json -v`. Numbers may be written as texts: libxo(3) decides that by the field's format. */
export function parseJails(json: string): readonly JailRow[] {
  let top: { 'jail-information'?: { jail?: Record<string, unknown>[] } };
  try {
    top = JSON.parse(json.trim() || '{}') as typeof top;
  } catch {
    throw failure('COMMAND_FAILED', { argv: [...listing], status: 'no JSON', stderr: json.slice(0, 200) });
  }
  return (top['jail-information']?.jail ?? []).flatMap((row) => {
    const jid = Number(row['jid']);
    if (!Number.isInteger(jid) || jid <= 0) return [];
    return [
      {
        jid,
        name: String(row['name'] ?? ''),
        path: String(row['path'] ?? ''),
        hostname: String(row['hostname'] ?? ''),
        ip4: texts(row['ipv4_addrs']),
        ip6: texts(row['ipv6_addrs']),
      },
    ];
  });
}

export async function readJails(exec: Exec): Promise<readonly JailRow[]> {
  return parseJails((await exec.read(listing)).stdout);
}

/** The row of a jail of ours, by name and root, so that nobody else's jail of that name is taken for it. */
export function rowOf(
  rows: readonly JailRow[],
  jail: { readonly uuid: string; readonly root: string },
): JailRow | undefined {
  return rows.find(({ name, path }) => name === jailName(jail.uuid) && path === jail.root);
}

/** The jail of ours that a row looks like: its name and the last parts of its path fit together. */
export function uuidOf({ name, path }: JailRow): string | undefined {
  const [, uuid] = /\/(?:jails|templates)\/([^/]+)\/root$/.exec(path) ?? [];
  return uuid !== undefined && jailName(uuid) === name ? uuid : undefined;
}

/**
 * The words of `jls -nq`: `name=value`, a value with blanks in quotes, a boolean alone. Quotes are kept.
 *
 * @example splitWords('jid=1 nopersist host.hostname="a b"') // ['jid=1', 'nopersist', 'host.hostname="a b"']
 */
export function splitWords(text: string): readonly string[] {
  return text.trim().match(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g) ?? [];
}
