/** What root of a jail can change of the host: which lines count, and what lies in, at or around them. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { reachProblem, shownWritable, type Reach, type Way } from '../../../src/domain/reach.ts';

const line = (source: string, options: string, type = 'nullfs') =>
  `${source}\t/tank/iocage/jails/web/root/mnt\t${type}\t${options}\t0\t0\n`;

describe('what a jail may write', () => {
  it.each<[string, string | undefined, readonly string[]]>([
    [line('/srv/data', 'rw'), undefined, ['/srv/data fstab']],
    [line('/srv/data', 'rw,nosuid', 'bind'), undefined, ['/srv/data fstab']],
    [line('/srv/data', 'ro'), undefined, []],
    // The last word counts for the kernel.
    [line('/srv/data', 'ro,rw'), undefined, ['/srv/data fstab']],
    // Neither word: writable.
    [line('/srv/data', 'nosuid'), undefined, ['/srv/data fstab']],
    [line('tmpfs', 'rw', 'tmpfs') + line('proc', 'rw', 'linprocfs'), undefined, []],
    [
      `# ${line('/srv/data', 'rw')}nonsense\n/srv/my\\040data /x nullfs rw # mine\n`,
      undefined,
      ['/srv/my data fstab'],
    ],
    [line('/srv//data/', 'rw'), undefined, ['/srv/data fstab']],
    ['', '/srv/www:/var/www:ro /srv/data /srv/x:/mnt:rw,noexec', ['/srv/data volumes', '/srv/x volumes']],
    ['', 'none', []],
    ['', 'relative:path', []],
    [line('/srv/a', 'rw'), '/srv/b', ['/srv/a fstab', '/srv/b volumes']],
  ])('%j, volumes %j: %j', (fstab, volumes, shown) => {
    expect(shownWritable(fstab, volumes).map(({ path, way }) => `${path} ${way}`)).toEqual(shown);
  });
});

const reach = (path: string, way: Way, options?: string): Reach => ({
  path,
  way,
  jail: 'u-1 (web)',
  call: { word: 'web', ...(options === undefined ? {} : { options }) },
});

describe('a path of the host', () => {
  const data = [reach('/srv/data', 'fstab')];

  it('lies in what a jail may write, is it, or has it in it', () => {
    const end = 'which jail u-1 (web) may write by its fstab: its root user can change it';
    for (const path of ['/srv/data', '/srv/data/x', '/srv/data/x/y.sh'])
      expect(reachProblem(data, path)?.why, path).toBe(`it lies in /srv/data, ${end}`);
    for (const path of ['/srv', '/'])
      expect(reachProblem(data, path)?.why, path).toBe(`/srv/data is in it, ${end}`);
    for (const path of ['/srv/database', '/srv/dat', '/root/srv/data', '/root'])
      expect(reachProblem(data, path), path).toBeUndefined();
    expect(reachProblem([reach('/', 'volumes')], '/root/x')).toBeDefined();
  });

  it('in a jail, or around one', () => {
    const jail = [reach('/tank/iocage/jails/u-1', 'jail')];
    expect(reachProblem(jail, '/tank/iocage/jails/u-1/root/x')?.why).toBe(
      'it lies in jail u-1 (web), whose root user can change it',
    );
    expect(reachProblem(jail, '/tank')?.why).toBe('jail u-1 (web) lies in it, whose root user can change it');
    expect(reachProblem(jail, '/tank/iocage/jails/u-11')).toBeUndefined();
  });

  it('what to do names the jail as a command takes it', () => {
    const mend = (way: Way, options?: string) =>
      reachProblem([reach('/srv/data', way, options)], '/srv/data')?.mend;
    expect(mend('fstab')).toContain("(ro in 'iocage fstab -e web') and restart it");
    expect(mend('volumes', '--pool vault')).toContain("'iocage --pool vault set volumes=… web'");
    for (const way of ['jail', 'jail_zfs_dataset'] as const) {
      expect(mend(way)).toMatch(/copy it to where no jail may write, and name the copy$/);
    }
  });

  it('is found below any shown directory, and above it, and nowhere else', () => {
    const part = fc.stringMatching(/^[a-c]{1,2}$/);
    const path = fc.array(part, { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(path, path, (shown, asked) => {
        const common = Math.min(shown.length, asked.length);
        const related = shown.slice(0, common).join('/') === asked.slice(0, common).join('/');
        const found = reachProblem([reach(`/${shown.join('/')}`, 'fstab')], `/${asked.join('/')}`);
        expect(found !== undefined).toBe(related);
      }),
    );
  });
});
