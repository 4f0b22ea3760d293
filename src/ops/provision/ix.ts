/**
 * The method `ix`: a plugin by its definition, a JSON file that names packages and a git repository (`artifact`). The
 * repository stays with the jail as a dataset of its own, which the jail sees read-only at /.ix-plugin; its `overlay`
 * is copied over the jail's root and its `post_install.sh` run, both in the jail. Sources: libiocage,
 * "Provisioning", and the definitions of Python iocage's plugins.
 */
import { basename, join } from 'node:path';
import type { Context } from '../context.ts';
import type { JailSpec } from '../../driver/host.ts';
import type { Step } from '../../driver/system.ts';
import { failure } from '../../domain/errors.ts';
import {
  mostDefinitionBytes,
  readDefinition,
  readSource,
  type PluginDefinition,
  type ProvisionSource,
} from '../../domain/provision.ts';
import { checkOut } from '../steps/checkout.ts';
import { createDataset } from '../steps/dataset.ts';
import { command, jailNames, runMember, whenThere } from './inside.ts';
import { resolve, type Repository } from './material.ts';
import { issue, type Method, type Wanted } from './method.ts';
import { packagesFor } from './packages.ts';
import { readTrusted } from './trusted.ts';

/** Name of the dataset, directly below the jail's. */
const name = 'ix-plugin';
const place = '/.ix-plugin';

/** What a definition is called where it does not say so: `https://…/nextcloud.json` is nextcloud. */
function slugOf({ text }: Pick<Wanted, 'text'>): string {
  return basename(text.replace(/[?#].*$/, '')).replace(/\.json$/, '');
}

const wrong = (problem: string): Error =>
  failure('INVALID_INPUT', { issues: [issue(problem)], command: 'provision' });

async function definitionOf(context: Context, wanted: Wanted): Promise<PluginDefinition> {
  const { source } = wanted;
  const text =
    source.kind === 'path'
      ? await readTrusted(context, source.path, mostDefinitionBytes)
      : (await context.downloads.text(source.url, { maxBytes: mostDefinitionBytes, signal: context.signal }))
          .text;
  const read = readDefinition(text, slugOf(wanted));
  if (typeof read === 'string') throw wrong(`${wanted.text} is no definition of a plugin: ${read}`);
  return read;
}

/** A definition from elsewhere has no say over what is on this host, or what root's keys open. */
function artifactOf({ artifact }: PluginDefinition, wanted: Wanted): ProvisionSource | undefined {
  if (artifact === undefined) return undefined;
  const source = readSource(artifact);
  if (typeof source === 'string')
    throw wrong(`${wanted.text}: artifact ${JSON.stringify(artifact)}: ${source}`);
  const own = wanted.source.kind === 'path';
  const scheme = source.kind === 'path' ? 'file' : source.scheme;
  if (scheme === 'http' || (!own && ['file', 'ssh'].includes(scheme)))
    throw wrong(
      `${wanted.text}: artifact ${JSON.stringify(artifact)}: ` +
        `a repository comes by https${own ? ', ssh, git or file' : ' or git from a definition of elsewhere'}`,
    );
  return source;
}

/** A dataset that is there already is filled anew; the snapshot that was taken before brings its files back. */
async function checkoutSteps(context: Context, spec: JailSpec, found: Repository): Promise<readonly Step[]> {
  const dataset = `${spec.dataset}/${name}`;
  const directory = join(spec.mountpoint, name);
  const [row] = (await context.storage.filesystems(dataset, 0, ['mounted', 'mountpoint'])) ?? [];
  if (
    row !== undefined &&
    (row.values.get('mounted') !== 'yes' || row.values.get('mountpoint') !== directory)
  )
    throw failure('NOT_MOUNTED', { dataset });
  return [
    ...(row === undefined ? [createDataset({ dataset, properties: {} })] : []),
    checkOut({ ...found, directory, made: false }),
  ];
}

export const ix: Method = {
  id: 'ix',
  check({ source }) {
    const isUrl = source.kind === 'url' && (source.scheme === 'https' || source.scheme === 'http');
    return source.kind === 'path' || isUrl
      ? []
      : [issue('a definition is a file, or an address of https or http')];
  },
  async run(context, spec, wanted) {
    const definition = await definitionOf(context, wanted);
    const artifact = artifactOf(definition, wanted);
    const found = artifact && (await resolve(context, artifact, wanted.revision));
    const run = (title: string, argv: readonly string[]): Step =>
      context.host.commandStep(spec, command(title, argv, { env: jailNames(spec) }));
    const stores = { plugin_name: slugOf(wanted) };
    const packages = await packagesFor(context, spec, definition.pkgs, 'start');
    if (found === undefined) return { down: [], up: packages, after: [], stores };
    const overlay = `${place}/overlay`;
    return {
      shown: { source: join(spec.mountpoint, name), target: place, stays: true },
      down: await checkoutSteps(context, spec, found),
      up: [
        ...packages,
        run('overlay of the plugin', whenThere(overlay, ['cp', '-a', `${overlay}/.`, '/'])),
        run('post_install.sh', whenThere(`${place}/post_install.sh`, runMember(place, 'post_install.sh'))),
      ],
      after: [],
      commit: found.commit,
      stores: { ...stores, plugin_repository: found.repository },
    };
  },
};
