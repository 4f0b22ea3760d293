/** What could stand in the place of the last word. */
import { describe, expect, it } from 'vitest';
import { candidates, slotsOf, type Live } from '../../../src/cli/completion/candidates.ts';
import { properties } from '../../../src/domain/properties/index.ts';
import { operations } from '../../../src/ops/index.ts';

const live: Live = {
  jails: () => Promise.resolve(['web', 'db', '2016-02-10@20:14:05', 'odd name', '$(reboot)', '-rf']),
  releases: () => Promise.resolve(['bookworm', 'busybox']),
  snapshots: (jail) => Promise.resolve(jail === 'web' ? ['before', 'after'] : []),
  pools: () => Promise.resolve(['tank']),
  sources: () => Promise.resolve(['main', 'old']),
  images: () => Promise.resolve(['web_2026-11-22', 'web']),
};
const tables = { operations, properties, printsTable: ({ id }: { id: string }) => id === 'jail.list' };
const complete = async (line: string): Promise<string> =>
  (await candidates(line.split(' '), tables, live)).join(' ');

describe('slotsOf', () => {
  it.each([
    ['JAIL ... | ALL', [{ words: ['JAIL', 'ALL'], many: true }]],
    ['JAIL[@NAME]', [{ words: ['JAIL@NAME'], many: false }]],
    ['PROPERTY=VALUE ... JAIL ... | default', [{ words: ['JAIL', 'default'], many: true }]],
    ['[-c|-e] [release=RELEASE] [PROPERTY=VALUE ...]', []],
    [
      '[-u USER | -U USER] JAIL|ALL COMMAND [ARG ...]',
      [
        { words: ['JAIL', 'ALL'], many: false },
        { words: ['COMMAND'], many: false },
        { words: ['ARG'], many: true },
      ],
    ],
  ])('%s', (usage, slots) => {
    expect(slotsOf(usage)).toEqual(slots);
  });
});

describe('candidates', () => {
  it.each([
    ['rcb', 'rcboot'],
    ['st', 'start stop'],
    ['--form', '--format'],
    ['--format ', 'json legacy table'],
    ['--pool ', 'tank'],
    ['--source ', 'main old'],
    ['move web ', 'main old'],
    ['start ', '2016-02-10@20:14:05 ALL db web'],
    ['start web d', 'db'],
    ['console ', '2016-02-10@20:14:05 db web'],
    ['console web ', ''],
    ['exec ', '2016-02-10@20:14:05 ALL db web'],
    ['exec web l', ''],
    ['rollback web@', 'web@after web@before'],
    ['clone web@b', 'web@before'],
    ['clone 2016', '2016-02-10@20:14:05'],
    ['get boo', 'boot'],
    ['get boot w', 'web'],
    ['get boot web ', ''],
    ['set boo', 'boot='],
    ['set boot=', 'boot=off boot=on'],
    ['set depends=d', 'depends=db'],
    ['set boot=on de', 'dedup= default defaultrouter6= defaultrouter= depends= devfs_ruleset='],
    ['create release=b', 'release=bookworm release=busybox'],
    ['create -r bo', 'bookworm'],
    ['create star', 'start='],
    ['create start=', 'start=no start=yes'],
    ['create -', expect.stringContaining('--clone')],
    ['destroy -r b', 'bookworm busybox'],
    ['deactivate ', 'tank'],
    ['help rcsh', 'rcshutdown'],
    ['completion ', 'bash fish zsh'],
    ['import we', 'web web_2026-11-22'],
    ['nosuch ', ''],
    ['start --nosuch ', ''],
  ])('%s', async (line, expected) => {
    expect(await complete(line)).toEqual(expected);
  });

  it('an unreachable pool costs the names, not the rest', async () => {
    const broken: Live = { ...live, jails: () => Promise.reject(new Error('no pool')) };
    expect(await candidates(['start', ''], tables, broken)).toEqual([]);
    expect(await candidates(['star'], tables, broken)).toEqual(['start']);
  });
});
