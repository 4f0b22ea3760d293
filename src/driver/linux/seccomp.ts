/**
 * A jail's system call filter as the OCI runtime takes it (config-linux.md, "Seccomp"). Pure.
 *
 * Only the machine's native calls pass: on x86_64, i386 programs would reach every socket family
 * through socketcall(2), whose arguments no filter can see.
 */
import type { Architecture } from './facts.ts';
import { allowedCalls, refusedCalls } from './syscalls.ts';

interface Argument {
  readonly index: number;
  readonly value: number;
  readonly valueTwo?: number;
  readonly op: 'SCMP_CMP_EQ' | 'SCMP_CMP_GT' | 'SCMP_CMP_MASKED_EQ';
}

interface Rule {
  readonly names: readonly string[];
  readonly action: 'SCMP_ACT_ALLOW' | 'SCMP_ACT_ERRNO';
  readonly errnoRet?: number;
  readonly args?: readonly Argument[];
}

export interface SeccompProfile {
  readonly defaultAction: 'SCMP_ACT_ERRNO';
  readonly defaultErrnoRet: number;
  readonly architectures: readonly string[];
  readonly syscalls: readonly Rule[];
}

export interface SeccompOptions {
  /** `allow_socket_af`: every address family instead of the four that services need. */
  readonly anySocketFamily: boolean;
}

const EPERM = 1;
const ENOSYS = 38;
const EAFNOSUPPORT = 97;

/** NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET, NEWNS, as in sched.h. */
const namespaceFlags = [0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000, 0x00020000];
const anyNamespace = namespaceFlags.reduce((mask, flag) => mask + flag, 0);
/** Only unshare takes it; in clone the same bit belongs to the signal number. */
const newTime = 0x80;

/** AF_UNIX, AF_INET, AF_INET6, AF_NETLINK. */
const socketFamilies = [1, 2, 10, 16];

/** linux32(8) and plain Linux; other personalities switch protections off. See personality(2). */
const personalities = [0x0, 0x8, 0x20000, 0x20008, 0xffffffff];

const allow = (names: readonly string[], args?: readonly Argument[]): Rule => ({
  names,
  action: 'SCMP_ACT_ALLOW',
  ...(args ? { args } : {}),
});

const refuse = (errnoRet: number, names: readonly string[], args?: readonly Argument[]): Rule => ({
  names,
  action: 'SCMP_ACT_ERRNO',
  errnoRet,
  ...(args ? { args } : {}),
});

const equals = (value: number): readonly Argument[] => [{ index: 0, value, op: 'SCMP_CMP_EQ' }];
const masked = (mask: number, value: number): readonly Argument[] => [
  { index: 0, value: mask, valueTwo: value, op: 'SCMP_CMP_MASKED_EQ' },
];

/** New namespaces would hand a jail's root the capabilities that it was not given. */
function namespaceRules(): readonly Rule[] {
  return [
    allow(['clone'], masked(anyNamespace, 0)),
    ...namespaceFlags.map((flag) => refuse(EPERM, ['clone', 'unshare'], masked(flag, flag))),
    allow(['unshare'], masked(anyNamespace + newTime, 0)),
    refuse(EPERM, ['unshare'], masked(newTime, newTime)),
    // Its flags lie in memory, where no filter sees them; libraries fall back to clone.
    refuse(ENOSYS, ['clone3']),
  ];
}

function socketRules({ anySocketFamily }: SeccompOptions): readonly Rule[] {
  if (anySocketFamily) return [allow(['socket'])];
  const highest = Math.max(...socketFamilies);
  const others = Array.from({ length: highest }, (_, family) => family).filter(
    (family) => !socketFamilies.includes(family),
  );
  return [
    ...socketFamilies.map((family) => allow(['socket'], equals(family))),
    ...others.map((family) => refuse(EAFNOSUPPORT, ['socket'], equals(family))),
    refuse(EAFNOSUPPORT, ['socket'], [{ index: 0, value: highest, op: 'SCMP_CMP_GT' }]),
  ];
}

export function seccompProfile(architecture: Architecture, options: SeccompOptions): SeccompProfile {
  return {
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: ENOSYS,
    architectures: [architecture === 'x86_64' ? 'SCMP_ARCH_X86_64' : 'SCMP_ARCH_AARCH64'],
    syscalls: [
      allow(Object.values(allowedCalls).flat()),
      refuse(EPERM, Object.values(refusedCalls).flat()),
      ...personalities.map((value) => allow(['personality'], equals(value))),
      ...namespaceRules(),
      ...socketRules(options),
    ],
  };
}
