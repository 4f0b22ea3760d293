/**
 * A look at a jail's root before it is archived: an image that could not be unpacked again is no backup. Devices
 * are left out, and told: a jail opens none of its own, and no import takes one. Holes of large sparse files
 * stay holes. A path that tar(1) could not open again is refused.
 */
import type { StepRun } from '../../driver/step.ts';
import { longestPathBytes } from '../../domain/archive.ts';
import { failure } from '../../domain/errors.ts';

export interface Packable {
  /** Paths below the root. */
  readonly devices: readonly string[];
  readonly sparse: boolean;
}

/** So much of holes in one file is worth a second look of tar at every file that takes less than its length. */
const holesBytes = 64 * 2 ** 20;

/** @throws UNSUPPORTED for what no archive could give back */
export async function lookAtRoot(root: string, run: StepRun): Promise<Packable> {
  const devices: string[] = [];
  const long: string[] = [];
  let sparse = false;
  await run.host.trees.look(root, run, ({ path, device, holes }) => {
    if (path.length > longestPathBytes) long.push(path);
    if (holes > holesBytes) sparse = true;
    // The archive holds nothing of /dev.
    if (device && !path.startsWith('dev/')) devices.push(path);
  });
  const [path] = long;
  if (path !== undefined) {
    throw failure('UNSUPPORTED', {
      what: `archiving ${JSON.stringify(`/${text(path).slice(0, 60)}…`)}`,
      why: `its path has ${path.length} bytes, and what is longer than ${longestPathBytes} cannot be unpacked again`,
    });
  }
  // It is left out by its name in a list of lines, of which tar takes blanks at the end away: `etc ` would be all of /etc.
  const odd = devices.find((device) => /\p{Cc}|\ufffd| $/u.test(text(device)));
  if (odd !== undefined) {
    const what = `archiving the device ${JSON.stringify(`/${text(odd)}`)}`;
    throw failure('UNSUPPORTED', {
      what,
      why: 'its name is not UTF-8, has control characters or ends in a blank; remove it',
    });
  }
  for (const device of devices) run.note(`not archived: /${text(device)} is a device`);
  return { devices: devices.map(text), sparse };
}

function text(path: string): string {
  return Buffer.from(path, 'latin1').toString('utf8');
}
