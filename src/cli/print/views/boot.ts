/** The report of rcboot and rcshutdown: how many, and what went wrong by name. */
import { oneLine, padEnd } from '../text.ts';
import { dash, type Views } from './view.ts';

interface Report {
  readonly jails: readonly { readonly tag: string; readonly state: string; readonly why: string }[];
}

const isTrouble = ({ state }: { state: string }): boolean => state === 'failed' || state === 'skipped';

function troubles({ jails }: Report): readonly string[] {
  return jails
    .filter(isTrouble)
    .map(({ tag, state, why }) => `  ${padEnd(state.toUpperCase(), 8)} ${dash(tag)}: ${oneLine(why)}`);
}

function reportLines(report: Report, done: string, settled: string, nothing: string): readonly string[] {
  if (report.jails.length === 0) return [`  INFO: ${nothing}`];
  const counted = ([state, word]: readonly [string, string]): readonly string[] => {
    const count = report.jails.filter((jail) => jail.state === state).length;
    return count > 0 ? [`${count} ${word}`] : [];
  };
  const words = [
    [done, done],
    ['unchanged', settled],
    ['failed', 'failed'],
    ['skipped', 'skipped'],
  ] as const;
  return [`* ${words.flatMap(counted).join(', ')}`, ...troubles(report)];
}

export const bootViews: Views = {
  'host.boot': {
    shows: 'lines',
    show: (report: Report) => ({
      lines: reportLines(report, 'started', 'already up', 'None of the jails have boot on'),
    }),
    quiet: troubles,
    trouble: ({ jails }: Report) => jails.some(isTrouble),
  },
  'host.shutdown': {
    shows: 'lines',
    show: (report: Report) => ({
      lines: reportLines(report, 'stopped', 'already down', 'No jail is running'),
    }),
    quiet: troubles,
    trouble: ({ jails }: Report) => jails.some(isTrouble),
  },
};
