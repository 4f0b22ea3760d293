/**
 * User data bases as text: who a name is, with all groups. Pure. See passwd(5), group(5).
 */
export interface User {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
  readonly shell: string;
  readonly groups: readonly number[];
}

const id = (text: string | undefined): number | undefined =>
  text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : undefined;

/** Groups that name the user as a member, besides the one of passwd. */
function supplementary(group: string, name: string): readonly number[] {
  return group
    .split('\n')
    .map((line) => line.split(':'))
    .filter((fields) => (fields[3] ?? '').split(',').includes(name))
    .map((fields) => id(fields[2]))
    .filter((gid) => gid !== undefined);
}

/** Undefined when no line has the name. @example findUser('www:x:33:33::/var/www:/bin/sh', '', 'www')?.uid // 33 */
export function findUser(passwd: string, group: string, name: string): User | undefined {
  for (const line of passwd.split('\n')) {
    const [found, , uidText, gidText, , home, shell] = line.split(':');
    const uid = id(uidText);
    const gid = id(gidText);
    if (found !== name || uid === undefined || gid === undefined) continue;
    return {
      name,
      uid,
      gid,
      home: home?.startsWith('/') ? home : '/',
      shell: shell?.startsWith('/') ? shell : '/bin/sh',
      // As initgroups(3): the first group is among them.
      groups: [...new Set([gid, ...supplementary(group, name)])],
    };
  }
  return undefined;
}
