import { describe, expect, it } from 'vitest';
import { architectureOf, cgroupLayout, parseMounts } from '../../../../src/driver/linux/facts.ts';

/** Captured from /proc/self/mounts of three kinds of hosts, shortened. */
const v1 = `proc /proc proc rw,relatime 0 0
tmpfs /sys/fs/cgroup tmpfs rw,relatime,mode=755 0 0
cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,relatime,cpu,cpuacct 0 0
cgroup /sys/fs/cgroup/memory cgroup rw,relatime,memory 0 0
`;
const hybrid = `${v1}cgroup /sys/fs/cgroup/systemd cgroup rw,relatime,name=systemd 0 0
cgroup2 /sys/fs/cgroup/unified cgroup2 rw,relatime 0 0
`;
const v2 = `sysfs /sys sysfs rw,nosuid,nodev,noexec,relatime 0 0
cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid,nodev,noexec,relatime,nsdelegate,memory_recursiveprot 0 0
/dev/sda1 / ext4 rw,relatime,errors=remount-ro 0 0
`;

describe('host facts', () => {
  it.each([
    ['v1', v1, { kind: 'v1', trees: ['/sys/fs/cgroup/cpu,cpuacct', '/sys/fs/cgroup/memory'] }],
    [
      'hybrid',
      hybrid,
      {
        kind: 'hybrid',
        trees: ['/sys/fs/cgroup/cpu,cpuacct', '/sys/fs/cgroup/memory', '/sys/fs/cgroup/systemd'],
        unifiedAt: '/sys/fs/cgroup/unified',
      },
    ],
    ['v2', v2, { kind: 'v2', trees: ['/sys/fs/cgroup'], unifiedAt: '/sys/fs/cgroup' }],
  ])('tells control groups: %s', (_, text, layout) => {
    expect(cgroupLayout(text)).toEqual(layout);
  });

  it('undoes the escapes of mount points', () => {
    expect(parseMounts('x /mnt/a\\040b\\011c ext4 rw 0 0\n')).toEqual([{ at: '/mnt/a b\tc', type: 'ext4' }]);
  });

  it('knows the machines that it has a filter for', () => {
    expect(architectureOf('x64')).toBe('x86_64');
    expect(architectureOf('arm64')).toBe('aarch64');
    expect(() => architectureOf('riscv64')).toThrow(/riscv64/);
  });
});
