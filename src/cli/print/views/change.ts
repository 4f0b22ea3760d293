/** What the other changing commands tell when they are done. */
import { oneLine, padEnd } from '../text.ts';
import { dash, type View, type Views } from './view.ts';

interface Made {
  readonly jails: readonly {
    readonly uuid: string;
    readonly tag: string;
    readonly kind?: string;
    readonly source?: string;
  }[];
}
const inSource = (source: string | undefined, uuid: string): string =>
  dash(source === undefined ? uuid : `${source}/${uuid}`);
const made: View = {
  shows: 'lines',
  show: (result: Made) => ({
    lines: result.jails.map(
      ({ uuid, tag, source }) => `Successfully created: ${inSource(source, uuid)} (${dash(tag)})`,
    ),
  }),
  quiet: (result: Made) => result.jails.map(({ uuid, source }) => inSource(source, uuid)),
  // COMPAT: the original printed the bare UUID of an empty jail, and callers read it.
  legacy: (result: Made) =>
    result.jails.map(({ uuid, tag, kind }) =>
      kind === 'empty' ? uuid : `  Successfully created: ${uuid} (${tag})`,
    ),
};

interface Findings {
  readonly findings: readonly {
    readonly id: string;
    readonly what: string;
    readonly state: 'mended' | 'failed' | 'report' | 'pending';
    readonly action: string;
  }[];
}
function findingLines({ findings }: Findings): readonly string[] {
  if (findings.length === 0) return ['Nothing to mend.'];
  return findings.map(
    ({ what, state, action }) =>
      `${padEnd(state, 8)}  ${oneLine(what)}${action === '' ? '' : `: ${oneLine(action)}`}`,
  );
}

interface Started {
  readonly notApplied?: readonly { readonly key: string; readonly value: string; readonly why: string }[];
}
const started: View = {
  shows: 'lines',
  show: () => ({ lines: [] }),
  remarks: (result: Started | undefined) =>
    (result?.notApplied ?? []).map(
      ({ key, value, why }) => `  INFO: ${oneLine(`${key}=${value}`)} has no effect here: ${oneLine(why)}`,
    ),
};

interface MadeAndStarted extends Made {
  readonly started: readonly { readonly tag: string; readonly error?: { readonly message: string } }[];
}
const failedStarts = ({ started: all }: MadeAndStarted): readonly string[] =>
  all.flatMap(({ error }) => (error ? [`  ERROR: ${oneLine(error.message)}`] : []));
const madeAndStarted: View = {
  ...made,
  remarks: failedStarts,
  legacy: (result: MadeAndStarted, ask) => [...made.legacy!(result, ask), ...failedStarts(result)],
  trouble: (result: MadeAndStarted) => failedStarts(result).length > 0,
};

export const changeViews: Views = {
  'host.doctor': {
    shows: 'lines',
    show: (result: Findings) => ({ lines: findingLines(result) }),
    trouble: ({ findings }: Findings) => findings.some(({ state }) => state === 'failed'),
  },
  'release.fetch': {
    shows: 'lines',
    show: (result: { message: string }) => ({ lines: [oneLine(result.message)] }),
  },
  'release.mirror': {
    shows: 'lines',
    show: ({ release, archives }: { release: string; archives: readonly string[] }) => ({
      lines: [`The mirror of release ${oneLine(release)} holds ${archives.length} packages.`],
    }),
  },
  'pool.show': {
    shows: 'lines',
    show: ({ pool, sources }: { pool: string; sources?: readonly { name: string; root: string }[] }) => ({
      lines: sources?.map(({ name, root }) => `source: ${name} ${root}`) ?? [`pool: ${dash(pool)}`],
    }),
  },
  'pool.activate': {
    shows: 'lines',
    show: ({ pool, source }: { pool: string; source?: string }) => ({
      lines: [
        source === undefined
          ? `ZFS pool '${dash(pool)}' successfully activated.`
          : `Source '${source}' is ready.`,
      ],
    }),
    // COMPAT: sysadm takes any output of activate and deactivate for a failure.
    legacy: () => [],
  },
  'jail.move': {
    shows: 'lines',
    show: (result: { tag: string; from: string; to: string; dataset: string }) => ({
      lines: [`${result.from}/${result.tag} is now ${result.to}/${result.tag} (${result.dataset})`],
    }),
  },
  'pool.deactivate': {
    shows: 'lines',
    show: (result: { pool: string }) => ({
      lines: [`ZFS pool '${dash(result.pool)}' successfully deactivated.`],
    }),
    legacy: () => [],
  },
  'jail.start': started,
  'jail.restart': started,
  'jail.create': made,
  'jail.clone': made,
  'jail.create-start': madeAndStarted,
  'jail.clone-start': madeAndStarted,
};
