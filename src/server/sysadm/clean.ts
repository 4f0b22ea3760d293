/** `cleanjails`, `cleanreleases`, `cleantemplates`, `cleanall`: everything of a kind goes, running jails too. */
import type { Action } from './action.ts';

function clean(what: readonly string[], success: string): Action {
  return {
    access: 'full',
    async run(host) {
      await host.change('pool.clean', { what, force: true }, { keys: 'all', touches: 'pool' });
      return { success };
    },
  };
}

export const cleanActions: Readonly<Record<string, Action>> = {
  cleanall: clean(['jails', 'templates', 'releases'], 'All iocage datasets have been cleaned.'),
  cleanjails: clean(['jails'], 'All jails have been cleaned.'),
  cleanreleases: clean(['releases'], 'All RELEASEs have been cleaned.'),
  cleantemplates: clean(['templates'], 'All templates have been cleaned.'),
};
