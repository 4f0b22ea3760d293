/**
 * The hbsd-update.conf(5) that a root of HardenedBSD is updated with. The tool runs that file as a part of itself, as
 * root on the host, so a release's own is read and never handed on: of it the branch is taken, and the addresses if they
 * are HardenedBSD's, and nothing that is not plain text. Never that of a jail.
 */

const value = (text: string, name: string): string | undefined =>
  new RegExp(`^${name}=(?:"([^"\\n]*)"|([^\\s"']+))[ \\t]*$`, 'm')
    .exec(text)
    ?.slice(1)
    .find((found) => found !== undefined);

const plainBranch = /^[a-z0-9][a-z0-9._-]*(\/[a-z0-9][a-z0-9._-]*)*$/;
const plainRecord = /^[a-z0-9][a-z0-9.-]*\.hardenedbsd\.org$/;
const plainAddress = /^https:\/\/([a-z0-9-]+\.)*hardenedbsd\.org(\/[A-Za-z0-9][A-Za-z0-9._-]*)+$/;

/**
 * @param text the release's file
 * @param machine as `uname -m` says it, `amd64`
 * @returns undefined where it names no branch, or something else than HardenedBSD's servers
 */
export function hbsdConf(text: string, machine: string): string | undefined {
  const branch = value(text, 'branch');
  if (branch === undefined || !plainBranch.test(branch) || !/^[a-z0-9]+$/.test(machine)) return undefined;
  const filled = (name: string): string | undefined =>
    value(text, name)?.replaceAll('$(uname -m)', machine).replaceAll('${branch}', branch);
  const record = filled('dnsrec');
  const address = filled('baseurl');
  if (record === undefined || !plainRecord.test(record)) return undefined;
  if (address === undefined || !plainAddress.test(address)) return undefined;
  const words = {
    dnsrec: record,
    capath: '/usr/share/keys/hbsd-update/trusted',
    branch,
    baseurl: address,
    dnssec: 'yes',
  };
  return Object.entries(words)
    .map(([name, word]) => `${name}="${word}"\n`)
    .join('');
}
