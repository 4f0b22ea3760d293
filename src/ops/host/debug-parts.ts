/** The parts of the report that `debug` writes, one after the other; a part that cannot be read says why. */
import { join } from 'node:path';
import type { Context } from '../context.ts';
import type { JournalEntry } from '../../driver/system.ts';
import { asIocageError } from '../../domain/errors.ts';
import { label, type Jail } from '../../domain/jail.ts';
import { version } from '../../domain/version.ts';
import { kindOf } from '../steps/kinds.ts';
import { consoleLogs, toSpec } from '../world/spec.ts';
import { readWorld } from '../world/read.ts';
import type { World } from '../world/world.ts';

export interface Part {
  readonly title: string;
  readonly text: string;
}

/** Of each jail's console log. */
const logLines = 20;
/** More jails are only counted. */
const mostJails = 200;
const lastOperations = 50;

const lines = (...texts: readonly (string | readonly string[])[]): string => texts.flat().join('\n');

async function told(what: () => Promise<string>): Promise<string> {
  try {
    return await what();
  } catch (thrown) {
    return `(not readable: ${asIocageError(thrown).message})`;
  }
}

export async function* reportParts(context: Context): AsyncGenerator<Part> {
  const part = async (title: string, what: () => Promise<string>): Promise<Part> => ({
    title,
    text: await told(what),
  });
  yield await part('iocage', async () =>
    lines(
      `iocage ${version}`,
      `node ${process.version} ${process.platform} ${process.arch}`,
      `time ${context.clock.now().toISOString()}`,
      `root ${context.isRoot ? 'yes' : 'no'}, cores ${context.cores ?? 'unknown'}`,
      `state ${context.paths.state}, run ${context.paths.run}, pool asked for: ${context.pool ?? 'none'}`,
    ),
  );
  for (const argv of context.host.report ?? [])
    yield await part(argv.join(' '), () => outputOf(context, argv));
  yield await part('zfs', () => zfsText(context));
  const world = await readWorld(context).catch(() => undefined);
  yield await part('datasets', async () => datasetsText(context, (await readWorld(context)).root));
  if (world !== undefined) {
    yield await part('jails', () => overview(context, world));
    for (const jail of world.jails.slice(0, mostJails)) {
      yield await part(`jail ${label(jail)}`, async () => jailText(context, world, jail));
      const logs = await present(context, consoleLogs(world, jail.uuid));
      if (logs.length > 0) yield await part(`console of ${label(jail)}`, () => lastLines(context, logs));
    }
  }
  yield await part('interrupted operations', async () =>
    lines((await context.journal.unfinished()).flatMap((entry) => entryLines(context, entry))),
  );
  yield await part('last operations', async () =>
    lines((await context.journal.history(lastOperations)).map(entryLine)),
  );
}

async function outputOf(context: Context, argv: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await context.exec.read(argv, { accept: 'any', timeoutMs: 10_000 });
  return lines(stdout.trimEnd(), ...(status === 0 ? [] : [`(exit ${status}) ${stderr.trim()}`]));
}

/** The former log first: just after it was turned over the current one says little. */
async function present({ files }: Context, logs: readonly string[]): Promise<readonly string[]> {
  const stats = await Promise.all(logs.map((path) => files.stat(path)));
  return logs.filter((_, index) => stats[index] !== undefined).reverse();
}

/** Bounded by bytes first: a line of a log can be as long as its program likes. */
async function lastLines(context: Context, logs: readonly string[]): Promise<string> {
  const text = await outputOf(context, ['tail', '-q', '-c', '16384', '--', ...logs]);
  return lines(text.split('\n').slice(-logLines));
}

async function zfsText(context: Context): Promise<string> {
  const pools = await context.storage.pools();
  const health: string[] = [];
  for (const { name, active, activeBy } of pools)
    health.push(
      `pool ${name}: ${await context.storage.poolHealth(name)}${active ? `, activated by ${activeBy}` : ''}`,
    );
  return lines(JSON.stringify(await context.storage.capabilities()), health);
}

const columns = ['used', 'available', 'mounted', 'mountpoint', 'origin'];

async function datasetsText(context: Context, root: string): Promise<string> {
  const rows = (await context.storage.filesystems(root, 32, columns)) ?? [];
  return lines(
    rows.map(({ name, values, problem }) =>
      [name, ...columns.map((column) => `${column}=${values.get(column) ?? '-'}`), problem ?? ''].join(' '),
    ),
  );
}

async function overview(context: Context, world: World): Promise<string> {
  const running = await context.host.running(world.realm);
  const releases = world.releases.map(
    ({ name, local }) => `${name} (${local.get('release_kind') ?? 'unknown'})`,
  );
  return lines(
    `pool ${world.pool.name}, ${world.jails.length} jails and templates, ${running.size} running`,
    `releases: ${releases.join(', ') || 'none'}`,
    `defaults: ${JSON.stringify(Object.fromEntries(world.defaults))}`,
    `missing: ${world.missing.join(', ') || 'nothing'}`,
    [...running.values()].map(({ uuid, jid, ip4, ip6, startedAt }) =>
      [`up ${uuid} jid=${jid}`, ...ip4, ...ip6, `since ${startedAt ?? 'unknown'}`].join(' '),
    ),
  );
}

async function jailText(context: Context, world: World, jail: Jail): Promise<string> {
  const stored = [...jail.local].map(([key, value]) => `${key}=${value}`).sort();
  const fstab =
    jail.mountpoint === undefined ? undefined : await context.files.read(join(jail.mountpoint, 'fstab'));
  return lines(
    `dataset ${jail.dataset}${jail.template ? ', template' : ''}${jail.problem ? `, ${jail.problem}` : ''}`,
    stored,
    fstab === undefined || fstab === '' ? [] : ['fstab:', fstab.trimEnd()],
    jail.problem === undefined
      ? context.host
          .notApplied(toSpec(world, jail))
          .map(({ key, value, why }) => `not applied: ${key}=${value}: ${why}`)
      : [],
  );
}

function entryLine({ head, marks }: JournalEntry): string {
  const end = marks.find((mark) => mark.mark === 'end');
  const error = end?.mark === 'end' && end.error !== undefined ? `: ${end.error}` : '';
  const outcome = end?.mark === 'end' ? end.outcome : 'interrupted';
  return `${head.startedAt} ${head.id} ${head.operation} of ${head.subject}: ${outcome}${error}`;
}

/** The steps by what they are called, never by their arguments: those hold the texts of files. */
function entryLines(context: Context, entry: JournalEntry): readonly string[] {
  const reached = entry.marks.map((mark) => ('step' in mark ? `${mark.mark} ${mark.step}` : mark.mark));
  return [
    entryLine(entry),
    ...entry.head.steps.map((step, index) => `  ${index} ${step.kind}: ${titleOf(context, step)}`),
    `  marks: ${reached.join(', ')}`,
  ];
}

function titleOf(context: Context, step: JournalEntry['head']['steps'][number]): string {
  try {
    return kindOf(context, step).title(step.args as never);
  } catch (thrown) {
    return asIocageError(thrown).message;
  }
}
