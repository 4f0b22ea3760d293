/**
 * `fstab -e`: the administrator's editor on a copy of a jail's fstab. What was saved is checked line by line
 * and put in place by `fstab.change`, with its lock and its journal; a file that is refused is kept, so
 * that no work is lost.
 */
import { join } from 'node:path';
import { defineSession, type Operation, type Words } from '../operation.ts';
import type { Context } from '../context.ts';
import { asIocageError, failure } from '../../domain/errors.ts';
import { maxFstabBytes } from '../../domain/format/fstab.ts';
import type { Jail } from '../../domain/jail.ts';
import { runOperation } from '../run/run.ts';
import { jailInput, readJail } from './select.ts';

export function pathOf(jail: Jail): string {
  if (jail.mountpoint === undefined) throw failure('NOT_MOUNTED', { dataset: jail.dataset });
  return join(jail.mountpoint, 'fstab');
}

export function jailOf(words: Words): string {
  const [jail, ...more] = words.positionals;
  if (jail === undefined || more.length > 0)
    throw failure('USAGE', {
      problem: jail === undefined ? 'missing UUID' : 'one jail, please',
      command: 'fstab',
    });
  return jail;
}

/** What an editor took away, or made something else of, is no empty file: nothing was saved. */
async function readSaved({ files }: Context, copy: string): Promise<string> {
  const facts = await files.stat(copy);
  if (facts === undefined) throw failure('EDIT_REFUSED', { why: 'the editor removed it' });
  const refuse = (why: string) => failure('EDIT_REFUSED', { copy, why });
  if (facts.type !== 'file') throw refuse('the editor made something else than a plain file of it');
  const text = await files.readNamed(copy, maxFstabBytes).catch((thrown: unknown) => {
    throw refuse(asIocageError(thrown).message);
  });
  return text ?? '';
}

/** The editor's exit status; one that cannot be started has written nothing that is worth keeping. */
async function edited({ exec, files, editor }: Context, copy: string): Promise<number> {
  try {
    return await exec.session([...(editor?.() ?? ['vi']), copy]);
  } catch (thrown) {
    await files.remove(copy);
    throw thrown;
  }
}

/** @param change puts the file in place */
export const fstabEditWith = (change: () => Operation) =>
  defineSession<typeof jailInput>({
    id: 'fstab.edit',
    title: 'Edit what a jail mounts',
    input: jailInput,
    async session(context, input) {
      const { jail } = await readJail(context, input.jail);
      const before = (await context.files.read(pathOf(jail))) ?? '';
      const directory = join(context.paths.run, 'edit');
      await context.files.mkdir(directory, { mode: 0o700 });
      const copy = join(directory, `${jail.uuid}-${context.ids.uuid().slice(0, 8)}.fstab`);
      await context.files.write(copy, before, { mode: 0o600 });
      const status = await edited(context, copy);
      const after = await readSaved(context, copy);
      if (status !== 0 || after === before) {
        await context.files.remove(copy);
        return status;
      }
      try {
        await runOperation(context, change(), { jail: jail.uuid, text: { before, after } });
      } catch (thrown) {
        const error = asIocageError(thrown);
        throw failure('EDIT_REFUSED', { copy, why: error.message }, { cause: error });
      }
      await context.files.remove(copy);
      return 0;
    },
    command: {
      names: ['fstab -e'],
      group: 'data',
      usage: 'JAIL',
      examples: [],
      toInputs: (words) => [{ jail: jailOf(words) }],
    },
  });
