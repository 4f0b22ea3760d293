/**
 * What libiocage's own tests checked, its known defects, and its test vectors (specification, sections 20, 22 and 24):
 * which test of ours holds each, or why none does. The vectors that had no test elsewhere are below the tables.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { effective } from '../../../src/domain/config.ts';
import { matches, parseFilter, type FilterValue } from '../../../src/domain/filter.ts';
import { changeConfig, readConfig } from '../../../src/domain/format/config-file.ts';
import {
  entryOf,
  entryProblem,
  isBaseLine,
  parseFstab,
  printFstab,
} from '../../../src/domain/format/fstab.ts';
import { parseChecksums, parseManifest } from '../../../src/domain/manifest.ts';
import { assertJailName, assertReleaseName } from '../../../src/domain/name.ts';
import { splitWord } from '../../../src/domain/source.ts';
import { parseUserland } from '../../../src/domain/userland.ts';

/** `FILE: TITLE`, or why there is none: `not: REASON`. */
type Cases = readonly (readonly [checked: string, ...proofs: readonly string[]])[];

const ioc = 'test/host/ioc.test.ts';
const words = 'test/host/ioc-words.test.ts';
const scenario = `${ioc}: releases, templates, jails of them, by patterns`;
const vectors = 'test/unit/domain/format/vectors.test.ts';
const formats = 'test/ops/formats.test.ts';
const here = 'test/unit/domain/libiocage-cases.test.ts';
const goldens = 'test/unit/driver/freebsd/goldens.test.ts: every command of a start and a stop';

