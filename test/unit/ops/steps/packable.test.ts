/** What a look at a root before an export finds, in what find(1) prints. */
import { expect, it } from 'vitest';
import { linuxTrees } from '../../../../src/driver/linux/trees.ts';
import type { StepRun } from '../../../../src/driver/step.ts';
import type { RunOptions } from '../../../../src/driver/system.ts';
import { lookAtRoot, type Packable } from '../../../../src/ops/steps/packable.ts';

function look(...members: readonly string[]): Promise<Packable> {
  const read = (_: readonly string[], options: RunOptions) => {
    options.onBytes?.(Buffer.from(members.map((member) => `${member}\0`).join('')));
    return Promise.resolve({});
  };
  const signal = new AbortController().signal;
  const host = { trees: linuxTrees };
  return lookAtRoot('/root', { exec: { read }, signal, host, note: () => undefined } as unknown as StepRun);
}

it('names devices outside /dev, and large holes', async () => {
  expect(await look('f 5 8 etc/motd', 'c 0 0 dev/null', 'c 0 0 var/my null', 'd 4 0 dev')).toEqual({
    devices: ['var/my null'],
    sparse: false,
  });
  expect(await look(`f ${2 ** 30} 8 disk.img`)).toEqual({ devices: [], sparse: true });
});

it.each(['a\nb', 'etc '])('refuses a device that tar(1) would read as another name: %j', async (name) => {
  await expect(look(`c 0 0 ${name}`)).rejects.toMatchObject({ code: 'UNSUPPORTED' });
});
