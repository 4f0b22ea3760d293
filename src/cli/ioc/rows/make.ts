/** Rows of `ioc` that make jails, change what they are, and take them away. */
import type { Words } from '../../../ops/operation.ts';
import { failure } from '../../../domain/errors.ts';
import { matchesName, parseFilter } from '../../../domain/filter.ts';
import { jailClone } from '../../../ops/jail/clone.ts';
import { jailCreate } from '../../../ops/jail/create.ts';
import { jailCreateFetched } from '../../../ops/jail/create-fetched.ts';
import { jailDestroyMany, type DestroyedMany } from '../../../ops/jail/destroy-many.ts';
import { fullName } from '../../../ops/jail/matching.ts';
import { jailMigrate, noteNoMigration } from '../../../ops/jail/migrate.ts';
import { jailPromote } from '../../../ops/jail/promote.ts';
import { jailRename } from '../../../ops/jail/rename.ts';
import { releaseDestroy } from '../../../ops/release/destroy.ts';
import type { Context } from '../../../ops/context.ts';
import { findSource } from '../../../ops/source/find.ts';
import { readWorld } from '../../../ops/world/read.ts';
import { oneLine } from '../../print/text.ts';
import { exactly, filterWords, usage, type IocRow, type Meaning } from '../row.ts';
import { selected, wordFor } from '../select.ts';
import { asIocage } from './life.ts';

interface Made {
  readonly jails: readonly { readonly tag: string; readonly source?: string }[];
}

/** A clone may be in another source than what it was cloned from. */
const madeName = ({ tag, source }: Made['jails'][number]): string =>
  oneLine(source === undefined ? tag : `${source}/${tag}`);

function countOf(text: unknown): number {
  const count = Number(String(text ?? '1').replaceAll(',', ''));
  if (!Number.isInteger(count) || count < 1 || count > 999)
    throw usage('create', `-c takes a number from 1 to 999, not ${JSON.stringify(text)}`);
  return count;
}

const create: IocRow = {
  name: 'create',
  title: 'Create jails',
  usage: '[-r RELEASE | -t TEMPLATE | -e] [-nb] [-c N] [NAME] [KEY=VALUE ...]',
  about:
    'A basejail shares the system folders of its release, read-only; with -nb the jail is a clone of the release. Without a release it is the one of this machine, or the only one that is fetched; one that is not here is fetched first. Without a NAME the jail gets a UUID. With -c the jails are called NAME_1 to NAME_N.',
  spellings: { '-nb': '--no-basejail' },
  flags: [
    { key: 'release', flags: '-r, --release <release>', doc: 'the release that the jail is made from' },
    { key: 'template', flags: '-t, --template <template>', doc: 'a clone of this template' },
    { key: 'basejail', flags: '-b, --basejail', doc: 'a basejail (the default)' },
    { key: 'basejail', flags: '--no-basejail', doc: 'a clone of the release; also -nb' },
    { key: 'count', flags: '-c, --count <n>', doc: 'make n jails' },
    { key: 'empty', flags: '-e, --empty', doc: 'no files in the jail' },
    { key: 'fetch', flags: '--no-fetch', doc: 'fail when the release is not here' },
  ],
  examples: [
    { line: 'ioc create -r bookworm web boot=on', says: 'a basejail called web' },
    { line: 'ioc create -r bookworm -nb db quota=20G', says: 'a thin jail with files of its own' },
    { line: 'ioc create -t golden -c 3 node', says: 'node_1, node_2 and node_3, clones of the template' },
  ],
  means(words) {
    const { release, template, basejail, count, empty, fetch } = words.flags;
    const [word, ...more] = words.positionals;
    if (more.length > 0) throw usage('create', `${JSON.stringify(more[0])} is no KEY=VALUE`);
    const from = [release, template, empty].filter((each) => each !== undefined);
    if (from.length > 1) throw usage('create', '-r, -t and -e exclude each other');
    if (template !== undefined && basejail !== undefined)
      throw usage('create', 'a jail of a template is what the template is: no -b and no -nb');
    const input = {
      properties: words.properties,
      count: countOf(count),
      ...(release === undefined ? {} : { release }),
      ...(template === undefined
        ? { kind: empty === true ? 'empty' : basejail === false ? 'clone' : 'base' }
        : {}),
    };
    const of = (empty === true ? 'nothing' : (template ?? release)) as string | undefined;
    return {
      operation: fetch === false ? jailCreate : jailCreateFetched,
      inputs: () => [
        {
          ...input,
          ...(word === undefined ? {} : { name: word }),
          ...(template === undefined ? {} : { template: template as string }),
        },
      ],
      show: ({ jails }: Made) =>
        jails.map((jail, index) => {
          const place = jails.length > 1 ? ` (${index + 1}/${jails.length})` : '';
          return `${madeName(jail)} successfully created${of === undefined ? '' : ` from ${oneLine(of)}`}!${place}`;
        }),
    };
  },
};

const clone: IocRow = {
  name: 'clone',
  title: 'Clone a jail',
  usage: 'SOURCE DESTINATION [KEY=VALUE ...]',
  examples: [{ line: 'ioc clone web web2', says: 'a second jail like web, which may run meanwhile' }],
  means({ positionals, properties }) {
    const [source, name] = exactly(
      'clone',
      { positionals, properties: [], flags: {} },
      'SOURCE',
      'DESTINATION',
    );
    return {
      operation: jailClone,
      inputs: () => [{ jail: source!, name: name!, properties }],
      show: ({ jails }: Made) =>
        jails.map((jail) => `${madeName(jail)} successfully cloned from ${oneLine(source!)}`),
    };
  },
};