const upstreamTests: Cases = [
  [
    'Jail: a thick jail has its files and its configuration, and is no basejail',
    'test/host/cli.test.ts: thick: a full copy under a UUID, all properties stored on the dataset',
  ],
  ['Jail: start and stop turn running', scenario],
  [
    'Jail: devfs and fdescfs, all four',
    goldens,
    'test/unit/driver/freebsd/configurations.ts: descriptors-without-devices',
  ],
  [
    'Jail: a basejail shows the folders of its release while it runs',
    'test/host/jail-types.test.ts: shares the system folders read-only and has its own etc, var, root, home and usr/local',
  ],
  [
    'Jail: a line of fstab is mounted while it runs, and the file has its lines',
    'test/host/fstab.test.ts: a directory read-only and one in memory are there while the jail runs; stop takes them away',
  ],
  [
    'Jail: user.* is free, any other key raises',
    `${vectors}: nested and flat names of the free name space are both kept`,
    'test/unit/domain/config.test.ts: a lone unknown or read-only property has its own error',
  ],
  [
    'Jail: hooks see IOC_*, poststart the right IOC_JID',
    `${ioc}: hooks know the jail by the names of both lines of libiocage`,
  ],
  ['Jail: names', `${here}: names of jails`],
  [
    'Jail: a name with dots is created and starts',
    `${words}: names with dots are names; what is none changes nothing`,
  ],
  [
    'Jail: dots in the name for the kernel',
    'test/unit/driver/freebsd/configurations.ts: name-with-dots',
    goldens,
  ],
  ['Config: the default is JSON', 'not: properties of the dataset; a JSON file is what another tool left'],
  ['Config: an unknown key is refused', `${ioc}: get and set: jails, defaults, several, and back`],
  ['Config: user.x in nested JSON', `${vectors}: nested and flat names of the free name space are both kept`],
  [
    'Config: an invalid name is refused by clone',
    `${words}: names with dots are names; what is none changes nothing`,
  ],
  [
    'Config: NIC_mac needs the interface',
    'not: vnet0_mac to vnet3_mac are properties of any jail, and count for the interface of that number',
  ],
  [
    'Config: defaults.json is found, read and falls back',
    `${formats}: defaults are those of the tool; broken ones are told of each jail that takes them`,
  ],
  [
    'Config: defaults.json gets only what changed, an unknown key is refused',
    `${formats}: set … default: what the tool keeps goes to its file, in its words; what it cannot express to neither`,
  ],
  ['Config: no devfs rule set', `${here}: nothing for a rule set of devfs is the default`],
  ['Config: hostuuid, made or configured', `${here}: the host UUID of its kernel is not the jail’s name`],
  [
    'Config: broken JSON and addresses without interface, alone and in a list',
    `${formats}: a file that cannot be used: that jail is listed with the reason, the others are as ever`,
    `${vectors}: addresses with their interfaces, DHCP in any case`,
  ],
  ['Fstab: UTF-8, comments with tabs', `${here}: comments keep their tabs and their letters`],
  ['Fstab: generated lines', `${here}: generated lines are the tool’s, and stay where they are`],
  ['Fstab: a volume with UFS', `${here}: a file system of a volume is refused`],
  ['MacAddress: separators, case, length, pairs', 'test/unit/domain/codec/values.test.ts: vnet0_mac'],
  [
    'Network: aliases are there, and gone after the stop',
    'test/host/network.test.ts: answer from the host, from a neighbour and from another jail, and are gone after the stop',
  ],
  ['VNET: without interfaces only lo0', 'not: vnet=on without an interface is refused, with the reason'],
  [
    'VNET: addresses, the interface of the host up and gone, link addresses of both ends',
    'test/host/vnet.test.ts: reach each other and the outside, are reached by a port of the host, and leave nothing',
    'test/host/vnet.test.ts: decide link addresses and AUTOIP4 once',
  ],
  [
    'VNET: DHCP shows the jail bpf',
    'test/host/vnet.test.ts: get an address by DHCP, give it back, and fail in time without a server',
    'test/unit/driver/freebsd/configurations.ts: vnet-dhcp',
  ],
  [
    'ResourceLimits: rules as they were asked for, gone after the stop',
    'test/unit/driver/freebsd/texts.test.ts: prints a rule and reads it back',
    'test/unit/driver/freebsd/configurations.ts: limits',
    goldens,
  ],
  [
    'SharedZFS: the dataset is seen inside',
    'test/unit/driver/freebsd/configurations.ts: datasets',
    'test/ops/jail-zfs.test.ts: stores what was set and nothing else: at set, start, stop and restart',
  ],
  [
    'Backup: export and import',
    `${ioc}: export and import: an archive where it is wanted, and never over another`,
  ],
  [
    'Pkg: into a stopped jail, no mount is left',
    `${ioc}: pkg and update, by the package manager of the jail (here a script)`,
  ],
  ['Provisioning', `${ioc}: provision: the script runs in the jail; when it fails the jail is as before`],
  [
    'Release: periodic.conf',
    `${words}: -b: each state is a snapshot, FreeBSD’s defaults come once, and what did not change is left`,
    'test/unit/release/assignments.test.ts: are what jails need of a release',
  ],
  [
    'Storage: procfs and linprocfs',
    'test/unit/driver/freebsd/configurations.ts: proc-and-linux-proc',
    goldens,
  ],
  [
    'R, Filter',
    'test/unit/domain/filter.test.ts: by themselves they are joined with OR, in one word and in several',
    'test/unit/domain/filter.test.ts: switches in every spelling, lists by one element, blanks with a backslash',
  ],
  [
    'R, ConfigData: dotted keys as a nested dictionary',
    'not: no property of ours is nested; what a file nests is kept byte for byte',
    'test/unit/domain/format/config-file.test.ts: any key of the file but those that were changed keeps every byte',
  ],
  [
    'R, helpers: coercion, the short form of a UUID, patch level',
    'test/unit/domain/filter.test.ts: texts of values',
    'test/unit/domain/filter.test.ts: the first eight characters of a UUID name a jail, others do not',
    'test/unit/release/freebsd-releases.test.ts: the patch level',
  ],
  ['R, ResourceLimit', `${vectors}: limit %s is kept and cannot be applied`],
  [
    'R, Distribution: pages of end of life that fail',
    'test/unit/release/freebsd-releases.test.ts: never fail, whatever the page is',
    'test/ops/remote-releases.test.ts: are told without the archive and with the dates that are known, when those cannot be had',
  ],
  ['R, Globals: no default twice', 'test/unit/domain/properties/table.test.ts: no key stands twice'],
  ['S, run-integration.sh', scenario],
  [
    'S, Datasets: activation',
    `${ioc}: activate and deactivate`,
    'test/host/activate.test.ts: changes nothing when it is repeated',
  ],
];

