/** How `ioc` looks: events on standard error, one line of result for each jail, hints that name `ioc` itself. */
import type { IocageEvent } from '../../domain/events.ts';
import { iocEvents } from '../../domain/ioc-events.ts';
import { printError } from '../print/error.ts';
import { liveLines } from '../print/live.ts';
import { foundTrouble, printRemarks } from '../print/result.ts';
import { noProgress } from '../print/progress.ts';
import type { Skin } from '../skin.ts';
import type { Loudness } from './globals.ts';
import { makeEventLines } from './progress.ts';
import type { Meaning } from './row.ts';

/** Help of the other command is no help here; most other hints are commands that both have in the same way. */
const ownHint = (line: string): string =>
  line
    .replaceAll(/'iocage help (?!properties')([a-z]+)'/g, "'ioc $1 --help'")
    .replaceAll("'iocage help'", "'ioc --help'")
    .replaceAll("'iocage list'", "'ioc list'")
    .replaceAll(/(hint: |did you mean ')iocage (start|stop|restart|activate|[a-z]+'\?)/g, '$1ioc $2');

export function iocSkin(loudness: Loudness, meaning?: Meaning): Skin {
  const translate = iocEvents();
  return {
    program: 'ioc',
    live(event: IocageEvent, { color }) {
      // Steps are told as events.
      if (event.type !== 'note' && event.type !== 'step.undo-failed') return [];
      const loud = event.type === 'note' && event.level === 'info' ? loudness.events : loudness.warnings;
      if (!loud) return [];
      return liveLines(event, { format: 'table', color }).map(({ text }) => ({
        to: 'stderr' as const,
        text: text.replace(/^iocage:/, 'ioc:').replace(/^ {2}INFO:/, 'ioc:'),
      }));
    },
    json: (event) => translate(event, new Date()).map((each) => JSON.stringify(each)),
    progress: (out) => (loudness.events ? makeEventLines(out, loudness) : noProgress),
    error: (thrown, look) => printError(thrown, { ...look, program: 'ioc' }).map(ownHint),
    result: (_operation, result) => meaning?.show?.(result) ?? [],
    answer: (result) => meaning?.json?.(result) ?? result,
    remarks(operation, result) {
      const lines = meaning?.remarks?.(result) ?? printRemarks(operation, result);
      return loudness.warnings ? lines.map((line) => line.replace(/^ {2}(?:INFO|ERROR):/, 'ioc:')) : [];
    },
    quiet: () => [],
    trouble: foundTrouble,
  };
}
