/** What a dry run writes down. */
import { expect, it } from 'vitest';
import type { Action, Exec } from '../../../../src/driver/system.ts';
import { RecordingExec } from '../../../../src/driver/node/recorder.ts';
import { printAction } from '../../../../src/domain/shell-line.ts';

it('what is unmounted already is not unmounted once more, unless it was mounted meanwhile', async () => {
  const actions: Action[] = [];
  const exec = new RecordingExec({} as Exec, actions);
  const lines = [
    'zfs unmount tank/a',
    'zfs unmount tank/a/root',
    'zfs unmount tank/a',
    'zfs mount tank/a',
    'zfs unmount tank/a',
    'zfs destroy tank/a',
    'zfs destroy tank/a',
  ];
  for (const line of lines) await exec.change(line.split(' '));
  expect(actions.map(printAction)).toEqual(lines.filter((_, index) => index !== 2));
});
