import type { LayerFacts } from '../facts.js';
import { withBytes, type Bytes } from './bytes.js';
import { identify, raidAt } from './identify.js';
import { openLuks } from './luks-open.js';
import { readVolumeGroup } from './lvm.js';

/** Where something lies: so many bytes of a raw file, from `at` on. */
export interface Extent {
  readonly disk: string;
  readonly at: number;
  readonly bytes: number;
}

/** What opening encrypted layers needs. */
export interface Keys {
  readonly passphrases: readonly string[];
  /** Room for what is decrypted. */
  readonly scratch: string;
  readonly signal: AbortSignal;
}

/** A layer with nothing in it that is known: a filesystem, swap, or what stays closed. */
export interface Leaf {
  readonly layer: LayerFacts;
  readonly extent: Extent;
}

/** A layer with all that is in it; `leaves` are its innermost layers, in order. */
export interface Opened {
  readonly layer: LayerFacts;
  readonly leaves: readonly Leaf[];
}

/** All layers in a partition, volume or file; undefined when nothing is known of what lies there. */
export async function openLayers(bytes: Bytes, extent: Extent, keys: Keys): Promise<Opened | undefined> {
  const { at } = extent;
  const raid = await raidAt(bytes, at);
  if (raid !== undefined) {
    const begin = raid.at - at;
    return around(raid, extent, [
      await openLayers(bytes, { ...extent, at: raid.at, bytes: extent.bytes - begin }, keys),
    ]);
  }
  const content = await identify(bytes, at);
  if (content === undefined) return undefined;
  if (content.format === 'luks') {
    const opened = await openLuks({ bytes, at, length: extent.bytes }, keys.passphrases, keys.scratch, keys.signal);
    if ('closed' in opened) return leaf({ ...plain(content, extent), closed: opened.closed }, extent);
    const { file: disk, bytes: size } = opened;
    const inner = await withBytes(disk, (part) => openLayers(part, { disk, at: 0, bytes: size }, keys));
    return around(content, extent, [inner]);
  }
  if (content.format === 'lvm') return await openGroup(bytes, extent, keys);
  return leaf(plain(content, extent), extent);
}

async function openGroup(bytes: Bytes, extent: Extent, keys: Keys): Promise<Opened> {
  const group = await readVolumeGroup(bytes, extent.at);
  const facts = { format: 'lvm', uuid: group?.uuid ?? '', label: group?.name ?? '' };
  if (group === undefined) return leaf({ ...plain(facts, extent), closed: 'its metadata cannot be read' }, extent);
  const volumes: Opened[] = [];
  for (const { name: volume, at, bytes: size } of group.volumes) {
    const place = { disk: extent.disk, at: extent.at + (at ?? 0), bytes: size };
    const unknown = { format: 'unknown', uuid: '', label: '', bytes: size, volume, inside: [] };
    const inner = at === undefined ? undefined : await openLayers(bytes, place, keys);
    if (inner !== undefined) volumes.push(named(inner, volume));
    else volumes.push(leaf(at === undefined ? { ...unknown, closed: 'it is not in one piece' } : unknown, place));
  }
  return around(facts, extent, volumes);
}

function named({ layer, leaves }: Opened, volume: string): Opened {
  const named = { ...layer, volume };
  return { layer: named, leaves: leaves.map((one) => (one.layer === layer ? { ...one, layer: named } : one)) };
}

type Facts = Pick<LayerFacts, 'format' | 'uuid' | 'label'>;

function plain({ format, uuid, label }: Facts, { bytes }: Extent): LayerFacts {
  return { format, uuid, label, bytes, inside: [] };
}

function leaf(layer: LayerFacts, extent: Extent): Opened {
  return { layer, leaves: [{ layer, extent }] };
}

function around(facts: Facts, extent: Extent, inner: readonly (Opened | undefined)[]): Opened {
  const known = inner.filter((one) => one !== undefined);
  const layer = { ...plain(facts, extent), inside: known.map((one) => one.layer) };
  return { layer, leaves: known.flatMap(({ leaves }) => leaves) };
}