const defects: Cases = [
  ['1: names were joined with AND', `${ioc}: names add to each other, terms take away`],
  [
    '2: patterns leak, and take years',
    'test/unit/domain/filter.test.ts: a text that would hold a regular expression up for years takes no time',
  ],
  [
    '3: create never fetched',
    `${words}: create: a release that is not here comes first, from the server of FreeBSD`,
  ],
  [
    '4: count, empty, -R, -F had no effect',
    `${ioc}: names add to each other, terms take away`,
    `${ioc}: clone, promote and rename`,
    `${words}: -r -u -F: sets of one release from a server, verified, and written down`,
  ],
  [
    '6: failures with status 0',
    `${ioc}: snapshot: create, list, rollback, remove`,
    `${ioc}: start -o holds for one start; exec answers the status; console logs in`,
  ],
  ['7: restart of an unknown jail', `${words}: names with dots are names; what is none changes nothing`],
  [
    '8: get and migrate did not know --source',
    `${ioc}: several sources: their jails by full name, patterns over all of them, one alone`,
  ],
  [
    '9: deactivate makes a dataset, other pools are written to',
    'test/ops/sources.test.ts: leaves the mark of other pools as it is',
    `${ioc}: activate and deactivate`,
  ],
  ['10: .defaults was made by reading', 'test/ops/sources.test.ts: reading makes nothing'],
  [
    '13: 1 became a switch',
    `${vectors}: \`1\` that the tool stored as yes is a number where a number belongs`,
  ],
  ['17: prefixes of paths without separator', 'test/unit/domain/repath.test.ts: '],
  [
    '18: jails that need each other',
    'test/ops/boot.test.ts: jails that need each other are named, and the others start',
  ],
  [
    '20: rename renamed a snapshot of the release',
    'test/host/jail-types.test.ts: rename: dataset, host name, tag, files, log and mentions go along; an explicit host name stays',
  ],
  ['21: clone destroyed what it needs', `${ioc}: clone, promote and rename`],
  [
    '22: a changed custom release was not seen, and had no defaults',
    `${words}: -b: each state is a snapshot, FreeBSD’s defaults come once, and what did not change is left`,
  ],
  [
    '26: what holds for one start was saved',
    `${ioc}: start -o holds for one start; exec answers the status; console logs in`,
  ],
  ['28: progress in pipes', `${ioc}: shows what goes on, on standard error`],
  ['31: a stored key could not be removed', `${ioc}: get and set: jails, defaults, several, and back`],
];

describe.each([
  ['what libiocage’s own tests check', upstreamTests],
  ['defects of libiocage', defects],
])('%s', (_, cases) => {
  it.each(cases)('%s', (_checked, ...proofs) => {
    expect(proofs.length).toBeGreaterThan(0);
    for (const proof of proofs) {
      if (proof.startsWith('not: ')) continue;
      const [, file = '', title = ''] = /^([^:]+): (.*)$/.exec(proof)!;
      const path = join(import.meta.dirname, '../../..', file);
      expect(existsSync(path), file).toBe(true);
      expect(
        readFileSync(path, 'utf8')
          .replaceAll(String.raw`\``, '`')
          .includes(title),
        proof,
      ).toBe(true);
    }
  });
});