const rename: IocRow = {
  name: 'rename',
  title: 'Rename a jail',
  usage: 'JAIL NAME',
  about:
    'The dataset, the tag and the host name that were the old name become the new one. The jail must be down.',
  examples: [{ line: 'ioc rename web www', says: 'web is called www from now on' }],
  means(words) {
    const [jail, name] = exactly('rename', words, 'JAIL', 'NAME');
    return {
      operation: jailRename,
      inputs: () => [{ jail: jail!, name: name! }],
      show: ({ tag, was }: { tag: string; was: string }, full) => [`${full(was)} renamed to ${full(tag)}`],
    };
  },
};

const promote: IocRow = {
  name: 'promote',
  title: 'Make a clone independent of what it was cloned from',
  usage: 'JAIL',
  examples: [{ line: 'ioc promote web2', says: 'then the jail that web2 was cloned from can be destroyed' }],
  means(words) {
    const [jail] = exactly('promote', words, 'JAIL');
    return { operation: jailPromote, inputs: () => [{ jail: jail! }], show: asIocage(jailPromote) };
  },
};

/** Releases have nothing but their names to be found by. */
function destroyReleases(words: Words): Meaning {
  const given = filterWords(words);
  if (given.length === 0) throw usage('destroy', 'missing RELEASE');
  const filter = parseFilter(given);
  if (filter.terms.length > 0) throw usage('destroy', 'releases are found by their names only');
  return {
    operation: releaseDestroy,
    async inputs(context) {
      const { releases } = await readWorld(context);
      const found = releases.filter(({ name }) => matchesName(filter, { names: [name] }));
      if (found.length === 0)
        throw failure('NO_MATCH', { what: 'release', filter: given.join(' '), shownBy: 'ioc list -r' });
      return found.map(({ name }) => ({ release: name }));
    },
    show: ({ release }: { release: string }) => [`${oneLine(release)} destroyed`],
  };
}

/** @throws JAIL_NOT_FOUND, or why the source that it may be in could not be read */
async function refuseMissing(context: Context, word: string): Promise<never> {
  const { context: own, name } = await findSource(context, word);
  await readWorld(own);
  throw failure('JAIL_NOT_FOUND', { name });
}

const destroy: IocRow = {
  name: 'destroy',
  title: 'Destroy jails, templates or releases',
  usage: '[-f] [-R] [-t | -r] FILTER ...',
  about:
    'Shows what will be lost and asks once. A running jail is refused without -f. What others are cloned from stays, unless they go with it: by their names, or all of them with -R.',
  flags: [
    { key: 'force', flags: '-f, --force', doc: 'do not ask, and stop jails that run' },
    { key: 'yes', flags: '-y, --yes', doc: 'answer the question with yes, and nothing more' },
    { key: 'template', flags: '-t, --template', doc: 'templates instead of jails' },
    { key: 'release', flags: '-r, --release', doc: 'releases instead of jails' },
    { key: 'recursive', flags: '-R, --recursive', doc: 'the jails too that were cloned from them' },
  ],
  examples: [
    { line: `ioc destroy 'test-*'`, says: 'shows every jail whose name begins with test- and asks' },
    { line: 'ioc destroy -f web', says: 'does not ask; for scripts' },
    { line: 'ioc destroy -r bookworm', says: 'a release that no jail uses' },
  ],
  means(words) {
    const { force, template, release, recursive } = words.flags;
    if (template === true && release === true) throw usage('destroy', '-t and -r exclude each other');
    if (release === true && recursive === true)
      throw usage('destroy', 'a release goes after its jails; only jails go with their clones (-R)');
    if (release === true) return destroyReleases(words);
    return {
      operation: jailDestroyMany,
      async inputs(context) {
        const { found, missing } = await selected(
          'destroy',
          words,
          context,
          template === true ? 'templates' : 'jails',
        );
        // Nothing goes while one of the names is wrong.
        for (const name of missing) await refuseMissing(context, name);
        // One question for each source.
        const worlds = [...new Set(found.map(({ world }) => world))];
        return worlds.map((world) => ({
          jails: found.filter((known) => known.world === world).map(wordFor),
          force: force === true,
          recursive: recursive === true,
        }));
      },
      show: ({ jails }: DestroyedMany) =>
        jails.flatMap(({ tag, mountpoint, error }) =>
          error === undefined ? [`${oneLine(mountpoint ?? tag)} destroyed`] : [],
        ),
    };
  },
};

const migrate: IocRow = {
  name: 'migrate',
  title: 'Make jails of other tools our own',
  usage: 'FILTER ...',
  about:
    "Their configuration becomes properties of their datasets; the file that it was in is kept. 'iocage migrate --back JAIL' is the way back. A jail of ours is told and left alone.",
  examples: [{ line: `ioc migrate '*'`, says: 'every jail that another tool configures' }],
  means: (words) => ({
    operation: jailMigrate,
    async inputs(context) {
      const { found, missing } = await selected('migrate', words, context, 'jails');
      for (const known of found.filter(({ jail: { file } }) => file === undefined))
        noteNoMigration(context, fullName(known.world, known.jail));
      return [...found.filter(({ jail }) => jail.file !== undefined).map(wordFor), ...missing].map(
        (jail) => ({ jail }),
      );
    },
    show: asIocage(jailMigrate),
  }),
};

export const makeRows: readonly IocRow[] = [create, clone, rename, promote, destroy, migrate];
