/**
 * Files of assignments, one a line: rc.conf(5), sysctl.conf(5), periodic.conf(5). They are edited in place: a
 * line that assigns the name is changed where it stands, remarks and all other lines stay. Pure.
 */

/**
 * Gives each name its value, in the last line that assigns it, which is the one that counts; else at the end.
 *
 * @example setAssignments('# mine\nsshd_enable=YES # yes\n', { sshd_enable: '"NO"' }) // '# mine\nsshd_enable="NO" # yes\n'
 */
export function setAssignments(text: string, values: Readonly<Record<string, string>>): string {
  const lines = text === '' ? [] : text.replace(/\n$/, '').split('\n');
  for (const [name, value] of Object.entries(values)) {
    const at = lines.findLastIndex((line) => line.trimStart().startsWith(`${name}=`));
    if (at < 0) lines.push(`${name}=${value}`);
    else lines[at] = withValue(lines[at]!, value);
  }
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}

/** Quotes may hold blanks and `#`; without them the value ends at a blank. */
function withValue(line: string, value: string): string {
  return line.replace(
    /^(\s*[^=]+=)(?:"(?:[^"\\]|\\.)*"|'[^']*'|[^\s#])*/,
    (_, before: string) => before + value,
  );
}
