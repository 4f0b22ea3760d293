/** Why a program in a jail failed, out of what it printed. Pure. */

/**
 * The reason in what a program printed: apt's, apk's and pkg's own complaints, else its last lines. Pure. What a
 * jail prints may hold anything, so control characters are left out.
 *
 * @example complaintIn('Reading…\nE: Unable to locate package nosuch\n') === 'E: Unable to locate package nosuch'
 */
export function complaintIn(output: string): string {
  const lines = output
    .split(/[\r\n]+/)
    .map((line) => line.replaceAll(/\p{Cc}/gu, ' ').trim())
    .filter((line) => line !== '');
  // apk says below its `ERROR:` which packages it means; apt says everything in lines of its own.
  const at = lines.findIndex((line) => /^ERROR\b/.test(line));
  const said = at >= 0 ? lines.slice(at) : lines.filter((line) => /^(E:|dpkg: error|pkg: )/.test(line));
  return (said.length > 0 ? said.slice(0, 10) : lines.slice(-2)).join('; ').slice(0, 600);
}
