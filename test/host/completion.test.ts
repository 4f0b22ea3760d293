/** `iocage completion` in the shells themselves, with the names of a real pool. */
import { spawnSync } from 'node:child_process';
import { symlinkSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandIn, commandPath } from '../support/command.ts';
import { hostTests, openLab, reason, type Lab } from '../support/lab.ts';

const isThere = (program: string): boolean => spawnSync('which', [program]).status === 0;

describe.skipIf(!hostTests)(`completion${reason}`, () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await openLab();
    await lab.run('jail.create', { kind: 'clone', release: 'busybox', name: 'web' });
    await lab.run('jail.create', { kind: 'clone', release: 'busybox', name: 'worker' });
    await lab.run('snapshot.take', { jail: 'web', snapshot: 'before' });
  });
  afterAll(() => lab.close());

  /** Runs a fixed script in a shell that finds the command under its name. */
  function inShell(shell: string, script: string, ...words: readonly string[]): readonly string[] {
    const bin = join(lab.pool.directory, 'bin');
    spawnSync('mkdir', ['-p', bin]);
    spawnSync('rm', ['-f', join(bin, 'iocage')]);
    symlinkSync(commandPath, join(bin, 'iocage'));
    const env = {
      ...lab.environment,
      PATH: `${bin}:${dirname(process.execPath)}:${process.env['PATH']}`,
      HOME: lab.pool.directory,
      LD_LIBRARY_PATH: process.env['LD_LIBRARY_PATH'] ?? '',
      TERM: 'dumb',
    };
    const ran = spawnSync(shell, ['-c', script, ...words], { env, encoding: 'utf8', timeout: 30_000 });
    expect(ran.stderr).toBe('');
    return ran.stdout.split('\n').filter((line) => line !== '');
  }

  it('__complete answers live names, and nothing when there is no pool', () => {
    const iocage = commandIn(lab.environment);
    expect(iocage('__complete', 'start', 'w')).toMatchObject({
      status: 0,
      stdout: 'web\nworker\n',
      stderr: '',
    });
    expect(iocage('__complete', 'create', 'release=')).toMatchObject({ stdout: 'release=busybox\n' });
    expect(iocage('__complete', '--pool', lab.pool.name.slice(0, -1)).stdout).toContain(lab.pool.name);
    const lost = commandIn({ ...lab.environment, IOCAGE_POOL: 'no-such-pool' });
    expect(lost('__complete', 'start', '')).toMatchObject({ status: 0, stdout: '', stderr: '' });
  });

  it('import is offered what export wrote', async () => {
    const { file } = await lab.run('image.export', { jail: 'worker' });
    const iocage = commandIn(lab.environment);
    const offered = [...new Set(['worker', basename(file).replace(/\.tar\..*/, '')])].sort();
    expect(iocage('__complete', 'import', 'wor').stdout).toBe(`${offered.join('\n')}\n`);
  });

  describe('bash', () => {
    // As readline calls it: the line and the place in it; words only as bash would split them.
    const script = `source <(iocage completion bash)
      COMP_LINE=$1 COMP_POINT=\${#1}
      complete -p iocage
      _iocage iocage "" ""
      printf '%s\\n' "\${COMPREPLY[@]}"`;
    const complete = (line: string): readonly string[] => {
      const [registered, ...replies] = inShell('bash', script, 'bash', line);
      expect(registered).toBe('complete -F _iocage iocage');
      return replies;
    };

    it.each([
      ['iocage sta', ['start']],
      ['iocage start w', ['web', 'worker']],
      ['iocage start web wo', ['worker']],
      // Only what stands behind the last word break is replaced.
      ['iocage set boot=o', ['off', 'on']],
      ['iocage rollback web@b', ['before']],
      ['iocage create release=', ['busybox']],
      ['iocage set wait_t', ['wait_timeout=']],
      ['iocage start $(touch x', []],
      ['iocage nosuch ', []],
    ])('%s', (line, expected) => {
      expect(complete(line)).toEqual(expected);
    });
  });

  it.skipIf(!isThere('zsh'))('zsh: the function takes the script and offers the names (needs zsh)', () => {
    // compadd works only inside the editor; a function of its name shows what would be offered.
    const script = `compdef() { print -r -- "compdef $*" }
      compadd() { print -rl -- "\${@[\${@[(i)--]}+1,-1]}" }
      source <(iocage completion zsh)
      words=(iocage start w) CURRENT=3 PREFIX=w
      _iocage`;
    expect(inShell('zsh', script)).toEqual(['compdef _iocage iocage', 'web', 'worker']);
  });

  it.skipIf(!isThere('fish'))('fish: complete -C answers the names (needs fish)', () => {
    const script = `iocage completion fish | source; complete -C 'iocage start w'; complete -C 'iocage set boot='`;
    expect(inShell('fish', script)).toEqual(['web', 'worker', 'boot=off', 'boot=on']);
  });
});
