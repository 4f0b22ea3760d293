/** The FreeBSD driver passes the suite that the Linux driver passes, on the stand-in for a FreeBSD host. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freebsdUnderTest } from '../support/freebsd-jails.ts';
import { hostContract } from './host.ts';

hostContract('freebsd on the stand-in', async () =>
  freebsdUnderTest(mkdtempSync(join(tmpdir(), 'iocage-freebsd-'))),
);
