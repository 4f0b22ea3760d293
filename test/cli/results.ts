/** Results as the operations give them, for the transcripts: an awkward jail of every kind. */
const uuid = (n: number): string => `adae47cb-01cb-11e6-8e4e-00000000000${n}`;

const jail = {
  boot: false,
  type: 'jail',
  release: null,
  ip4: null,
  ip6: null,
  template: null,
  basejail: false,
  jid: null,
  state: 'down',
};

export const results: Readonly<Record<string, unknown>> = {
  'jail.list': {
    jails: [
      {
        ...jail,
        uuid: uuid(1),
        tag: 'web',
        name: 'web',
        jid: 4711,
        state: 'up',
        boot: true,
        type: 'clonejail',
        release: 'bookworm',
        ip4: 'eth0|192.0.2.10/24,eth0|192.0.2.11',
        ip6: 'eth0|2001:db8::10/64',
      },
      {
        ...jail,
        uuid: uuid(2),
        tag: '2026-01-31@12:00:00',
        name: '2026-01-31@12:00:00',
        release: '14.1-RELEASE-p4',
        ip4: '192.0.2.20',
      },
      {
        ...jail,
        uuid: uuid(3),
        tag: 'データ',
        name: 'データ',
        basejail: true,
        type: 'basejail',
        template: 'golden',
      },
      {
        ...jail,
        uuid: uuid(4),
        tag: 'broken',
        name: 'broken',
        state: 'corrupt',
        problem: 'two datasets have this UUID',
      },
    ],
    foreign: [{ jid: 'podman-1', path: '/var/lib/x', ip4: '-', hostname: 'evil\u001b[2J' }],
  },
  'host.plan': {
    file: 'jails.yaml',
    out: null,
    pool: 'tank',
    hash: 'ab'.repeat(32),
    jails: [
      {
        name: 'web',
        uuid: null,
        action: 'create',
        changes: [
          { what: 'create', type: 'clone', release: 'bookworm', template: null },
          { what: 'property', key: 'boot', old: null, new: 'on', live: true },
          { what: 'fstab', kept: 0, remove: [], add: ['/srv/www /mnt/www nullfs ro 0 0'] },
          {
            what: 'file',
            path: '/etc/motd',
            old: null,
            new: 'cd',
            sizeBytes: 12,
            oldMode: null,
            newMode: '0644',
          },
          { what: 'start' },
        ],
      },
      {
        name: 'db',
        uuid: uuid(1),
        action: 'change',
        changes: [
          { what: 'property', key: 'quota', old: '10G', new: '20G', live: true },
          { what: 'property', key: 'notes', old: 'evil\u001b[2J', new: null, live: true },
          { what: 'property', key: 'host_domainname', old: 'none', new: 'example.org', live: false },
          { what: 'fstab', kept: 1, remove: ['tmpfs /x tmpfs rw 0 0'], add: [] },
          {
            what: 'file',
            path: '/etc/motd',
            old: 'ab',
            new: 'cd',
            sizeBytes: 12,
            oldMode: '0644',
            newMode: '0600',
          },
          { what: 'restart' },
        ],
      },
      { name: 'same', uuid: uuid(2), action: 'none', changes: [] },
      { name: 'old', uuid: uuid(3), action: 'destroy', changes: [{ what: 'destroy' }] },
      {
        name: 'bad',
        uuid: null,
        action: 'blocked',
        changes: [],
        error: { code: 'RELEASE_NOT_FOUND', message: 'release "nope" not found locally', details: {} },
      },
    ],
  },
  'host.apply': {
    hash: 'ab'.repeat(32),
    jails: [
      { name: 'web', state: 'created', changes: [{ what: 'create' }, { what: 'start' }] },
      {
        name: 'db',
        state: 'changed',
        changes: [
          { what: 'property', key: 'quota', old: '10G', new: '20G', live: true },
          { what: 'fstab', kept: 1, remove: ['tmpfs /x tmpfs rw 0 0'], add: [] },
          { what: 'restart' },
        ],
      },
      { name: 'same', state: 'unchanged', changes: [] },
      { name: 'old', state: 'destroyed', changes: [{ what: 'destroy' }] },
      { name: 'bad', state: 'failed', changes: [], error: { message: 'release "nope" not found locally' } },
    ],
  },
  'host.history': {
    operations: [
      {
        id: '20260131T130507123-00000001',
        operation: 'jail.start',
        subject: `${uuid(1)} (web)`,
        title: 'Starting web',
        by: { uid: 0, as: 'alice' },
        startedAt: '2026-01-31T13:05:07.123Z',
        endedAt: '2026-01-31T13:05:09.523Z',
        durationMs: 2400,
        outcome: 'failed',
        error: 'jail web did not start: evil\u001b[2J',
      },
      {
        id: '20260131T130000000-00000002',
        operation: 'jail.create',
        subject: 'web',
        title: 'Creating jail web',
        by: null,
        startedAt: '2026-01-31T13:00:00.000Z',
        endedAt: null,
        durationMs: null,
        outcome: 'interrupted',
        error: null,
      },
    ],
  },
  'release.remote': {
    releases: [
      {
        name: '13.1-RELEASE',
        support: 'end of life',
        endOfLife: '2023-07-31',
        from: 'archive',
        fetched: false,
        newerThanHost: false,
      },
      {
        name: '15.0-RELEASE',
        support: 'supported',
        endOfLife: '2026-09-30',
        from: 'server',
        fetched: true,
        newerThanHost: true,
      },
    ],
    notes: ['the dates of support could not be read anew: those known in 2026-03 are shown'],
  },
  'release.list': {
    releases: [
      {
        name: 'bookworm',
        kind: 'debootstrap',
        fetchedAt: '2026-01-31T12:00:00.000Z',
        usedBytes: 311_427_072,
        jails: 2,
      },
      { name: '14.1-RELEASE', kind: 'freebsd', fetchedAt: null, usedBytes: 0, jails: 0 },
    ],
  },
  'jail.df': {
    jails: [
      {
        uuid: uuid(1),
        tag: 'web',
        name: 'web',
        compressratio: '1.53x',
        reservationBytes: null,
        quotaBytes: 21474836480,
        usedBytes: 123456789,
        availableBytes: 21351380000,
      },
      {
        uuid: uuid(2),
        tag: 'db',
        name: 'db',
        compressratio: '1.00x',
        reservationBytes: 1073741824,
        quotaBytes: null,
        usedBytes: 0,
        availableBytes: 1024,
      },
    ],
  },
  'snapshot.list': {
    snapshots: [
      {
        name: 'before-upgrade',
        dataset: `tank/iocage/jails/${uuid(1)}`,
        snapshot: 'before-upgrade',
        jail: uuid(1),
        tag: 'web',
        createdAt: '2026-02-03T04:05:06.000Z',
        referencedBytes: 25600,
        usedBytes: 1024,
      },
      {
        name: 'before-upgrade/root',
        dataset: `tank/iocage/jails/${uuid(1)}/root`,
        snapshot: 'before-upgrade',
        jail: uuid(1),
        tag: 'web',
        createdAt: '2026-02-03T04:05:06.000Z',
        referencedBytes: 311427072,
        usedBytes: 0,
      },
    ],
  },
  'snapshot.scheduled': {
    jails: [
      {
        uuid: uuid(1),
        tag: 'web',
        state: 'done',
        taken: ['ioc-daily-2026-02-03_04:05:06'],
        expired: ['ioc-daily-2026-01-27_04:05:06'],
        why: '',
      },
      { uuid: uuid(2), tag: 'db', state: 'unchanged', taken: [], expired: [], why: '' },
      { uuid: uuid(3), tag: 'mail', state: 'failed', taken: [], expired: [], why: 'no space left' },
    ],
  },
  'snapshot.mount': {
    jail: uuid(1),
    snapshot: 'before-upgrade',
    path: `/tank/iocage/snapmounts/${uuid(1)}:before-upgrade`,
  },
  'jail.runtime': { uuid: uuid(1), words: ['host.hostname=web', 'jid=4711'] },
  'jail.create': { jails: [{ uuid: uuid(5), tag: 'new', kind: 'clone' }] },
  'jail.clone': { jails: [{ uuid: uuid(6), tag: 'copy', kind: 'clone' }] },
  'snapshot.take': { jail: uuid(1), snapshot: 'before-upgrade' },
  'pool.activate': { pool: 'tank', root: 'tank/iocage', mountpoint: '/tank/iocage' },
  'property.set': {
    changes: [
      { jail: uuid(1), key: 'boot', old: null, new: 'on', live: true },
      { jail: uuid(1), key: 'securelevel', old: '2', new: '3', live: false },
      { jail: uuid(1), key: 'ip4', old: 'new', new: 'new', live: false },
    ],
  },
  'property.defaults': {
    properties: [
      { key: 'boot', value: 'on', source: 'default' },
      { key: 'branch', value: null, source: 'builtin' },
    ],
  },
  'host.doctor': {
    findings: [
      {
        id: '1',
        what: 'jail.create of web, interrupted at 2026-01-31T12:00:00.000Z',
        state: 'mended',
        action: 'undone',
      },
    ],
  },
  'release.fetch': { release: 'bookworm', fetched: true, message: 'Release bookworm is fetched.' },
};

