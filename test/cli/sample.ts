/** A small registry with one operation of each effect, for tests of the grammar and of the flow. */
import * as z from 'zod';
import {
  defineChange,
  defineRead,
  defineSession,
  type Operation,
  type Words,
} from '../../src/ops/operation.ts';
import { failure } from '../../src/domain/errors.ts';

const anything = z.looseObject({});
const asInputs = (words: Words): readonly unknown[] => [{ ...words }];
const eachJail = (words: Words): readonly unknown[] => {
  if (words.positionals.length === 0) throw failure('USAGE', { problem: 'missing UUID', command: 'start' });
  return words.positionals.map((jail) => ({ jail }));
};
const unused = (): never => {
  throw new Error('not called here');
};

export const sample: readonly Operation[] = [
  defineRead({
    id: 'jail.list',
    title: 'List jails',
    input: anything,
    read: unused,
    command: {
      names: ['list'],
      group: 'jails',
      usage: '',
      flags: [
        { key: 'long', flags: '-l, --long', doc: 'more columns' },
        { key: 'sort', flags: '-s, --sort <column>', doc: 'by this column' },
      ],
      examples: [],
      toInputs: asInputs,
    },
  }),
  defineChange({
    id: 'jail.create',
    title: 'Create jails',
    effect: 'change',
    recover: 'undo',
    input: anything,
    locks: () => [],
    plan: unused,
    command: {
      names: ['create'],
      group: 'jails',
      usage: '[-c] [PROPERTY=VALUE ...]',
      flags: [
        { key: 'clone', flags: '-c, --clone [count]', doc: 'clone; with a number, that many' },
        { key: 'empty', flags: '-e, --empty', doc: 'no files' },
        { key: 'name', flags: '-n, --name <name>', doc: 'the name' },
        { key: 'packages', flags: '-p, --package <name>', doc: 'may be repeated', many: true },
        { key: 'size', flags: '--size <n>', doc: 'a number', parse: Number },
      ],
      about: 'A jail gets a UUID.',
      examples: [{ line: 'iocage create -c tag=web', says: 'a thin jail' }],
      toInputs: asInputs,
    },
  }),
  defineChange({
    id: 'jail.start',
    title: 'Start jails',
    effect: 'change',
    recover: 'undo',
    input: anything,
    locks: () => [],
    plan: unused,
    command: { names: ['start'], group: 'jails', usage: 'JAIL ... | ALL', examples: [], toInputs: eachJail },
  }),
  defineChange({
    id: 'jail.destroy',
    title: 'Destroy jails',
    effect: 'destroy',
    recover: 'finish',
    input: anything,
    locks: () => [],
    plan: unused,
    command: {
      names: ['destroy', 'rm'],
      group: 'jails',
      usage: 'JAIL ...',
      examples: [],
      toInputs: eachJail,
    },
  }),
  defineSession({
    id: 'jail.exec',
    title: 'Run a command in a jail',
    input: anything,
    session: unused,
    command: {
      names: ['exec'],
      group: 'jails',
      usage: '[-u USER] JAIL COMMAND [ARG ...]',
      passThrough: true,
      flags: [{ key: 'hostUser', flags: '-u, --host_user <user>', doc: 'as this user of the host' }],
      examples: [],
      toInputs: asInputs,
    },
  }),
];
