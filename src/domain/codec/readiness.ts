/** Codec of `wait_for`: what tells that a jail that has started can be used. */
import type { Codec } from '../property.ts';
import { ValueProblem } from '../property.ts';
import { integer } from './choice.ts';
import { command, freeText } from './text.ts';

export type Readiness =
  /** Something listens at this TCP port in the jail. */
  | { readonly kind: 'port'; readonly port: number }
  /** This command, run in the jail, ends with status 0; split at blanks, as exec_start is. */
  | { readonly kind: 'command'; readonly argv: readonly string[] }
  /** A line of the console log written since the start contains this text. */
  | { readonly kind: 'log'; readonly text: string };

const port = integer(1, 65535);

/** null for `none`. */
export const readiness: Codec<Readiness | null> = {
  kind: 'none, port:N, command:WORDS or log:TEXT',
  parse(text) {
    const value = text.trim();
    if (value.toLowerCase() === 'none') return null;
    const at = value.indexOf(':');
    const kind = value.slice(0, Math.max(at, 0)).toLowerCase();
    const rest = value.slice(at + 1);
    if (kind === 'port') return { kind, port: port.parse(rest) };
    if (kind === 'command') return { kind, argv: command.parse(rest).split(/\s+/) };
    if (kind === 'log') return { kind, text: freeText.parse(rest) };
    throw new ValueProblem(`${JSON.stringify(value)} is neither none nor port:N, command:WORDS or log:TEXT`);
  },
  print(value) {
    if (value === null) return 'none';
    if (value.kind === 'port') return `port:${value.port}`;
    return value.kind === 'log' ? `log:${value.text}` : `command:${value.argv.join(' ')}`;
  },
};