describe('vectors', () => {
  const found = (term: string, values: Record<string, FilterValue>): boolean =>
    matches(parseFilter([term]), { names: ['web'], value: (key) => values[key] });
  const libiocage = (members: Record<string, unknown>) =>
    readConfig({ name: 'config.json', text: JSON.stringify({ id: 'foo', ...members }) }, 'foo').values;

  it('lists are cut at commas, but for those with a backslash', () => {
    const wanted = String.raw`x=foo,bar\,baz`;
    expect(['foo', 'bar,baz', 'bar', 'baz'].map((x) => found(wanted, { x }))).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  it('JSON of libiocage: values of any kind are read as its texts', () => {
    const [typed, texts] = [
      { basejail: true, boot: false, ip4_addr: null, notes: 'text' },
      { basejail: 'yes', boot: 'no', ip4_addr: 'none', notes: 'text' },
    ].map((members) => effective(libiocage(members), new Map(), { uuid: 'foo' }));
    for (const key of ['type', 'boot', 'ip4_addr', 'notes']) expect(typed!.get(key)).toBe(texts!.get(key));
    expect(texts!.get('boot')).toBe('off');
  });

  it('the host UUID of its kernel is not the jail’s name', () => {
    const own = '962123ed-5117-2a6e-726e-de22067d7a8f';
    expect(libiocage({ host_hostuuid: own }).get('host_hostuuid')).toBe('foo');
    expect(libiocage({}).get('host_hostuuid')).toBe('foo');
    const text = JSON.stringify({ id: 'foo', host_hostuuid: own, boot: 'no' });
    const now = changeConfig({ name: 'config.json', text }, 'foo', [['boot', 'on']]);
    expect(JSON.parse(now)).toEqual({ id: 'foo', host_hostuuid: own, boot: 'yes' });
  });

  it.each([null, '-', 'none'])('nothing for a rule set of devfs is the default: %j', (stored) => {
    expect(
      effective(libiocage({ devfs_ruleset: stored }), new Map(), { uuid: 'foo' }).get('devfs_ruleset'),
    ).toBe(effective(libiocage({}), new Map(), { uuid: 'foo' }).get('devfs_ruleset'));
  });

  describe('names of jails', () => {
    // No dataset of ZFS can be called as libiocage would have it besides: a,b gRönke a[b]c 1 a^b a(b)c.
    it.each(['foo', 'a.b', '1', 'A'.repeat(31), '7e3a1b2c-0d4f-4a5b-8c6d-9e0f1a2b3c4d'])(
      '%s is one',
      (name) => expect(() => assertJailName(name)).not.toThrow(),
    );
    it.each([
      '',
      'a..b',
      'Ünder',
      'a b',
      '@x',
      'x@y',
      'jail{ioc}',
      'ioc\\jail',
      'a\tb',
      'a\nb',
      'a,b',
      'a[b]c',
    ])('%j is none', (name) => expect(() => assertJailName(name)).toThrow('is not valid'));
    it('a long one is judged at once', () => {
      const started = performance.now();
      expect(() => assertJailName(`${'a'.repeat(50_000)}!`)).toThrow('is not valid');
      expect(performance.now() - started).toBeLessThan(200);
    });
  });

  it('names of releases: a source before them, a level behind them', () => {
    expect(splitWord('src/custom')).toEqual({ source: 'src', name: 'custom' });
    expect(() => assertReleaseName('12.0-RELEASE-p3')).not.toThrow();
    expect(() => assertReleaseName('src/custom')).toThrow('is not valid');
  });

  it('the version that a userland tells', () => {
    expect(parseUserland('USERLAND_VERSION="13.5-RELEASE-p2"')).toBe('13.5-RELEASE-p2');
    expect(parseUserland('USERLAND_VERSION="13.5-RELEASE"; rm -rf /')).toBeUndefined();
  });

  it('digests, in the form of either system', () => {
    const digest = '0123456789abcdef'.repeat(4);
    const line = `base.txz\t${digest}\t26000\tbase\t"Base system (MANDATORY)"\ton\n`;
    expect([...parseManifest(line)]).toEqual([['base.txz', digest]]);
    expect([...parseChecksums(`SHA256 (base.txz) = ${digest}\n`)]).toEqual([['base.txz', digest]]);
  });

  describe('fstab', () => {
    const places = { iocage: '/tank/iocage', root: '/tank/iocage/jails/foo/root' };

    it('fields in any spacing are the same entry', () => {
      const [line] = parseFstab('fdescfs /dev/fd fdescfs rw\t0 0\n');
      expect(entryOf(line!)).toMatchObject({
        source: 'fdescfs',
        target: '/dev/fd',
        type: 'fdescfs',
        options: ['rw'],
        dump: '0',
        pass: '0',
      });
    });

    it('comments keep their tabs and their letters', () => {
      const text =
        '#\tGröße und\tOrt → 測試\n\n# zwei  Leerzeichen \n/srv\t/tank/iocage/jails/foo/root/srv\tnullfs\tro\t0\t0 # für alle\n';
      expect(printFstab(parseFstab(text))).toBe(text);
      expect(entryOf(parseFstab(text).at(-1)!)?.comment).toBe('für alle');
    });

    it('generated lines are the tool’s, and stay where they are', () => {
      const auto = (folder: string): string =>
        `/tank/iocage/releases/12.0-RELEASE/root/.zfs/snapshot/p0/${folder}\t${places.root}/${folder}\tnullfs\tro\t0\t0 # iocage-auto\n`;
      const text = `# first\n${auto('bin')}${auto('lib')}${auto('usr/lib')}# last\n`;
      const lines = parseFstab(text);
      expect(printFstab(lines)).toBe(text);
      const entries = lines.flatMap((line) => entryOf(line) ?? []);
      expect(entries.map((entry) => isBaseLine(entry, places))).toEqual([true, true, true]);
    });

    it('a file system of a volume is refused', () => {
      const [line] = parseFstab(`/dev/zvol/tank/vol ${places.root}/mnt ufs rw 1 1\n`);
      expect(entryProblem(entryOf(line!)!, places, '/dev/zvol/tank/vol')).toContain('type "ufs"');
    });
  });
});
