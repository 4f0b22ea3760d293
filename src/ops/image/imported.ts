/** What an import made, of any kind of file, and what it left out. */
import type { Dropped } from '../../domain/image.ts';
import type { Context } from '../context.ts';

/** A dry run has no result: what would stay behind is said as it is found. */
export function tellAhead({ dry, emit }: Context, dropped: readonly Dropped[]): void {
  for (const { what, why } of dry ? dropped : [])
    emit({ type: 'note', id: '', level: 'info', text: `not taken over: ${what}: ${why}` });
}

export interface Imported {
  readonly jails: readonly {
    readonly uuid: string;
    readonly tag: string;
    readonly kind: 'thick' | 'clone';
  }[];
  readonly file: string;
  /** False for an image of the original's, which brings files only. */
  readonly metadata: boolean;
  readonly dropped: readonly Dropped[];
  /** Kernel that the image was made on, when it is another one. */
  readonly foreignKernel?: string;
}
