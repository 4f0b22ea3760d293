/**
 * Scheduled snapshots: which are due at a moment and which have had their time. Pure. A period (an hour, a
 * day, a week from Monday, a month, a year of local time) is due when it has no snapshot of its kind yet; of
 * each kind the newest are kept. Only what carries the mark and the name of a scheduled snapshot is counted
 * or given up; a kind that is no longer in the schedule is left alone.
 */
import type { Codec } from './property.ts';
import { ValueProblem } from './property.ts';

export const periods = ['hourly', 'daily', 'weekly', 'monthly', 'yearly'] as const;
export type Period = (typeof periods)[number];

/** How many snapshots of a period are kept. */
export interface Rule {
  readonly period: Period;
  readonly keep: number;
}

const isPeriod = (word: string): word is Period => (periods as readonly string[]).includes(word);

/**
 * `PERIOD=COUNT` with commas or blanks between, in the order of the periods; an empty list for `none`.
 *
 * @example snapshotSchedule.print(snapshotSchedule.parse('weekly=4 daily=7')) === 'daily=7,weekly=4'
 */
export const snapshotSchedule: Codec<readonly Rule[]> = {
  kind: 'none, or PERIOD=COUNT with commas between; periods are hourly, daily, weekly, monthly, yearly',
  parse(text) {
    const value = text.trim();
    if (value.toLowerCase() === 'none') return [];
    const words = value.split(/[\s,]+/).filter((word) => word !== '');
    const rules = words.map((word): Rule => {
      const [, period = '', count = ''] = /^([a-z]+)=(\d{1,3})$/i.exec(word) ?? [];
      const name = period.toLowerCase();
      if (!isPeriod(name))
        throw new ValueProblem(
          `${JSON.stringify(word)} is not PERIOD=COUNT; periods are ${periods.join(', ')}`,
        );
      if (Number(count) < 1) throw new ValueProblem(`${name} keeps 1 to 999 snapshots, not ${count}`);
      return { period: name, keep: Number(count) };
    });
    if (rules.length === 0) throw new ValueProblem('there is no period in it');
    const twice = rules.find(({ period }, at) => rules.findIndex((rule) => rule.period === period) !== at);
    if (twice) throw new ValueProblem(`${twice.period} is in it twice`);
    return rules.toSorted((a, b) => periods.indexOf(a.period) - periods.indexOf(b.period));
  },
  print: (rules) =>
    rules.length === 0 ? 'none' : rules.map(({ period, keep }) => `${period}=${keep}`).join(','),
};

/** A snapshot of a jail; `period` as its mark says it. */
export interface Taken {
  readonly name: string;
  readonly period: string | undefined;
  readonly at: Date;
}

const two = (value: number): string => String(value).padStart(2, '0');

/** The word for the period that a moment lies in; two moments are in one period when it is the same. */
export function periodOf(period: Period, at: Date): string {
  const year = String(at.getFullYear()).padStart(4, '0');
  const month = `${year}-${two(at.getMonth() + 1)}`;
  const day = `${month}-${two(at.getDate())}`;
  switch (period) {
    case 'hourly':
      return `${day} ${two(at.getHours())}`;
    case 'daily':
      return day;
    case 'weekly': {
      const monday = new Date(at.getFullYear(), at.getMonth(), at.getDate() - ((at.getDay() + 6) % 7));
      return periodOf('daily', monday);
    }
    case 'monthly':
      return month;
    case 'yearly':
      return year;
  }
}

/** `ioc-daily-2026-01-31_12:00:00`: what a person sees of the mark. */
export function scheduledName(period: Period, at: Date): string {
  const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  return `ioc-${period}-${periodOf('daily', at)}_${time}`;
}

const scheduledPattern = new RegExp(`^ioc-(${periods.join('|')})-\\d{4}-\\d\\d-\\d\\d_\\d\\d:\\d\\d:\\d\\d$`);

/**
 * The period of a scheduled snapshot; undefined for any other. Name and mark must agree: a mark alone can be
 * inherited from the dataset, and a name alone can be anybody's.
 */
export function scheduledPeriod({ name, period }: Taken): Period | undefined {
  const named = scheduledPattern.exec(name)?.[1];
  return named !== undefined && named === period ? (named as Period) : undefined;
}

export interface Rotation {
  readonly take: readonly Period[];
  /** Names of the snapshots that go, oldest first. */
  readonly expire: readonly string[];
}

/** What to do at `now`; done at once, a second call at the same time finds nothing to do. */
export function rotation(rules: readonly Rule[], taken: readonly Taken[], now: Date): Rotation {
  const take: Period[] = [];
  const expire: string[] = [];
  for (const { period, keep } of rules) {
    // What a clock that was wrong took in the future is the first to go: it would outlive everything.
    const age = ({ at }: Taken): number => (periodOf(period, at) > periodOf(period, now) ? 0 : at.getTime());
    const own = taken
      .filter((snapshot) => scheduledPeriod(snapshot) === period)
      .toSorted((a, b) => age(a) - age(b) || (a.name < b.name ? -1 : 1));
    const due = !own.some(({ at }) => periodOf(period, at) === periodOf(period, now));
    if (due) take.push(period);
    const left = Math.max(0, own.length + (due ? 1 : 0) - keep);
    expire.push(...own.slice(0, left).map(({ name }) => name));
  }
  return { take, expire };
}
