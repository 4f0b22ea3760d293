/** What an import made, of any kind of file. */
import type { Dropped } from '../../domain/image.ts';

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
