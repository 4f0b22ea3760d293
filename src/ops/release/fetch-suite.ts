/**
 * `fetch release=bookworm`: a Debian or Ubuntu suite, by mmdebstrap (faster, takes the updates and
 * security archives along) or else debootstrap, from the mirror that this machine is configured
 * with. Always verified by a keyring; there is no way to switch that off.
 */
import { join } from 'node:path';
import type { Context } from '../context.ts';
import {
  chooseSources,
  familyOf,
  keyringsOf,
  parseSourcesList,
  parseSourcesStanzas,
  sourceLine,
  type AptSource,
} from '../../domain/apt-sources.ts';
import { isProxied } from '../../domain/apt-proxy.ts';
import { reasonsToo } from '../../domain/apt-silence.ts';
import { failure, IocageError } from '../../domain/errors.ts';
import { isSuiteName, redacted } from '../../domain/release.ts';
import { waiting } from '../snapshot/rows.ts';
import { proxyVariables, wgetHasProxy } from '../steps/proxies.ts';
import { bootstrap, completeRelease } from '../steps/release.ts';
import type { Filling, Place } from './filling.ts';
import type { FetchInput } from './fetch-words.ts';

const defaultVariant = 'minbase';
/** The smallest variant of bookworm takes 265 MB, compressed 160. */
const neededBytes = 250 * 2 ** 20;

export async function planSuite(context: Context, input: FetchInput, place: Place): Promise<Filling> {
  const suite = input.suite ?? place.name;
  if (context.host.kernel !== 'linux') {
    throw failure('UNSUPPORTED', {
      what: `installing the suite ${suite}`,
      why: 'it needs a Linux kernel; use file= or url=',
    });
  }
  if (!isSuiteName(suite)) {
    const problem = `${JSON.stringify(suite)} is neither a FreeBSD release nor a suite; add file=, url= or suite=`;
    throw failure('INVALID_INPUT', { issues: [{ path: 'release', problem }] });
  }
  const sources = chooseSources(await configuredSources(context), suite, input.mirror);
  if (sources.length === 0) {
    throw failure('USAGE', {
      problem: `release: nobody here knows the suite ${suite}; add mirror=URL`,
      command: 'fetch',
    });
  }
  await assertRoom(context, place);
  await assertAnswers(context, suite, sources);
  const keyring = await findKeyring(context, suite, sources[0]!);
  const commands = await bootstrapCommands(context, input, suite, sources, keyring, place.root);
  const mirror = redacted(sources[0]!.uri);
  return {
    kind: 'debootstrap',
    source: `${mirror} ${suite}`,
    sha256: undefined,
    before: [],
    fill: [bootstrap({ suite, mirror, commands }), completeRelease({ root: place.root })],
  };
}

/** A suite that stops half-way for want of space has cost minutes, and an old zfs-fuse may not survive it. */
async function assertRoom(context: Context, { world }: Place): Promise<void> {
  const dataset = world.missing.includes(`${world.root}/releases`) ? world.root : `${world.root}/releases`;
  const available = Number(
    (await context.storage.measure(dataset, 0, ['available'])).get(dataset)?.get('available') ?? 0,
  );
  if (available < neededBytes) {
    throw failure('POOL_FULL', { dataset, why: `a suite takes about ${neededBytes / 2 ** 20} MB` });
  }
}

/**
 * A mirror that does not answer is known before anything is made: apt would wait minutes for it and say
 * nothing. What else may be wrong with one, apt tells better. One behind a proxy is not asked: iocage knows none.
 */
async function assertAnswers(context: Context, suite: string, sources: readonly AptSource[]): Promise<void> {
  const ask = async ({ uri, suite: dist }: AptSource): Promise<void> => {
    const mirror = redacted(uri);
    waiting(context, `asking ${mirror}`);
    try {
      await context.downloads.reach(`${uri.replace(/\/+$/, '')}/dists/${dist}/InRelease`, {
        signal: context.signal,
        onTrouble: (why) => waiting(context, `asking ${mirror}: ${why}; trying again`),
      });
    } catch (error) {
      if (!(error instanceof IocageError) || error.code !== 'DOWNLOAD_FAILED') throw error;
      throw failure(
        'BOOTSTRAP_FAILED',
        { suite, mirror, why: String(error.details['why']) },
        { cause: error },
      );
    }
  };
  if (await wgetHasProxy(context.files)) return;
  const proxies = await proxyVariables(context.exec);
  const near = sources.filter(({ uri }) => !isProxied(proxies, uri));
  const servers = new Map(near.toReversed().map((source) => [new URL(source.uri).origin, source]));
  await Promise.all([...servers.values()].map(ask));
}

