/** A terminal in memory and a product whose operations answer canned results; nothing is touched. */
import { Readable } from 'node:stream';
import { iocMain } from '../../src/cli/ioc/main.ts';
import { main, type Product } from '../../src/cli/main.ts';
import type { Terminal, TextOut } from '../../src/cli/terminal.ts';
import type { Context } from '../../src/ops/context.ts';
import type { Operation } from '../../src/ops/operation.ts';
import type { IocageEvent } from '../../src/domain/events.ts';

export interface Ran {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Operation id and raw input of each run. */
  readonly runs: readonly { readonly operation: string; readonly input: unknown }[];
}

export interface Scene {
  /** Which of the two commands; default iocage. */
  readonly program?: 'iocage' | 'ioc';
  readonly operations: readonly Operation[];
  /** What an operation answers; throws what it fails with. */
  readonly answer?: (operation: Operation, input: unknown, context: Context) => unknown;
  readonly env?: Record<string, string>;
  readonly stdin?: string;
  readonly tty?: boolean;
  /** Called with the listeners of signals, so that a test can send one. */
  readonly onSignal?: (signal: string, listener: () => void) => void;
  readonly onExit?: (status: number) => void;
}

function collector(tty: boolean): TextOut & { text: () => string } {
  const chunks: string[] = [];
  return { write: (chunk) => chunks.push(chunk), isTTY: tty, columns: 80, text: () => chunks.join('') };
}

export async function run(argv: readonly string[], scene: Scene): Promise<Ran> {
  const stdout = collector(scene.tty ?? false);
  const stderr = collector(scene.tty ?? false);
  const runs: { operation: string; input: unknown }[] = [];
  const terminal: Terminal = {
    stdin: Object.assign(Readable.from(scene.stdin === undefined ? [] : [scene.stdin]), {
      isTTY: scene.tty ?? false,
    }),
    stdout,
    stderr,
    env: scene.env ?? {},
    onSignal(signal, listener) {
      scene.onSignal?.(signal, listener);
      return () => undefined;
    },
    exit: (status) => scene.onExit?.(status),
  };
  const product: Product = {
    operations: scene.operations,
    makeContext: ({ pool, sources, source, dry, emit, signal }) =>
      ({
        pool,
        sources,
        only: source,
        dry,
        emit,
        signal,
        actions: [],
        exec: { spawned: 3 },
        isRoot: true,
      }) as unknown as Context,
    async runOperation(context, operation, input, { confirm }) {
      runs.push({ operation: operation.id, input });
      const plan = {
        subject: 'UUID (web)',
        title: `Doing ${operation.id}`,
        loses: ['tank/iocage/jails/UUID'],
      };
      if (operation.effect === 'destroy' && confirm && !context.dry) {
        const sure = await confirm({ ...plan, steps: [], result: () => undefined });
        if (!sure) throw (await import('../../src/domain/errors.ts')).failure('NOT_CONFIRMED');
      }
      const result = scene.answer ? await scene.answer(operation, input, context) : {};
      return { id: operation.effect === 'read' ? undefined : '20260101T000000-1', result };
    },
  };
  const status = await (scene.program === 'ioc' ? iocMain : main)(argv, terminal, product);
  return { status, stdout: stdout.text(), stderr: stderr.text(), runs };
}

/** A transcript as a person would see it: the command, both streams, the status. */
export function transcript(argv: readonly string[], ran: Ran, program = 'iocage'): string {
  const words = [program, ...argv].map((word) => (/^[\w@=.:/-]+$/.test(word) ? word : JSON.stringify(word)));
  const errors = ran.stderr === '' ? '' : `--- stderr\n${ran.stderr}`;
  return `$ ${words.join(' ')}\n${ran.stdout}${errors}--- exit ${ran.status}\n`;
}

/** Events of a whole operation, for answers that tell what they do. */
export function emitSteps(
  emit: (event: IocageEvent) => void,
  operation: string,
  subject: string,
  labels: readonly string[],
): void {
  const id = '1';
  emit({ type: 'operation.begin', id, operation, title: operation, subject, steps: labels.length });
  for (const [index, label] of labels.entries()) {
    const step = { index, count: labels.length, kind: 'test', title: label, label };
    emit({ type: 'step.begin', id, step });
    emit({ type: 'step.done', id, step, durationMs: 1 });
  }
  emit({ type: 'operation.done', id, durationMs: 1, result: undefined });
}
