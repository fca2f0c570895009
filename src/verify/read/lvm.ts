import { readText, readU64, type Bytes } from './bytes.js';

/** A volume group on one physical volume. */
export interface VolumeGroup {
  readonly name: string;
  /** Of the physical volume, as blkid prints it. */
  readonly uuid: string;
  readonly volumes: readonly Volume[];
}

/** A logical volume. */
export interface Volume {
  readonly name: string;
  readonly bytes: number;
  /** Where it begins, counted from the physical volume's start; undefined when it is not in one piece on this one device. */
  readonly at: number | undefined;
}

const SECTOR = 512;

/** Metadata of volume groups have kilobytes; the area is a ring of a megabyte. */
const LONGEST_TEXT = 1 << 20;

/**
 * The volume group that a physical volume describes (lib/format_text/layout.h of LVM2); undefined when there is no
 * metadata that can be read.
 */
export async function readVolumeGroup(bytes: Bytes, at: number): Promise<VolumeGroup | undefined> {
  const labels = await bytes.read(at, 4 * SECTOR);
  const sector = [0, 1, 2, 3].find((n) => readText(labels, n * SECTOR, 8) === 'LABELONE');
  if (sector === undefined) return undefined;
  const label = labels.subarray(sector * SECTOR, (sector + 1) * SECTOR);
  const header = label.readUInt32LE(20);
  if (header + 40 > SECTOR) return undefined;
  const uuid = readText(label, header, 32).replace(
    /^(.{6})(.{4})(.{4})(.{4})(.{4})(.{4})(.{6})$/,
    '$1-$2-$3-$4-$5-$6-$7',
  );
  const area = metadataArea(label, header + 40);
  if (area === undefined) return undefined;
  const head = await bytes.read(at + area, SECTOR);
  const [size, offset] = [readU64(head, 32), readU64(head, 40)];
  const length = Math.min(readU64(head, 48), LONGEST_TEXT);
  // The text goes on behind the area's header when it reaches the area's end.
  const first = await bytes.read(at + area + offset, Math.min(length, Math.max(0, size - offset)));
  const rest = await bytes.read(at + area + SECTOR, length - first.length);
  const group = parseGroup(Buffer.concat([first, rest]).toString('latin1').replace(/\0.*$/s, ''));
  return group === undefined ? undefined : { ...group, uuid };
}

/** Data areas come first, each list ends with an empty entry. */
function metadataArea(label: Buffer, from: number): number | undefined {
  let at = from;
  while (at + 16 <= label.length && readU64(label, at) !== 0) at += 16;
  const area = readU64(label, at + 16);
  return area === 0 ? undefined : area;
}

/** The group that LVM's text describes; undefined when it is damaged. Exported for its tests. */
export function parseGroup(text: string): Omit<VolumeGroup, 'uuid'> | undefined {
  const name = /^\s*([\w+.-]+) \{/m.exec(text)?.[1];
  const extent = numberIn(text, 'extent_size');
  const start = numberIn(text, 'pe_start');
  if (name === undefined || extent === undefined || start === undefined) return undefined;
  const single = (text.match(/\bpe_start\b/g) ?? []).length === 1;
  const volumes = section(text, 'logical_volumes');
  const found: Volume[] = [];
  for (const { name: volume, body } of blocks(volumes ?? '')) {
    const segments = blocks(body);
    const extents = segments.reduce((sum, segment) => sum + (numberIn(segment.body, 'extent_count') ?? 0), 0);
    const segment = segments.length === 1 ? (segments[0]?.body ?? '') : '';
    const linear = single && segment.includes('type = "striped"') && numberIn(segment, 'stripe_count') === 1;
    const first = /stripes = \[\s*"[^"]+",\s*(\d+)/.exec(segment)?.[1];
    const at = linear && first !== undefined ? (start + Number(first) * extent) * SECTOR : undefined;
    found.push({ name: volume, bytes: extents * extent * SECTOR, at });
  }
  return { name, volumes: found };
}

function numberIn(text: string, key: string): number | undefined {
  const value = new RegExp(`\\b${key} = (\\d+)`).exec(text)?.[1];
  return value === undefined ? undefined : Number(value);
}

function section(text: string, name: string): string | undefined {
  const at = text.search(new RegExp(`\\b${name} \\{`));
  return at < 0 ? undefined : blocks(text.slice(at))[0]?.body;
}

/** The blocks `NAME { … }` that a text consists of, not those within them. */
function blocks(text: string): { readonly name: string; readonly body: string }[] {
  const found: { name: string; body: string }[] = [];
  const pattern = /([\w+.-]+) \{|\}|"(?:[^"\\]|\\.)*"|#[^\n]*/g;
  let depth = 0;
  let open = { name: '', at: 0 };
  for (const match of text.matchAll(pattern)) {
    if (match[1] !== undefined) {
      if (depth === 0) open = { name: match[1], at: match.index + match[0].length };
      depth += 1;
    } else if (match[0] === '}') {
      depth -= 1;
      if (depth === 0) found.push({ name: open.name, body: text.slice(open.at, match.index) });
    }
  }
  return found;
}
