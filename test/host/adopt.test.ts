/**
 * Jails that come from outside of the pool, on real ZFS and with real containers: exports of Python iocage (streams of
 * zfs send in a zip file), and jails of Bastille and jail.conf as files.
 */
import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failEveryStep } from '../ops/every-step.ts';
import { plantAdopted } from '../support/adopted.ts';
import { commandIn, type Command } from '../support/command.ts';
import { fixtureText } from '../support/foreign-jails.ts';
import { parseHowTos, projectRoot } from '../support/how-to.ts';
import { hostTests, openLab, reason, sh, type Lab } from '../support/lab.ts';
import { zipBytes } from '../support/zip-bytes.ts';

describe.skipIf(!hostTests)(`jails from outside${reason}`, () => {
  let lab: Lab;
  let iocage: Command;
  let top: string;
  let images: string;
  let root: string;

  beforeAll(async () => {
    lab = await openLab();
    iocage = commandIn({ ...lab.environment, IOCAGE_PROGRESS: 'never' });
    root = `${lab.pool.name}/iocage`;
    top = join(lab.pool.directory, 'pool/iocage');
    images = join(top, 'images');
    mkdirSync(images, { mode: 0o700 });
    sh('zfs', 'snapshot', `${root}/releases/busybox/root@p0`);
  });
  afterAll(() => lab.close());

  const config = fixtureText('python-thin.json')
    .replace('"vnet": 1', '"vnet": 0')
    .replace('vnet0|192.0.2.10/24', 'none');

  interface Export {
    readonly config?: string;
    readonly fstab?: string;
    /** Of the streams, by the dataset's path below the jail. */
    readonly change?: (path: string, stream: Buffer) => Buffer;
    readonly leave?: string;
  }

  /** As `iocage export` of Python iocage leaves it, with the jail gone. */
  function exported({
    config: text = config,
    fstab = '',
    change = (_, stream) => stream,
    leave,
  }: Export = {}): string {
    const jail = `${root}/jails/web_1`;
    gone();
    sh('zfs', 'create', jail);
    sh('zfs', 'clone', `${root}/releases/busybox/root@p0`, `${jail}/root`);
    sh('zfs', 'create', `${jail}/data`);
    sh('zfs', 'create', `${jail}/data/in_side`);
    writeFileSync(join(top, 'jails/web_1/config.json'), text);
    writeFileSync(join(top, 'jails/web_1/fstab'), fstab);
    writeFileSync(join(top, 'jails/web_1/data/kept'), 'data');
    writeFileSync(join(top, 'jails/web_1/data/in_side/kept'), 'inner');
    sh('zfs', 'snapshot', '-r', `${jail}@ioc-export-2026-06-20`);
    const files = ['', 'root', 'data', 'data/in_side']
      .filter((path) => path !== leave)
      .map((path) => {
        const dataset = path === '' ? jail : `${jail}/${path}`;
        const stream = execFileSync('zfs', ['send', `${dataset}@ioc-export-2026-06-20`], {
          maxBuffer: 2 ** 28,
        });
        const name = `tank/iocage/images/web_1_2026-06-20${path === '' ? '' : `_${path.replace('/', '_')}`}`;
        return { name, bytes: change(path, stream) };
      });
    sh('zfs', 'destroy', '-r', jail);
    const zip = zipBytes(files, { zip64: true });
    const file = join(images, 'web_1_2026-06-20.zip');
    writeFileSync(file, zip);
    writeFileSync(file.replace(/zip$/, 'sha256'), createHash('sha256').update(zip).digest('hex'));
    return file;
  }
  const gone = () => {
    if (existsSync(join(top, 'jails/web_1'))) sh('zfs', 'destroy', '-r', `${root}/jails/web_1`);
    rmSync(join(top, 'jails/web_1'), { recursive: true, force: true });
  };
  /** Everything but the archive itself, which the tests exchange. */
  const state = () => {
    const { images: _, ...rest } = JSON.parse(lab.state());
    return JSON.stringify([rest, readdirSync(join(top, 'jails'))], null, 1);
  };

  it('an export of Python iocage comes back as it was, runs, and migrate makes it ours', () => {
    const based = config.replace('"comment"', '"basejail": 1,\n    "comment"');
    exported({
      config: based,
      fstab:
        '/mnt/old/iocage/releases/busybox/root/bin\t/mnt/old/iocage/jails/web_1/root/bin\tnullfs\tro\t0\t0\n',
    });
    const dry = iocage('import', '--dry-run', 'web_1_2026-06-20.zip');
    expect(dry, dry.stderr).toMatchObject({ status: 0 });
    expect(dry.stdout).toContain('unzip -p');
    // What becomes of its configuration is known without receiving it.
    expect(dry.stdout).toContain(`${top}/releases/busybox/root/bin ${top}/jails/web_1/root/bin`);
    expect(dry.stderr).toBe('');
    expect(dry.stdout).toContain(`zfs rename ${root}/receiving/web_1:3 ${root}/jails/web_1/root`);
    expect(existsSync(join(top, 'jails/web_1'))).toBe(false);
    const imported = iocage('import', 'web_1_2026-06-20.zip');
    expect(imported, imported.stderr).toMatchObject({ status: 0 });
    expect(imported.stdout).toContain('Successfully imported: web_1');
    expect(readFileSync(join(top, 'jails/web_1/config.json'), 'utf8')).toBe(based);
    expect(readFileSync(join(top, 'jails/web_1/fstab'), 'utf8')).toContain(
      `${top}/releases/busybox/root/bin\t${top}/jails/web_1/root/bin`,
    );
    expect(readFileSync(join(top, 'jails/web_1/data/kept'), 'utf8')).toBe('data');
    expect(readFileSync(join(top, 'jails/web_1/data/in_side/kept'), 'utf8')).toBe('inner');
    expect(sh('zfs', 'list', '-H', '-t', 'snapshot', '-r', '-o', 'name', `${root}/jails`)).toBe('');
    const listed = JSON.parse(iocage('list', '--json').stdout).jails;
    expect(listed).toMatchObject([{ tag: 'web_1', configuredBy: 'Python iocage', state: 'down' }]);
    const started = iocage('start', 'web_1');
    expect(started, started.stderr).toMatchObject({ status: 0 });
    expect(iocage('exec', 'web_1', 'hostname').stdout).toBe('web-1\n');
    expect(iocage('stop', 'web_1').status).toBe(0);
    expect(iocage('migrate', 'web_1').status).toBe(0);
    expect(iocage('get', 'notes', 'web_1').stdout).toBe('foo "bar"\n');
    const taken = iocage('import', 'web_1_2026-06-20.zip');
    expect(taken.status).toBe(1);
    expect(taken.stderr).toContain('already used');
    expect(iocage('destroy', '-f', 'web_1').status).toBe(0);
  }, 240_000);

  it('is refused before anything is made, or leaves nothing', () => {
    gone();
    const before = state();
    const refused = (why: string, ...words: string[]) => {
      const result = iocage('import', ...words);
      expect(result.stderr, why).toContain(why);
      expect(result.status).toBe(1);
      expect(state()).toBe(before);
    };
    const file = exported();
    const digest = file.replace(/zip$/, 'sha256');
    writeFileSync(digest, `${'0'.repeat(64)}`);
    refused('0000', 'web_1_2026-06-20.zip');
    rmSync(digest);
    refused('missing checksum file', file);
    exported({ leave: 'root' });
    refused('its root is not', file);
    exported({
      change: (path, stream) => (path === 'data' ? Buffer.from('no stream at all'.repeat(40)) : stream),
    });
    refused('is no stream of one ZFS snapshot', file);
    // The head is well, the rest is not there.
    exported({
      change: (path, stream) => (path === 'root' ? stream.subarray(0, stream.length / 2) : stream),
    });
    refused('', file);
    exported({ config: '{"half": ' });
    refused('config.json: it is no JSON', file);
    exported({ config: config.replace('"notes"', '"exec_prestart": "touch /tmp/evil", "notes"') });
    refused('exec_prestart of the jail in', file);
    refused('exec_prestart of the jail in', '--dry-run', file);
    // Whatever a line says of itself, and however it looks where there is no base.
    for (const [source, target, options] of [
      ['/etc', '/mnt', 'rw\t0\t0'],
      ['/etc', '/mnt', 'rw\t0\t0 # iocage-auto'],
      ['/srv/releases/x/root/etc', '/etc', 'ro\t0\t0'],
    ]) {
      exported({ fstab: `${source}\t/old/iocage/jails/web_1/root${target}\tnullfs\t${options}\n` });
      refused('fstab of the jail in', file);
    }
    expect(iocage('import', '--hooks', file).status).toBe(0);
    gone();
    writeFileSync(file, readFileSync(file).subarray(0, 500));
    refused('no zip archive', file);
    refused('not found', 'none.zip');
  }, 240_000);

  it('every step of the import fails once', async () => {
    exported();
    const count = await failEveryStep(
      { context: () => lab.context(), state },
      {
        operation: 'image.streams',
        input: () => ({ image: 'web_1_2026-06-20.zip' }),
        reset: async () => gone(),
      },
    );
    expect(count).toBeGreaterThan(10);
  }, 480_000);

  it('a jail of ours goes to the format of Python iocage and back, and runs in between', () => {
    expect(iocage('create', '-c', '-r', 'busybox', '-n', 'mine', 'ip4=disable', 'notes=kept').status).toBe(0);
    // Limits that are switched off here (rlimits) are none there, where they always hold.
    const all = () =>
      iocage('get', 'all', 'mine')
        .stdout.split('\n')
        .filter(
          (line) => !/^(tag|type|rlimits|memoryuse|last_started|used|available|compressratio):/.test(line),
        );
    const before = all();
    const dry = iocage('migrate', '--to', 'python', '--dry-run', 'mine');
    expect(dry, dry.stderr).toMatchObject({ status: 0 });
    expect(dry.stdout).toContain(join(top, 'jails/mine/config.json'));
    expect(existsSync(join(top, 'jails/mine/config.json'))).toBe(false);
    const there = iocage('migrate', '--to', 'python', 'mine');
    expect(there, there.stderr).toMatchObject({ status: 0 });
    expect(JSON.parse(readFileSync(join(top, 'jails/mine/config.json'), 'utf8'))).toMatchObject({
      host_hostuuid: 'mine',
      notes: 'kept',
      ip4: 'disable',
    });
    const listed = JSON.parse(iocage('list', '--json').stdout).jails;
    expect(listed).toContainEqual(expect.objectContaining({ tag: 'mine', configuredBy: 'Python iocage' }));
    expect(all()).toEqual(before);
    const started = iocage('start', 'mine');
    expect(started, started.stderr).toMatchObject({ status: 0 });
    expect(iocage('stop', 'mine').status).toBe(0);
    expect(iocage('migrate', 'mine').status).toBe(0);
    expect(all()).toEqual(before);
    expect(iocage('destroy', '-f', 'mine').status).toBe(0);
  }, 240_000);

  it('jails of Bastille and jail.conf become ours and run', () => {
    const place = join(lab.pool.directory, 'theirs');
    mkdirSync(place);
    plantAdopted(place);
    // A root that runs here, shown by the base as Bastille shows it.
    const busybox = join(top, 'releases/busybox/root');
    for (const to of ['bastille/releases/14.1-RELEASE', 'plain/foo'])
      sh('cp', '-a', `${busybox}/.`, join(place, to));
    writeFileSync(
      join(place, 'bastille/jails/web/jail.conf'),
      `web { path = "${place}/bastille/jails/web/root"; host.hostname = web.example.org; ip4 = disable; exec.start = "/.bastille/bin/true"; exec.stop = ""; }\n`,
    );
    const dry = iocage(
      'migrate',
      '--from',
      'bastille',
      '--path',
      join(place, 'bastille/jails'),
      '--dry-run',
      'web',
    );
    expect(dry, dry.stderr).toMatchObject({ status: 0 });
    expect(dry.stdout).toContain('org.freebsd.iocage:host_hostname=web.example.org');
    const list = iocage('migrate', '--from', 'jail.conf', '--path', join(place, 'jail.conf'));
    expect(list.status).toBe(2);
    expect(list.stderr).toContain('foo, thin');
    const conf = join(place, 'jail.conf');
    writeFileSync(
      conf,
      `foo { path = ${place}/plain/foo; host.hostname = foo.example.org; ip4 = disable; exec.prestart = "true"; }`,
    );
    // As docs/migrate.md has it, with another place.
    const page = readFileSync(join(projectRoot, 'docs/migrate.md'), 'utf8');
    const [howTo] = parseHowTos('docs/migrate.md', page).filter(
      ({ runBy }) => runBy === 'test/host/adopt.test.ts',
    );
    for (const { command } of howTo!.lines) {
      const words = command.replace('/srv/theirs', place).split(' ').slice(1);
      const ran = iocage(...words);
      expect(ran, `${command}: ${ran.stderr}`).toMatchObject({ status: 0 });
    }
    expect(iocage('exec', 'foo', 'hostname').stdout).toBe('foo.example.org\n');
    expect(iocage('stop', 'foo').status).toBe(0);
    expect(existsSync(join(place, 'plain/foo/bin'))).toBe(true);
    const web = iocage('migrate', '--from', 'bastille', '--path', join(place, 'bastille/jails'), 'web');
    expect(web, web.stderr).toMatchObject({ status: 0 });
    expect(web.stderr).toContain('not taken over: boot=on');
    expect(existsSync(join(top, 'jails/web/root/.bastille/bin'))).toBe(true);
    expect(iocage('get', 'memoryuse', 'web').stdout).toBe('1G:deny\n');
  }, 240_000);
});
