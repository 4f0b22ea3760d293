import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assertDestroyable, guardProblem, guardProblemOfMade } from '../../../../src/driver/zfs/guard.ts';

const uuid = 'adae47cb-01a8-11e4-aa78-3c970e80eb61';

const allowed = [
  `tank/iocage/jails/${uuid}`,
  `tank/iocage/jails/${uuid}/root`,
  `tank/iocage/jails/${uuid}/data`,
  `tank/iocage/jails/${uuid}/root/data`,
  `tank/iocage/jails/${uuid}/mail`,
  'tank/iocage/jails/web_1',
  'tank/iocage/snapmounts/web:before-upgrade',
  'tank/iocage/snapmounts/web:before-upgrade/root',
  'tank/iocage/templates/base.2024',
  'tank/iocage/templates/base/root',
  'tank/iocage/releases/13.2-RELEASE',
  'tank/iocage/releases/bookworm/root',
  'tank/iocage/releases/x/pkg',
  'tank/iocage/releases/x/mirroring/root',
  'tank/iocage/base/10.1-RELEASE',
  'tank/iocage/base/10.1-RELEASE/root',
  'tank/iocage/base/10.1-RELEASE/root/usr/lib32',
  'tank/iocage/download/13.2-RELEASE',
  'my-pool:2/iocage/download/x',
];

const refused: readonly (readonly [string, string])[] = [
  ['', 'not plain'],
  ['tank', 'not below'],
  ['tank/iocage', 'not in one of'],
  ['tank/iocage/jails', 'layout itself'],
  ['tank/iocage/jails/', 'not plain'],
  ['tank/iocage//jails/x', 'not in one of'],
  ['tank/iocage/releases', 'layout itself'],
  ['tank/iocage/.defaults', 'not in one of'],
  ['tank/iocage/images/x', 'not in one of'],
  ['tank/iocage/constructor/x', 'not in one of'],
  ['tank/iocage/__proto__/x', 'not in one of'],
  ['tank/iocage2/jails/x', 'not below'],
  ['tank/Iocage/jails/x', 'not below'],
  ['tank/other/iocage/jails/x', 'not below'],
  ['iocage/jails/x', 'not below'],
  ['/tank/iocage/jails/x', 'not plain'],
  ['tank/iocage/jails/..', 'not plain'],
  ['tank/iocage/jails/../../tank', 'not plain'],
  ['tank/iocage/jails/a..b', 'not plain'],
  ['tank/iocage/jails/.', 'not plain'],
  ['tank/iocage/jails/.hidden', 'not plain'],
  ['tank/iocage/jails/-r', 'not plain'],
  ['-r/iocage/jails/x', 'not plain'],
  ['-R', 'not plain'],
  ['tank/iocage/jails/x@s', 'snapshot'],
  ['tank/iocage/jails@s', 'snapshot'],
  ['tank/iocage/jails/x y', 'not plain'],
  ['tank/iocage/jails/x\n', 'not plain'],
  ['tank/iocage/jails/x,y', 'not plain'],
  ['tank/iocage/jails/x%y', 'not plain'],
  ['tank/iocage/jails/x#b', 'not plain'],
  ['tank/iocage/jails/x/other/deeper', 'shape'],
  ['tank/iocage/jails/x/-r', 'not plain'],
  ['tank/iocage/jails/x/root/data/deeper', 'shape'],
  ['tank/iocage/jails/x/root/etc', 'shape'],
  ['tank/iocage/snapmounts', 'layout itself'],
  ['tank/iocage/snapmounts/web', 'no mounted snapshot'],
  ['tank/iocage/snapmounts/web:x/root/deeper', 'shape'],
  ['tank/iocage/releases/x/data', 'shape'],
  ['tank/iocage/releases/x/root/data', 'shape'],
  ['tank/iocage/releases/x/pkg/data', 'shape'],
  ['tank/iocage/releases/x/mirroring/root/data', 'shape'],
  ['tank/iocage/base/x/bin', 'shape'],
  ['tank/iocage/base/x/root/a/b/c/d', 'shape'],
  ['tank/iocage/download/x/y', 'shape'],
];

