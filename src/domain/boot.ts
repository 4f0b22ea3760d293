/**
 * The order in which jails start: what a jail depends on before it, lower priority numbers before
 * higher ones. Pure; it knows nothing of jails but their names. Source: iocage 1.7 section "boot",
 * Python iocage `depends`.
 */

/** A jail as a point of the graph. */
export interface BootNode {
  readonly id: string;
  /** 0-99, lower first. */
  readonly priority: number;
  /** Ids of the points that have to be up before. */
  readonly needs: readonly string[];
}

export interface PlacedNode {
  readonly id: string;
  readonly needs: readonly string[];
  /** The priority that counts: the lowest of its own and of all that depend on it. */
  readonly rank: number;
}

export interface StartOrder {
  /** One after the other a correct order; points of equal rank that do not need each other may go at once. */
  readonly order: readonly PlacedNode[];
  /** Groups of points that need each other in a circle; none of them can be placed. */
  readonly cycles: readonly (readonly string[])[];
}

/** Groups of points that reach each other (Tarjan), and points that need themselves. */
function circlesOf(nodes: readonly BootNode[]): readonly (readonly string[])[] {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const circles: string[][] = [];
  const visit = (node: BootNode): void => {
    index.set(node.id, index.size);
    low.set(node.id, index.get(node.id)!);
    stack.push(node.id);
    for (const need of node.needs) {
      const next = byId.get(need);
      if (next === undefined) continue;
      if (!index.has(need)) visit(next);
      if (stack.includes(need)) low.set(node.id, Math.min(low.get(node.id)!, low.get(need)!));
    }
    if (low.get(node.id) !== index.get(node.id)) return;
    const group = stack.splice(stack.lastIndexOf(node.id));
    if (group.length > 1 || node.needs.includes(node.id)) circles.push(group);
  };
  for (const node of nodes) if (!index.has(node.id)) visit(node);
  const place = new Map(nodes.map((node, at) => [node.id, at]));
  const inOrder = circles.map((group) => group.sort((a, b) => place.get(a)! - place.get(b)!));
  return inOrder.sort((a, b) => place.get(a[0]!)! - place.get(b[0]!)!);
}

/**
 * Orders points; of two that could go next the one of the lower rank goes, then the one that was given
 * first. A need that is no point of the graph is left to the caller.
 *
 * @example startOrder([{ id: 'web', priority: 10, needs: ['db'] }, { id: 'db', priority: 99, needs: [] }])
 *   // order: db (rank 10), web (rank 10)
 */
export function startOrder(nodes: readonly BootNode[]): StartOrder {
  const cycles = circlesOf(nodes);
  const circling = new Set(cycles.flat());
  const free = nodes.filter((node) => !circling.has(node.id));
  const ids = new Set(free.map((node) => node.id));

  // Needs before those that need them, whatever the priorities.
  const sorted: BootNode[] = [];
  const seen = new Set<string>();
  const byId = new Map(free.map((node) => [node.id, node]));
  const visit = (node: BootNode): void => {
    if (seen.has(node.id)) return;
    seen.add(node.id);
    for (const need of node.needs) if (ids.has(need)) visit(byId.get(need)!);
    sorted.push(node);
  };
  free.forEach(visit);

  const rank = new Map(free.map((node) => [node.id, node.priority]));
  for (const node of sorted.toReversed()) {
    for (const need of node.needs) {
      if (ids.has(need)) rank.set(need, Math.min(rank.get(need)!, rank.get(node.id)!));
    }
  }

  const order: PlacedNode[] = [];
  const placed = new Set<string>();
  const waiting = free.map((node) => ({ id: node.id, needs: node.needs, rank: rank.get(node.id)! }));
  while (waiting.length > 0) {
    const ready = waiting.filter((node) => node.needs.every((need) => !ids.has(need) || placed.has(need)));
    const next = ready.reduce((best, node) => (node.rank < best.rank ? node : best));
    waiting.splice(waiting.indexOf(next), 1);
    placed.add(next.id);
    order.push(next);
  }
  return { order, cycles };
}

/**
 * The reverse, for stopping: whatever depends on a jail before it, higher priority numbers first. All
 * have to stop, so a circle is cut instead of refused.
 */
export function stopOrder(nodes: readonly BootNode[]): readonly PlacedNode[] {
  const groups = circlesOf(nodes);
  const groupOf = (id: string): readonly string[] => groups.find((group) => group.includes(id)) ?? [];
  const cut = nodes.map((node) => ({
    ...node,
    needs: node.needs.filter((need) => !groupOf(node.id).includes(need)),
  }));
  const { order } = startOrder(cut);
  return order.toReversed().map(({ id, rank }) => ({
    id,
    rank: -rank,
    needs: order.filter((other) => other.needs.includes(id)).map((other) => other.id),
  }));
}
