/** Where a jail's programs and the hooks write: the console log of the jail, which only the host's root reads. */

/** A fixed text: only sh(1) opens a file for what it then becomes. The log and the program are its arguments. */
const script = '(umask 077; : >>"$0"); exec "$@" >>"$0" 2>&1';

/** What `via` of a program takes so that it writes to the end of the log; its directory is there by then. */
export const toLog = (log: string): readonly string[] => ['sh', '-c', script, log];
