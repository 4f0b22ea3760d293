import { describe, expect, it } from 'vitest';
import { seccompProfile, type SeccompProfile } from '../../../../src/driver/linux/seccomp.ts';
import { allowedCalls, refusedCalls } from '../../../../src/driver/linux/syscalls.ts';

/** What the profile answers to a call: the first rule whose arguments fit, as libseccomp builds it. */
function answer(profile: SeccompProfile, name: string, first = 0): string {
  for (const rule of profile.syscalls) {
    if (!rule.names.includes(name)) continue;
    const fits = (rule.args ?? []).every(({ op, value, valueTwo }) => {
      if (op === 'SCMP_CMP_EQ') return first === value;
      if (op === 'SCMP_CMP_GT') return first > value;
      return Number(BigInt(first) & BigInt(value)) === valueTwo;
    });
    if (fits) return rule.action === 'SCMP_ACT_ALLOW' ? 'allow' : `errno ${rule.errnoRet}`;
  }
  return `errno ${profile.defaultErrnoRet}`;
}

describe('seccomp profile', () => {
  const profile = seccompProfile('x86_64', { anySocketFamily: false });

  it('names every call once', () => {
    const names = [...Object.values(allowedCalls), ...Object.values(refusedCalls)].flat();
    expect(names.filter((name, index) => names.indexOf(name) !== index && name !== 'fchown32')).toEqual([]);
    for (const name of names) expect(name).toMatch(/^_?[a-z0-9_]+$/);
  });

  it.each([
    ['openat', 0, 'allow'],
    ['ptrace', 0, 'allow'],
    ['a_call_of_the_future', 0, 'errno 38'],
    ['io_uring_setup', 0, 'errno 38'],
    ['clone3', 0, 'errno 38'],
    ['mount', 0, 'errno 1'],
    ['bpf', 0, 'errno 1'],
    ['setns', 0, 'errno 1'],
    ['process_vm_readv', 0, 'errno 1'],
    ['clone', 0x01200011, 'allow'],
    ['clone', 0x003d0f00, 'allow'],
    ['clone', 0x10000011, 'errno 1'],
    ['clone', 0x7e020000, 'errno 1'],
    ['unshare', 0x400, 'allow'],
    ['unshare', 0x10000000, 'errno 1'],
    ['unshare', 0x80, 'errno 1'],
    ['unshare', 0x20000, 'errno 1'],
    ['personality', 0xffffffff, 'allow'],
    ['personality', 0x40000, 'errno 38'],
    ['socket', 1, 'allow'],
    ['socket', 2, 'allow'],
    ['socket', 10, 'allow'],
    ['socket', 16, 'allow'],
    ['socket', 0, 'errno 97'],
    ['socket', 15, 'errno 97'],
    ['socket', 17, 'errno 97'],
    ['socket', 38, 'errno 97'],
  ])('%s(%d) is answered with %s', (name, first, expected) => {
    expect(answer(profile, name, first)).toBe(expected);
  });

  it('opens all families only when asked', () => {
    expect(answer(seccompProfile('x86_64', { anySocketFamily: true }), 'socket', 17)).toBe('allow');
  });

  it('lets only native calls of the machine pass', () => {
    expect(profile.architectures).toEqual(['SCMP_ARCH_X86_64']);
    expect(seccompProfile('aarch64', { anySocketFamily: false }).architectures).toEqual([
      'SCMP_ARCH_AARCH64',
    ]);
  });
});
