/** The Linux driver on a real machine: real containers on a real pool. */
import { mkdtempSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hostContract } from '../contract/host.ts';
import { linuxUnderTest } from '../support/linux-jails.ts';
import { whyNoHostTests } from '../support/host-tests.ts';

const why = whyNoHostTests();
describe.skipIf(why !== undefined)(`linux host${why ? ` (skipped: ${why})` : ''}`, () => {
  hostContract('linux', async () => linuxUnderTest('nopool', mkdtempSync(join(tmpdir(), 'iochost-'))));
});
