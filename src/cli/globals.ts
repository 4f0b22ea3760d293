/**
 * Options that every command knows, before or after its name. One row each: help, the manual page
 * and the grammar read them.
 */
import type { ColorWish } from './terminal.ts';

/** Whether lines about what takes long are wanted at all. */
export type ProgressWish = 'auto' | 'never';

export type Format = 'table' | 'legacy' | 'json';

export interface Globals {
  readonly pool?: string;
  /** `NAME=DATASET`, several; or one NAME of those that there are. */
  readonly sources?: readonly string[];
  readonly format: Format;
  /** False for scripts: tab separated lines. */
  readonly header: boolean;
  readonly dryRun: boolean;
  readonly events: boolean;
  readonly debug: boolean;
  readonly quiet: boolean;
  readonly color: ColorWish;
  /** Undefined: as the environment says. */
  readonly progress?: ProgressWish;
  readonly help: boolean;
  readonly version: boolean;
  /** Of `ioc`: how much goes to standard error. */
  readonly logLevel?: string;
}

export interface GlobalRow {
  readonly flags: string;
  readonly doc: string;
  readonly choices?: readonly string[];
  /** Only before the command. */
  readonly early?: boolean;
  /** Only on commands that print a table. */
  readonly tablesOnly?: boolean;
  /** @param before what was said already, for options that may be given several times */
  readonly set: (text: string, before: Partial<Globals>) => Partial<Globals>;
}

export const globalRows: readonly GlobalRow[] = [
  {
    flags: '--pool <name>',
    doc: 'use this pool when several are activated (environment: IOCAGE_POOL)',
    set: (text) => ({ pool: text }),
  },
  {
    flags: '--source <name[=dataset]>',
    doc: 'only this source; with =DATASET, such a root dataset instead of what is configured (may be repeated)',
    set: (text, { sources = [] }) => ({ sources: [...sources, text] }),
  },
  { flags: '--json', doc: 'print the result as JSON', set: () => ({ format: 'json' }) },
  {
    flags: '--format <form>',
    doc: "table (the default), legacy (the original's columns and words) or json",
    choices: ['table', 'legacy', 'json'],
    set: (text) => ({ format: text as Format }),
  },
  {
    flags: '-H, --header',
    doc: 'no header, cells separated by tabs (for scripts)',
    set: () => ({ header: false }),
  },
  { flags: '-h', doc: 'the same as -H', tablesOnly: true, set: () => ({ header: false }) },
  {
    flags: '--dry-run',
    doc: 'change nothing; print each command that would run, in order',
    set: () => ({ dryRun: true }),
  },
  {
    flags: '--events <form>',
    doc: 'tell what goes on as JSON, one object a line, on standard error',
    choices: ['json'],
    set: () => ({ events: true }),
  },
  {
    flags: '-q, --quiet',
    doc: 'print only errors and what was asked for; of create and clone the UUID',
    set: () => ({ quiet: true }),
  },
  {
    flags: '--color <when>',
    doc: 'auto (the default), always or never; NO_COLOR is honoured',
    choices: ['auto', 'always', 'never'],
    set: (text) => ({ color: text as ColorWish }),
  },
  {
    flags: '--progress <when>',
    doc: 'auto (the default: after a second) or never, as for cron (environment: IOCAGE_PROGRESS)',
    choices: ['auto', 'never'],
    set: (text) => ({ progress: text as ProgressWish }),
  },
  {
    flags: '-D, --debug',
    doc: 'show causes and stacks of errors, and how many programs were started',
    set: () => ({ debug: true }),
  },
  {
    flags: '-f, --force',
    doc: 'accepted, as the Python line has it; no command here converts older jails by itself',
    early: true,
    set: () => ({}),
  },
  { flags: '--help', doc: 'show help', set: () => ({ help: true }) },
  { flags: '-v, --version', doc: 'print the version', early: true, set: () => ({ version: true }) },
];

export const defaultGlobals: Globals = {
  format: 'table',
  header: true,
  dryRun: false,
  events: false,
  debug: false,
  quiet: false,
  color: 'auto',
  help: false,
  version: false,
};
