/** Scheduled snapshots: the laws that hold whatever was taken before and whatever the clock says. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  periodOf,
  periods,
  rotation,
  scheduledName,
  scheduledPeriod,
  snapshotSchedule,
  type Rule,
  type Taken,
} from '../../../src/domain/schedule.ts';

const at = (text: string): Date => new Date(`${text}`);
const of = (period: (typeof periods)[number], date: Date): Taken => ({
  name: scheduledName(period, date),
  period,
  at: date,
});

describe('the schedule', () => {
  it.each([
    ['none', 'none'],
    ['daily=7', 'daily=7'],
    ['weekly=4 daily=7', 'daily=7,weekly=4'],
    ['YEARLY=1,Hourly=024', 'hourly=24,yearly=1'],
  ])('%s is stored as %s', (text, stored) => {
    expect(snapshotSchedule.print(snapshotSchedule.parse(text))).toBe(stored);
  });
  it.each([
    '',
    ',',
    'daily',
    'daily=0',
    'daily=1000',
    'daily=-1',
    'daily=7,daily=8',
    'nightly=3',
    'daily=7;x',
  ])('refuses %j', (text) => {
    expect(() => snapshotSchedule.parse(text)).toThrow();
  });
});

it.each([
  ['hourly', '2026-03-01T10:59:59', '2026-03-01T11:00:00'],
  ['daily', '2026-02-28T23:59:59', '2026-03-01T00:00:00'],
  ['weekly', '2026-03-01T23:59:59', '2026-03-02T00:00:00'],
  ['monthly', '2026-02-28T23:59:59', '2026-03-01T00:00:00'],
  ['yearly', '2025-12-31T23:59:59', '2026-01-01T00:00:00'],
] as const)('a %s period ends between %s and %s', (period, last, first) => {
  expect(periodOf(period, at(last))).not.toBe(periodOf(period, at(first)));
  expect(periodOf(period, at(last))).toBe(periodOf(period, new Date(at(last).getTime() - 60_000)));
});

it('a week begins on Monday, also over the turn of a year', () => {
  expect(periodOf('weekly', at('2026-01-01T12:00:00'))).toBe('2025-12-29');
  expect(periodOf('weekly', at('2026-01-04T12:00:00'))).toBe('2025-12-29');
  expect(periodOf('weekly', at('2026-01-05T00:00:00'))).toBe('2026-01-05');
});

it('takes what the period does not have yet, and keeps as many as were asked for', () => {
  const rules = snapshotSchedule.parse('daily=2,weekly=1');
  const days = ['2026-03-03T00:10:00', '2026-03-04T00:10:00'].map((text) => of('daily', at(text)));
  const week = of('weekly', at('2026-03-02T00:10:00'));
  expect(rotation(rules, [...days, week], at('2026-03-04T12:00:00'))).toEqual({ take: [], expire: [] });
  expect(rotation(rules, [...days, week], at('2026-03-05T00:10:00'))).toEqual({
    take: ['daily'],
    expire: [days[0]!.name],
  });
  expect(rotation(rules, [...days, week], at('2026-03-09T00:10:00'))).toEqual({
    take: ['daily', 'weekly'],
    expire: [days[0]!.name, week.name],
  });
  // A kind that is no longer asked for is left alone.
  expect(rotation([], [...days, week], at('2026-03-09T00:10:00'))).toEqual({ take: [], expire: [] });
});

it('gives up first what a clock that was wrong took in the future', () => {
  const [past, now, future] = ['2026-03-03', '2026-03-04', '2031-01-01'].map((day) =>
    of('daily', at(`${day}T00:10:00`)),
  );
  expect(rotation(snapshotSchedule.parse('daily=1'), [past!, now!, future!], now!.at)).toEqual({
    take: [],
    expire: [future!.name, past!.name],
  });
});

describe('laws', () => {
  const date = fc.date({ min: new Date(2020, 0, 1), max: new Date(2035, 0, 1), noInvalidDate: true });
  const period = fc.constantFrom(...periods);
  const rules: fc.Arbitrary<readonly Rule[]> = fc.uniqueArray(
    fc.record({ period, keep: fc.integer({ min: 1, max: 9 }) }),
    { selector: (rule) => rule.period },
  );
  const ours = fc.tuple(period, date).map(([kind, when]) => of(kind, when));
  /** A person's snapshot, perhaps with a mark that it inherited or a name that looks like one of ours. */
  const persons: fc.Arbitrary<Taken> = fc
    .record({
      name: fc.oneof(
        fc.constantFrom('before-upgrade', 'ioc-2026-01-31_12:00:00', 'daily', 'ioc-daily-mine'),
        fc.tuple(period, date).map(([kind, when]) => scheduledName(kind, when)),
      ),
      period: fc.option(fc.constantFrom('daily', 'weekly', '', 'on'), { nil: undefined }),
      at: date,
    })
    .filter((snapshot) => scheduledPeriod(snapshot) === undefined);
  const taken = fc.uniqueArray(fc.oneof(ours, persons), { maxLength: 40, selector: ({ name }) => name });

  it('what a person took never expires', () => {
    fc.assert(
      fc.property(rules, taken, date, (asked, present, now) => {
        const gone = new Set(rotation(asked, present, now).expire);
        for (const snapshot of present)
          if (scheduledPeriod(snapshot) === undefined) expect(gone.has(snapshot.name)).toBe(false);
      }),
    );
  });

  it('of each kind as many as asked for are left, the newest; other kinds stay', () => {
    fc.assert(
      fc.property(rules, taken, date, (asked, present, now) => {
        const { take, expire } = rotation(asked, present, now);
        const after = present.filter(({ name }) => !expire.includes(name));
        for (const kind of periods) {
          const before = present.filter((snapshot) => scheduledPeriod(snapshot) === kind);
          const left = after.filter((snapshot) => scheduledPeriod(snapshot) === kind);
          const rule = asked.find((one) => one.period === kind);
          if (rule === undefined) {
            expect(left).toEqual(before);
            continue;
          }
          const count = left.length + (take.includes(kind) ? 1 : 0);
          expect(count).toBeLessThanOrEqual(rule.keep);
          if (before.length >= rule.keep) expect(count).toBe(rule.keep);
          const age = ({ at }: Taken): number =>
            periodOf(kind, at) > periodOf(kind, now) ? 0 : at.getTime();
          const oldestLeft = Math.min(...left.map(age));
          for (const gone of before.filter((one) => !left.includes(one)))
            expect(age(gone)).toBeLessThanOrEqual(oldestLeft);
        }
      }),
    );
  });

  it('done once it has nothing to do again, and a day later it takes one of each day at most', () => {
    fc.assert(
      fc.property(rules, taken, date, (asked, present, now) => {
        const { take, expire } = rotation(asked, present, now);
        const after = [
          ...present.filter(({ name }) => !expire.includes(name)),
          ...take.map((kind) => of(kind, now)),
        ];
        expect(rotation(asked, after, now)).toEqual({ take: [], expire: [] });
      }),
    );
  });

  it('called every hour of a year, it holds the newest periods without a gap', () => {
    const asked = snapshotSchedule.parse('hourly=24,daily=7,weekly=4,monthly=12');
    let present: Taken[] = [];
    for (let hour = 0; hour < 24 * 366; hour += 1) {
      const now = new Date(2026, 0, 1, hour, 5);
      const { take, expire } = rotation(asked, present, now);
      expect(expire.length).toBeLessThanOrEqual(take.length);
      present = [
        ...present.filter(({ name }) => !expire.includes(name)),
        ...take.map((kind) => of(kind, now)),
      ];
    }
    const count = (kind: string) => present.filter((one) => one.period === kind).length;
    expect([count('hourly'), count('daily'), count('weekly'), count('monthly')]).toEqual([24, 7, 4, 12]);
    const days = present.filter((one) => one.period === 'daily').map((one) => periodOf('daily', one.at));
    expect(days.at(-1)).toBe('2027-01-01');
    expect(new Set(days).size).toBe(7);
  });
});
