/** `plan` and `apply`: one line for a jail, one for each thing of it that changes. */
import type { Change } from '../../../domain/description/change.ts';
import { oneLine } from '../text.ts';
import { dash, type Views } from './view.ts';

interface Planned {
  readonly file: string;
  readonly out: string | null;
  readonly hash: string;
  readonly jails: readonly {
    readonly name: string;
    readonly action: 'create' | 'change' | 'destroy' | 'none' | 'blocked';
    readonly changes: readonly Change[];
    readonly error?: { readonly message: string };
  }[];
}

interface Applied {
  readonly jails: readonly {
    readonly name: string;
    readonly state: 'created' | 'changed' | 'destroyed' | 'unchanged' | 'failed';
    readonly changes: readonly Change[];
    readonly error?: { readonly message: string };
  }[];
}

const value = (text: string | null): string => (text === null ? 'none' : dash(text));

function changeLines(change: Change, isNew: boolean): readonly string[] {
  switch (change.what) {
    case 'create':
    case 'destroy':
      return [];
    case 'property': {
      const { key, old, new: now, live } = change;
      if (isNew) return [`+ ${key} = ${value(now)}`];
      const later = live ? '' : '  (from the next start on)';
      return now === null
        ? [`- ${key}: ${value(old)} -> the default${later}`]
        : [`~ ${key}: ${value(old)} -> ${value(now)}${later}`];
    }
    case 'fstab':
      return [
        ...change.remove.map((line) => `- fstab: ${dash(line)}`),
        ...change.add.map((line) => `+ fstab: ${dash(line)}`),
      ];
    case 'packages':
      return [`+ packages: ${change.add.map(dash).join(' ')}`];
    case 'file': {
      const { path, old, new: now, sizeBytes, oldMode, newMode } = change;
      if (old === null) return [`+ file ${dash(path)}, ${sizeBytes} bytes, mode ${newMode}`];
      const text = old === now ? '' : `, now ${sizeBytes} bytes`;
      return [`~ file ${dash(path)}${text}${oldMode === newMode ? '' : `, mode ${oldMode} -> ${newMode}`}`];
    }
    default:
      return [`~ ${change.what}`];
  }
}

const signs = { create: '+', change: '~', destroy: '-', none: '=', blocked: '!' } as const;

function planLines({ file, out, hash, jails }: Planned): readonly string[] {
  const lines = jails.flatMap(({ name, action, changes, error }) => {
    if (action === 'none') return [];
    const [first] = changes;
    const from =
      first?.what === 'create'
        ? [first.template ?? first.release, first.type].filter(Boolean).join(', ')
        : '';
    const head = `${signs[action]} ${dash(name)}: ${action}${from === '' ? '' : ` (${from})`}`;
    if (error !== undefined) return [`${signs[action]} ${dash(name)}: ${oneLine(error.message)}`];
    return [
      head,
      ...changes.flatMap((change) => changeLines(change, action === 'create')).map((line) => `    ${line}`),
    ];
  });
  const count = (action: keyof typeof signs): number => jails.filter((jail) => jail.action === action).length;
  const blocked = count('blocked') > 0 ? `, ${count('blocked')} not possible` : '';
  const changing = jails.some(({ action }) => action !== 'none' && action !== 'blocked');
  const next =
    out !== null
      ? [`Kept: iocage apply ${dash(out)}`]
      : changing
        ? [`This and nothing else: iocage apply ${dash(file)} --expect ${hash}`]
        : [];
  return [
    ...lines,
    `* ${count('create')} to create, ${count('change')} to change, ${count('destroy')} to destroy, ${count('none')} as wanted${blocked}`,
    ...next,
  ];
}

/** What of a jail was changed, in a few words. */
function done(changes: readonly Change[]): string {
  const word = (change: Change): readonly string[] =>
    change.what === 'property'
      ? [change.key]
      : change.what === 'packages'
        ? change.add
        : change.what === 'file'
          ? [change.path]
          : change.what === 'create' || change.what === 'destroy'
            ? []
            : [{ fstab: 'fstab', start: 'started', stop: 'stopped', restart: 'restarted' }[change.what]];
  const words = changes.flatMap(word);
  const shown = words.length > 8 ? [...words.slice(0, 8), `${words.length - 8} more`] : words;
  return shown.map(dash).join(', ');
}

function applyLines({ jails }: Applied): readonly string[] {
  const lines = jails
    .filter(({ state }) => state !== 'unchanged')
    .map(({ name, state, changes, error }) => {
      const what = done(changes);
      const told = `${dash(name)}: ${state}${what === '' ? '' : ` (${what})`}`;
      return error === undefined ? `  ${told}` : `  ${told}: ${oneLine(error.message)}`;
    });
  const count = (state: string): number => jails.filter((jail) => jail.state === state).length;
  const failed = count('failed') > 0 ? `, ${count('failed')} failed` : '';
  return [
    ...lines,
    `* ${count('created')} created, ${count('changed')} changed, ${count('destroyed')} destroyed, ${count('unchanged')} as wanted${failed}`,
  ];
}

const failures = ({ jails }: Applied): readonly string[] =>
  jails.flatMap(({ name, error }) =>
    error === undefined ? [] : [`  FAILED   ${dash(name)}: ${oneLine(error.message)}`],
  );

export const planViews: Views = {
  'host.plan': {
    shows: 'lines',
    show: (result: Planned) => ({ lines: planLines(result) }),
    trouble: ({ jails }: Planned) => jails.some(({ action }) => action === 'blocked'),
  },
  'host.apply': {
    shows: 'lines',
    show: (result: Applied) => ({ lines: applyLines(result) }),
    quiet: failures,
    trouble: (result: Applied) => failures(result).length > 0,
  },
};
