/** A description from its file, with the texts of the host's files that it names. Everything is bounded. */
import { dirname, resolve } from 'node:path';
import type { Context } from '../context.ts';
import { failure } from '../../domain/errors.ts';
import {
  maxTextBytes,
  parseDescription,
  type DescribedJail,
  type Description,
} from '../../domain/description/description.ts';
import type { DescribedFile } from '../../domain/description/fields.ts';

/** @throws BAD_DESCRIPTION with everything that is wrong in it, FILE_FAILED */
export async function loadDescription(context: Context, file: string): Promise<Description> {
  const { description, flaws } = await parseDescription(await readText(context, file));
  if (description === undefined) throw failure('BAD_DESCRIPTION', { file, flaws });
  const directory = dirname(resolve(file));
  const jails: DescribedJail[] = [];
  for (const jail of description.jails) {
    const files: DescribedFile[] = [];
    for (const { from, ...rest } of jail.files)
      files.push(
        from === undefined ? rest : { ...rest, text: await readText(context, resolve(directory, from)) },
      );
    jails.push({ ...jail, files });
  }
  return { ...description, jails };
}

/** UTF-8 text of at most 1 MiB. Links are followed: whoever names the file chooses what it is. `-`: standard input. */
async function readText({ files }: Context, path: string): Promise<string> {
  const fail = (why: string) => failure('FILE_FAILED', { path, why });
  const text = path === '-' ? await files.readInput(maxTextBytes) : await files.readNamed(path, maxTextBytes);
  if (text === undefined) throw fail('it does not exist');
  if (text.includes('\u0000') || text.includes('\ufffd')) throw fail('it is not text in UTF-8');
  return text;
}
