/**
 * Jails as Python iocage, libiocage and the original's develop line leave them, on real ZFS and with real
 * containers: listed, got, set, started and stopped, and their files byte-equal after reading. The files are
 * written by hand after the formats' descriptions (`test/fixtures/formats`).
 */
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failEveryStep } from '../ops/every-step.ts';
import { commandIn, type Command } from '../support/command.ts';
import { fixtureText, foreignJails, legacyUuid, plantConfig } from '../support/foreign-jails.ts';
import { hostTests, openLab, reason, sh, type Lab } from '../support/lab.ts';

describe.skipIf(!hostTests)(`formats of other tools${reason}`, () => {
  let lab: Lab;
  let iocage: Command;
  let mount: string;
  const links = ['em0', 'bridge0', 'bridge1'];

  beforeAll(async () => {
    lab = await openLab();
    iocage = commandIn({ ...lab.environment, IOCAGE_PROGRESS: 'never' });
    mount = join(lab.pool.directory, 'pool/iocage');
    const root = `${lab.pool.name}/iocage`;
    for (const link of links) {
      sh('ip', 'link', 'add', link, 'type', 'bridge');
      sh('ip', 'link', 'set', link, 'up');
    }
    sh('zfs', 'snapshot', `${root}/releases/busybox/root@p0`);
    for (const jail of foreignJails) {
      sh('zfs', 'create', `${root}/jails/${jail.name}`);
      sh('zfs', 'clone', `${root}/releases/busybox/root@p0`, `${root}/jails/${jail.name}/root`);
      plantConfig(join(mount, 'jails', jail.name), jail);
    }
    await lab.run('jail.create', { kind: 'clone', release: 'busybox', name: 'ours' });
  });
  afterAll(async () => {
    await lab.close();
    for (const link of links) if (existsSync(`/sys/class/net/${link}`)) sh('ip', 'link', 'delete', link);
  });

  const pathOf = (name: string): string => {
    const { file } = foreignJails.find((jail) => jail.name === name)!;
    return join(mount, 'jails', name, file);
  };
  const digests = (): readonly string[] =>
    foreignJails.map(({ name }) => {
      const { mode, uid, gid, mtimeMs, ino } = statSync(pathOf(name));
      const digest = createHash('sha256')
        .update(readFileSync(pathOf(name)))
        .digest('hex');
      return [name, digest, mode, uid, gid, mtimeMs, ino].join(' ');
    });
  const listed = (): readonly any[] => JSON.parse(iocage('list', '--json').stdout).jails;

  it('list and get read them and change no byte, nor a property of their datasets', () => {
    const before = digests();
    const state = sh('zfs', 'get', '-H', '-r', '-s', 'local', 'all', `${lab.pool.name}/iocage/jails`);
    const list = iocage('list');
    expect(list, list.stderr).toMatchObject({ status: 0 });
    expect(listed().map(({ tag }) => tag)).toEqual([
      '2017-05-18@09:58:31:123456',
      'bar',
      'flat',
      'foo',
      'mail',
      'ours',
      'thick',
      'web_1',
    ]);
    expect(listed().map(({ state: is }) => is)).toEqual(Array(8).fill('down'));
    const tools = Object.fromEntries(listed().map(({ tag, configuredBy }) => [tag, configuredBy]));
    expect(tools).toMatchObject({ foo: 'libiocage', thick: 'Python iocage', ours: undefined });
    expect(iocage('get', 'ip4_addr', 'web_1').stdout).toBe('vnet0|192.0.2.10/24\n');
    expect(iocage('get', 'memoryuse', 'foo').stdout).toBe('512M:deny\n');
    expect(iocage('get', 'host_hostname', 'mail').stdout).toBe('mail.example.org\n');
    expect(iocage('get', 'all', 'thick').status).toBe(0);
    expect(iocage('get', '-r', 'boot').status).toBe(0);
    expect(digests()).toEqual(before);
    expect(sh('zfs', 'get', '-H', '-r', '-s', 'local', 'all', `${lab.pool.name}/iocage/jails`)).toBe(state);
  });

  it('a dry run prints what set would write, and writes nothing', () => {
    const before = digests();
    const dry = iocage('set', '--dry-run', 'notes=new', 'web_1');
    expect(dry, dry.stderr).toMatchObject({ status: 0 });
    expect(dry.stdout).toContain(pathOf('web_1'));
    expect(digests()).toEqual(before);
  });

  it('set writes back in the format of each, with the mode and the owner of the file', () => {
    const before = statSync(pathOf('foo'));
    const set = iocage(
      'set',
      'notes=set by hand',
      'allow_raw_sockets=yes',
      'foo',
      'web_1',
      'thick',
      'bar',
      'mail',
    );
    expect(set, set.stderr).toMatchObject({ status: 0 });
    const json = (name: string) => JSON.parse(readFileSync(pathOf(name), 'utf8'));
    const theirs = (fixture: string) => JSON.parse(fixtureText(fixture));
    expect(json('web_1')).toEqual({
      ...theirs('python-thin.json'),
      notes: 'set by hand',
      allow_raw_sockets: 1,
    });
    expect(json('thick')).toEqual({ ...theirs('python-thick.json'), notes: 'set by hand' });
    expect(json('foo')).toEqual({
      ...theirs('libiocage.json'),
      notes: 'set by hand',
      allow_raw_sockets: 'yes',
    });
    expect(readFileSync(pathOf(legacyUuid), 'utf8')).toBe(
      fixtureText('legacy.ucl').replace('notes="none"', 'notes="set by hand"'),
    );
    expect(readFileSync(pathOf('bar'), 'utf8')).toBe(
      `${fixtureText('libiocage.ucl')}notes = "set by hand";\nallow_raw_sockets = "on";\n`,
    );
    const after = statSync(pathOf('foo'));
    expect([after.mode, after.uid, after.gid]).toEqual([before.mode, before.uid, before.gid]);
    expect(iocage('get', 'notes', 'foo').stdout).toBe('set by hand\n');
  });

  it('start runs them with what the file says, stop ends them', () => {
    const names = ['web_1', 'thick', 'foo', 'flat', 'bar', 'mail'];
    const started = iocage('start', ...names);
    expect(started, started.stderr + started.stdout).toMatchObject({ status: 0 });
    const up = listed().filter(({ state }) => state === 'up');
    expect(up.map(({ tag }) => tag)).toEqual(['bar', 'flat', 'foo', 'mail', 'thick', 'web_1']);
    expect(iocage('exec', 'web_1', 'hostname').stdout).toBe('web-1\n');
    expect(iocage('exec', 'mail', 'hostname').stdout).toBe('mail.example.org\n');
    expect(iocage('exec', 'web_1', 'ip', '-4', '-o', 'addr', 'show', 'dev', 'vnet0').stdout).toContain(
      '192.0.2.10/24',
    );
    expect(iocage('exec', 'foo', 'ip', '-4', '-o', 'addr', 'show', 'dev', 'vnet0').stdout).toContain(
      '192.0.2.31/24',
    );
    // A basejail shows its release read-only.
    expect(iocage('exec', 'bar', 'touch', '/bin/x').status).not.toBe(0);
    expect(JSON.parse(readFileSync(pathOf('web_1'), 'utf8')).last_started).toMatch(
      /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/,
    );
    const stopped = iocage('stop', ...names);
    expect(stopped, stopped.stderr).toMatchObject({ status: 0 });
    expect(listed().every(({ state }) => state === 'down')).toBe(true);
  });

  it("a Python basejail's own base lines in fstab are ours to mount", () => {
    const directory = join(mount, 'jails/thick');
    const line = (dir: string) =>
      `${mount}/releases/busybox/root/${dir}\t${directory}/root/${dir}\tnullfs\tro\t0\t0\n`;
    writeFileSync(join(directory, 'fstab'), line('bin'));
    const text = readFileSync(pathOf('thick'), 'utf8');
    writeFileSync(pathOf('thick'), text.replace('"basejail": 0', '"basejail": 1'));
    const started = iocage('start', 'thick');
    expect(started, started.stderr).toMatchObject({ status: 0 });
    expect(iocage('exec', 'thick', 'touch', '/bin/x').status).not.toBe(0);
    expect(iocage('stop', 'thick').status).toBe(0);
    expect(readFileSync(join(directory, 'fstab'), 'utf8')).toBe(line('bin'));
  });

  it('every step of set fails once: the files are as they were, on the pool too', async () => {
    const names = ['web_1', 'foo', legacyUuid];
    const before = names.map((name) => readFileSync(pathOf(name), 'utf8'));
    const world = {
      context: () => lab.context(),
      state: () => [lab.state(), ...names.map((name) => readFileSync(pathOf(name), 'utf8'))].join('\n'),
    };
    const input = () => ({
      jails: names,
      properties: [
        ['boot', 'off'],
        ['notes', 'x'],
        ['vnet', 'off'],
      ],
    });
    const reset = async () => {
      for (const [at, name] of names.entries()) writeFileSync(pathOf(name), before[at]!);
    };
    expect(await failEveryStep(world, { operation: 'property.set', input, reset })).toBe(3);
  });

  it('migrate makes them our own, back gives them back, confirm removes what was kept', () => {
    const before = digests();
    const all = (name: string) =>
      iocage('get', 'all', name)
        .stdout.split('\n')
        .filter((line) => !/^(tag|release|used|available|compressratio):/.test(line));
    const was = foreignJails.map(({ name }) => all(name));
    const dry = iocage('migrate', '--dry-run', 'web_1');
    expect(dry, dry.stderr).toMatchObject({ status: 0 });
    expect(dry.stdout).toContain('org.freebsd.iocage:ip4_addr=vnet0|192.0.2.10/24');
    expect(dry.stdout).toContain('config.json.migrated');
    expect(digests()).toEqual(before);
    const migrated = iocage('migrate', 'ALL');
    expect(migrated, migrated.stderr).toMatchObject({ status: 0 });
    expect(foreignJails.map(({ name }) => all(name))).toEqual(was);
    expect(existsSync(pathOf('web_1'))).toBe(false);
    for (const name of ['web_1', 'foo', 'mail']) {
      const started = iocage('start', name);
      expect(started, started.stderr).toMatchObject({ status: 0 });
    }
    expect(iocage('exec', 'web_1', 'ip', '-4', '-o', 'addr', 'show', 'dev', 'vnet0').stdout).toContain(
      '192.0.2.10/24',
    );
    expect(iocage('stop', 'web_1', 'foo', 'mail').status).toBe(0);
    const refused = iocage('migrate', '--back', 'thick');
    expect(refused.status).toBe(1);
    expect(iocage('migrate', '--back', '-f', ...foreignJails.map(({ name }) => name)).status).toBe(0);
    // The file is the same one, under its old name.
    expect(digests()).toEqual(before);
    expect(iocage('migrate', 'thick').status).toBe(0);
    expect(iocage('migrate', '--confirm', '-f', 'thick').status).toBe(0);
    expect(existsSync(`${pathOf('thick')}.migrated`)).toBe(false);
    expect(iocage('clone', 'thick', 'tag=copy').status).toBe(0);
  }, 240_000);

  it('a corrupt file makes that one jail corrupt, with the reason, and keeps no other from working', () => {
    const text = readFileSync(pathOf('flat'), 'utf8');
    writeFileSync(pathOf('flat'), text.slice(0, 40));
    expect(listed().find(({ tag }) => tag === 'flat')).toMatchObject({
      state: 'corrupt',
      problem: expect.stringMatching(/^config\.json: it is no JSON: it ends in the middle/),
    });
    const refused = iocage('set', 'boot=on', 'flat');
    expect(refused.status).toBe(1);
    expect(refused.stderr).toContain('it ends in the middle');
    expect(readFileSync(pathOf('flat'), 'utf8')).toBe(text.slice(0, 40));
    writeFileSync(pathOf('flat'), text);
    expect(iocage('set', 'boot=on', 'flat').status).toBe(0);
  });

  it('the three lines of the original with ZFS properties: listed, got, set, started, stopped', () => {
    // As 1.5, 1.6 to 1.7 and the develop line of early 2016 store them; the first two with a dataset in the root.
    const lines = {
      S: {
        tag: 's',
        hostname: 's.example.org',
        type: 'jail',
        allow_chflags: '0',
        boot: 'off',
        ip4_addr: 'none',
      },
      M: {
        tag: 'm',
        hostname: 'm.example.org',
        host_hostname: 'UUID',
        type: 'jail',
        template: 'no',
        boot: 'off',
        ip4_addr: 'none',
      },
      Z: {
        tag: 'z',
        host_hostname: 'z.example.org',
        type: 'basejail',
        istemplate: 'no',
        boot: 'off',
        ip4_addr: 'none',
      },
    };
    const root = `${lab.pool.name}/iocage`;
    const uuidOf = (line: string) => `${line.charCodeAt(0)}a00000-01a8-11e4-aa78-3c970ea3222f`;
    for (const [line, values] of Object.entries(lines)) {
      const dataset = `${root}/jails/${uuidOf(line)}`;
      sh('zfs', 'create', dataset);
      // A property a call, as the original did.
      for (const [key, value] of Object.entries({
        host_hostuuid: uuidOf(line),
        release: 'busybox',
        memoryuse: '8G:log',
        x_unknown: 'kept',
        ...values,
      }))
        sh('zfs', 'set', `org.freebsd.iocage:${key}=${value === 'UUID' ? uuidOf(line) : value}`, dataset);
      sh('zfs', 'clone', `${root}/releases/busybox/root@p0`, `${dataset}/root`);
      if (line !== 'Z') sh('zfs', 'create', '-o', 'mountpoint=none', `${dataset}/root/data`);
      writeFileSync(join(mount, 'jails', uuidOf(line), 'fstab'), '');
    }
    const all = () =>
      sh('zfs', 'get', '-H', '-r', '-s', 'local', '-o', 'name,property,value', 'all', `${root}/jails`);
    const before = all();
    expect(listed().map(({ tag }) => tag)).toEqual(expect.arrayContaining(['m', 's', 'z']));
    expect(iocage('get', 'host_hostname', 'm').stdout).toBe('m.example.org\n');
    expect(iocage('get', 'memoryuse', 's').stdout).toBe('8G:log\n');
    expect(all()).toBe(before);
    const set = iocage('set', 'notes=ours', 's', 'm', 'z');
    expect(set, set.stderr).toMatchObject({ status: 0 });
    expect(
      all()
        .split('\n')
        .filter((line) => !line.includes(':notes')),
    ).toEqual(before.split('\n').filter((line) => !line.includes(':notes')));
    const started = iocage('start', 's', 'm', 'z');
    expect(started, started.stderr).toMatchObject({ status: 0 });
    for (const tag of ['s', 'm', 'z'])
      expect(iocage('exec', tag, 'hostname').stdout).toBe(`${tag}.example.org\n`);
    expect(iocage('exec', 'z', 'touch', '/bin/x').status).not.toBe(0);
    expect(iocage('stop', 's', 'm', 'z').status).toBe(0);
    expect(all()).toContain('org.freebsd.iocage:x_unknown\tkept');
  }, 240_000);

  it('bad input of every kind: each is listed with its reason, the others work, nothing is rewritten', () => {
    const root = `${lab.pool.name}/iocage/jails`;
    const text = fixtureText('python-thin.json').replace(
      '"host_hostuuid": "web_1"',
      '"host_hostuuid": "NAME"',
    );
    const bad: Readonly<Record<string, readonly [file: string, text: string, reason: RegExp]>> = {
      bad_json: ['config.json', '{"host_hostuuid": "bad_json",, }', /it is no JSON at line 1/],
      bad_half: ['config.json', text.slice(0, 150), /only half of it had been written/],
      bad_empty: ['config.json', '', /it is empty/],
      bad_value: [
        'config.json',
        `{"host_hostuuid": "bad_value", "notes": "${'x'.repeat(100_000)}"}`,
        /longer than 65536/,
      ],
      bad_twice: [
        'config.json',
        '{"host_hostuuid": "bad_twice", "boot": 0, "boot": 1}',
        /names "boot" twice/,
      ],
      bad_name: ['config.json', text, /do not agree|host_hostuuid/],
      bad_include: ['config', '.include "/etc/passwd"\n', /macros are not carried out/],
      bad_macro: ['config', '.try_include(glob=true) "/etc/*"\n', /macros are not carried out/],
      bad_ucl: ['config', 'boot = "on', /it is no UCL at line 1/],
      bad_none: ['other', 'x', /it has no iocage properties/],
    };
    for (const [name, [file, content]] of Object.entries(bad)) {
      sh('zfs', 'create', `${root}/${name}`);
      writeFileSync(join(mount, 'jails', name, file), content);
    }
    sh('zfs', 'create', `${root}/bad_unmounted`);
    sh('zfs', 'unmount', `${root}/bad_unmounted`);
    const problems = new Map(listed().map(({ tag, problem }) => [tag, problem]));
    for (const [name, [, , reason]] of Object.entries(bad)) expect(problems.get(name), name).toMatch(reason);
    expect(problems.get('bad_unmounted')).toBe('its dataset is not mounted');
    expect(problems.get('web_1')).toBeUndefined();
    // Its file is good, and of another name.
    expect(iocage('doctor').stdout).toContain(`zfs rename ${root}/bad_name ${root}/HOST_HOSTUUID`);
    for (const name of Object.keys(bad)) {
      for (const words of [
        ['set', 'boot=on', name],
        ['start', name],
        ['migrate', name],
      ])
        expect(iocage(...words).status, words.join(' ')).toBe(1);
      expect(readFileSync(join(mount, 'jails', name, bad[name]![0]), 'utf8')).toBe(bad[name]![1]);
    }
    expect(iocage('set', 'notes=still', 'web_1').status).toBe(0);
    const started = iocage('start', 'ours');
    expect(started, started.stderr).toMatchObject({ status: 0 });
    expect(iocage('stop', 'ours').status).toBe(0);
    expect(iocage('migrate', '--dry-run', 'ALL').status).toBe(0);
    for (const name of [...Object.keys(bad), 'bad_unmounted']) sh('zfs', 'destroy', `${root}/${name}`);
  }, 240_000);

  it('a hook in a file that not only root may write: no start, and set … default reaches defaults.json', () => {
    const path = pathOf('web_1');
    const text = readFileSync(path, 'utf8');
    writeFileSync(path, text.replace('"notes"', '"exec_prestart": "touch /tmp/never",\n    "notes"'));
    chmodSync(path, 0o666);
    const refused = iocage('start', 'web_1');
    expect(refused.status).toBe(1);
    expect(refused.stderr).toContain(`exec_prestart of jail web_1 would have power over this host`);
    expect(refused.stderr).toContain(`chmod go-w ${path}`);
    expect(existsSync('/tmp/never')).toBe(false);
    writeFileSync(path, text);
    chmodSync(path, 0o644);
    const defaults = join(mount, 'defaults.json');
    writeFileSync(defaults, fixtureText('defaults.json'));
    expect(iocage('set', 'priority=3', 'default').status).toBe(0);
    expect(readFileSync(defaults, 'utf8')).toBe(
      fixtureText('defaults.json').replace('"priority": "42"', '"priority": "3"'),
    );
    expect(iocage('get', 'priority', 'web_1').stdout).toBe('3\n');
  });

  it('snapshots and destroy work; what would only half work says so', () => {
    expect(iocage('snapshot', 'foo@kept').status).toBe(0);
    expect(iocage('set', 'notes=later', 'foo').status).toBe(0);
    expect(iocage('rollback', '-f', 'foo@kept').status).toBe(0);
    expect(iocage('get', 'notes', 'foo').stdout).toBe('set by hand\n');
    // From before there was such a file: the jail keeps what it is configured by.
    expect(iocage('create', '-c', 'release=busybox', '-n', 'given', 'notes=mine').status).toBe(0);
    expect(iocage('snapshot', 'given@ours').status).toBe(0);
    expect(iocage('migrate', '--to', 'python', 'given').status).toBe(0);
    const text = readFileSync(join(mount, 'jails/given/config.json'), 'utf8');
    const back = iocage('rollback', '-f', 'given@ours');
    expect(back).toMatchObject({ status: 0 });
    expect(back.stderr).toContain('config.json was written, which stays as it is now');
    expect(readFileSync(join(mount, 'jails/given/config.json'), 'utf8')).toBe(text);
    expect(iocage('get', 'notes', 'given').stdout).toBe('mine\n');
    // And back over a migration: the file has its old name again, and the way back and the end of it are there.
    for (const end of ['--back', '--confirm']) {
      expect(iocage('snapshot', 'given@python').status).toBe(0);
      expect(iocage('migrate', 'given').status).toBe(0);
      expect(iocage('set', 'notes=later', 'given').status).toBe(0);
      expect(iocage('rollback', '-f', 'given@python').status).toBe(0);
      expect(iocage('get', 'notes', 'given').stdout).toBe('later\n');
      expect(iocage('migrate', end, '-f', 'given')).toMatchObject({ status: 0 });
      expect(iocage('get', 'notes', 'given').stdout).toBe(end === '--back' ? 'mine\n' : 'later\n');
      if (end === '--back') expect(iocage('snapremove', 'given@python').status).toBe(0);
    }
    expect(existsSync(join(mount, 'jails/given/config.json'))).toBe(false);
    expect(iocage('destroy', '-f', 'given').status).toBe(0);
    const clone = iocage('clone', 'foo', 'tag=copy');
    expect(clone.status).toBe(1);
    expect(clone.stderr).toContain('config.json of libiocage');
    expect(iocage('destroy', '-f', 'foo').status).toBe(0);
    expect(listed().some(({ tag }) => tag === 'foo')).toBe(false);
  });

  it('a basejail that was rolled back over migrate has the lines of its base in fstab as its tool needs them', () => {
    const run = (...words: readonly string[]) => {
      const ran = iocage(...words);
      expect(ran, `${words.join(' ')}: ${ran.stderr}`).toMatchObject({ status: 0 });
      return ran;
    };
    const place = join(mount, 'jails/based');
    const fstab = () => readFileSync(join(place, 'fstab'), 'utf8').split('\n');
    const releases = `${join(mount, 'releases/busybox/root')}/`;
    const base = () => fstab().filter((line) => line.startsWith(releases));
    const works = () => {
      run('start', 'based');
      // What is mounted is the base once, read-only, and the jail's own line.
      const mounted = run('exec', 'based', 'cat', '/proc/mounts').stdout.split('\n');
      expect(mounted.filter((line) => / \/bin /.test(line))).toHaveLength(1);
      expect(mounted.some((line) => line.includes(' /mnt '))).toBe(true);
      run('stop', 'based');
    };
    run('create', '-b', '-r', 'busybox', '-n', 'based', 'ip4=disable');
    const shared = join(lab.pool.directory, 'shown');
    mkdirSync(shared);
    run('fstab', '-a', 'based', shared, '/mnt', 'nullfs', 'ro', '0', '0');
    run('snapshot', 'based@ours');
    const own = fstab();
    expect(base()).toEqual([]);
    run('migrate', '--to', 'python', 'based');
    const [lines, config] = [fstab(), readFileSync(join(place, 'config.json'), 'utf8')];
    expect(base().length).toBeGreaterThan(0);
    // A line that is younger than the snapshot goes; those of the base and the configuration stay.
    run('fstab', '-a', 'based', 'tmpfs', '/tmp', 'tmpfs', 'rw', '0', '0');
    expect(run('--dry-run', 'rollback', '-f', 'based@ours').stdout).toContain(`${place}/fstab`);
    for (const _ of ['once', 'again']) {
      const { stderr } = run('rollback', '-f', 'based@ours');
      expect(stderr).toContain(
        'config.json was written, which stays as it is now, and so do the lines of its base in fstab',
      );
      expect(fstab()).toEqual(lines);
      expect(readFileSync(join(place, 'config.json'), 'utf8')).toBe(config);
      expect(listed().find(({ tag }) => tag === 'based')).toMatchObject({
        type: 'basejail',
        configuredBy: 'Python iocage',
      });
    }
    works();
    // To when it was that tool's: the fstab of then.
    run('snapshot', 'based@python');
    run('migrate', 'based');
    run('rollback', '-f', 'based@python');
    expect(fstab()).toEqual(lines);
    works();
    run('migrate', '--back', '-f', 'based');
    expect(fstab()).toEqual(lines);
    // Ours again, and back to before all of it: the kept file and what belongs to it are there for the way back.
    run('migrate', 'based');
    const kept = readFileSync(join(place, 'config.json.migrated'), 'utf8');
    run('rollback', '-f', 'based@ours');
    expect(listed().find(({ tag }) => tag === 'based').configuredBy).toBeUndefined();
    expect(readFileSync(join(place, 'config.json.migrated'), 'utf8')).toBe(kept);
    works();
    run('migrate', '--back', '-f', 'based');
    expect([fstab(), readFileSync(join(place, 'config.json'), 'utf8')]).toEqual([lines, kept]);
    run('migrate', 'based');
    run('migrate', '--confirm', '-f', 'based');
    // With nothing kept, nothing is held.
    run('snapshot', 'based@last');
    expect(run('rollback', '-f', 'based@ours').stderr).not.toContain('stays as it is');
    expect(fstab()).toEqual(own);
    works();
    run('destroy', '-f', 'based');
  });
});
