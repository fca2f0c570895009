import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { orderCollections, type OrderNode } from '../../src/config/order.js';

type Graph = Readonly<Record<string, Partial<OrderNode>>>;

function order(graph: Graph, ...requested: string[]) {
  return orderCollections(requested, (name) => {
    const node = graph[name];
    return node === undefined ? undefined : { requires: [], wants: [], after: [], late: false, ...node };
  });
}

describe('orderCollections', () => {
  it.each<[string, Graph, string[], string[]]>([
    ['keeps the order given', { a: {}, b: {}, c: {} }, ['c', 'a', 'b'], ['c', 'a', 'b']],
    ['puts what is required first', { a: { requires: ['b'] }, b: { requires: ['c'] }, c: {} }, ['a'], ['c', 'b', 'a']],
    ['pulls in what is wanted without ordering it', { a: { wants: ['b'] }, b: {} }, ['a'], ['a', 'b']],
    ['orders after only what is there', { a: { after: ['b', 'x'] }, b: {} }, ['a', 'b'], ['b', 'a']],
    ['does not pull in by after', { a: { after: ['b'] }, b: {} }, ['a'], ['a']],
    ['puts late ones last', { a: { late: true }, b: {}, c: { requires: ['b'] } }, ['a', 'b', 'c'], ['b', 'c', 'a']],
    [
      'orders late ones among themselves',
      { a: { late: true, after: ['b'] }, b: { late: true }, c: {} },
      ['a', 'b', 'c'],
      ['c', 'b', 'a'],
    ],
    [
      'discovers breadth-first',
      { t: { requires: ['a', 'b'] }, a: { requires: ['x'] }, b: {}, x: {} },
      ['t'],
      ['b', 'x', 'a', 't'],
    ],
    ['names each once', { a: { requires: ['b'] }, b: {} }, ['a', 'b', 'a'], ['b', 'a']],
    [
      'gives the order of the examples',
      {
        lxc: { requires: ['base', 'systemd', 'default', 'lxc/base'] },
        hard: { requires: ['net'] },
        base: {},
        systemd: { requires: ['base'] },
        default: { requires: ['base'] },
        'lxc/base': { requires: ['base'], after: ['systemd'] },
        net: { requires: ['base'] },
      },
      ['lxc', 'hard'],
      ['base', 'systemd', 'default', 'lxc/base', 'net', 'lxc', 'hard'],
    ],
  ])('%s', (_, graph, requested, expected) => {
    expect(order(graph, ...requested)).toEqual({ order: expected, unknown: [], cycles: [] });
  });

  it('shows the way to an unknown name, for everybody who asks for it', () => {
    const graph: Graph = { a: { requires: ['b'] }, b: { wants: ['bse'] }, c: { requires: ['bse'] } };
    expect(order(graph, 'a', 'x', 'c').unknown).toEqual([
      { name: 'x', chain: ['x'] },
      { name: 'bse', chain: ['c', 'bse'] },
      { name: 'bse', chain: ['a', 'b', 'bse'] },
    ]);
  });

  it.each<[string, Graph, string[], string[][]]>([
    ['itself', { a: { requires: ['a'] } }, ['a'], [['a', 'a']]],
    ['two', { a: { requires: ['b'] }, b: { requires: ['a'] } }, ['a'], [['a', 'b', 'a']]],
    ['after', { a: { requires: ['b'] }, b: { after: ['a'] } }, ['a'], [['a', 'b', 'a']]],
    ['a late one', { a: { requires: ['b'] }, b: { late: true } }, ['a'], [['a', 'b', 'a']]],
    [
      'two cycles',
      { a: { requires: ['b'] }, b: { requires: ['a'] }, c: { requires: ['d'] }, d: { requires: ['c'] } },
      ['a', 'c'],
      [
        ['a', 'b', 'a'],
        ['c', 'd', 'c'],
      ],
    ],
  ])('finds a cycle of %s', (_, graph, requested, cycles) => {
    expect(order(graph, ...requested).cycles).toEqual(cycles);
  });

  /** Graphs without cycles: each collection names only such as have a greater number. */
  const graphs = fc.integer({ min: 1, max: 12 }).chain((count) =>
    fc.tuple(
      ...Array.from({ length: count }, (_, n) => {
        const later = Array.from({ length: count - n - 1 }, (__, m) => `c${String(n + m + 1)}`);
        const some = fc.subarray(later);
        return fc.record({ requires: some, wants: some, after: some });
      }),
    ),
  );

  it('respects every constraint, and emits exactly what is pulled in', () => {
    fc.assert(
      fc.property(graphs, fc.integer({ min: 0, max: 11 }), (nodes, late) => {
        // The late one is the first: nothing can require it, so there is no cycle.
        const graph = Object.fromEntries(
          nodes.map((node, n) => [`c${String(n)}`, { ...node, late: n === 0 && late % 2 === 0 }]),
        );
        const result = order(graph, 'c0', `c${String(late % nodes.length)}`);
        expect(result.cycles).toEqual([]);
        const position = new Map(result.order.map((name, index) => [name, index]));
        expect(position.size).toBe(result.order.length);
        for (const [name, index] of position) {
          const node = graph[name];
          for (const other of node?.requires ?? []) expect(position.get(other)).toBeLessThan(index);
          for (const other of node?.wants ?? []) expect(position.has(other)).toBe(true);
          for (const other of node?.after ?? []) expect(position.get(other) ?? -1).toBeLessThan(index);
          if (node?.late === true) expect(index).toBe(result.order.length - 1);
        }
      }),
    );
  });

  it('does not depend on collections that nobody names', () => {
    fc.assert(
      fc.property(graphs, (nodes) => {
        const graph = Object.fromEntries(nodes.map((node, n) => [`c${String(n)}`, node]));
        const more = { ...graph, stranger: { requires: Object.keys(graph) } };
        expect(order(more, 'c0')).toEqual(order(graph, 'c0'));
      }),
    );
  });
});