async function configuredSources(context: Context): Promise<readonly AptSource[]> {
  const sources = [...parseSourcesList((await context.files.read('/etc/apt/sources.list')) ?? '')];
  const directory = '/etc/apt/sources.list.d';
  for (const name of await context.files.list(directory)) {
    const parse = name.endsWith('.list')
      ? parseSourcesList
      : name.endsWith('.sources')
        ? parseSourcesStanzas
        : undefined;
    if (parse) sources.push(...parse((await context.files.read(join(directory, name))) ?? ''));
  }
  return sources;
}

/** The keyring to verify with: the source's own, else the distribution's. */
async function findKeyring(context: Context, suite: string, source: AptSource): Promise<string> {
  if (source.signedBy !== undefined) return source.signedBy;
  const family = familyOf(suite) ?? (/ubuntu/.test(source.uri) ? 'ubuntu' : 'debian');
  for (const path of keyringsOf(family)) if ((await context.files.stat(path)) !== undefined) return path;
  throw failure('UNSUPPORTED', {
    what: `fetching ${suite}`,
    why: `the keyring to verify it with is missing; 'apt-get install ${family === 'ubuntu' ? 'ubuntu-keyring' : 'debian-archive-keyring'}' brings it`,
  });
}

async function bootstrapCommands(
  context: Context,
  input: FetchInput,
  suite: string,
  sources: readonly AptSource[],
  keyring: string,
  root: string,
): Promise<readonly (readonly string[])[]> {
  const variant = input.variant ?? defaultVariant;
  const include = input.include.length > 0 ? [`--include=${input.include.join(',')}`] : [];
  if (await isInstalled(context, 'mmdebstrap')) {
    const lines = sources.map((source) => sourceLine(source, keyring));
    return [
      [
        ...contained,
        'mmdebstrap',
        '--mode=root',
        `--variant=${variant}`,
        '--format=tar',
        ...patient(context.downloads.silenceMs),
        ...include,
        suite,
        '-',
        ...lines,
      ],
      context.host.trees.unpack(root),
    ];
  }
  if (!(await isInstalled(context, 'debootstrap'))) {
    throw failure('MISSING_TOOL', { tool: 'mmdebstrap', package: 'mmdebstrap', why: `install ${suite}` });
  }
  if (!['minbase', 'buildd'].includes(variant)) {
    throw failure('UNSUPPORTED', {
      what: `variant=${variant}`,
      why: 'debootstrap has only minbase and buildd; install mmdebstrap',
    });
  }
  return [
    [
      ...contained,
      'debootstrap',
      '--force-check-gpg',
      `--variant=${variant}`,
      `--keyring=${keyring}`,
      ...include,
      suite,
      root,
      sources[0]!.uri,
    ],
  ];
}

/**
 * apt's lines as they come, with its reasons, and its limit of silence. mmdebstrap leaves such options in the suite, where they would
 * count for ever. The shell's text is constant.
 */
const patient = (silenceMs: number): readonly string[] => [
  '--verbose',
  ...['http', 'https'].map((way) => `--aptopt=Acquire::${way}::Timeout "${Math.ceil(silenceMs / 1000)}"`),
  `--aptopt=${reasonsToo}`,
  '--customize-hook=rm -f -- "$1/etc/apt/apt.conf.d/99mmdebstrap"',
];

/**
 * The program gets processes and mounts of its own, and ends with iocage: else a killed fetch would go
 * on in the background, and leave /proc and /dev mounted below its scratch directory.
 */
const contained = [
  ...['setpriv', '--pdeathsig', 'KILL'],
  ...['unshare', '--mount-proc', '--pid', '--fork', '--kill-child', '--'],
];

async function isInstalled(context: Context, tool: string): Promise<boolean> {
  try {
    await context.exec.read([tool, '--version'], { accept: 'any' });
    return true;
  } catch (error) {
    if (error instanceof IocageError && error.code === 'MISSING_TOOL') return false;
    throw error;
  }
}