describe('destroy guard', () => {
  it.each(allowed)('lets %s go', (name) => {
    expect(guardProblem(name)).toBeUndefined();
    expect(guardProblemOfMade(name)).toBeUndefined();
    expect(() => assertDestroyable(name, false)).not.toThrow();
  });

  it.each(refused)('keeps %j', (name, why) => {
    expect(guardProblem(name)).toContain(why);
    expect(() => assertDestroyable(name, false)).toThrow(expect.objectContaining({ code: 'GUARDED' }));
  });

  it('lets the layout itself go only to who made it', () => {
    for (const name of [
      'tank/iocage',
      'tank/iocage/jails',
      'tank/iocage/.defaults',
      'tank/iocage/download',
    ]) {
      expect(guardProblem(name)).toBeDefined();
      expect(guardProblemOfMade(name)).toBeUndefined();
    }
    for (const name of [
      'tank',
      '',
      '-r/iocage',
      'tank/iocage/other',
      'tank/iocage/..',
      'tank/iocage@s',
      'a..b/iocage',
    ]) {
      expect(guardProblemOfMade(name), name).toBeDefined();
    }
  });

  it('takes what lies below an admitted root as it takes what lies below POOL/iocage', () => {
    const roots = ['tank/jails/old', 'vault'];
    for (const name of [
      'tank/jails/old/jails/web',
      'tank/jails/old/jails/web/root',
      'vault/jails/web',
      'vault/receiving/web/root',
    ]) {
      expect(guardProblem(name), name).toContain('not below');
      expect(guardProblem(name, roots), name).toBeUndefined();
    }
    for (const name of [
      'tank/jails/old',
      'tank/jails/old/jails',
      'tank/jails/older/jails/web',
      'tank/jails/web',
      'tank/jails/old/other/web',
      'tank/jails/old/jails/web/root/etc',
      'tank/jails/old/../jails/web',
      'vault',
      'vault/other/web',
      'vault2/jails/web',
    ])
      expect(guardProblem(name, roots), name).toBeDefined();
    for (const name of ['tank/jails/old', 'tank/jails', 'tank/jails/old/jails', 'vault/jails'])
      expect(guardProblemOfMade(name, roots), name).toBeUndefined();
    for (const name of ['tank', 'vault', 'tank/jails/other', 'tank/ja', 'vault/other'])
      expect(guardProblemOfMade(name, roots), name).toBeDefined();
  });

  // Names near the allowed ones: pieces that matter, in any order and number.
  const piece = fc.constantFrom(
    'tank',
    'iocage',
    'jails',
    'templates',
    'releases',
    'base',
    'download',
    'snapmounts',
    'web:x',
    'receiving',
    'root',
    'data',
    'x',
    uuid,
    '',
    '.',
    '..',
    '-r',
    '-',
    'a..b',
    'a@b',
    'a b',
    'a,b',
    'a%b',
    'a\nb',
    '.defaults',
    'jails2',
    'Jails',
    '*',
    '$x',
  );
  const near = fc.array(piece, { maxLength: 8 }).map((parts) => parts.join('/'));

  /** Said again in other words: segment by segment, what may be destroyed. */
  function mayGo(name: string): boolean {
    const parts = name.split('/');
    const plain = (part: string): boolean => /^\w[\w.:-]*$/.test(part) && !part.includes('..');
    if (parts.length < 4 || parts[1] !== 'iocage') return false;
    const named = [parts[0]!, ...parts.slice(3)];
    if (!named.every(plain)) return false;
    const rest = parts.slice(4).join('/');
    switch (parts[2]) {
      case 'jails':
      case 'templates':
        return !rest.includes('/') || rest === 'root/data';
      case 'snapmounts':
        return parts[3]!.includes(':') && (!rest.includes('/') || rest === 'root/data');
      case 'releases':
        return ['', 'root'].includes(rest);
      case 'base':
        return rest === '' || (parts[4] === 'root' && parts.length <= 8);
      case 'download':
        return rest === '';
      case 'receiving':
        return true;
      default:
        return false;
    }
  }

  it('agrees with its law for whatever is thrown at it', () => {
    const names = fc.oneof(
      near,
      fc.string(),
      near.chain((a) => fc.string({ maxLength: 3 }).map((b) => a + b)),
    );
    fc.assert(
      fc.property(names, (name) => {
        expect(guardProblem(name) === undefined).toBe(mayGo(name));
      }),
      { numRuns: 5000 },
    );
  });

  it('never lets go what is not strictly below a group of the layout', () => {
    fc.assert(
      fc.property(near, (name) => {
        if (guardProblem(name) !== undefined) return;
        expect(name).toMatch(
          /^[^/@]+\/iocage\/(jails|templates|releases|base|download|snapmounts|receiving)\/[^/@]+/,
        );
        expect(name).not.toMatch(/@|\.\.|(^|\/)-|\/\/|\/$|\s/);
      }),
      { numRuns: 5000 },
    );
  });
});
