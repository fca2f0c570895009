import type { DiskPlan, LayerPlan } from './types.js';

/** What a box of a picture stands for. */
export type BoxKind = 'partition' | 'volume' | LayerPlan['type'];

/** A box of the picture of a disk: it lies in one row, and what it holds lies below it in the next. */
export interface Box {
  readonly kind: BoxKind;
  readonly text: string;
  readonly bytes: number;
  readonly inner: readonly Box[];
}

/** A box with its first column and the one behind its last. */
export interface Cell {
  readonly box: Box;
  readonly from: number;
  readonly to: number;
}

/** The partitions of a disk with all that lies in them. */
export function boxesOf(disk: DiskPlan): Box[] {
  return disk.partitions.map(({ name, bytes, content }) => {
    return { kind: 'partition', text: name, bytes, inner: content === undefined ? [] : [boxOf(content)] };
  });
}

function boxOf(layer: LayerPlan): Box {
  const { bytes, type: kind } = layer;
  switch (layer.type) {
    case 'filesystem':
      return { kind, text: `${layer.format} ${layer.mountpoint}`, bytes, inner: [] };
    case 'swap':
      return { kind, text: 'swap', bytes, inner: [] };
    case 'raid1':
    case 'luks':
      return { kind, text: `${layer.type} ${layer.name}`, bytes, inner: [boxOf(layer.content)] };
    case 'lvm': {
      const inner = layer.volumes.map(({ name, content }): Box => ({
        kind: 'volume',
        text: name,
        bytes: content.bytes,
        inner: [boxOf(content)],
      }));
      return { kind, text: `lvm ${layer.name}`, bytes, inner };
    }
  }
}

/**
 * Rows of a picture that is so many columns wide: to scale as far as the smallest parts can still be seen.
 *
 * @param narrowest columns of the narrowest box.
 */
export function placeBoxes(boxes: readonly Box[], columns: number, narrowest: number): Cell[][] {
  const rows: Cell[][] = [];
  place(boxes, { from: 0, to: Math.max(columns, leastColumns(boxes, narrowest)), depth: 0 }, rows, narrowest);
  return rows;
}

function leastColumns(boxes: readonly Box[], narrowest: number): number {
  return boxes.reduce((sum, box) => sum + Math.max(narrowest, leastColumns(box.inner, narrowest)), 0);
}

/** Shares columns out among boxes by their size; none gets less than it needs to show what is in it. */
function place(
  boxes: readonly Box[],
  { from, to, depth }: { readonly from: number; readonly to: number; readonly depth: number },
  rows: Cell[][],
  narrowest: number,
): void {
  const row = (rows[depth] ??= []);
  const least = boxes.map((box) => Math.max(narrowest, leastColumns(box.inner, narrowest)));
  const spare = to - from - least.reduce((sum, columns) => sum + columns, 0);
  const total = boxes.reduce((sum, { bytes }) => sum + bytes, 0);
  let before = 0;
  let start = from;
  for (const [index, box] of boxes.entries()) {
    const given = Math.floor((spare * (before + box.bytes)) / total) - Math.floor((spare * before) / total);
    const end = start + (least[index] ?? narrowest) + given;
    before += box.bytes;
    row.push({ box, from: start, to: end });
    if (box.inner.length > 0) place(box.inner, { from: start, to: end, depth: depth + 1 }, rows, narrowest);
    start = end;
  }
}
