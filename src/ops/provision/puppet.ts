/**
 * The method `puppet`: the manifests of a directory of the host, or of a repository, applied by the jail's own puppet.
 * A directory holds environments (`production/manifests/site.pp`) or is one (`manifests/site.pp`); a repository is
 * the environment `production`, with the modules of its Puppetfile. Source: libiocage, "Provisioning".
 */
import type { Context } from '../context.ts';
import type { JailSpec } from '../../driver/host.ts';
import type { Step } from '../../driver/system.ts';
import { failure } from '../../domain/errors.ts';
import type { PackageManager } from '../../domain/packages.ts';
import { getPackageManager } from '../jail/packages.ts';
import { command, detailed, whenThere } from './inside.ts';
import { materialFor } from './material.ts';
import { issue, repositoryIssues, type Method } from './method.ts';
import { packagesFor } from './packages.ts';

const place = '/.provision';
const environment = `${place}/production`;
const modules = '/var/lib/iocage-puppet/modules';

const names: Readonly<
  Partial<Record<PackageManager['name'], { readonly puppet: string; readonly r10k: readonly string[] }>>
> = {
  apt: { puppet: 'puppet-agent', r10k: ['r10k', 'git'] },
  pkg: { puppet: 'puppet8', r10k: ['rubygem-r10k', 'git-lite'] },
};

const programs = {
  puppet: ['usr/bin/puppet', 'usr/local/bin/puppet', 'opt/puppetlabs/bin/puppet'],
  r10k: ['usr/bin/r10k', 'usr/local/bin/r10k', 'opt/puppetlabs/puppet/bin/r10k'],
};

/** Its path in the jail, when it is there already, by whatever way it came. */
async function find(
  { files }: Context,
  { root }: JailSpec,
  paths: readonly string[],
): Promise<string | undefined> {
  for (const path of paths) {
    const facts = await files.statBelow(root, path).catch(() => undefined);
    if (facts?.type === 'file' || facts?.type === 'symlink') return `/${path}`;
  }
  return undefined;
}

/** Nothing where it is there; a basejail without it is refused. */
async function puppetSteps(
  context: Context,
  spec: JailSpec,
): Promise<{ path: string; steps: readonly Step[] }> {
  const there = await find(context, spec, programs.puppet);
  if (there !== undefined) return { path: there, steps: [] };
  const manager = await getPackageManager(context, spec.root, `jail ${spec.tag}`);
  const own = names[manager.name];
  if (own === undefined)
    throw failure('UNSUPPORTED', {
      what: `provisioning ${spec.tag} by puppet`,
      why: `it is not in the jail, and ${manager.name} has no package of it; install it there first`,
    });
  return { path: 'puppet', steps: await packagesFor(context, spec, [own.puppet], 'quiet') };
}

/** Only where the repository has a Puppetfile, which is known when it is here; the jail looks itself. */
async function moduleSteps(context: Context, spec: JailSpec): Promise<readonly Step[]> {
  const { host } = context;
  const file = `${environment}/Puppetfile`;
  const there = await find(context, spec, programs.r10k);
  const words = ['puppetfile', 'install', '--puppetfile', file, '--moduledir', modules];
  const deploy = host.commandStep(
    spec,
    command('r10k puppetfile install', whenThere(file, [there ?? 'r10k', ...words]), { which: 'r10k' }),
  );
  if (there !== undefined) return [deploy];
  const manager = await getPackageManager(context, spec.root, `jail ${spec.tag}`);
  const packages = names[manager.name]?.r10k ?? ['r10k'];
  const install = [manager.refresh, { ...manager.install, argv: [...manager.install.argv, ...packages] }].map(
    ({ title, argv }) =>
      host.commandStep(
        spec,
        command(`${title} for a Puppetfile`, whenThere(file, argv), { env: manager.env }),
      ),
  );
  return [...install, deploy];
}

export const puppet: Method = {
  id: 'puppet',
  check: (wanted) => [
    ...(wanted.source.member === undefined ? [] : [issue('puppet takes no #FILE')]),
    ...repositoryIssues(wanted),
  ],
  async run(context, spec, wanted) {
    const site = 'manifests/site.pp';
    const whole = `production/${site}`;
    const isLocal = wanted.source.kind === 'path' && wanted.revision === undefined;
    const material = await materialFor(context, spec, wanted, isLocal ? [whole, site] : [site], (member) =>
      member === whole ? place : environment,
    );
    const { path, steps } = await puppetSteps(context, spec);
    const apply = [
      ...[path, 'apply', '--detailed-exitcodes', '--color=false'],
      ...['--environmentpath', place, '--environment', 'production', '--basemodulepath', modules],
      `${environment}/${site}`,
    ];
    return {
      ...material,
      up: [
        ...steps,
        ...(isLocal ? [] : await moduleSteps(context, spec)),
        context.host.commandStep(spec, command('puppet apply', detailed(apply), { which: 'puppet' })),
      ],
    };
  },
};
