/** Programs that run in the jail, by its own shell. The texts are constant; paths and names are their arguments. */
import type { JailCommand } from '../../driver/host.ts';
import { commandTimeoutMs } from './method.ts';

/** A file that may be executed decides itself what reads it. */
const runFile = 'cd "$1" && if [ -x "./$2" ]; then exec "./$2"; else exec /bin/sh "./$2"; fi';
const ifThere = 'test ! -e "$1" || { shift; exec "$@"; }';

/** puppet-apply(8), --detailed-exitcodes: 2 says that something was changed, 4 and 6 that something failed. */
const changedIsGood = '"$@"; status=$?; [ $status -eq 2 ] || exit $status';

const shell = (script: string, ...words: readonly string[]): readonly string[] => [
  ...['/bin/sh', '-c', script, 'provision'],
  ...words,
];

export const runMember = (directory: string, member: string): readonly string[] =>
  shell(runFile, directory, member);

/** The command, when this file or directory is there in the jail. */
export const whenThere = (path: string, argv: readonly string[]): readonly string[] =>
  shell(ifThere, path, ...argv);

export const detailed = (argv: readonly string[]): readonly string[] => shell(changedIsGood, ...argv);

export function command(
  title: string,
  argv: readonly string[],
  more: Pick<JailCommand, 'env' | 'which'> = {},
): JailCommand {
  return { argv, title, purpose: 'change', timeoutMs: commandTimeoutMs, ...more };
}

/** What a script finds in its environment. */
export const jailNames = ({ uuid, tag }: { uuid: string; tag: string }): Record<string, string> => ({
  IOCAGE_NAME: tag,
  IOCAGE_UUID: uuid,
  IOC_NAME: tag,
  IOC_ID: uuid,
});
