/**
 * Paths in a table such as fstab(5) after what they lead to was moved. Only whole fields change, and only
 * those that are the old path or lie below it; everything else, comments and spacing too, stays as it is.
 * Pure.
 */

/** As fstab(5) wants a path in a field: blanks, tabs and backslashes as octal escapes. */
function asField(path: string): string {
  return path.replace(/[ \t\n\\]/g, (sign) => `\\${sign.charCodeAt(0).toString(8).padStart(3, '0')}`);
}

/**
 * @example repath('/srv /jails/a/root/srv nullfs ro 0 0', '/jails/a', '/jails/b')
 *          // '/srv /jails/b/root/srv nullfs ro 0 0'
 */
export function repath(text: string, from: string, to: string): string {
  const [old, now] = [asField(from), asField(to)];
  return text
    .split('\n')
    .map((line) =>
      line.trimStart().startsWith('#')
        ? line
        : line.replace(/[^ \t]+/g, (field) =>
            field === old || field.startsWith(`${old}/`) ? now + field.slice(old.length) : field,
          ),
    )
    .join('\n');
}
