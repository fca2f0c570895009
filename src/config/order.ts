/** What ordering has to know about a collection. */
export interface OrderNode {
  readonly requires: readonly string[];
  readonly wants: readonly string[];
  readonly after: readonly string[];
  /** Comes after all that are not late themselves (`after: '*'`). */
  readonly late: boolean;
}

/** A name that stands for nothing: who asked for it, and by which way that one came in. */
export interface UnknownName {
  readonly name: string;
  /** From the profile's own entry to the unknown name. */
  readonly chain: readonly string[];
}

export interface Order {
  readonly order: readonly string[];
  readonly unknown: readonly UnknownName[];
  /** Each begins and ends with the same name. */
  readonly cycles: readonly (readonly string[])[];
}

/**
 * Finds all collections that `requested` pulls in and brings them into an order.
 *
 * 1. Discovery is breadth-first: the requested names in the order given, then what the first of them requires
 *    and wants, in the order written, then what the second does, and so on. Each counts where it is seen first.
 * 2. Passes go over the discovered collections in that order. One is emitted as soon as all that it requires, and
 *    all of its `after` that were discovered, have been emitted; what was waiting for it may follow in the same pass.
 * 3. A late one (`after: '*'`) also waits for every collection that is not late.
 *
 * The result depends on nothing but these inputs; adding a collection that nobody names changes nothing.
 */
export function orderCollections(requested: readonly string[], lookup: (name: string) => OrderNode | undefined): Order {
  const { nodes, unknown } = discover(requested, lookup);
  const waiting = waitingFor(nodes);
  const order: string[] = [];
  const cycles: string[][] = [];
  while (waiting.size > 0) {
    if (emitReady(waiting, order) > 0) continue;
    const cycle = findCycle(waiting);
    cycles.push(cycle);
    // Go on as if the last link were not there, so that further cycles are found, too.
    waiting.get(cycle[0] ?? '')?.delete(cycle[1] ?? '');
  }
  return { order, unknown, cycles };
}

function discover(
  requested: readonly string[],
  lookup: (name: string) => OrderNode | undefined,
): { nodes: Map<string, OrderNode>; unknown: UnknownName[] } {
  const nodes = new Map<string, OrderNode>();
  const unknown: UnknownName[] = [];
  const queue = requested.map((name) => ({ name, chain: [name] }));
  for (let item = queue.shift(); item !== undefined; item = queue.shift()) {
    const { name, chain } = item;
    if (nodes.has(name)) continue;
    const node = lookup(name);
    if (node === undefined) {
      // Whoever asks for an unknown name is told, not only the first.
      unknown.push({ name, chain });
      continue;
    }
    nodes.set(name, node);
    queue.push(...[...node.requires, ...node.wants].map((next) => ({ name: next, chain: [...chain, next] })));
  }
  return { nodes, unknown };
}

function waitingFor(nodes: ReadonlyMap<string, OrderNode>): Map<string, Set<string>> {
  const early = [...nodes].filter(([, node]) => !node.late).map(([name]) => name);
  const waiting = new Map<string, Set<string>>();
  for (const [name, node] of nodes) {
    const before = [...node.requires, ...node.after, ...(node.late ? early : [])];
    waiting.set(name, new Set(before.filter((other) => nodes.has(other))));
  }
  return waiting;
}

function emitReady(waiting: Map<string, Set<string>>, order: string[]): number {
  let emitted = 0;
  for (const [name, before] of waiting) {
    if (before.size > 0) continue;
    waiting.delete(name);
    for (const others of waiting.values()) others.delete(name);
    order.push(name);
    emitted += 1;
  }
  return emitted;
}

/** Everything that waits waits for another that waits, so following these links comes back to where it has been. */
function findCycle(waiting: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  const way: string[] = [];
  let name = waiting.keys().next().value ?? '';
  while (!way.includes(name)) {
    way.push(name);
    name = waiting.get(name)?.values().next().value ?? '';
  }
  return [...way.slice(way.indexOf(name)), name];
}
