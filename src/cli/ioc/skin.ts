/** How `ioc` looks: events on standard error, one line of result for each jail, hints that name `ioc` itself. */
import type { IocageEvent } from '../../domain/events.ts';
import { findProperty } from '../../domain/properties/index.ts';
import { iocEvents } from '../../domain/ioc-events.ts';
import { printError } from '../print/error.ts';
import { liveLines } from '../print/live.ts';
import { oneLine } from '../print/text.ts';
import { foundTrouble, printRemarks } from '../print/result.ts';
import { noProgress } from '../print/progress.ts';
import type { Skin } from '../skin.ts';
import type { Loudness } from './globals.ts';
import { makeEventLines } from './progress.ts';
import type { Meaning } from './row.ts';
import { iocRows } from './table.ts';

/** Commands that both have, in the same words; `ioc list` and the like take other flags. */
const same = 'start|stop|restart|activate|deactivate|promote|console|(?:migrate|get|rename) (?!-)';
/** A hint's commands stand in quotes, or alone behind its mark; of several sources one is named first. */
const command = (words: string): RegExp => new RegExp(`(hint: |')iocage ((?:--source \\S+ )?)${words}`, 'g');
const pairs: readonly (readonly [RegExp, string])[] = [
  [/'iocage activate' shows/g, "'ioc list -d' shows"],
  [command(`(${same})`), '$1ioc $2$3'],
  [command(`(list)'`), `$1ioc $2$3'`],
  [command('snaplist'), '$1ioc $2snapshot list'],
  [command('snapremove'), '$1ioc $2snapshot remove'],
  [command('fetch release='), '$1ioc $2fetch -r '],
  [command('set tag=…'), '$1ioc $2rename'],
  [command(`([a-z]+)'\\?`), `$1ioc $2$3'?`],
];

/** Help of the other command is no help here; hints to commands that `ioc` has not name the other one. */
const ownHint = (line: string): string =>
  pairs.reduce(
    (text, [pattern, own]) => text.replaceAll(pattern, own),
    line
      .replaceAll(
        /'iocage help ([a-z0-9_]+)'|(?<=hint: )iocage help ([a-z0-9_]+)$/g,
        (whole, quoted, bare) => {
          const topic: string = quoted ?? bare;
          const quote = quoted === undefined ? '' : "'";
          if (iocRows.some(({ name }) => name === topic)) return `${quote}ioc ${topic} --help${quote}`;
          const known = topic === 'properties' || findProperty(topic) !== undefined;
          return known ? `${quote}ioc help ${topic}${quote}` : whole;
        },
      )
      .replaceAll("'iocage help'", "'ioc --help'"),
  );

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
    result: (_operation, result, _globals, _words, source) =>
      meaning?.show?.(result, (name) => oneLine(source === undefined ? name : `${source}/${name}`)) ?? [],
    answer: (result) => meaning?.json?.(result) ?? result,
    remarks(operation, result) {
      const lines = meaning?.remarks?.(result) ?? printRemarks(operation, result);
      return loudness.warnings ? lines.map((line) => line.replace(/^ {2}(?:INFO|ERROR):/, 'ioc:')) : [];
    },
    quiet: () => [],
    trouble: foundTrouble,
  };
}
