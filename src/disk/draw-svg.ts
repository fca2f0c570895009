import { formatBytes } from '../units.js';
import { boxesOf, placeBoxes, type BoxKind, type Cell } from './boxes.js';
import type { DiskPlan } from './types.js';

/** Pixels. */
const WIDTH = 1000;
const ROW = 34;
const TITLE = 30;
const GAP = 20;
const MARGIN = 10;
const FONT = 13;

/** Width of a letter of this font, on the average; labels that do not fit are in the box's title only. */
const LETTER = 7.2;

/** A partition of a few MiB must still be seen, and pointed at. */
const NARROWEST = 6;

/** Light, so that black text stands out in print, too. */
const COLORS: Readonly<Record<BoxKind, string>> = {
  partition: '#e8e8e8',
  volume: '#f4f0d8',
  filesystem: '#cfe8cf',
  swap: '#f0d8d8',
  raid1: '#cfdcf0',
  luks: '#f0dcb8',
  lvm: '#dcd0ec',
};

/**
 * The disks of a machine as an SVG picture: from the same boxes as the one for the terminal, a row for each layer, to
 * scale as far as the smallest parts can still be seen. Pointing at a box shows its size.
 */
export function drawSvg(disks: readonly DiskPlan[]): string {
  const parts: string[] = [];
  let top = MARGIN;
  let right = WIDTH;
  for (const disk of disks) {
    const rows = placeBoxes(boxesOf(disk), WIDTH, NARROWEST);
    const title = `${disk.name}: ${disk.table.toUpperCase()}, ${formatBytes(disk.bytes)}`;
    parts.push(
      `  <text x="${String(MARGIN)}" y="${String(top + FONT + 4)}" font-weight="bold">${escaped(title)}</text>`,
    );
    top += TITLE;
    for (const row of rows) {
      for (const cell of row) parts.push(cellText(cell, top));
      top += ROW;
    }
    right = Math.max(right, ...rows.flat().map(({ to }) => to));
    top += GAP;
  }
  const [width, height] = [right + 2 * MARGIN, top - GAP + MARGIN];
  const size = `width="${String(width)}" height="${String(height)}" viewBox="0 0 ${String(width)} ${String(height)}"`;
  return `<?xml version="1.0" encoding="UTF-8"?>
<svg xmlns="http://www.w3.org/2000/svg" ${size} font-family="sans-serif" font-size="${String(FONT)}">
  <rect width="100%" height="100%" fill="white"/>
${parts.join('\n')}
</svg>
`;
}

function cellText({ box, from, to }: Cell, top: number): string {
  const { kind, text, bytes } = box;
  const size = formatBytes(bytes);
  const label = [`${text}, ${size}`, text].find((candidate) => (candidate.length + 1) * LETTER < to - from);
  const place = `x="${String(MARGIN + from)}" y="${String(top)}" width="${String(to - from)}" height="${String(ROW)}"`;
  const at = `x="${String(MARGIN + from + 6)}" y="${String(top + ROW / 2 + FONT / 3)}"`;
  return [
    `  <g><title>${escaped(`${text}: ${size}`)}</title>`,
    `    <rect ${place} fill="${COLORS[kind]}" stroke="#444"/>`,
    ...(label === undefined ? [] : [`    <text ${at}>${escaped(label)}</text>`]),
    '  </g>',
  ].join('\n');
}

function escaped(text: string): string {
  // XML 1.0 knows no control characters, however they are written.
  const plain = text.replace(/\p{Cc}/gu, ' ');
  return plain.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
