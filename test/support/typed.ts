/**
 * Commands as a person types them: each line in a shell of its own that finds the built command under its
 * name. For texts of the project's own (how-tos, documented sequences), never for anything else.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from 'vitest';
import { commandPath, inTerminal, iocPath } from './command.ts';
import { isShown, type Line } from './how-to.ts';
import type { Lab } from './lab.ts';

export type Typist = (lines: readonly Line[], answer?: string) => void;

/** Runs lines one by one; each must exit 0 and print what it shows. */
export function typist(lab: Lab): Typist {
  const bin = join(lab.pool.directory, 'bin');
  mkdirSync(bin, { recursive: true });
  symlinkSync(commandPath, join(bin, 'iocage'));
  symlinkSync(iocPath, join(bin, 'ioc'));
  const env = {
    ...lab.environment,
    PATH: `${bin}:${dirname(process.execPath)}:${process.env['PATH']}`,
    LD_LIBRARY_PATH: process.env['LD_LIBRARY_PATH'] ?? '',
    HOME: lab.pool.directory,
    SHELL: '/bin/bash',
    TERM: 'dumb',
    TZ: 'UTC',
  };
  return (lines, answer) => {
    for (const { command, shows } of lines) {
      // On a terminal when there is something to answer; its two streams come as one.
      const [program, words] =
        answer === undefined
          ? (['bash', ['-c', command]] as const)
          : (['script', inTerminal(command)] as const);
      const input = answer === undefined ? '' : `${answer}\n`;
      const ran = spawnSync(program, words, { env, encoding: 'utf8', input, timeout: 60_000 });
      const output = ran.stdout.replaceAll('\r\n', '\n');
      expect(ran.status, `${command}\n${output}${ran.stderr}`).toBe(0);
      if (shows === undefined) continue;
      expect(isShown(shows, output), `${command}\n${output}is not\n${shows.join('\n')}`).toBe(true);
    }
  };
}

/** All jails, templates, stored defaults, images and other releases go. */
export async function emptyLab(lab: Lab, keptRelease: string): Promise<void> {
  await lab.run('pool.clean', { what: ['jails', 'templates'], force: true });
  await lab.run('property.reset', { jails: ['default'] });
  const { releases } = await lab.run<{ releases: { name: string }[] }>('release.list', {});
  for (const { name } of releases)
    if (name !== keptRelease) await lab.run('release.destroy', { release: name });
}
