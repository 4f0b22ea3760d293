/**
 * What root in a jail cannot do: see, signal, read or change anything of the host or of another jail.
 * Each test tries. The tries that no shell command makes go through perl(1) of the host, copied into
 * the jail's root with its libraries.
 */
import { copyFileSync, existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { spawn, type ChildProcess } from 'node:child_process';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { start, stop } from '../contract/host.ts';
import { whyNoHostTests } from '../support/host-tests.ts';
import { jailPool, type JailPool } from '../support/jail-pool.ts';
import type { LinuxUnderTest } from '../support/linux-jails.ts';
import { sh } from '../support/pool.ts';
import type { JailSpec } from '../../src/driver/host.ts';

const why = whyNoHostTests();
const noPerl = existsSync('/usr/bin/perl') ? undefined : 'no perl';
const notAmd = process.arch === 'x64' ? undefined : 'system call numbers are those of x86_64';

/** A program of the host with the libraries that it needs, at the same paths in the jail. */
function copyProgram(root: string, program: string, to = program): void {
  const libraries = sh('ldd', program).match(/\/\S+/g) ?? [];
  for (const [from, at] of [[program, to], ...libraries.map((path) => [path, path])] as const) {
    mkdirSync(join(root, dirname(at!)), { recursive: true });
    copyFileSync(realpathSync(from!), join(root, at!));
  }
}

describe.skipIf(why !== undefined)(`isolation${why ? ` (skipped: ${why})` : ''}`, () => {
  let pool: JailPool;
  let it_: LinuxUnderTest;
  let jail: JailSpec;
  let hostProcess: ChildProcess;
  beforeAll(() => {
    pool = jailPool();
  });
  afterAll(() => pool.destroy());
  beforeEach(async () => {
    it_ = pool.make();
    jail = await it_.jail('inmate');
    hostProcess = spawn('sleep', ['3131'], { stdio: 'ignore' });
  });
  afterEach(async () => {
    hostProcess.kill('SIGKILL');
    await it_.dispose();
  });

  /** Runs a script as root in the jail; the answer of what must fail says why. */
  const tryInside = async (script: string): Promise<{ status: number; output: string }> =>
    it_.inside(jail, script);
  const expectRefused = async (
    script: string,
    why = /not permitted|Read-only|denied|Invalid|No such|nonexistent/,
  ): Promise<void> => {
    const { status, output } = await tryInside(script);
    expect(status, `${script}: ${output}`).not.toBe(0);
    expect(output, script).toMatch(why);
  };

  it('hides the processes of the host and of other jails, and their signals end at the jail', async () => {
    const other = await it_.jail('other');
    writeFileSync(join(other.root, 'etc/rc'), 'sleep 4242 &\n');
    await start(it_, jail);
    await start(it_, other);
    const { output } = await tryInside('ps -o pid,args; ls -d /proc/[0-9]*');
    expect(output).not.toMatch(/4242|3131|node|vitest/);
    expect(output.match(/\/proc\/\d+/g)!.length).toBeLessThan(6);

    await expectRefused(`kill -9 ${hostProcess.pid}`, /No such process/);
    await tryInside('kill -9 -1');
    expect(hostProcess.exitCode).toBeNull();
    expect((await it_.inside(other, 'ps')).output).toContain('sleep 4242');
    expect((await it_.host.running(jail.pool)).size).toBe(2);
  });

  it('hides the files of the host and of other jails', async () => {
    const other = await it_.jail('other');
    await start(it_, jail);
    await start(it_, other);
    expect((await tryInside('echo mine >/tmp/note && cat /tmp/note')).output).toBe('mine\n');
    expect((await it_.inside(other, 'ls /tmp')).output).toBe('');
    writeFileSync(join(jail.mountpoint, 'host-secret'), 'secret\n');
    await expectRefused('cat /../host-secret');
    await expectRefused('cat /proc/1/root/../host-secret');
    await expectRefused(`cat ${jail.mountpoint}/host-secret`);
    // The old way out: a root within the root, a directory outside of it, and up.
    await expectRefused('mkdir /d; exec 3</; chroot /d /bin/sh -c "cat /proc/self/fd/3/../host-secret"', /./);
    expect((await tryInside('ls /proc/1/root/')).output).toMatch(/^bin\nd\ndev\netc\n/);
  });

  it.skipIf(noPerl)('holds against chroot and fchdir', async () => {
    copyProgram(jail.root, '/usr/bin/perl', '/bin/perl');
    writeFileSync(join(jail.mountpoint, 'host-secret'), 'secret\n');
    await start(it_, jail);
    const script = `mkdir "/x"; chroot("/x") or die "chroot: $!"; chdir("..") for 1..64; chroot(".") or die;
      open(F, "<", "/host-secret") and die "escaped"; open(F, "<", "/../host-secret") and die "escaped";
      opendir(D, "/"); print join(" ", sort grep { !/^\\./ } readdir D);`;
    writeFileSync(join(jail.root, 'tmp/out.pl'), script);
    const { status, output } = await tryInside('perl /tmp/out.pl');
    expect(output).toBe(
      'bin dev etc home lib lib64 proc root run sys tmp usr var x'
        .split(' ')
        .filter((name) => output.split(' ').includes(name))
        .join(' '),
    );
    expect(output).toContain('etc');
    expect(status).toBe(0);
  });

  it('refuses mounts, and to lift the covers of /proc and /sys', async () => {
    await start(it_, jail);
    const mounts = readFileSync('/proc/self/mounts', 'utf8');
    await expectRefused('mount -t tmpfs none /tmp');
    await expectRefused('mount -t proc none /tmp');
    await expectRefused('mount --bind /etc /tmp', /./);
    await expectRefused('mount -o remount,rw /proc/sys', /./);
    await expectRefused('mount -o remount,rw /sys', /./);
    await expectRefused('umount /proc/sys', /./);
    await expectRefused('umount /proc/kcore', /./);
    expect((await tryInside('cat /proc/self/mounts')).output).not.toMatch(/iochost|\/work|crun/);
    expect(readFileSync('/proc/self/mounts', 'utf8')).toBe(mounts);
  });

  it('opens no device of the host, made inside or found there', async () => {
    // As if an older system had left them in the root: /dev/kmsg, /dev/fuse, a disk.
    sh('mknod', join(jail.root, 'kmsg'), 'c', '1', '11');
    sh('mknod', join(jail.root, 'fuse'), 'c', '10', '229');
    const disk = /^ *(\d+) +(\d+) /m.exec(
      readFileSync('/proc/partitions', 'utf8').split('\n').slice(2).join('\n'),
    );
    if (disk) sh('mknod', join(jail.root, 'disk'), 'b', disk[1]!, disk[2]!);
    await start(it_, jail);
    expect((await tryInside('head -c 4 /dev/zero | od -An -tx1')).output.trim()).toBe('00 00 00 00');
    await expectRefused('busybox mknod /tmp/disk b 8 0');
    await expectRefused('busybox mknod /tmp/mem c 1 1');
    await expectRefused('head -c 1 /kmsg', /not permitted/);
    await expectRefused('head -c 1 /fuse', /not permitted/);
    if (disk) await expectRefused('head -c 1 /disk', /not permitted/);
  });

  it('leaves the kernel alone: modules, time, reboot, host name, settings', async () => {
    writeFileSync(join(jail.root, 'tmp/module.ko'), 'no module');
    await start(it_, jail);
    const hostname = readFileSync('/proc/sys/kernel/hostname', 'utf8');
    await expectRefused('insmod /tmp/module.ko');
    expect((await tryInside('date -s 2001-01-01')).output).toMatch(/not permitted/);
    expect(new Date().getFullYear()).toBeGreaterThan(2020);
    await expectRefused('reboot -f');
    await expectRefused('hostname intruder');
    await expectRefused('echo 1 >/proc/sys/kernel/panic');
    await expectRefused('echo 0 >/proc/sys/vm/overcommit_memory');
    await expectRefused('echo h >/proc/sysrq-trigger');
    await expectRefused('echo 1 >/sys/kernel/mm/ksm/run', /./);
    await expectRefused('echo core >/proc/sys/kernel/core_pattern');
    expect(
      (await tryInside('head -c 1 /proc/kcore 2>/dev/null; cat /proc/keys; cat /proc/timer_list 2>/dev/null'))
        .output,
    ).toBe('');
    expect(readFileSync('/proc/sys/kernel/hostname', 'utf8')).toBe(hostname);
  });

  it('shows no control group but its own, and no way to change it', async () => {
    await start(it_, jail);
    const { output } = await tryInside('cat /proc/self/cgroup; cat /proc/self/mounts; ls /sys/fs/cgroup');
    for (const line of output.split('\n').filter((text) => /^\d+:/.test(text))) expect(line).toMatch(/:\/$/);
    expect(output).not.toMatch(/cgroup2? \/|ioc-/);
    await expectRefused('mount -t cgroup none /tmp', /./);
    await expectRefused('mount -t cgroup2 none /tmp', /./);
    // What exec starts is inside as well.
    const { jid } = (await it_.host.running(jail.pool)).get('inmate')!;
    expect(readFileSync(`/proc/${jid}/cgroup`, 'utf8')).toContain(`/iocage/${jail.pool}/ioc-inmate`);
  });

  it('gives root the capabilities that services need, and more only as properties say', async () => {
    const bounding = async (which: JailSpec): Promise<string> =>
      /CapBnd:\s*(\w+)/.exec((await it_.inside(which, 'grep CapBnd /proc/self/status')).output)![1]!;
    const raw = await it_.jail('raw', { allow_raw_sockets: '1', allow_chflags: '1', allow_mlock: '1' });
    await start(it_, jail);
    await start(it_, raw);
    // CHOWN 0, DAC_OVERRIDE 1, FOWNER 3, FSETID 4, KILL 5, SETGID 6, SETUID 7, SETPCAP 8, NET_BIND_SERVICE 10,
    // SYS_CHROOT 18, AUDIT_WRITE 29, SETFCAP 31
    const usual = [0, 1, 3, 4, 5, 6, 7, 8, 10, 18, 29, 31];
    const mask = (bits: readonly number[]): string =>
      bits
        .reduce((sum, bit) => sum + (1n << BigInt(bit)), 0n)
        .toString(16)
        .padStart(16, '0');
    expect(await bounding(jail)).toBe(mask(usual));
    // LINUX_IMMUTABLE 9, NET_RAW 13, IPC_LOCK 14
    expect(await bounding(raw)).toBe(mask([...usual, 9, 13, 14]));
  });

  it.skipIf(noPerl ?? notAmd)(
    `refuses the system calls that reach the kernel${notAmd ? ` (skipped: ${notAmd})` : ''}`,
    async () => {
      copyProgram(jail.root, '/usr/bin/perl', '/bin/perl');
      await start(it_, jail);
      const EPERM = 1;
      const ENOSYS = 38;
      const EAFNOSUPPORT = 97;
      const tries: readonly (readonly [what: string, errno: number, ...call: readonly number[]])[] = [
        ['unshare(CLONE_NEWUSER)', EPERM, 272, 0x10000000],
        ['unshare(CLONE_NEWNS)', EPERM, 272, 0x20000],
        ['unshare(CLONE_NEWTIME)', EPERM, 272, 0x80],
        ['clone(CLONE_NEWUSER|SIGCHLD)', EPERM, 56, 0x10000011, 0, 0, 0, 0],
        ['clone3', ENOSYS, 435, 0, 0],
        ['setns', EPERM, 308, 0, 0],
        ['bpf', EPERM, 321, 0, 0, 0],
        ['perf_event_open', EPERM, 298, 0, 0, 0, 0, 0],
        ['userfaultfd', EPERM, 323, 0],
        ['keyctl', EPERM, 250, 0, 0, 0, 0, 0],
        ['add_key', EPERM, 248, 0, 0, 0, 0, 0],
        ['open_by_handle_at', EPERM, 304, 0, 0, 0],
        ['kexec_load', EPERM, 246, 0, 0, 0, 0],
        ['init_module', EPERM, 175, 0, 0, 0],
        ['finit_module', EPERM, 313, 0, 0, 0],
        ['settimeofday', EPERM, 164, 0, 0],
        ['clock_settime', EPERM, 227, 0, 0],
        ['swapon', EPERM, 167, 0, 0],
        ['quotactl', EPERM, 179, 0, 0, 0, 0],
        ['kcmp', EPERM, 312, 0, 0, 0, 0, 0],
        ['process_vm_readv', EPERM, 310, 1, 0, 0, 0, 0, 0],
        ['fsopen', EPERM, 430, 0, 0],
        ['open_tree', EPERM, 428, 0, 0, 0],
        ['move_mount', EPERM, 429, 0, 0, 0, 0, 0],
        ['mount_setattr', EPERM, 442, 0, 0, 0, 0, 0],
        ['iopl', EPERM, 172, 3],
        ['syslog', EPERM, 103, 3, 0, 0],
        ['io_uring_setup', ENOSYS, 425, 0, 0],
        ['personality(ADDR_NO_RANDOMIZE)', ENOSYS, 135, 0x40000],
        ['socket(AF_PACKET)', EAFNOSUPPORT, 41, 17, 3, 0],
        ['socket(AF_ALG)', EAFNOSUPPORT, 41, 38, 5, 0],
        ['socket(AF_VSOCK)', EAFNOSUPPORT, 41, 40, 1, 0],
        ['socket(AF_AX25)', EAFNOSUPPORT, 41, 3, 1, 0],
        ['socket(AF_INET, SOCK_RAW)', EPERM, 41, 2, 3, 1],
      ];
      const calls = tries
        .map(([, , ...call]) => `$! = 0; syscall(${call.join(', ')}); printf "%d\\n", $!;`)
        .join('\n');
      writeFileSync(join(jail.root, 'tmp/try.pl'), calls);
      const { status, output } = await tryInside('perl /tmp/try.pl');
      expect(status, output).toBe(0);
      const answers = output.trim().split('\n').map(Number);
      const told = tries.map(([what], index) => `${what} ${answers[index]}`);
      expect(told).toEqual(tries.map(([what, errno]) => `${what} ${errno}`));

      const usual = `socket(S, ${1}, 1, 0) or die "unix"; socket(S, 2, 1, 0) or die "inet"; socket(S, 10, 1, 0) or die "inet6";
      socket(S, 16, 3, 0) or die "netlink"; syscall(272, 0x400) == 0 or die "unshare files"; fork() // die "fork"; print "ok";`;
      writeFileSync(join(jail.root, 'tmp/usual.pl'), usual);
      expect((await tryInside('perl /tmp/usual.pl')).output).toContain('ok');
    },
  );

  it.skipIf(noPerl)('opens every socket family with allow_socket_af', async () => {
    const any = await it_.jail('any', { allow_socket_af: '1', allow_raw_sockets: '1' });
    copyProgram(any.root, '/usr/bin/perl', '/bin/perl');
    await start(it_, any);
    const { output } = await it_.inside(any, `perl -e 'socket(S, 17, 3, 0) or die "packet: $!"; print "ok"'`);
    expect(output).toBe('ok');
  });

  it('lets setuid programs work', async () => {
    copyProgram(jail.root, '/usr/bin/id', '/usr/bin/id');
    sh('chmod', '4755', join(jail.root, 'usr/bin/id'));
    await start(it_, jail);
    await it_.host.exec(jail, ['/usr/bin/id'], { jailUser: 'www' });
    expect(it_.exec.output).toMatch(/uid=33\(www\).*euid=0\(root\)/);
    await it_.host.exec(jail, ['/bin/grep', '-E', 'CapEff|NoNewPrivs', '/proc/self/status'], {
      jailUser: 'www',
    });
    expect(it_.exec.output).toMatch(/CapEff:\s*0+\n/);
    expect(it_.exec.output).toMatch(/NoNewPrivs:\s*0/);
  });

  it('does not follow links that the jail planted where the host starts it', async () => {
    // /etc/resolv.conf, /dev and /proc lead out of the root, as far as the jail can make them.
    writeFileSync(join(jail.mountpoint, 'victim'), 'untouched\n');
    sh('ln', '-sf', `${jail.mountpoint}/victim`, join(jail.root, 'etc/resolv.conf'));
    await start(it_, jail);
    await stop(it_, jail);
    expect(readFileSync(join(jail.mountpoint, 'victim'), 'utf8')).toBe('untouched\n');
    const before = sh('ls', jail.mountpoint);
    for (const name of ['proc', 'sys', 'dev', 'run', 'etc']) {
      sh('mv', join(jail.root, name), join(jail.root, 'saved'));
      sh('ln', '-s', jail.mountpoint, join(jail.root, name));
      expect(await it_.host.check(jail)).toMatchObject([{ key: 'root' }]);
      await expect(start(it_, jail)).rejects.toMatchObject({ code: 'UNSAFE_PATH' });
      expect(sh('ls', jail.mountpoint)).toBe(before);
      sh('rm', join(jail.root, name));
      sh('mv', join(jail.root, 'saved'), join(jail.root, name));
    }
  });

  it('does not wait for fifos that the jail put where programs read', async () => {
    for (const name of ['passwd', 'group', 'hosts', 'resolv.conf', 'localtime', 'hostname']) {
      sh('rm', '-f', join(jail.root, 'etc', name));
      sh('mkfifo', join(jail.root, 'etc', name));
    }
    await start(it_, jail);
    expect(await it_.host.exec(jail, ['/bin/true'], {})).toBe(0);
    await stop(it_, jail);
    expect(await it_.host.running(jail.pool)).toEqual(new Map());
  }, 60_000);
});
