/**
 * Test files whose host is a network namespace of their own: made to look like a small host with a neighbour
 * (`with-net`), with a ZFS of its own where the file needs pools. Outside of one, such a file runs itself
 * again inside; the machine's own network is left alone.
 */
import { spawnSync } from 'node:child_process';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The neighbour's network namespace; undefined outside. */
export const neighbour = process.env['IOCAGE_TEST_NEIGHBOUR'];
export const inside = neighbour !== undefined;

/**
 * The test that runs the file again. What it runs stands in a `describe.skipIf(!inside)`.
 *
 * @param file `import.meta.filename`
 * @param why why it cannot run here, for the title
 */
export function runsInside(
  title: string,
  file: string,
  { why, zfs = false, limitMs = 240_000 }: { why: string | undefined; zfs?: boolean; limitMs?: number },
): void {
  describe.skipIf(why !== undefined || inside)(`${title}${why ? ` (skipped: ${why})` : ''}`, () => {
    const place = zfs ? 'a network namespace and a ZFS' : 'a network namespace';
    it(
      `hold in ${place} of their own`,
      () => {
        const vitest = [
          process.execPath,
          join(root, 'node_modules/vitest/vitest.mjs'),
          'run',
          '--project',
          'host',
        ];
        // ZFS inside: what its daemon mounts is seen in its own mount namespace only.
        const words = [...(zfs ? ['test/support/with-zfs'] : []), ...vitest, relative(root, file)];
        const ran = spawnSync('test/support/with-net', words, {
          cwd: root,
          encoding: 'utf8',
          env: { ...process.env, NO_COLOR: '1' },
        });
        if (ran.status !== 0) console.error(ran.stdout, ran.stderr);
        expect(ran.stdout + ran.stderr).toMatch(/Tests +\d+ passed \| 1 skipped/);
        expect(ran.status).toBe(0);
      },
      limitMs,
    );
  });
}
