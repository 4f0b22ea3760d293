/** `createjail`, `clonejail`, `destroyjail`. */
import type { EventSink, IocageEvent } from '../../domain/events.ts';
import { label } from '../../domain/jail.ts';
import type { ApiHost } from '../api-host.ts';
import type { Action } from './action.ts';
import type { Json } from './json.ts';
import { errorLine, operationError } from './errors.ts';
import { ActionProblem, type Fields } from './fields.ts';
import { printedLines, toPairs } from './lines.ts';
import { sortWords, splitWords } from './split.ts';

interface Made {
  readonly jails: readonly { readonly uuid: string; readonly tag: string }[];
}

/** What the command printed for each jail that it made. */
export function madeLines(made: Made): readonly string[] {
  return made.jails.map((jail) => `Successfully created: ${jail.uuid} (${jail.tag})`);
}

/** Runs a command that makes jails, with the words of `props` as the command line takes them. */
async function make(
  host: ApiHost,
  operation: 'jail.create' | 'jail.clone',
  words: {
    readonly positionals: readonly string[];
    readonly props: string;
    readonly flags: Readonly<Record<string, unknown>>;
  },
): Promise<Made> {
  const given = sortWords(splitWords(words.props));
  const positionals = [...words.positionals, ...given.positionals];
  const asked = { positionals, properties: given.properties, flags: words.flags };
  const { inputs, kept } = await host.inputs(operation, asked);
  const perform = async (keys: readonly string[]): Promise<Made> =>
    (await host.change<Made>(operation, inputs[0], { keys, touches: 'pool', kept })).result;
  const [source] = words.positionals;
  return source === undefined ? perform([]) : host.inOrder(source, (key) => perform([key]));
}

function onlyEmpty(switches: string): boolean {
  const words = splitWords(switches);
  const wrong = words.find((word) => word !== '-e');
  if (wrong !== undefined) throw new ActionProblem(`  ERROR: invalid switch ${wrong}`);
  return words.length > 0;
}

async function createJail(host: ApiHost, fields: Fields): Promise<Json> {
  const props = fields.text('props') ?? '';
  const switches = fields.text('switches') ?? '';
  const empty = onlyEmpty(switches);
  const made = await make(host, 'jail.create', { positionals: [], props, flags: empty ? { empty } : {} });
  // With -e the command printed the bare UUID.
  const success = empty
    ? { uuid: made.jails.at(-1)!.uuid }
    : toPairs(madeLines(made), host.settings.legacyTruncation);
  return { props, success, switches };
}

async function cloneJail(host: ApiHost, fields: Fields): Promise<Json> {
  const jail = fields.jail();
  const props = fields.text('props') ?? '';
  try {
    const made = await make(host, 'jail.clone', { positionals: [jail], props, flags: {} });
    return { jail, props, success: toPairs(madeLines(made), host.settings.legacyTruncation) };
  } catch (thrown) {
    throw new ActionProblem(errorLine(operationError(thrown), 'jail'));
  }
}

interface Destroyed {
  readonly uuid: string;
  /** Datasets and snapshots. */
  readonly destroyed: readonly string[];
}

/** What the command printed for a jail that is gone: the stop, the jail, the snapshot it was cloned from. */
export function destroyLines(
  events: readonly IocageEvent[],
  subject: string,
  result: Destroyed,
): readonly string[] {
  const stopped = printedLines(events);
  const own = (snapshot: string): boolean => snapshot.split('@')[0]!.split('/').includes(result.uuid);
  const origins = result.destroyed.filter((name) => name.includes('@') && !own(name));
  return [
    ...(stopped.length === 0 ? [] : [`* Stopping ${subject}`, ...stopped]),
    `Destroying: ${result.uuid}`,
    ...origins.map((snapshot) => `Destroying clone origin: ${snapshot}`),
  ];
}

async function destroyJail(host: ApiHost, fields: Fields): Promise<Json> {
  const jail = fields.jail();
  const known = await host.knownJail(jail);
  const events: IocageEvent[] = [];
  const input = { jail, force: !host.settings.refuseToDestroyRunning };
  const emit: EventSink = (event) => events.push(event);
  const { result } = await host.inOrder(jail, (key) =>
    host.change<Destroyed>('jail.destroy', input, { keys: [key], touches: 'pool', emit }),
  );
  const lines = destroyLines(events, known === undefined ? result.uuid : label(known), result);
  return { success: toPairs(lines, host.settings.legacyTruncation) };
}

export const makeActions: Readonly<Record<string, Action>> = {
  createjail: { access: 'full', run: createJail },
  clonejail: { access: 'full', run: cloneJail },
  destroyjail: { access: 'full', run: destroyJail },
};
