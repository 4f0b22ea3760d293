/** Images: names, which one a word means, what of their metadata is believed. */
import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import {
  chooseImage,
  identifyImported,
  mountLines,
  parseDigest,
  parseMetadata,
  powerOf,
  sortImported,
  stemOf,
} from '../../../src/domain/image.ts';
import { properties } from '../../../src/domain/properties/index.ts';

const uuid = 'adae47cb-01cb-11e6-8e4e-000000000001';
const digest = 'a'.repeat(64);

describe('names', () => {
  it.each([
    [`${uuid}.tar.xz`, uuid],
    ['web.tar.zst', 'web'],
    ['web.1.TGZ', 'web.1'],
    ['web.tar', 'web'],
    ['web.sha256', undefined],
    ['web.zip', undefined],
    ['.tar.xz', undefined],
    ['-x.tar.xz', undefined],
    ['.20260101T000000000-aaaaaaaa', undefined],
  ])('the stem of %s is %s', (name, stem) => expect(stemOf(name)).toBe(stem));

  it.each([
    [digest, digest],
    [`${digest.toUpperCase()}\n`, digest],
    [`${digest}  web.tar.xz\n`, digest],
    [digest.slice(1), undefined],
    [`${digest}0`, undefined],
    [`SHA256 (x) = ${digest}`, undefined],
    ['', undefined],
  ])('a digest in %j', (text, found) => expect(parseDigest(text)).toBe(found));
});

describe('which image a word means', () => {
  const images = [
    { name: 'abcd-1.tar.xz', stem: 'abcd-1', tag: 'web' },
    { name: 'abcd-12.tar.zst', stem: 'abcd-12', tag: 'abcd-1' },
    { name: 'abcd-3.tar.gz', stem: 'abcd-3', tag: 'twin' },
    { name: 'efgh.tar.gz', stem: 'efgh', tag: 'twin' },
    { name: 'efgh.tar.xz', stem: 'efgh' },
  ];
  it.each([
    ['abcd-1', 'abcd-1.tar.xz'],
    ['abcd-12', 'abcd-12.tar.zst'],
    ['abcd-3.tar.gz', 'abcd-3.tar.gz'],
    ['web', 'abcd-1.tar.xz'],
    ['efgh.tar.xz', 'efgh.tar.xz'],
  ])('%s is %s, exact before prefix', (word, name) =>
    expect(chooseImage(images, word, '/images').name).toBe(name),
  );
  it.each([
    ['abcd', 'IMAGE_AMBIGUOUS'],
    ['efgh', 'IMAGE_AMBIGUOUS'],
    ['twin', 'IMAGE_AMBIGUOUS'],
    ['abc', 'IMAGE_NOT_FOUND'],
    ['a.*', 'IMAGE_NOT_FOUND'],
    ['nothing', 'IMAGE_NOT_FOUND'],
  ])('%s is refused: %s', (word, code) =>
    expect(() => chooseImage(images, word, '/images')).toThrow(expect.objectContaining({ code })),
  );
  it('a prefix that fits one', () =>
    expect(chooseImage(images.slice(0, 1), 'abcd', '/images').stem).toBe('abcd-1'));
});

describe('metadata', () => {
  const good = {
    format: 'iocage-image',
    version: 1,
    kernel: 'linux',
    exportedAt: '2026-01-01T00:00:00.000Z',
    uuid,
    tag: 'web',
    type: 'jail',
    archive: `${uuid}.tar.zst`,
    sha256: digest,
    sizeBytes: 1,
    properties: { boot: 'on' },
    fstab: '',
  };
  it('is read back', () => expect(parseMetadata('f', JSON.stringify(good))).toEqual(good));
  it.each([
    ['no JSON', '{'],
    ['another format', JSON.stringify({ ...good, format: 'x' })],
    ['a later version', JSON.stringify({ ...good, version: 2 })],
    ['a list', '[]'],
    ['a number for a value', JSON.stringify({ ...good, properties: { boot: 1 } })],
    ['a digest that is none', JSON.stringify({ ...good, sha256: '../../etc' })],
  ])('%s is refused', (_, content) =>
    expect(() => parseMetadata('f', content)).toThrow(expect.objectContaining({ code: 'BAD_ARCHIVE' })),
  );
  it('never ends in anything but our own error', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (content) => {
        try {
          parseMetadata('f', content);
        } catch (error) {
          expect(error).toMatchObject({ code: 'BAD_ARCHIVE' });
        }
      }),
    );
  });
});

