/** Hints that depend on what failed: they name the property when there is one, and nothing that cannot be looked up. */
import type * as z from 'zod';
import { describe, expect, it } from 'vitest';
import { failure, namingCommand, type IocageError } from '../../../src/domain/errors.ts';
import { properties } from '../../../src/domain/properties/index.ts';
import { operations } from '../../../src/ops/index.ts';

const invalid = (...paths: string[]) =>
  failure('INVALID_INPUT', { issues: paths.map((path) => ({ path, problem: 'is wrong' })) }).hint;

const general = `see 'iocage help properties'`;

describe('a word of any length', () => {
  const word = 'x'.repeat(100_000);
  const sizes = (error: IocageError): readonly number[] =>
    [error.message, error.hint ?? '', JSON.stringify(error)].map((text) => text.length);

  it('is not repeated whole by an error, its hint, nor as JSON', () => {
    const thrown = [
      failure('RELEASE_NOT_FOUND', { release: word, fetched: ['13.2-RELEASE'] }),
      failure('USAGE', { problem: `${word} is too much`, command: word }),
      failure('INVALID_INPUT', { issues: [{ path: word, problem: `${word} is wrong` }] }),
      failure('COMMAND_FAILED', { argv: ['zfs', word], status: 'exit 1', stderr: 'no such thing' }),
    ];
    expect(thrown.flatMap(sizes).filter((size) => size > 20_000)).toEqual([]);
    expect(thrown.map(({ message }) => message.length).filter((size) => size > 3_100)).toEqual([]);
  });

  it('its middle is left out: what failed and why stand at the ends', () => {
    const { message, details } = failure('USAGE', { problem: `start: ${word} is too much` });
    expect(message).toMatch(/^start: x+…x+ is too much$/);
    // The program itself still has all of it.
    expect(details['problem']).toHaveLength(100_019);
  });

  it('short ones stay as they are, and no half of a pair is left', () => {
    expect(failure('USAGE', { problem: 'short' }).message).toBe('short');
    expect(failure('USAGE', { problem: `a${'😀'.repeat(5_000)}` }).message.isWellFormed()).toBe(true);
  });
});

describe('INVALID_INPUT', () => {
  it('one property at fault: its help', () => {
    const wrong = properties.filter(({ key }) => invalid(key) !== `iocage help ${key}`);
    expect(wrong.map(({ key }) => key)).toEqual([]);
  });

  it('anything else: where help is found', () => {
    expect(invalid('boot', 'quota')).toBe(general);
    expect(invalid('org.freebsd.iocage:boot')).toBe(general);
    const keys = new Set(properties.map(({ key }) => key));
    const words = operations.flatMap((operation) =>
      'input' in operation ? Object.keys((operation.input as unknown as z.ZodObject).shape ?? {}) : [],
    );
    expect(words).toContain('jail');
    const misled = words.filter((word) => !keys.has(word) && invalid(word) !== general);
    expect(misled).toEqual([]);
  });

  it('anything else at the command line: the help of the command that was typed', () => {
    const error = failure('INVALID_INPUT', { issues: [{ path: 'url', problem: 'is wrong' }] });
    expect(namingCommand(error, 'fetch')).toMatchObject({
      message: 'url: is wrong',
      hint: `see 'iocage help fetch'`,
    });
    const other = failure('JAIL_NOT_FOUND', { name: 'web' });
    expect(namingCommand(other, 'fetch')).toBe(other);
  });
});

describe('HAS_DEPENDENTS', () => {
  const hint = (...dependents: string[]) => failure('HAS_DEPENDENTS', { what: 'jail web', dependents }).hint;

  it('the command that makes the first of them independent, by its tag', () => {
    expect(hint('5751a379 (web2)', 'node')).toContain(`'iocage promote web2'`);
    expect(hint('node')).toContain(`'iocage promote node'`);
    expect(hint('tank/iocage/releases/mine')).toContain(`'iocage promote JAIL'`);
    expect(hint('web2', 'tank/iocage/releases/12/root')).toContain(
      `'zfs promote tank/iocage/releases/12/root'`,
    );
  });

  it('a mounted snapshot is unmounted instead', () => {
    expect(hint('tank/iocage/snapmounts/web:before')).toBe('iocage snapumount web@before');
  });
});

describe('START_FAILED', () => {
  const hint = (why: string) => failure('START_FAILED', { jail: 'b6f193ed (web)', why }).hint;

  it('names the property at fault, the first of several', () => {
    expect(hint('ip4_addr: 192.0.2.7 is in use; vnet: comes later')).toBe(
      `'iocage get ip4_addr b6f193ed' shows the value, 'iocage help ip4_addr' what it may be`,
    );
  });

  it.each([
    ['fstab: source "/a" does not exist; ip4_addr: 192.0.2.7 is in use', /get ip4_addr b6f193ed/],
    ['fstab: source "/a" does not exist', /^'iocage fstab -l b6f193ed' shows/],
    ["root: its programs are FreeBSD's, which this kernel cannot run", /^'iocage fetch' gets/],
    ['root: /r does not exist; is its dataset mounted?', /get -l all b6f193ed/],
  ])('leads on from %s', (why, expected) => expect(hint(why)).toMatch(expected));

  it('shows all properties when none is at fault', () => {
    expect(hint('its first process ended at once')).toBe(
      `'iocage get -l all b6f193ed' shows how it is configured`,
    );
  });
});

it('COMMAND_FAILED leads to the log where there is one', () => {
  const hint = (stderr: string) => failure('COMMAND_FAILED', { argv: ['/bin/sh'], status: '1', stderr }).hint;
  expect([hint('see /log/web.log'), hint('no such file')]).toEqual([
    'tail -n 50 /log/web.log',
    'that command, run by hand, may tell more',
  ]);
});

describe('DATASET_BUSY', () => {
  it('searches for the dataset, also when a snapshot is busy', () => {
    expect(failure('DATASET_BUSY', { dataset: 'tank/iocage/jails/web@a', tries: 3 }).hint).toContain(
      'grep -l tank/iocage/jails/web /proc/*/mountinfo',
    );
  });
});
