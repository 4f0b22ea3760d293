/**
 * The method `script`: a file of the host, whose text the jail's shell reads, or one in a directory or a git
 * repository, which the jail sees whole while it runs.
 */
import { repositoryIssues, type Method } from './method.ts';
import { command, jailNames, runMember } from './inside.ts';
import { materialFor } from './material.ts';
import { readTrusted, refuse } from './trusted.ts';

/** It is one word of the shell's call, and a kernel takes no longer ones. */
const longest = 100_000;
const usual = 'provision.sh';
const place = '/.provision';

export const script: Method = {
  id: 'script',
  check: repositoryIssues,
  async run(context, spec, wanted) {
    const { source, revision, text: title } = wanted;
    const env = jailNames(spec);
    const whole =
      source.kind === 'path' && source.member === undefined && revision === undefined
        ? (await context.files.stat(source.path))?.type !== 'directory'
        : false;
    if (whole && source.kind === 'path') {
      const text = await readTrusted(context, source.path, longest);
      const interpreter = /^#!\s*(\S+)/.exec(text)?.[1];
      if (interpreter !== undefined && !['/bin/sh', '/usr/bin/sh'].includes(interpreter))
        throw refuse(
          source.path,
          `it is for ${interpreter}; in a directory (DIRECTORY#FILE) it is started as it stands there`,
        );
      // The administrator's script by definition, as a hook is; it is the jail's own shell that runs it.
      const argv = ['/bin/sh', '-c', text, 'provision'];
      return { down: [], up: [context.host.commandStep(spec, command(title, argv, { env }))], after: [] };
    }
    const member = source.member ?? usual;
    const material = await materialFor(context, spec, wanted, [member], () => place);
    const run = command(title, runMember(place, member), { env });
    return { ...material, up: [context.host.commandStep(spec, run)] };
  },
};
