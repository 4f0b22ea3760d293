/** What a driver under test is given, on either kernel: directories, a clock, jails of static busybox, the run of a step. */
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { NodeFiles } from '../../src/driver/node/files.ts';
import type { Host, JailSpec } from '../../src/driver/host.ts';
import type { StepRun } from '../../src/driver/step.ts';
import type { Storage } from '../../src/driver/storage.ts';
import type { Exec } from '../../src/driver/system.ts';

const applets = `sh ls cat ps nc httpd wget mount umount cut mknod sleep ip id kill true false hostname chroot insmod date
  reboot su touch mkdir rm dd nproc env tr head readlink test stat grep setsid printf sysctl chown chmod od`;

/** A root of a few hundred kB in which shell scripts run. */
function busyboxRoot(root: string): void {
  for (const name of ['bin', 'etc', 'dev', 'proc', 'sys', 'run', 'tmp', 'root', 'var', 'home']) {
    mkdirSync(join(root, name), { recursive: true });
  }
  chmodSync(join(root, 'tmp'), 0o1777);
  copyFileSync('/bin/busybox', join(root, 'bin/busybox'));
  for (const name of applets.split(/\s+/)) symlinkSync('busybox', join(root, 'bin', name));
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0::/root:/bin/sh\nwww:x:33:33::/var:/bin/sh\n');
  writeFileSync(join(root, 'etc/group'), 'root:x:0:\nwww:x:33:\naudio:x:29:www\n');
}

/** Every file below a directory, sorted. */
export function below(directory: string): readonly string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** Everything that a driver takes but what runs its programs. */
export function drivenIn(directory: string) {
  return {
    files: new NodeFiles(),
    clock: {
      now: () => new Date(),
      sleep: (ms: number) => new Promise<void>((done) => setTimeout(done, ms)),
    },
    paths: { run: join(directory, 'run'), state: join(directory, 'state') },
    terminal: { interactive: false, term: 'xterm', environment: {} },
  };
}

/** A run of steps that need no storage and fetch nothing, with the notes that they make. */
export function stepRun(
  { files, clock }: ReturnType<typeof drivenIn>,
  exec: Exec,
  host: Host,
): { readonly run: StepRun; readonly notes: string[] } {
  const notes: string[] = [];
  const run: StepRun = {
    operationId: 'test',
    exec,
    files,
    storage: undefined as unknown as Storage,
    host,
    downloads: undefined as unknown as StepRun['downloads'],
    clock,
    signal: new AbortController().signal,
    dry: false,
    progress: () => undefined,
    note: (text) => notes.push(text),
    remember: () => Promise.resolve(),
    remembered: undefined,
  };
  return { run, notes };
}

/**
 * A jail as operations describe it, whose root is made when it is not there.
 *
 * @param mountpoint of its dataset; a plain directory will do
 */
export function busyboxJail(
  directory: string,
  pool: string,
  mountpoint: string,
  name: string,
  config: Readonly<Record<string, string>>,
): JailSpec {
  const root = join(mountpoint, 'root');
  if (!existsSync(root)) busyboxRoot(root);
  return {
    pool,
    uuid: name,
    tag: name,
    dataset: `${pool}/iocage/jails/${name}`,
    mountpoint,
    root,
    consoleLog: join(directory, 'log', `${name}-console.log`),
    config: new Map(
      Object.entries({
        exec_start: '/bin/sh /etc/rc',
        exec_stop: '/bin/sh /etc/rc.shutdown',
        stop_timeout: '3',
        ...config,
      }),
    ),
  };
}
