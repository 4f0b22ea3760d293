/** `list -P -R` and `fetch -P`: plugins, and the jail that one of them is in. */
import type { PluginFetched } from '../../../ops/plugin/fetch.ts';
import type { Plugin } from '../../../ops/plugin/known.ts';
import { oneLine } from '../text.ts';
import { dash, type Views } from './view.ts';

interface PluginList {
  readonly plugins: readonly Plugin[];
}

export const pluginViews: Views = {
  'plugin.list': {
    shows: 'table',
    show: ({ plugins }: PluginList) => ({
      table: {
        columns: ['PLUGIN', 'NAME', 'RELEASE', 'ABOUT'],
        rows: plugins
          .filter(({ problem }) => problem === undefined)
          .map(({ id, name, release, description }) => [
            id,
            oneLine(name),
            dash(release),
            oneLine(dash(description)),
          ]),
      },
    }),
    remarks: ({ plugins }: PluginList) =>
      plugins.flatMap(({ id, problem }) =>
        problem === undefined ? [] : [`plugin ${id} cannot be used: ${oneLine(problem)}`],
      ),
  },
  'plugin.fetch': {
    shows: 'lines',
    show: ({ tag, plugin }: PluginFetched) => ({
      lines: [`${oneLine(tag)} successfully created with the plugin ${plugin}!`],
    }),
  },
};
