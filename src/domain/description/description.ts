/**
 * What `plan` and `apply` take: jails as they are to be. All problems of a file are told at once, each with
 * its path and line. What a file does not name is left alone; the rules stand in decision 11. Pure.
 */
import * as z from 'zod';
import type { Flaw } from '../errors.ts';
import { nameProblem } from '../name.ts';
import {
  dependsOf,
  filesOf,
  fstabOf,
  packagesOf,
  propertiesOf,
  type Assignment,
  type DescribedFile,
} from './fields.ts';
import { readYaml, type Path, type Reading } from './read.ts';
import { checked, mapOf, type Say } from './say.ts';

/** Longer than any description that a person reads before applying it. */
export const maxTextBytes = 1 << 20;
const maxJails = 1000;

const jailTypes = ['thick', 'clone', 'base', 'empty'] as const;

export interface DescribedJail {
  readonly name: string;
  /** It is not to be there; nothing else is said of it then. */
  readonly absent: boolean;
  readonly release?: string;
  readonly template?: string;
  readonly type?: (typeof jailTypes)[number];
  readonly properties: readonly Assignment[];
  /** All lines that mount something, in order; undefined: as it is. */
  readonly fstab?: readonly string[];
  readonly files: readonly DescribedFile[];
  /** Packages that are to be installed, whatever else is; none twice. */
  readonly packages?: readonly string[];
  readonly state?: 'up' | 'down';
}

export interface Description {
  /** The hash of a plan: apply that one or nothing. */
  readonly expect?: string;
  readonly jails: readonly DescribedJail[];
}

/** Reads a description; what is wrong with it is in `flaws`, and then there is none. */
export async function parseDescription(
  source: string,
): Promise<{ description?: Description; flaws: readonly Flaw[] }> {
  if (source.length > maxTextBytes)
    return { flaws: [{ line: undefined, path: '', problem: 'it is longer than 1 MiB' }] };
  const reading = await readYaml(source);
  if (reading.flaws.length > 0) return { flaws: reading.flaws };
  const flaws: Flaw[] = [];
  const description = describe(reading, (path, problem) =>
    flaws.push({ line: reading.lineOf(path), path: path.join('.'), problem }),
  );
  if (flaws.length === 0) return { description, flaws };
  return { flaws: flaws.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0)) };
}

const text = z.string('it is a text');
const hash = text.regex(/^[0-9a-f]{64}$/, 'it is the hash of a plan, 64 hexadecimal digits');

function describe({ value }: Reading, say: Say): Description {
  const top = mapOf(value, ['expect', 'jails'], [], say);
  const expect = checked(hash.optional(), top['expect'], ['expect'], say);
  if (top['jails'] === undefined) say([], 'a description is a map with the key jails');
  const jails = Object.entries(mapOf(top['jails'] ?? {}, undefined, ['jails'], say));
  if (jails.length > maxJails) say(['jails'], `more than ${maxJails} jails`);
  return {
    ...(expect === undefined ? {} : { expect }),
    jails: jails.slice(0, maxJails).map(([name, given]) => toJail(name, given, ['jails', name], say)),
  };
}

const keys = [
  'absent',
  'release',
  'template',
  'type',
  'properties',
  'depends',
  'fstab',
  'files',
  'packages',
  'state',
];

function toJail(name: string, given: unknown, at: Path, say: Say): DescribedJail {
  const problem = nameProblem('jail', name);
  if (problem !== undefined) say(at, `no name for a jail: ${problem}`);
  // `web:` with nothing behind it is a jail of which nothing more is said.
  const map = mapOf(given ?? {}, keys, at, say);
  const one = <S extends z.ZodType>(key: string, schema: S): z.output<S> | undefined =>
    map[key] === undefined ? undefined : checked(schema, map[key], [...at, key], say);
  const absent = one('absent', z.literal(true, 'absent is true, or left out')) === true;
  if (absent && Object.keys(map).length > 1)
    say([...at, 'absent'], 'nothing else can be said of a jail that is not to be there');
  const release = one('release', named('release'));
  const template = one('template', named('tag'));
  const type = one('type', z.enum(jailTypes, `it is one of ${jailTypes.join(', ')}`));
  const state = one('state', z.enum(['up', 'down'], 'it is up or down'));
  const packages = packagesOf(map['packages'], [...at, 'packages'], say);
  if (packages !== undefined && (type === 'base' || type === 'empty'))
    say([...at, 'packages'], 'a basejail has those of its release, and an empty jail none');
  const fstab = fstabOf(map['fstab'], [...at, 'fstab'], say);
  if (template !== undefined && (release !== undefined || type !== undefined))
    say([...at, 'template'], 'a template brings its own release and type');
  if (type === 'empty' && release !== undefined) say([...at, 'type'], 'an empty jail has no release');
  return {
    name,
    absent,
    properties: [
      ...propertiesOf(map['properties'], [...at, 'properties'], say),
      ...dependsOf(map['depends'], map['properties'], [...at, 'depends'], say),
    ],
    files: filesOf(map['files'], [...at, 'files'], say),
    ...(release === undefined ? {} : { release }),
    ...(template === undefined ? {} : { template }),
    ...(type === undefined ? {} : { type }),
    ...(fstab === undefined ? {} : { fstab }),
    ...(packages === undefined ? {} : { packages }),
    ...(state === undefined ? {} : { state }),
  };
}

function named(kind: 'release' | 'tag') {
  return text.check(({ value, issues }) => {
    const problem = nameProblem(kind, value);
    if (problem !== undefined) issues.push({ code: 'custom', message: problem, input: value });
  });
}

/** The description as a file that `apply` takes: JSON, with the hash of the plan that it belongs to. */
export function printDescription({ expect, jails }: Description): string {
  const jail = ({ name, absent, properties, files, ...rest }: DescribedJail) => [
    name,
    absent
      ? { absent }
      : {
          ...rest,
          properties: Object.fromEntries(properties),
          files: Object.fromEntries(
            files.map(({ path, mode, ...content }) => [
              path,
              { ...content, ...(mode === undefined ? {} : { mode: mode.toString(8).padStart(4, '0') }) },
            ]),
          ),
        },
  ];
  return `${JSON.stringify({ ...(expect === undefined ? {} : { expect }), jails: Object.fromEntries(jails.map(jail)) }, null, 2)}\n`;
}
