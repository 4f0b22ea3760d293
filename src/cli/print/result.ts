/** From a result and its view to the lines on standard output, in the format that was asked for. */
import type { Globals } from '../globals.ts';
import { aligned, ruled, tabbed } from './table.ts';
import { viewOf, type Ask } from './views.ts';

/** Lines of a result; none for an operation that has nothing to show. */
export function printResult(
  operation: string,
  result: unknown,
  globals: Pick<Globals, 'format' | 'header'>,
  ask: Ask,
): readonly string[] {
  const view = viewOf(operation);
  if (view === undefined) return [];
  if (globals.format === 'legacy' && globals.header && view.legacy) return view.legacy(result, ask);
  const shown = view.show(result, ask);
  if ('lines' in shown) return shown.lines;
  if (!globals.header) return tabbed(shown.table);
  const draw = globals.format === 'legacy' ? aligned : ruled;
  return [
    ...draw(shown.table),
    ...(shown.further ?? []).flatMap((more) => [more.title, ...draw(more.table)]),
  ];
}

/** What a person should know of a result but no script should read: goes to standard error. */
export function printRemarks(operation: string, result: unknown): readonly string[] {
  return viewOf(operation)?.remarks?.(result) ?? [];
}

/** All that is printed of a change with `--quiet`. */
export function printQuiet(operation: string, result: unknown): readonly string[] {
  return viewOf(operation)?.quiet?.(result) ?? [];
}

/** True when the operation did its work and the result is bad news all the same (doctor): exit status 1. */
export function foundTrouble(operation: string, result: unknown): boolean {
  return viewOf(operation)?.trouble?.(result) ?? false;
}

export function printJson(value: unknown): string {
  return JSON.stringify(value ?? null, null, 2);
}
