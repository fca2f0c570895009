import { MIB } from '../config/layout-sizes.js';
import { formatBytes } from '../units.js';
import { boxesOf, placeBoxes, type Cell } from './boxes.js';
import type { DiskPlan, LayerPlan } from './types.js';

/** Columns of the narrowest box, with the line on its left. */
const NARROWEST = 4;

/**
 * A picture of a disk in text: as wide as told, to scale as far as the smallest parts can still be seen, a row for each
 * layer; below it, what each partition holds, with sizes.
 */
export function drawDisk(disk: DiskPlan, width: number): string {
  // Boxes side by side need a line on the right of the last one.
  const rows = placeBoxes(boxesOf(disk), width - 1, NARROWEST);
  const title = `${disk.name}: ${disk.table.toUpperCase()}, ${formatBytes(disk.bytes)}, ${disk.id}`;
  return [title, ...lines(rows), ...disk.partitions.flatMap(describe)].join('\n');
}

function lines(rows: readonly (readonly Cell[])[]): string[] {
  const all = rows.map((row) => [rule(rows, row), text(row)]);
  return [...all.flat(), rule(rows, undefined)];
}

/** The line above a row, or below the last one. */
function rule(rows: readonly (readonly Cell[])[], row: readonly Cell[] | undefined): string {
  const index = row === undefined ? rows.length : rows.indexOf(row);
  const above = marks(rows[index - 1]);
  const below = marks(row);
  const end = Math.max(...above.edges, ...below.edges);
  const at = (column: number): string => {
    const left = above.covered(column - 1) || below.covered(column - 1);
    const right = above.covered(column) || below.covered(column);
    const up = above.edges.has(column);
    const down = below.edges.has(column);
    return LINES[[up, down, left, right].map(Number).join('')] ?? ' ';
  };
  return Array.from({ length: end + 1 }, (_, column) => at(column))
    .join('')
    .trimEnd();
}

/** Lines by where they go: up, down, left, right. */
const LINES: Readonly<Record<string, string>> = {
  '0011': '─',
  '1100': '│',
  '0101': '┌',
  '0110': '┐',
  '1001': '└',
  '1010': '┘',
  '1101': '├',
  '1110': '┤',
  '0111': '┬',
  '1011': '┴',
  '1111': '┼',
};

function marks(row: readonly Cell[] | undefined): { edges: ReadonlySet<number>; covered: (column: number) => boolean } {
  const cells = row ?? [];
  return {
    edges: new Set(cells.flatMap(({ from, to }) => [from, to])),
    covered: (column) => cells.some(({ from, to }) => column >= from && column < to),
  };
}

function text(row: readonly Cell[]): string {
  let line = '';
  for (const { box, from, to } of row) {
    // Boxes that hold nothing leave gaps in the rows below.
    line = `${line.padEnd(from)}│${box.text.slice(0, to - from - 1).padEnd(to - from - 1)}`;
    line = `${line}│`;
    // The next box begins with this very line.
    if (row.some((cell) => cell.from === to)) line = line.slice(0, -1);
  }
  return line;
}

function describe({ number, name, bytes, start, type, content, id }: DiskPlan['partitions'][number]): string[] {
  const where = `from ${String(start / MIB)} MiB`;
  const head = `${String(number).padStart(2)}  ${name}: ${formatBytes(bytes)} ${where}, type ${type}, ${id}`;
  return [head, ...(content === undefined ? [] : describeLayer(content, '    '))];
}

function describeLayer(layer: LayerPlan, indent: string): string[] {
  const size = formatBytes(layer.bytes);
  switch (layer.type) {
    case 'filesystem':
      return [`${indent}${layer.format} ${layer.mountpoint}: ${size}, ${layer.uuid}`];
    case 'swap':
      return [`${indent}swap: ${size}, ${layer.uuid}`];
    case 'raid1':
    case 'luks':
      return [
        `${indent}${layer.type} ${layer.name}: ${size}, ${layer.uuid}`,
        ...describeLayer(layer.content, `${indent}  `),
      ];
    case 'lvm':
      return [
        `${indent}lvm ${layer.name}: ${size}`,
        ...layer.volumes.flatMap(({ name, content }) => [
          `${indent}  ${name}: ${formatBytes(content.bytes)}`,
          ...describeLayer(content, `${indent}    `),
        ]),
      ];
  }
}
