/**
 * The fields of a request. Only JSON strings count: a field of another type is there, and empty. Names are
 * checked here before anything looks for them; a name is data, never a flag, a pattern or two words.
 */
import type { Json } from './json.ts';

/** An action that failed inside: its text becomes `error` of a normal answer. */
export class ActionProblem extends Error {
  override readonly name = 'ActionProblem';
}

const missing = 'Missing required keys';

export class Fields {
  private readonly args: { readonly [key: string]: Json };

  constructor(args: { readonly [key: string]: Json }) {
    this.args = args;
  }

  has(name: string): boolean {
    return Object.hasOwn(this.args, name);
  }

  /** The field as text; undefined when it is not there. */
  text(name: string): string | undefined {
    if (!this.has(name)) return undefined;
    const value = this.args[name];
    return typeof value === 'string' ? value : '';
  }

  /** Any JSON, for the fields that may be a list. */
  raw(name: string): Json | undefined {
    return this.has(name) ? this.args[name] : undefined;
  }

  /** A field that must be there; it may be empty. @throws ActionProblem */
  required(name: string): string {
    const text = this.text(name);
    if (text === undefined) throw new ActionProblem(missing);
    return text;
  }

  /** The jail's name as it was sent; `jail_uuid` is another spelling of the field. @throws ActionProblem */
  jail(): string {
    const name = checkName('jail', this.text('jail') ?? this.required('jail_uuid'));
    // The command took this word for every jail; here a request is about one.
    if (name === 'ALL') throw new ActionProblem('Invalid jail');
    return name;
  }
}

/** @throws ActionProblem for a name that is empty, begins with `-`, or holds blanks */
export function checkName(field: string, name: string): string {
  // oxlint-disable-next-line no-control-regex
  if (name === '' || name.startsWith('-') || /[\s\u0000-\u001f\u007f]/.test(name))
    throw new ActionProblem(`Invalid ${field}`);
  return name;
}

export function refuseMissing(): never {
  throw new ActionProblem(missing);
}
