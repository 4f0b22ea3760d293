/** What differs between a description and what is there, as data: printed, hashed, and carried out. Pure. */

export type Change =
  | {
      readonly what: 'create';
      readonly type: string | null;
      readonly release: string | null;
      readonly template: string | null;
    }
  | { readonly what: 'destroy' }
  /** `new` null: what is stored goes, and the default counts again. `live` false: from the next start on. */
  | {
      readonly what: 'property';
      readonly key: string;
      readonly old: string | null;
      readonly new: string | null;
      readonly live: boolean;
    }
  /** The first `kept` lines stay, the others go, and these come. */
  | {
      readonly what: 'fstab';
      readonly kept: number;
      readonly remove: readonly string[];
      readonly add: readonly string[];
    }
  /** SHA-256 of what is there (null: nothing) and of what will be; modes in octal digits. */
  | {
      readonly what: 'file';
      readonly path: string;
      readonly old: string | null;
      readonly new: string;
      readonly sizeBytes: number;
      readonly oldMode: string | null;
      readonly newMode: string;
    }
  | { readonly what: 'packages'; readonly add: readonly string[] }
  | { readonly what: 'start' }
  | { readonly what: 'stop' }
  /** It runs and stays up, and something of it changes that a running jail does not take. */
  | { readonly what: 'restart' };

export type Action = 'create' | 'change' | 'destroy' | 'none' | 'blocked';

export function actionOf(changes: readonly Change[]): Action {
  const [first] = changes;
  if (first === undefined) return 'none';
  return first.what === 'create' || first.what === 'destroy' ? first.what : 'change';
}
