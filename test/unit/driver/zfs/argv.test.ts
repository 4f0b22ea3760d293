import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as argv from '../../../../src/driver/zfs/argv.ts';

const jail = 'tank/iocage/jails/a';
const words = (command: readonly string[]): string => command.join(' ');

describe('argument arrays', () => {
  it.each<[string, () => readonly string[], string]>([
    [
      'pools',
      () => argv.listPools(),
      'zfs list -H -d 0 -o name,mountpoint,org.freebsd.ioc:active,org.freebsd.iocage:disposable,name',
    ],
    ['pool comments', () => argv.listPoolComments(), 'zpool list -H -o name,comment'],
    ['pool health', () => argv.poolHealth('tank'), 'zpool list -H -o health tank'],
    [
      'list',
      () => argv.list(jail, 1, 'filesystem', ['quota', 'a:b']),
      `zfs list -H -d 1 -t filesystem -o name,quota,a:b,name ${jail}`,
    ],
    [
      'list all',
      () => argv.list('tank', undefined, 'filesystem,volume', ['origin']),
      'zfs list -H -r -t filesystem,volume -o name,origin,name tank',
    ],
    [
      'get',
      () => argv.get(jail, 2, ['used', 'quota']),
      `zfs get -H -p -r -d 2 -o name,property,value,property,name used,quota ${jail}`,
    ],
    [
      'get one',
      () => argv.get(jail, 0, ['used']),
      `zfs get -H -p -o name,property,value,property,name used ${jail}`,
    ],
    [
      'get all below',
      () => argv.get(jail, undefined, ['used']),
      `zfs get -H -p -r -o name,property,value,property,name used ${jail}`,
    ],
    [
      'local',
      () => argv.getLocal(`${jail}@s`),
      `zfs get -H -p -s local,received -o property,value,property all ${jail}@s`,
    ],
    [
      'create',
      () => argv.create(jail, { 'a:b': 'c d', quota: '1G' }),
      `zfs create -o a:b=c d -o quota=1G ${jail}`,
    ],
    [
      'snapshot',
      () => argv.snapshot(`${jail}@s`, true, { 'a:b': '-x' }),
      `zfs snapshot -r -o a:b=-x ${jail}@s`,
    ],
    ['clone', () => argv.clone(`${jail}@s`, 'tank/b', { 'a:b': 'c' }), `zfs clone -o a:b=c ${jail}@s tank/b`],
    ['inherit', () => argv.inherit(jail, 'a:b'), `zfs inherit a:b ${jail}`],
    ['inherit quota', () => argv.inherit(jail, 'quota'), `zfs set quota=none ${jail}`],
    ['rollback', () => argv.rollback(`${jail}@s`, false), `zfs rollback ${jail}@s`],
    ['rollback -r', () => argv.rollback(`${jail}@s`, true), `zfs rollback -r ${jail}@s`],
    ['promote', () => argv.promote(jail), `zfs promote ${jail}`],
    ['rename', () => argv.rename(jail, 'tank/b'), `zfs rename ${jail} tank/b`],
    ['mount', () => argv.mount(jail), `zfs mount ${jail}`],
    ['unmount', () => argv.unmount(jail), `zfs unmount ${jail}`],
    ['destroy', () => argv.destroy(jail, false), `zfs destroy ${jail}`],
    ['destroy -r', () => argv.destroy(`${jail}@s`, true), `zfs destroy -r ${jail}@s`],
    ['send', () => argv.send({ snapshot: `${jail}@s` }), `zfs send ${jail}@s`],
    [
      'send what is new',
      () => argv.send({ snapshot: `${jail}@s`, from: `${jail}@r` }),
      `zfs send -i ${jail}@r ${jail}@s`,
    ],
    [
      'go on with a send',
      () => argv.send({ snapshot: `${jail}@s`, token: '1-e604-98-789c' }),
      'zfs send -t 1-e604-98-789c',
    ],
    ['receive', () => argv.receive(jail, false), `zfs recv -u ${jail}`],
    ['receive to go on', () => argv.receive(jail, true), `zfs recv -s -u ${jail}`],
    ['forget a part', () => argv.abortReceive(jail), `zfs recv -A ${jail}`],
    ['read a token', () => argv.readToken('1-e604-98-789c'), 'zfs send -n -v -t 1-e604-98-789c'],
    ['pool comment', () => argv.setPoolComment('tank', 'iocage'), 'zpool set comment=iocage tank'],
  ])('%s', (_what, make, expected) => {
    expect(words(make())).toBe(expected);
  });

  it.each(['', '-n', '1', '1-a-b-c d', '1-a-b-c\n', 'x-a-b-c', '1-a-b-$(x)'])(
    'refuse the token %j',
    (token) => {
      expect(() => argv.readToken(token)).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }));
      expect(() => argv.send({ snapshot: `${jail}@s`, token })).toThrow(
        expect.objectContaining({ code: 'INVALID_INPUT' }),
      );
    },
  );

  it('sets many at once or one by one', () => {
    const properties = { 'a:b': '1', quota: '2G' };
    expect(argv.set(jail, properties, true).map(words)).toEqual([`zfs set a:b=1 quota=2G ${jail}`]);
    expect(argv.set(jail, properties, false).map(words)).toEqual([
      `zfs set a:b=1 ${jail}`,
      `zfs set quota=2G ${jail}`,
    ]);
    expect(argv.set(jail, {}, true)).toEqual([]);
  });

  it('copies without overwriting or mounting', () => {
    expect(argv.copy(`${jail}@s`, 'tank/b').map(words)).toEqual([`zfs send ${jail}@s`, 'zfs recv -u tank/b']);
  });

  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom(
      '-r',
      '-R',
      '-f',
      '-O',
      '--',
      '',
      'a@b',
      'a,b',
      'a%b',
      'tank/-f',
      'tank//a',
      'tank/a b',
      '/tank',
      'tank/',
      'a=b',
      '..',
      'tank/../x',
      'tank\n',
      'ok',
      'tank/ok',
      'tank/ok@s',
      'tank@-r',
      'tank@a@b',
    ),
  );
  const makers: readonly ((name: string) => readonly (readonly string[])[])[] = [
    (name) => [argv.poolHealth(name)],
    (name) => [argv.list(name, 1, 'filesystem', [])],
    (name) => [argv.get(name, 1, ['used'])],
    (name) => [argv.getLocal(name)],
    (name) => [argv.create(name, {})],
    (name) => [argv.snapshot(name, false, {})],
    (name) => [argv.clone(name, 'tank/x', {})],
    (name) => [argv.clone('tank/x@s', name, {})],
    (name) => argv.copy(name, 'tank/x'),
    (name) => argv.copy('tank/x@s', name),
    (name) => [argv.send({ snapshot: name })],
    (name) => [argv.send({ snapshot: 'tank/x@s', from: name })],
    (name) => [argv.receive(name, false)],
    (name) => [argv.abortReceive(name)],
    (name) => argv.set(name, { 'a:b': 'c' }, true),
    (name) => [argv.inherit(name, 'a:b')],
    (name) => [argv.inherit('tank/x', name)],
    (name) => [argv.rollback(name, true)],
    (name) => [argv.promote(name)],
    (name) => [argv.rename(name, 'tank/x')],
    (name) => [argv.rename('tank/x', name)],
    (name) => [argv.mount(name)],
    (name) => [argv.unmount(name)],
    (name) => [argv.destroy(name, true)],
    (name) => [argv.setPoolComment(name, 'iocage')],
  ];

  it('never hold a name that a program could take for something else', () => {
    const fixed = new Set(['-H', '-p', '-r', '-d', '-t', '-o', '-s', '-u', '-i', '-A']);
    fc.assert(
      fc.property(text, fc.constantFrom(...makers), (name, make) => {
        let commands: readonly (readonly string[])[];
        try {
          commands = make(name);
        } catch (error) {
          expect(error).toHaveProperty('code', expect.stringMatching(/^INVALID_(NAME|INPUT)$/));
          return;
        }
        for (const command of commands) {
          for (const word of command.slice(2)) {
            expect(word).not.toBe('');
            if (word.startsWith('-')) expect(fixed).toContain(word);
            // eslint-disable-next-line no-control-regex -- looked for on purpose.
            expect(word).not.toMatch(/[\u0000-\u001f%#]|\.\.|\/\/|^\/|\/$/);
          }
          expect(words(command)).not.toMatch(/ -[RfFO] /);
        }
      }),
      { numRuns: 4000 },
    );
  });

  it('refuse properties that cannot be stored or read back', () => {
    for (const bad of [
      { 'A:b': 'x' },
      { '': 'x' },
      { 'a b:c': 'x' },
      { 'a=b:c': 'x' },
      { '-o': 'x' },
      { 'a:b': '' },
      { 'a:b': 'x\ny' },
      { 'a:b': 'x\ty' },
      { 'a:b': 'x\0' },
      { 'a:b': '\u001b[2J' },
      { 'a,b': 'x' },
    ]) {
      expect(() => argv.create(jail, bad), JSON.stringify(bad)).toThrow(
        expect.objectContaining({ code: 'INVALID_INPUT' }),
      );
    }
    expect(() => argv.create(jail, { 'a:b': 'ü "quoted" = $HOME `x`', 'a:c': '-' })).not.toThrow();
  });

  it('name every bad property at once', () => {
    expect(() => argv.create(jail, { 'A:b': '', 'c:d': 'x\n' })).toThrow(/A:b: .*; A:b: .*; c:d: /);
  });
});
