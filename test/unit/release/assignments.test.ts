import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { setAssignments } from '../../../src/domain/format/assignments.ts';
import { releaseDefaults } from '../../../src/domain/release-defaults.ts';

describe('assignments in a file', () => {
  it.each([
    ['', { a: '"NO"' }, 'a="NO"\n'],
    [
      '# mine\nsshd_enable="YES" # yes\nb=1\n',
      { sshd_enable: '"NO"' },
      '# mine\nsshd_enable="NO" # yes\nb=1\n',
    ],
    ['a=1\na=2\n', { a: '3' }, 'a=1\na=3\n'],
    ['flags=\'-a "b" # c\' # d\n', { flags: '"-ss"' }, 'flags="-ss" # d\n'],
    ['aa=1\n#a=1\n', { a: '2' }, 'aa=1\n#a=1\na=2\n'],
    ['last="no newline"', { b: '1' }, 'last="no newline"\nb=1\n'],
    ['net.inet.ip.fw.enable=1\n', { 'net.inet.ip.fw.enable': '0' }, 'net.inet.ip.fw.enable=0\n'],
  ])('%j with %j', (before, values, after) => {
    expect(setAssignments(before, values)).toBe(after);
  });

  it('are the same when they are set twice, and leave every other line as it is', () => {
    const line = fc.stringMatching(/^[a-z#" =]{0,12}$/);
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        const text = lines.map((each) => `${each}\n`).join('');
        const once = setAssignments(text, { zz: '"1"' });
        expect(setAssignments(once, { zz: '"1"' })).toBe(once);
        expect(once.startsWith(text)).toBe(true);
      }),
    );
  });

  it('are what jails need of a release', () => {
    const texts = Object.fromEntries(releaseDefaults.map(([path, edit]) => [path, edit('')]));
    expect(texts['etc/rc.conf']).toBe(
      'netif_enable="NO"\nsendmail_enable="NO"\nsendmail_submit_enable="NO"\nsendmail_msp_queue_enable="NO"\n' +
        'sendmail_outbound_enable="NO"\nsyslogd_flags="-ss"\ncron_flags="-m \'\'"\n',
    );
    expect(texts['etc/sysctl.conf']).toBe('net.inet.ip.fw.enable=0\n');
    expect(texts['etc/periodic.conf']?.split('\n')).toHaveLength(5);
  });
});
