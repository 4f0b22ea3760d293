/** Options of `ioc` itself. Those of libiocage's command line stand before the command. */
import type { GlobalRow, Globals } from '../globals.ts';

/** From the least to the most; `screen` is what is printed always. */
const logLevels = [
  'screen',
  'critical',
  'error',
  'warn',
  'info',
  'notice',
  'verbose',
  'debug',
  'spam',
] as const;
export type LogLevel = (typeof logLevels)[number];

/** What a level adds to standard error, beside errors. */
export interface Loudness {
  readonly warnings: boolean;
  /** Notes, and a line for each thing that goes on. */
  readonly events: boolean;
  /** A line also when something begins. */
  readonly begins: boolean;
}

export function loudnessOf(level: LogLevel): Loudness {
  const at = logLevels.indexOf(level);
  return {
    warnings: at >= logLevels.indexOf('warn'),
    events: at >= logLevels.indexOf('info'),
    begins: at >= logLevels.indexOf('verbose'),
  };
}

export const iocGlobalRows: readonly GlobalRow[] = [
  {
    flags: '-d, --log-level <level>',
    doc: 'screen (results and errors only), critical, error, warn, info (the default), notice, verbose, debug or spam',
    choices: logLevels,
    early: true,
    set: (text) => ({
      logLevel: text,
      ...(text === 'debug' || text === 'spam' ? { debug: true } : {}),
    }),
  },
  {
    flags: '--source <name[=dataset]>',
    doc: 'only this source; with =DATASET, such a root dataset instead of what is configured (may be repeated)',
    early: true,
    set: (text, { sources = [] }) => ({ sources: [...sources, text] }),
  },
  {
    flags: '--dry-run',
    doc: 'change nothing; print each command that would run, in order',
    set: () => ({ dryRun: true }),
  },
  { flags: '--json', doc: 'print the result as JSON, numbers as numbers', set: () => ({ format: 'json' }) },
  {
    flags: '--events <form>',
    doc: 'tell what goes on as JSON, one object a line, on standard error',
    choices: ['json'],
    set: () => ({ events: true }),
  },
  {
    flags: '--color <when>',
    doc: 'auto (the default), always or never; NO_COLOR is honoured',
    choices: ['auto', 'always', 'never'],
    set: (text) => ({ color: text as Globals['color'] }),
  },
  { flags: '--help', doc: 'show help', set: () => ({ help: true }) },
  { flags: '--version', doc: 'print the version', early: true, set: () => ({ version: true }) },
];