/** `get` answers in three shapes, by its input. */
export function getResult(input: { key: string; jail?: string; recursive?: boolean }): unknown {
  if (input.recursive) {
    return {
      key: input.key,
      rows: [
        { uuid: uuid(1), tag: 'web', name: 'web', value: 'on' },
        { uuid: uuid(2), tag: '2026-01-31@12:00:00', name: '2026-01-31@12:00:00', value: null },
      ],
    };
  }
  if (input.key === 'all') {
    return {
      jail: uuid(1),
      properties: [
        { key: 'interfaces', value: 'vnet0:bridge0,vnet1:bridge1', source: 'builtin' },
        { key: 'boot', value: 'on', source: 'local' },
        { key: 'branch', value: null, source: 'builtin' },
        { key: 'securelevel', value: '3', source: 'local', notApplied: 'Linux has no secure levels' },
      ],
    };
  }
  return { jail: uuid(1), key: input.key, value: input.key === 'notes' ? null : 'on', source: 'local' };
}

const usedByWeb = {
  uuid: uuid(1),
  tag: 'web',
  name: 'web',
  used: {
    cputime: 12,
    memoryuse: 67108864,
    maxproc: 7,
    nthr: 9,
    pcpu: 3,
    openfiles: 40,
    wallclock: 3600,
    shmsize: null,
  },
  hits: { memoryuse: 2, maxproc: 0 },
  limits: { memoryuse: '64M:deny', coredumpsize: '0:deny' },
};
const limitsOfWeb = {
  uuid: uuid(1),
  tag: 'web',
  name: 'web',
  state: 'up',
  rlimits: true,
  cpus: '0-1',
  limits: [
    { key: 'memoryuse', value: '512M:deny', inForce: true },
    { key: 'pseudoterminals', value: '5:deny', inForce: false, why: 'Linux cannot' },
    { key: 'readbps', value: '10M:throttle', inForce: true },
  ],
};
const limitsOfDb = {
  ...limitsOfWeb,
  uuid: uuid(2),
  tag: 'db',
  name: 'db',
  state: 'down',
  cpus: null,
  limits: [],
};

/** `limits` and `inuse` answer for one jail or for all of them. */
export const limitResults: Readonly<Record<string, (input: { jail?: string }) => unknown>> = {
  'jail.limits': ({ jail: name }) =>
    name === undefined
      ? { one: false, jails: [limitsOfWeb, limitsOfDb] }
      : { one: true, jails: [limitsOfWeb] },
  'jail.inuse': ({ jail: name }) =>
    name === undefined
      ? { one: false, jails: [usedByWeb, { ...usedByWeb, uuid: uuid(2), tag: 'db', name: 'db', used: {} }] }
      : { one: true, jails: [usedByWeb] },
  'jail.cap': () => ({
    uuid: uuid(1),
    tag: 'web',
    rlimits: true,
    rules: [{ key: 'memoryuse', value: '512M:deny' }],
    notApplied: [{ key: 'maxproc', value: '100:log', why: 'Linux has no equal of the action log' }],
  }),
  'jail.uncap': () => ({ uuid: uuid(1), tag: 'web', rules: [] }),
};
