/** plan and apply through the real command, on real ZFS with real containers; the page's own example first. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandIn, commandPath, comparable, type Command, type Ran } from '../support/command.ts';
import { hostTests, openLab, reason, sh, type Lab } from '../support/lab.ts';
import { busyboxTar } from '../support/release.ts';

const page = readFileSync(fileURLToPath(new URL('../../docs/plan-apply.md', import.meta.url)), 'utf8');
const [example = '', gone = ''] = [...page.matchAll(/```yaml\n([^]*?)```/g)].map(([, text]) => text);
/** The commands of the page, in order. */
const commands = [...page.matchAll(/^iocage (.*)$/gm)].map(([, line]) => line!.split(' '));

describe.skipIf(!hostTests)(`plan and apply${reason}`, { timeout: 120_000 }, () => {
  let lab: Lab;
  let iocage: Command;
  let empty: readonly string[];

  const at = (name: string): string => join(lab.pool.directory, name);
  const root = (name: string): string => join(lab.pool.directory, 'pool/iocage/jails', name, 'root');
  const write = (name: string, text: string): string => {
    writeFileSync(at(name), text);
    return at(name);
  };
  const json = <T = any>(ran: Ran): T => JSON.parse(ran.stdout) as T;
  /** Words of a command, with its files in the laboratory's directory. */
  const inLab = (words: readonly string[]): readonly string[] =>
    words.map((word) => (/\.(yaml|plan)$/.test(word) ? at(word) : word));
  const apply = (text: string, ...flags: readonly string[]): Ran =>
    iocage('apply', write('t.yaml', text), ...flags);
  const summary = (ran: Ran): string =>
    ran.stdout.split('\n').find((line) => /^\* \d/.test(line)) ?? ran.stderr;
  const ok = (ran: Ran): Ran => {
    expect(ran, ran.stdout + ran.stderr).toMatchObject({ status: 0 });
    return ran;
  };

  beforeAll(async () => {
    lab = await openLab({ release: false });
    iocage = commandIn(lab.environment);
    const tar = at('busybox.tar');
    busyboxTar(tar);
    for (const release of ['bookworm', 'other']) await lab.run('release.fetch', { release, file: tar });
    empty = comparable(lab.state());
  });
  afterAll(() => lab.close());

  it("the page's example: planned, applied, applied again, kept, refused when out of date, and taken away", () => {
    write('jails.yaml', example);
    write('gone.yaml', gone);
    write('site.conf', 'listen 80\n');
    const [plan, first, keep, kept, remove] = commands.map(inLab);
    const planned = ok(iocage(...plan!));
    expect(planned.stdout).toContain('+ web: create (bookworm, clone)\n    + boot = on\n    + quota = 10G\n');
    expect(planned.stdout).toContain('    + file /etc/web/site.conf, 10 bytes, mode 0640\n');
    expect(planned.stdout).toContain('* 2 to create, 0 to change, 0 to destroy, 0 as wanted\n');
    expect(comparable(lab.state())).toEqual(empty);

    const applied = ok(iocage(...first!));
    expect(summary(applied)).toBe('* 2 created, 0 changed, 0 destroyed, 0 as wanted');
    // db before web, which depends on it.
    expect(applied.stdout).toMatch(/^\* Starting db\n[^]*^\* Starting web\n/m);
    expect(iocage('exec', 'web', 'cat', '/etc/motd', '/etc/web/site.conf').stdout).toBe(
      'This is web.\nlisten 80\n',
    );
    expect(statSync(join(root('web'), 'etc/web/site.conf')).mode & 0o7777).toBe(0o640);
    expect(iocage('exec', 'db', 'grep', '-c', ' /var/tmp tmpfs', '/proc/mounts').stdout).toBe('1\n');
    expect(iocage('get', 'depends', 'web').stdout).toContain('db');
    expect(sh('zfs', 'get', '-H', '-o', 'value', 'quota', `${lab.pool.name}/iocage/jails/web`)).toContain(
      '10G',
    );

    const again = ok(iocage(...first!));
    expect(again.stdout).toBe('* 0 created, 0 changed, 0 destroyed, 2 as wanted\n');
    expect(ok(iocage(...plan!)).stdout).toBe('* 0 to create, 0 to change, 0 to destroy, 2 as wanted\n');

    ok(iocage('set', 'notes=by hand', 'web'));
    expect(ok(iocage(...keep!)).stdout).toContain(
      '~ web: change\n    ~ notes: by hand -> serves example.org\n',
    );
    expect(statSync(at('today.plan')).mode & 0o777).toBe(0o600);
    ok(iocage('set', 'notes=by another hand', 'web'));
    const late = iocage(...kept!);
    expect(late).toMatchObject({ status: 1 });
    expect(late.stderr).toContain('the plan is out of date');
    expect(iocage('get', 'notes', 'web').stdout).toContain('by another hand');
    ok(iocage('set', 'notes=by hand', 'web'));
    expect(summary(ok(iocage(...kept!)))).toBe('* 0 created, 1 changed, 0 destroyed, 1 as wanted');
    expect(iocage('get', 'notes', 'web').stdout).toContain('serves example.org');

    expect(summary(ok(iocage(...remove!)))).toBe('* 0 created, 0 changed, 2 destroyed, 0 as wanted');
    expect(comparable(lab.state())).toEqual(empty);
    expect(summary(ok(iocage(...remove!)))).toBe('* 0 created, 0 changed, 0 destroyed, 2 as wanted');
  });

  it('--expect with the hash that plan --json tells', () => {
    const file = write('h.yaml', 'jails: {h: {type: empty}}');
    const { hash } = json(ok(iocage('plan', file, '--json')));
    const other = iocage('apply', file, '--expect', 'ab'.repeat(32));
    expect(other).toMatchObject({ status: 1 });
    expect(other.stderr).toContain('out of date');
    expect(iocage('list', '-H').stdout).toBe('');
    expect(iocage('apply', file, '--expect', 'short')).toMatchObject({ status: 2 });
    ok(iocage('apply', file, '--expect', hash));
    ok(iocage('destroy', '-f', 'h'));
  });

  it('changes a running jail: live ones at once, others by a restart, null unsets, stop and start', () => {
    const jail = (more: string): string => `
jails:
  a:
    release: bookworm
    type: clone
    properties: {ip4: disable, rlimits: on, ${more}
`;
    ok(apply(jail('maxproc: 50:deny, notes: x}\n    state: up')));
    const pid = (): string => iocage('get', 'jid', 'a').stdout;
    const first = pid();
    expect(ok(apply(jail('maxproc: 40:deny, notes: null}\n    state: up'))).stdout).toContain(
      'a: changed (notes, maxproc)',
    );
    expect(pid()).toBe(first);
    expect(iocage('limits', 'a').stdout).toMatch(/maxproc\s+\|\s+40:deny/);
    expect(iocage('get', 'notes', 'a').stdout).toBe('none\n');
    expect(ok(apply(jail('maxproc: null}\n    state: up'))).stdout).toContain('a: changed (maxproc)');
    expect(iocage('limits', 'a').stdout).not.toContain('maxproc');

    // Without a state it runs on, and the plan says when it takes effect.
    const plan = ok(iocage('plan', write('p.yaml', jail('exec_fib: 1, host_domainname: example.org}'))));
    expect(plan.stdout).toMatch(/~ host_domainname: none -> example\.org {2}\(from the next start on\)/);
    expect(ok(apply(jail('host_domainname: example.org}\n    state: up'))).stdout).toContain(
      'a: changed (host_domainname, restarted)',
    );
    expect(pid()).not.toBe(first);
    expect(ok(apply('jails: {a: {fstab: [tmpfs /var/tmp tmpfs rw 0 0], state: up}}')).stdout).toContain(
      'a: changed (fstab, restarted)',
    );
    expect(iocage('exec', 'a', 'grep', '-c', ' /var/tmp tmpfs', '/proc/mounts').stdout).toBe('1\n');
    expect(ok(apply('jails: {a: {state: down}}')).stdout).toContain('a: changed (stopped)');
    expect(ok(apply('jails: {a: {state: down}}')).stdout).toContain('1 as wanted');
    ok(iocage('destroy', 'a', '--yes'));
    expect(comparable(lab.state())).toEqual(empty);
  });

  it('an address that a first start chose is what the file asked for', () => {
    const text =
      'jails: {auto: {type: clone, release: bookworm, properties: {ip4_addr: AUTOIP4}, state: up}}';
    ok(iocage('set', 'ip4_autostart=40', 'ip4_autoend=50', 'default'));
    ok(apply(text));
    expect(iocage('get', 'ip4_addr', 'auto').stdout).toContain('192.0.2.40/24');
    expect(summary(ok(apply(text)))).toBe('* 0 created, 0 changed, 0 destroyed, 1 as wanted');
    ok(iocage('destroy', '-f', 'auto'));
    ok(iocage('reset', '-p', 'ip4_autostart', '-p', 'ip4_autoend', 'default'));
    expect(comparable(lab.state())).toEqual(empty);
  });

  it('fstab: the same lines in the same order, comments stay', () => {
    const jail = (...lines: readonly string[]): string =>
      `jails: {f: {type: empty, fstab: ${JSON.stringify(lines)}}}`;
    const [x, y, z] = ['tmpfs /x tmpfs rw 0 0', 'tmpfs /y tmpfs rw 0 0', 'tmpfs /z tmpfs rw 0 0'];
    const targets = (): string[] =>
      (json(iocage('fstab', '-l', 'f', '--json')).mounts as { target: string }[]).map(({ target }) =>
        target.slice(-1),
      );
    ok(apply(jail(x, y)));
    expect(targets()).toEqual(['x', 'y']);
    const file = join(root('f'), '../fstab');
    writeFileSync(file, `# mine\n${readFileSync(file, 'utf8')}`);
    ok(apply(jail(x, z, y)));
    expect(targets()).toEqual(['x', 'z', 'y']);
    expect(ok(apply(jail(x, z, y))).stdout).toContain('1 as wanted');
    ok(apply(jail(z)));
    expect(targets()).toEqual(['z']);
    ok(apply(jail()));
    expect(targets()).toEqual([]);
    expect(readFileSync(file, 'utf8')).toBe('# mine\n');
    const refused = iocage('plan', write('p.yaml', jail('/nowhere /n nullfs ro 0 0')));
    expect(refused).toMatchObject({ status: 1 });
    expect(refused.stdout).toContain('! f: fstab: source "/nowhere" is not a directory');
    ok(iocage('destroy', '-f', 'f'));
  });

  it('a template made and used in two files; a basejail takes another release; what a jail was made of stays', () => {
    ok(apply('jails: {golden: {release: bookworm, type: clone, properties: {template: yes}}}'));
    expect(iocage('list', '-t', '-H').stdout).toContain('golden');
    ok(apply('jails: {c: {template: golden}, base: {release: bookworm, type: base}}'));
    ok(apply('jails: {c: {template: golden}, base: {release: other, type: base}}'));
    expect(iocage('get', 'release', 'base').stdout).toBe('other\n');
    for (const [text, why] of [
      ['c: {release: other}', 'has bookworm and not other; what a jail was made of stays'],
      ['c: {type: thick}', 'has clone and not thick'],
      ['base: {files: {/bin/new: x}}', 'a basejail shares /bin with its release'],
      ['new: {release: none-such}', 'release "none-such" not found locally'],
      ['new: {template: c}', 'c is no template'],
    ] as const) {
      const refused = iocage('plan', write('p.yaml', `jails: {${text}}`));
      expect(refused, text).toMatchObject({ status: 1 });
      expect(refused.stdout, text).toContain(why);
      expect(refused.stdout, text).toContain('1 not possible');
    }
    // Clones before what they are clones of, in whatever order the file names them.
    const asked = apply('jails: {golden: {absent: true}, c: {absent: true}, base: {absent: true}}');
    expect(asked).toMatchObject({ status: 1 });
    expect(asked.stderr).toContain('Command not confirmed');
    expect(iocage('list', '-H').stdout).toContain('base');
    ok(iocage('apply', at('t.yaml'), '--yes'));
    expect(comparable(lab.state())).toEqual(empty);
  });

  it('one that fails is told and the rest goes on, exit 1; applied again it is mended', () => {
    const text = (hook: string): string => `
jails:
  bad: {type: clone, release: bookworm, properties: {ip4: disable, exec_prestart: "${hook}"}, state: up}
  late: {type: clone, release: bookworm, depends: [bad], properties: {ip4: disable}, state: up}
  never: {type: clone, release: none-such}
  good: {type: clone, release: bookworm, properties: {ip4: disable}, state: up}
`;
    const ran = apply(text('false'), '--json');
    expect(ran).toMatchObject({ status: 1 });
    const jails = json(ran).result.jails as { name: string; state: string; error?: { code: string } }[];
    expect(jails.map(({ name, state, error }) => [name, state, error?.code])).toEqual([
      ['bad', 'failed', 'COMMAND_FAILED'],
      ['late', 'failed', 'START_FAILED'],
      ['never', 'failed', 'RELEASE_NOT_FOUND'],
      ['good', 'created', undefined],
    ]);
    const again = apply(text('true').replace('none-such', 'bookworm'));
    expect(again, again.stderr).toMatchObject({ status: 0 });
    expect(summary(again)).toBe('* 1 created, 2 changed, 0 destroyed, 1 as wanted');
    const names = ['bad', 'late', 'never', 'good'];
    ok(apply(`jails: {${names.map((name) => `${name}: {absent: true}`).join(', ')}}`, '-f'));
    expect(comparable(lab.state())).toEqual(empty);
  });

  it('killed in the middle: doctor, then applied again it does the rest', async () => {
    const names = ['k1', 'k2', 'k3', 'k4', 'k5'];
    const text = `jails: {${names.map((name) => `${name}: {type: clone, release: bookworm, files: {/etc/motd: hi}}`).join(', ')}}`;
    const run = iocage.start('apply', write('k.yaml', text), '--events', 'json');
    await run.says(/"subject":"k2"/);
    run.child.kill('SIGKILL');
    await run.ended;
    ok(iocage('doctor'));
    const rest = ok(iocage('apply', at('k.yaml')));
    expect(summary(rest)).not.toContain('5 created');
    expect(summary(ok(iocage('apply', at('k.yaml'))))).toContain('5 as wanted');
    ok(apply(`jails: {${names.map((name) => `${name}: {absent: true}`).join(', ')}}`, '-y'));
    expect(comparable(lab.state())).toEqual(empty);
  });

  it('two at once: one after the other, the second finds nothing left to do', async () => {
    const file = write('two.yaml', 'jails: {t1: {type: clone, release: bookworm}, t2: {type: empty}}');
    const both = [iocage.start('apply', file, '--json'), iocage.start('apply', file, '--json')];
    const ends = await Promise.all(both.map(({ ended }) => ended));
    const states = ends.map((ran) =>
      ran.status === 0
        ? (json(ran).result.jails as { state: string }[]).map(({ state }) => state).join(' ')
        : (JSON.parse(ran.stderr) as { error: { code: string } }).error.code,
    );
    // On a slow machine the second one gives up waiting and says who holds the lock.
    expect(states).toContain('created created');
    expect(states.filter((state) => state !== 'created created')).toEqual([
      expect.stringMatching(/^(unchanged unchanged|LOCKED)$/),
    ]);
    ok(apply('jails: {t1: {absent: true}, t2: {absent: true}}', '-y'));
  });

  it("links that a jail's root user planted lead nowhere", () => {
    ok(apply('jails: {p: {type: clone, release: bookworm}}'));
    const outside = write('outside', 'host\n');
    symlinkSync(outside, join(root('p'), 'etc/planted'));
    symlinkSync(lab.pool.directory, join(root('p'), 'srv'));
    for (const path of ['/etc/planted', '/srv/new', '/srv/outside']) {
      const refused = apply(`jails: {p: {files: {${path}: evil}}}`);
      expect(refused, path).toMatchObject({ status: 1 });
      expect(refused.stdout, path).toMatch(/p: failed: .*is refused: (it is a symbolic link|srv is a link)/);
    }
    expect(readFileSync(outside, 'utf8')).toBe('host\n');
    expect(existsSync(at('new'))).toBe(false);
    ok(iocage('destroy', '-f', 'p'));
  });

  it('reads standard input with -, and no pipe or device', () => {
    const text = write('t.yaml', 'jails: {typed: {type: empty}}');
    const line = `"$0" plan - < "$1"; "$0" plan "$2" >&2; mkfifo "$1.fifo"; "$0" plan "$1.fifo" >&2`;
    const { stdout, stderr } = spawnSync('/bin/sh', ['-c', line, commandPath, text, '/dev/zero'], {
      env: { ...process.env, ...lab.environment },
      encoding: 'utf8',
      timeout: 60_000,
    });
    expect(stdout).toContain('+ typed: create');
    const refused = (path: string) => `iocage: ${path}: it is no plain file but a pipe or a device\n`;
    expect(stderr).toContain(refused('/dev/zero'));
    expect(stderr).toContain(refused(`${text}.fifo`));
  });

  it('bad files change nothing: syntax, keys, values, size, no text, no file', () => {
    const bad: readonly (readonly [text: string, says: string])[] = [
      ['jails: [', 't.yaml:1'],
      ['jails: {a: {}, a: {}}', 'Map keys must be unique'],
      ['jails:\n  a:\n    relase: x\n  b: {state: on}\n', 't.yaml:3: jails.a.relase: there is no such key'],
      ['jails: {a: {properties: {boot: maybe}}}', 'jails.a.properties.boot: "maybe" is neither on nor off'],
      ['jails: {../a: {}}', 'no name for a jail'],
      ['jails: {a: {files: {/x: {from: nowhere}}}}', 'it does not exist'],
      ['jails: {a: {files: {/x: {from: busybox.tar}}}}', '1 MiB'],
      ['\u0000', 'it is not text in UTF-8'],
      ['x'.repeat(1 << 21), 'larger than 1 MiB'],
    ];
    for (const [text, says] of bad) {
      for (const command of ['plan', 'apply']) {
        const ran = iocage(command, write('t.yaml', text));
        expect(ran.status, says).not.toBe(0);
        expect(ran.stderr, says).toContain(says);
      }
    }
    expect(iocage('apply', at('none.yaml')).stderr).toContain('it does not exist');
    expect(iocage('apply', lab.pool.directory).stderr).toContain('is a directory');
    expect(iocage('plan')).toMatchObject({ status: 2 });
    expect(comparable(lab.state())).toEqual(empty);
  });

  it('--dry-run prints commands and changes nothing', () => {
    ok(apply('jails: {d: {type: empty, properties: {notes: old}}}'));
    const before = comparable(lab.state());
    const ran = ok(
      apply(
        'jails: {n: {type: empty}, d: {properties: {notes: new, boot: null}, fstab: [tmpfs /x tmpfs rw 0 0], files: {/motd: hi}}}',
        '--dry-run',
      ),
    );
    expect(ran.stdout).toContain(`${lab.pool.name}/iocage/jails/n`);
    expect(ran.stdout).toContain('notes=new');
    expect(ran.stdout).toContain('/jails/d/fstab');
    expect(ran.stdout).toContain('/jails/d/root//motd');
    expect(comparable(lab.state())).toEqual(before);
    ok(iocage('destroy', '-f', 'd'));
  });
});
