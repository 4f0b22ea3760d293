/**
 * A pretended FreeBSD host for a test: the programs in `bin`, a machine to look at and to set up, and ways
 * to let the N-th call of a program fail, hang or die. Only the storage beneath the jails is real.
 */
import { buildSync } from 'esbuild';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { StandInExec } from './exec.ts';
import { undocumented } from './grammar.ts';
import { freshMachine, releaseNumber, Store, type Machine } from './machine.ts';
import type { CallRecord, Fault } from './program.ts';
import { tools } from './tools/index.ts';

export interface StandIn {
  /** The folder of the programs; to be put first in a PATH. */
  readonly bin: string;
  readonly folder: string;
  /** Runs commands with the stand-in's programs in place of the system's. */
  readonly exec: StandInExec;
  /** The machine as it is now. */
  machine(): Machine;
  change(work: (machine: Machine) => void): void;
  /**
   * Lets the `nth` call (from 1, counted from now) of a tool fail; with `match` only calls in whose command
   * line that text stands are counted.
   */
  fail(fault: Partial<Fault> & { readonly tool: string }): void;
  /** No fault happens any more. */
  mend(): void;
  /** All calls so far, also those that tools made of each other, in order. */
  calls(): readonly CallRecord[];
  /** Words of all calls so far that no manual page of the host's release has; see grammar.ts. */
  undocumented(): readonly string[];
  close(): void;
}

let bundled: string | undefined;

/** The program's text, made once in a process. */
function bundle(): string {
  const entry = fileURLToPath(new URL('main.ts', import.meta.url));
  bundled ??= buildSync({
    entryPoints: [entry],
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    write: false,
    logLevel: 'silent',
    banner: { js: `#!${process.execPath}` },
  }).outputFiles[0]!.text;
  return bundled;
}

/** daemon(8) without a flag: what it starts goes on in a session of its own, with the input and output that it was given. */
const daemon = `#!/bin/sh
case $1 in -*) echo "daemon: illegal option -- $1 (stand-in)" >&2; exit 64 ;; esac
exec 3<&0
setsid "$@" <&3 3<&- &
`;

/** Makes a host as described; what is not said is that of `freshMachine()`. */
export function standIn(given: Parameters<typeof freshMachine>[0] = {}): StandIn {
  const folder = mkdtempSync(join(tmpdir(), 'standin-'));
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  const program = join(folder, 'standin.cjs');
  writeFileSync(program, bundle());
  chmodSync(program, 0o755);
  const names = Object.keys(tools);
  for (const name of names) symlinkSync(program, join(bin, name));
  // For lines of sh(1), in which a start of Node for each word would take too long.
  mkdirSync(join(folder, 'sh'));
  writeFileSync(join(folder, 'sh/daemon'), daemon, { mode: 0o755 });
  const store = new Store(join(folder, 'machine'));
  store.writeJson('machine.json', freshMachine(given));
  const mend = (): void => {
    store.writeJson('faults.json', []);
    store.writeJson('faults-seen.json', {});
  };
  return {
    bin,
    folder,
    exec: new StandInExec(bin, store, join(folder, 'sh')),
    machine: () => store.read(),
    change: (work) => store.change(work),
    fail(fault) {
      const faults = store.json<readonly Fault[]>('faults.json', []);
      store.writeJson('faults.json', [...faults, { nth: 1, what: 'fail', when: 'before', ...fault }]);
    },
    mend,
    calls: () => store.lines<CallRecord>('calls.jsonl'),
    undocumented() {
      const release = releaseNumber(store.read());
      const found = store
        .lines<CallRecord>('calls.jsonl')
        .flatMap(({ tool, words }) => undocumented([tool, ...words], release));
      return [...new Set(found)];
    },
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}
