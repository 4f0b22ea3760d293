/** The kernel's table of sockets. */
import { describe, expect, it } from 'vitest';
import { listensAt } from '../../../../src/driver/linux/ready.ts';
import { readiness } from '../../../../src/domain/codec/readiness.ts';

const head = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n';

describe('listensAt', () => {
  it.each([
    ['listening on all addresses', '   0: 00000000:1538 00000000:0000 0A 00000000:00000000', 5432, true],
    ['listening on loopback', '   3: 0100007F:0050 00000000:0000 0A 00000000:00000000', 80, true],
    ['listening on IPv6', '   0: 00000000000000000000000000000000:0016 0:0000 0A 0:0', 22, true],
    ['another port', '   0: 00000000:1539 00000000:0000 0A 00000000:00000000', 5432, false],
    ['only connected', '   0: 0100007F:1538 0100007F:A000 01 00000000:00000000', 5432, false],
    ['the port of the other side', '   0: 0100007F:A000 0100007F:1538 01 00000000:00000000', 5432, false],
    ['nothing', '', 80, false],
  ])('%s', (_, line, port, expected) => {
    expect(listensAt(`${head}${line}\n`, port)).toBe(expected);
  });
});

describe('wait_for', () => {
  it.each([
    ['none', 'none'],
    ['PORT: 80', 'port:80'],
    ['command:/bin/test  -e   /run/x', 'command:/bin/test -e /run/x'],
    ['log: ready: to accept', 'log:ready: to accept'],
  ])('%s is stored as %s', (text, stored) => {
    expect(readiness.print(readiness.parse(text))).toBe(stored);
  });

  it.each(['80', 'port:', 'port:0', 'port:65536', 'command:', 'command:-x', 'log:', ':', 'file:x'])(
    '%s is refused',
    (text) => {
      expect(() => readiness.parse(text)).toThrow(/./);
    },
  );
});
