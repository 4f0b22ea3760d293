/** What is read from a message, and the envelopes. */
import { describe, expect, it } from 'vitest';
import { isOrdered, printAnswer, printEvent, readMessage } from '../../../src/server/sysadm/message.ts';
import { readArgs, readPath, toReply } from '../../../src/server/sysadm/rest.ts';

const read = (message: unknown) =>
  readMessage(typeof message === 'string' ? message : JSON.stringify(message));

describe('a message', () => {
  it.each(['', 'hello', '{bad', '[]', '"x"', 'null', '12', ' {'])(
    '%j is none: everything is empty',
    (text) => {
      expect(read(text)).toEqual({ namespace: '', name: '', id: '', args: {} });
    },
  );

  it('without args is its own argument', () => {
    const message = { namespace: 'sysadm', name: 'iocage', id: 'a', action: 'listjails' };
    expect(read(message).args).toEqual(message);
    expect(read({ ...message, args: null }).args).toBeNull();
  });

  it.each([12, null, true, ['x'], {}])('an id that is %j counts as absent', (id) => {
    expect(read({ namespace: 'n', name: 'c', id, args: {} }).id).toBe('');
  });

  it.each([
    ['rpc', 'auth', true],
    ['RPC', 'auth_token', true],
    ['rpc', 'authfoo', true],
    ['rpc', 'identify', true],
    ['rpc', 'Auth', false],
    ['rpc', 'Identify', false],
    ['rpc', 'query', false],
    ['sysadm', 'auth', false],
  ])('%s/%s holds up what comes behind it: %s', (namespace, name, ordered) => {
    expect(isOrdered(read({ namespace, name, id: '', args: {} }))).toBe(ordered);
  });
});

describe('an answer', () => {
  const request = { namespace: 'SYSADM', name: 'IOCAGE', id: 'x', args: {} };

  it('echoes id and namespace, and is called response', () => {
    expect(printAnswer(request, { args: { b: '1', a: {} } })).toBe(
      '{"args":{"a":{},"b":"1"},"id":"x","name":"response","namespace":"SYSADM"}',
    );
  });

  it('without an id bears the name of the class', () => {
    expect(printAnswer({ ...request, id: '' }, { args: {} })).toBe(
      '{"args":{},"id":"","name":"IOCAGE","namespace":"SYSADM"}',
    );
  });

  it('that is an error has its code as a text', () => {
    expect(printAnswer(request, { code: 403 })).toBe(
      '{"args":{"code":"403","message":"Forbidden"},"id":"x","name":"error","namespace":"error"}',
    );
  });

  it('an event has an empty id', () => {
    expect(printEvent('dispatcher', { state: 'running', process_id: 'p' })).toBe(
      '{"args":{"process_id":"p","state":"running"},"id":"","name":"dispatcher","namespace":"events"}',
    );
  });
});

describe('REST', () => {
  it.each([
    ['/sysadm/iocage', { namespace: 'sysadm', name: 'iocage' }],
    ['/sysadm/x/iocage', { namespace: 'sysadm', name: 'iocage' }],
    ['/sysadm/iocage?x=1', { namespace: 'sysadm', name: 'iocage?x=1' }],
    ['/sys%61dm/iocage', { namespace: 'sys%61dm', name: 'iocage' }],
    ['/sysadm/iocage/', undefined],
    ['//iocage', undefined],
    ['/sysadm', undefined],
    ['/', undefined],
    ['', undefined],
  ])('the path %j', (path, expected) => {
    expect(readPath(path)).toEqual(expected);
  });

  it.each([
    ['{"action":"a"}', { action: 'a' }],
    ['{"id":"z","namespace":"x","args":{"action":"a"}}', { action: 'a' }],
    ['', {}],
    ['\n', {}],
    ['[]', undefined],
    ['"x"', undefined],
    ['{', undefined],
    ['{"args":["x"]}', ['x']],
  ])('the body %j', (body, expected) => {
    expect(readArgs(Buffer.from(body))).toEqual(expected);
  });

  it('a body that is not UTF-8 is none', () => {
    expect(readArgs(Buffer.from([0x7b, 0xff, 0x7d]))).toBeUndefined();
  });

  it.each([
    [{ args: { a: {} } }, 200, '{\n    "args": {\n        "a": {\n        }\n    }\n}\n'],
    [{ code: 400 as const }, 400, '{\n    "args": {\n    }\n}\n'],
    [{ code: 404 as const }, 404, '{\n    "args": {\n    }\n}\n'],
    [{ code: 401 as const }, 401, undefined],
  ])('%j is status %i', (answer, status, body) => {
    expect(toReply(answer)).toEqual(body === undefined ? { status } : { status, body });
  });
});
