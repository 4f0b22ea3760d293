/** What stays the same object when it is read again, and what is made anew of it. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sameAsBefore } from '../../../src/server/same.ts';
import { keepText, bytesOnce, printCompact, printIndented } from '../../../src/server/sysadm/json.ts';
import { answerFrame, printAnswer } from '../../../src/server/sysadm/message.ts';

const facts = (): any => ({
  pool: { name: 'tank' },
  jails: [
    { uuid: 'a', local: new Map([['boot', 'on']]), problem: undefined },
    { uuid: 'b', local: new Map([['boot', 'off']]) },
  ],
});

describe('facts that were read again', () => {
  it('are the same object where nothing changed, and keep their parts where something did', () => {
    const before = facts();
    expect(sameAsBefore(before, facts())).toBe(before);
    const changed = facts();
    changed.jails[1].local.set('boot', 'on');
    const now = sameAsBefore(before, changed);
    expect(now).toEqual(changed);
    expect(now).not.toBe(before);
    expect(now.pool).toBe(before.pool);
    expect(now.jails[0]).toBe(before.jails[0]);
    expect(now.jails[1].local).not.toBe(before.jails[1].local);
  });

  it('lose and gain what they lost and gained', () => {
    const before = facts();
    const fewer = facts();
    fewer.jails.pop();
    delete fewer.jails[0].problem;
    fewer.jails[0].local.clear();
    expect(sameAsBefore(before, fewer)).toStrictEqual(fewer);
    expect(sameAsBefore(fewer, facts())).toStrictEqual(facts());
    expect(sameAsBefore(new Map([['a', undefined]]), new Map([['b', undefined]]))).toEqual(
      new Map([['b', undefined]]),
    );
  });

  it('are never anything but what was read', () =>
    fc.assert(
      fc.property(fc.object({ withMap: true }), fc.object({ withMap: true }), (before, now) => {
        expect(sameAsBefore(before, now)).toEqual(now);
        expect(sameAsBefore(now, structuredClone(now))).toEqual(now);
      }),
    ));
});

describe('an answer that many get', () => {
  const make = () => keepText({ listjails: keepText({ a: { tag: 'é "x"' } }) });
  const request = { namespace: 'sysadm', name: 'iocage', id: 'é', args: {} };

  it('is the same bytes as one that one gets, and is made once', () => {
    const args = make();
    for (const id of ['é', '', '"']) {
      const asked = { ...request, id };
      expect(String(answerFrame(asked, { args }))).toBe(printAnswer(asked, { args: { ...args } }));
    }
    let made = 0;
    const print = (): string => {
      made += 1;
      return printIndented({ args });
    };
    const first = bytesOnce(args, 'indented', print);
    expect(bytesOnce(args, 'indented', print)).toBe(first);
    expect([String(first), made]).toEqual([printIndented({ args: { ...args } }), 1]);
    expect(bytesOnce({ a: 1 }, 'compact', () => printCompact({ a: 1 }))).toBe('{"a":1}');
  });
});
