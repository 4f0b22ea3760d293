/** Whether tests that start real jails may run here; the reason when not, for the summary. */
import { existsSync } from 'node:fs';

export function whyNoHostTests(): string | undefined {
  if (process.env['IOCAGE_HOST_TESTS'] !== '1') return 'IOCAGE_HOST_TESTS is not 1';
  if (process.platform !== 'linux') return 'not Linux';
  if (process.getuid?.() !== 0) return 'not root';
  if (!existsSync('/usr/bin/crun')) return 'crun is not installed';
  if (!existsSync('/bin/busybox')) return 'busybox-static is not installed';
  return undefined;
}
