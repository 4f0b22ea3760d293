/**
 * Lines to records that can be trusted. ZFS prints property values as they are, tabs and newlines
 * included, so a value may look like the row of another dataset. Each record is therefore asked for
 * with its key first and last. A true record of several lines begins with its key and ends with it, so
 * everything from a key's first line to the last line that names it again is doubtful, and stays so
 * whoever wrote it. Pure; never throws.
 */

export interface Frame {
  readonly key: string;
  readonly fields: readonly string[];
  /** False: the values must not be used. */
  readonly clean: boolean;
}

export interface Shape {
  readonly fieldCount: number;
  /** Key of a record that these fields open and close. */
  readonly opens: (fields: readonly string[]) => string | undefined;
  readonly closes: (fields: readonly string[]) => string | undefined;
}

/** One frame for each key that opens a line, in order of appearance. */
export function toFrames(text: string, shape: Shape): readonly Frame[] {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  const rows = lines.map((line) => {
    const fields = line.split('\t');
    return { fields, opens: shape.opens(fields), closes: shape.closes(fields) };
  });

  const first = new Map<string, number>();
  const last = new Map<string, number>();
  for (const [index, { opens, closes }] of rows.entries()) {
    if (opens !== undefined && !first.has(opens)) first.set(opens, index);
    if (opens !== undefined) last.set(opens, index);
    if (closes !== undefined) last.set(closes, index);
  }

  // Marks the spans of several lines; a running end is enough, since they are met in order of start.
  const doubtful: boolean[] = [];
  let end = -1;
  for (const [index, { opens }] of rows.entries()) {
    if (opens !== undefined && first.get(opens) === index) {
      const until = last.get(opens) ?? index;
      if (until > index) end = Math.max(end, until);
    }
    doubtful.push(index <= end);
  }

  const frames = new Map<string, Frame>();
  for (const [index, { fields, opens, closes }] of rows.entries()) {
    if (opens === undefined || frames.has(opens)) continue;
    const clean = !doubtful[index] && opens === closes && fields.length === shape.fieldCount;
    frames.set(opens, { key: opens, fields, clean });
  }
  return [...frames.values()];
}
