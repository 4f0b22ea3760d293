/**
 * Rows of the group `limit`: the switch, the CPUs, and one row per resource of rctl(8). On Linux the
 * resources become settings of a control group or rlimits, as far as there is a counterpart.
 */
import { onOff } from '../codec/choice.ts';
import { cpuset } from '../codec/cpuset.ts';
import { limitCodec, limitExample, limitResources } from '../codec/limit.ts';
import type { LimitKey } from '../codec/limit.ts';
import type { Property } from '../property.ts';
import { applied, not, original, property, python } from './row.ts';

const rlimit = (name: string): Property['linux'] =>
  applied(`${name} of every program started from then on (deny); other actions have no equal`);
const ioNote = not('ZFS reads and writes in threads of its own, which Linux charges to no jail');
const sysvNote = not("the jail's IPC namespace keeps the kernel's own bounds");

/** What each resource measures, and what Linux makes of it. */
const facts: Readonly<Record<LimitKey, readonly [what: string, linux: Property['linux']]>> = {
  cputime: [
    'CPU time',
    applied(
      'RLIMIT_CPU of every program started from then on (sigxcpu, sigkill); other actions have no equal',
    ),
  ],
  datasize: ['data segment size of a process', rlimit('RLIMIT_DATA')],
  stacksize: ['stack size of a process', rlimit('RLIMIT_STACK')],
  coredumpsize: ['size of a core dump', rlimit('RLIMIT_CORE')],
  memoryuse: [
    'memory in use',
    applied('memory.max of the control group (deny); log and devctl have no equal'),
  ],
  memorylocked: ['locked memory', rlimit('RLIMIT_MEMLOCK')],
  maxproc: ['number of processes', applied('pids.max of the control group (deny), which counts threads too')],
  openfiles: ['number of open files', rlimit('RLIMIT_NOFILE')],
  vmemoryuse: ['address space of a process', rlimit('RLIMIT_AS')],
  pseudoterminals: [
    'number of pseudo-terminals',
    not('the number of pseudo-terminals cannot be bounded for one jail'),
  ],
  swapuse: ['swap space in use', applied('memory.swap.max of the control group (deny)')],
  nthr: ['number of threads', applied('pids.max of the control group (deny), which counts threads')],
  msgqqueued: ['number of queued System V messages', sysvNote],
  msgqsize: ['size of System V message queues', sysvNote],
  nmsgq: ['number of System V message queues', sysvNote],
  nsem: ['number of System V semaphores', sysvNote],
  nsemop: ['number of System V semaphores changed by one semop(2)', sysvNote],
  nshm: ['number of System V shared memory segments', sysvNote],
  shmsize: ['size of System V shared memory', sysvNote],
  wallclock: ['time since the start', not('Linux has no limit on the time that passes')],
  pcpu: ['share of one CPU in percent', applied('cpu.max of the control group (deny)')],
  readbps: ['bytes read per second', ioNote],
  writebps: ['bytes written per second', ioNote],
  readiops: ['read operations per second', ioNote],
  writeiops: ['write operations per second', ioNote],
};

const pythonOnly: readonly LimitKey[] = ['readbps', 'writebps', 'readiops', 'writeiops'];

function limit(key: LimitKey): Property {
  const [what, linux] = facts[key];
  return property('limit', {
    key,
    codec: limitCodec(key),
    // The original's one built-in rule, which only logs.
    default: key === 'memoryuse' ? '8G:log' : 'off',
    freebsd: `rctl:${key}`,
    linux,
    live: true,
    doc: `Limit on the ${what}: AMOUNT:ACTION, or off; in force while rlimits is on.`,
    example: limitExample(key),
    source: pythonOnly.includes(key) ? `rctl(8), ${python}` : 'rctl(8)',
  });
}

export const limits: readonly Property[] = [
  property('limit', {
    key: 'cpuset',
    live: true,
    codec: cpuset,
    default: 'off',
    freebsd: 'cpuset(1) -l',
    linux: applied('cpuset.cpus of the control group'),
    doc: 'CPUs that the jail may use: a list such as 0,2,4-7, all, or off.',
    example: '0-3',
    source: 'cpuset(1)',
  }),
  property('limit', {
    key: 'rlimits',
    live: true,
    codec: onOff,
    default: 'off',
    freebsd: 'rctl(8) rules are added at start',
    linux: applied('the limits are set at start, and live'),
    doc: 'Put the resource limits into force, at start and whenever one is set.',
    example: 'on',
    source: original,
  }),
  ...(Object.keys(limitResources) as LimitKey[]).map(limit),
];
