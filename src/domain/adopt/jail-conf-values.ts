/**
 * What the parameters of one jail are by a jail.conf(5) that was read: which statements concern it, `allow.noX`, and
 * its variables, within bounds. Pure. Source: jail.conf(5), FreeBSD 14.
 */
import { parseSwitch } from '../codec/choice.ts';
import { isWild, JailConfProblem, maxConfCharacters, type JailConf, type Words } from './jail-conf.ts';

const maxValueLength = 64 * 1024;
const maxDepth = 16;

/** `*` in the middle is one part of a jail's name, at the end one or more. */
function concerns(scope: string | undefined, jail: string): boolean {
  if (scope === undefined || scope === jail) return true;
  const [wild, parts] = [scope.split('.'), jail.split('.')];
  const open = wild.at(-1) === '*';
  if (!isWild(scope) || (open ? parts.length < wild.length : parts.length !== wild.length)) return false;
  return wild.every((part, at) => part === '*' || part === parts[at]);
}

/** Parameters and variables of a jail as the statements that concern it leave them; of two, the later one counts. */
function assignedTo(conf: JailConf, jail: string): ReadonlyMap<string, readonly Words[]> {
  const raw = new Map<string, readonly Words[]>([['name', [[{ text: jail }]]]]);
  for (const statement of conf.statements) {
    if ('include' in statement || !concerns(statement.scope, jail)) continue;
    const { key, append, values } = statement;
    // `allow.nomount` says no to allow.mount, and `allow.nomount = 0` says yes.
    const [, group = '', denied] = /^((?:[^.$]+\.)*?)no([^.]+(?:\.[^.]+)*)$/.exec(key) ?? [];
    const said = values.length === 0 ? true : values.length > 1 ? undefined : switchOf(values[0]!);
    if (said === undefined || (denied === undefined && values.length > 0))
      raw.set(key, append ? [...(raw.get(key) ?? []), ...values] : values);
    else
      raw.set(denied === undefined ? key : group + denied, [
        [{ text: String(said !== (denied !== undefined)) }],
      ]);
  }
  return raw;
}

/**
 * Parameters of a jail, with their variables replaced, each a list of values; a switch is `true` or `false`.
 *
 * @throws JailConfProblem for a variable that is not defined, or means itself
 */
export function parametersOf(conf: JailConf, jail: string): ReadonlyMap<string, readonly string[]> {
  const raw = assignedTo(conf, jail);
  let written = 0;
  const resolve = (words: Words, depth: number): string => {
    written += 1 + words.length;
    if (depth > maxDepth) throw new JailConfProblem(0, `a variable of jail ${jail} means itself`);
    const parts = words.map((piece) => {
      if ('text' in piece) return piece.text;
      const values = raw.get(`$${piece.variable}`) ?? raw.get(piece.variable);
      if (values === undefined)
        throw new JailConfProblem(0, `jail ${jail} uses $${piece.variable}, which is not defined`);
      return values.map((value) => resolve(value, depth + 1)).join(',');
    });
    const text = parts.join('');
    written += text.length;
    if (text.length > maxValueLength || written > maxConfCharacters)
      throw new JailConfProblem(0, `the values of jail ${jail} are too long`);
    return text;
  };
  // A variable of several values that stands alone gives all of them.
  const spread = (value: Words, depth: number): readonly string[] => {
    const [piece] = value;
    const alone = value.length === 1 && piece !== undefined && 'variable' in piece ? piece.variable : '';
    const values = raw.get(`$${alone}`);
    if (values === undefined || values.length < 2 || depth > maxDepth) return [resolve(value, depth)];
    return values.flatMap((one) => spread(one, depth + 1));
  };
  return new Map(
    [...raw].flatMap(([key, values]) =>
      key.startsWith('$') ? [] : [[key, values.flatMap((value) => spread(value, 0))] as const],
    ),
  );
}

/** A word of a switch, as one that is written without variables. */
function switchOf(words: Words): boolean | undefined {
  const [piece] = words;
  return words.length === 1 && piece !== undefined && 'text' in piece ? parseSwitch(piece.text) : undefined;
}