describe('what of the properties is taken', () => {
  const stored = {
    boot: 'yes',
    quota: '5G',
    exec_prestart: '/bin/sh -c evil',
    exec_start: '/bin/sh /etc/rc',
    jail_zfs: 'on',
    mount_procfs: '1',
    nat_forwards: 'tcp(22:22)',
    reservation: '900G',
    sync_target: 'elsewhere.example',
    allow_mount: '1',
    allow_set_hostname: '0',
    ip4: 'inherit',
    no_such_key: 'x',
    priority: 'high',
    last_started: '2016',
    hostid: 'x',
    vnet0_mac: '02ff60aaaaaa,02ff60aaaaab',
    host_hostname: 'web.example',
    notes: '-',
  };
  it('drops power over the host, by name', () => {
    const { kept, dropped } = sortImported(stored, { trusted: false, same: false });
    expect(Object.fromEntries(kept)).toEqual({
      boot: 'on',
      quota: '5G',
      exec_start: '/bin/sh /etc/rc',
      allow_set_hostname: '0',
    });
    expect(dropped.map(({ what }) => what.split('=')[0]).sort()).toEqual([
      'allow_mount',
      'exec_prestart',
      'ip4',
      'jail_zfs',
      'mount_procfs',
      'nat_forwards',
      'no_such_key',
      'priority',
      'reservation',
      'sync_target',
    ]);
  });
  it('takes it when the image is trusted, but nothing that is not valid', () => {
    const { kept, dropped } = sortImported(stored, { trusted: true, same: true });
    expect(Object.fromEntries(kept)).toMatchObject({ exec_prestart: '/bin/sh -c evil', allow_mount: '1' });
    expect(Object.fromEntries(kept)).toMatchObject({ host_hostname: 'web.example' });
    expect(dropped.map(({ what }) => what)).toEqual(['no_such_key=x', 'priority=high']);
  });
  it('nothing powerful passes, whatever the metadata says', () => {
    const keys = fc.constantFrom(...properties.map(({ key }) => key));
    const values = fc.oneof(fc.constantFrom('on', 'off', '0', '1', 'inherit', '/bin/x'), fc.string());
    fc.assert(
      fc.property(fc.dictionary(fc.oneof(keys, fc.string()), values), (map) => {
        for (const [key, value] of sortImported(map, { trusted: false, same: true }).kept) {
          const row = properties.find((candidate) => candidate.key === key)!;
          expect(row.access).not.toBe('tool');
          if (value !== row.default) expect(powerOf(key, value)).toBeUndefined();
        }
      }),
    );
  });
  it('lines that mount', () =>
    expect(mountLines('# none\n\n /a /b nullfs ro 0 0\n')).toEqual(['/a /b nullfs ro 0 0']));
});

describe('who the imported jail is', () => {
  const fresh = { uuid: 'ffffffff-0000-4000-8000-000000000000', createdAt: new Date(2016, 1, 10, 20, 14, 5) };
  const free = () => false;
  const image = { stem: uuid, uuid, tag: 'web' };
  it('itself, where nobody else is', () =>
    expect(identifyImported(image, {}, fresh, free)).toEqual({ uuid, tag: 'web', same: true }));
  it('another, beside the one that it was made of', () =>
    expect(identifyImported(image, {}, fresh, (word) => [uuid, 'web'].includes(word))).toEqual({
      uuid: fresh.uuid,
      tag: 'web-ffffffff',
      same: false,
    }));
  it('what the caller says', () => {
    expect(identifyImported(image, { name: 'db' }, fresh, free)).toEqual({
      uuid: 'db',
      tag: 'db',
      same: false,
    });
    expect(identifyImported(image, { tag: 'db' }, fresh, free)).toEqual({ uuid, tag: 'db', same: true });
  });
  it('an image of the original: its file tells the UUID, the time the tag', () =>
    expect(identifyImported({ stem: uuid }, {}, fresh, free)).toEqual({
      uuid,
      tag: '2016-02-10@20:14:05',
      same: true,
    }));
  it('a file of any name gives the tag; what is no name gives none', () => {
    expect(identifyImported({ stem: 'backup' }, {}, fresh, free).tag).toBe('backup');
    expect(identifyImported({ stem: 'x', uuid: '../x', tag: 'a/b' }, {}, fresh, free)).toEqual({
      uuid: fresh.uuid,
      tag: '2016-02-10@20:14:05',
      same: false,
    });
  });
});
