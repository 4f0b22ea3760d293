/**
 * What a dry run would have done, as lines that a person can read and a shell could run: commands
 * quoted for sh(1), file writes as comments. Pure.
 */

/** A change that a dry run recorded in the place of making it. */
export type Action =
  | { readonly type: 'run'; readonly argv: readonly string[]; readonly input?: string }
  | { readonly type: 'pipe'; readonly commands: readonly (readonly string[])[] }
  | { readonly type: 'file'; readonly verb: string; readonly path: string; readonly detail?: string };

const plain = /^[A-Za-z0-9_@%+=:,./-]+$/;

/**
 * One word quoted for a shell. Words of safe characters stay as they are; control characters use
 * the `$'…'` form, so that the listing stays one line per command.
 */
export function shellWord(word: string): string {
  if (plain.test(word)) return word;
  if (!/[\u0000-\u001f\u007f]/.test(word)) return `'${word.replaceAll("'", `'\\''`)}'`;
  const escaped = word.replace(/[\\'\u0000-\u001f\u007f]/g, (character) =>
    character === '\\' || character === "'"
      ? `\\${character}`
      : `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
  return `$'${escaped}'`;
}

export function shellLine(argv: readonly string[]): string {
  return argv.map(shellWord).join(' ');
}

function hereDocument(input: string): string {
  const lines = input.split('\n');
  let mark = 'END';
  while (lines.includes(mark)) mark += '_';
  return ` <<'${mark}'\n${input}${input.endsWith('\n') ? '' : '\n'}${mark}`;
}

/** What is longer no person reads on a terminal. */
const longestDetail = 400;

/** The same for a terminal: of a file's long contents only the beginning. */
export function printShort(action: Action): string {
  if (action.type !== 'file' || action.detail === undefined) return printAction(action);
  const { detail } = action;
  if (detail.length <= longestDetail) return printAction(action);
  return printAction({
    ...action,
    detail: `${detail.slice(0, longestDetail / 2)}… ${detail.length} characters`,
  });
}

export function printAction(action: Action): string {
  switch (action.type) {
    case 'run':
      return shellLine(action.argv) + (action.input === undefined ? '' : hereDocument(action.input));
    case 'pipe':
      return action.commands.map(shellLine).join(' | ');
    case 'file':
      return `# ${action.verb} ${shellWord(action.path)}${action.detail ? ` (${action.detail.replace(/\s+/g, ' ')})` : ''}`;
  }
}
